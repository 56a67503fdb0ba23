import { apply } from "../core/apply";
import { type Float, isFloat } from "../core/dtype";
import { isVariadic, portDType, portOf } from "../core/form";
import type { AnyRow } from "../core/row";
import type { Tensor } from "../core/tensor";
import { add, mul, sub } from "../ops/elementwise";
import { type Key, random } from "../ops/random";
import { vjp } from "../transforms/vjp";
import { epsOf } from "./close";
import { type Case, domainOf, tangent } from "./sample";

export interface Trial {
  readonly row: AnyRow;
  readonly op: { (...args: unknown[]): unknown; async(...args: unknown[]): Promise<unknown>; readonly row: AnyRow };
  readonly dtype: Float;
  readonly c: Case;
}

export const fail = (text: string): never => {
  throw new Error(text);
};
export const checkError = (what: string, error: number, tolerance: number): void => {
  if (!(error <= tolerance)) fail(`${what}: error ${error.toExponential(2)}, tolerance ${tolerance.toExponential(2)}`);
};

/** Inputs as the op takes them: those of a variadic one as an array. */
export function argumentsOf(row: AnyRow, inputs: readonly Tensor[]): readonly (Tensor | readonly Tensor[])[] {
  const plain = row.inputs.length - 1;
  return isVariadic(row) ? [...inputs.slice(0, plain), inputs.slice(plain)] : inputs;
}

/** What the op gives. */
export const raw = ({ row, c }: Trial, inputs: readonly Tensor[]): Tensor[] => apply(row, inputs, c.attrs);
/** The same through the row's gauge, and without integer outputs beside real ones: a function of the inputs, with derivatives. */
export function run(k: Trial, inputs: readonly Tensor[]): Tensor[] {
  const outputs = raw(k, inputs);
  const smooth = outputs.filter((t) => isFloat(t.dtype));
  if (!k.row.gauge) return smooth.length > 0 ? smooth : outputs;
  const fixed = k.row.gauge(Object.fromEntries(k.row.outputs.map((name, i) => [name, outputs[i] as Tensor])));
  return k.row.outputs.map((name) => fixed[name] as Tensor);
}
export const differentiable = ({ row, c, dtype }: Trial): boolean =>
  row.order !== 0 &&
  (row.vjp !== undefined || typeof row.kernel === "function") &&
  row.outputs.some((o) => {
    const out = portDType(portOf(row, c.attrs, o), dtype);
    return isFloat(out) && epsOf(out) <= epsOf(dtype); // differences of what was rounded tell nothing
  });
export const floats = (inputs: readonly Tensor[]): number[] => inputs.flatMap((t, i) => (isFloat(t.dtype) ? [i] : []));
export const cotangents = (outputs: readonly Tensor[]): Tensor[] =>
  outputs.map((o, i) => random.normal(1000 + i, o.shape, { dtype: o.dtype as Float }));
/** Growth of rounding errors with the length of sums, for the well-conditioned samples of sample.ts. */
export const sizeFactor = (inputs: readonly Tensor[]): number => 64 * Math.max(4, ...inputs.map((t) => t.shape.at(-1) ?? 1));

/** Cotangents of the inputs. composed: an outer level watches, so that the fused kernel must not run. */
export function pullback(k: Trial, inputs: readonly Tensor[], g: readonly Tensor[], composed: boolean): Tensor[] {
  const pulled = (...cots: Tensor[]): Tensor[] => {
    const { pullback: back } = vjp((...xs: Tensor[]) => run(k, xs), ...inputs);
    return back(cots) as Tensor[];
  };
  return composed ? (vjp(pulled, ...g).value as Tensor[]) : pulled(...g);
}

/** The directional derivative by differences, fourth order: error h⁴ f⁽⁵⁾ + ε/h. */
export function difference(f: (t: number) => Tensor[]): Tensor[] {
  const h = 2 ** -9;
  const [p2, p1, m1, m2] = [f(2 * h), f(h), f(-h), f(-2 * h)];
  return p1.map((p, i) => {
    const near = sub(p, m1[i] as Tensor);
    const far = sub(p2[i] as Tensor, m2[i] as Tensor);
    return mul(1 / (12 * h), sub(mul(8, near), far));
  });
}
export const DIFFERENCE_TOLERANCE = 3e-9; // h⁴ times a fifth derivative of some hundreds, and ε / h = 1e-13

export const along = (inputs: readonly Tensor[], v: readonly (Tensor | undefined)[], t: number): Tensor[] =>
  inputs.map((x, i) => (v[i] ? (add(x, mul(t, v[i])) as Tensor) : x));
export const tangentsOf = (k: Trial, inputs: readonly Tensor[], seed = 77): (Tensor | undefined)[] => {
  const keys = random.split(seed, inputs.length);
  return inputs.map((x, i) => (isFloat(x.dtype) ? tangent(domainOf(k.row, i), x, keys[i] as Key) : undefined));
};
