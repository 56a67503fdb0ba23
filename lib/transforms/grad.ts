import { optionsOf } from "../core/attrs";
import { isComplex, isFloat } from "../core/dtype";
import { ArgumentError, DtypeError, describe, ShapeError } from "../core/errors";
import { scalar } from "../core/op";
import { filled } from "../core/outcome";
import { shapeText, type Tensor } from "../core/tensor";
import { type Flat, flattenTensors, type Tensors } from "../core/tree";
import { type Arguments, asFunction, type Untold } from "./arguments";
import { withPullback } from "./pullback";

/** The one real scalar that a function returned. @throws DtypeError, ShapeError, ArgumentError for anything else. */
export function scalarLoss(op: string, out: Flat<Tensor>): Tensor {
  const [value] = out.leaves;
  if (out.leaves.length !== 1 || !value || out.paths[0] !== "") throw new ArgumentError(op, "the function must return one tensor.");
  if (value.size !== 1)
    throw new ShapeError(
      op,
      `the function must return a scalar, got shape ${shapeText(value.shape)}: reduce it (sum, mean), or use vjp or jacobian.`,
    );
  if (isComplex(value.dtype))
    throw new DtypeError(op, `the function must return a real scalar, got ${value.dtype}: take real(y), or use vjp.`);
  if (!isFloat(value.dtype)) throw new DtypeError(op, `the function must return float32 or float64, got ${value.dtype}.`);
  return value;
}

/** 1, in the shape of a tensor of one real element. */
const oneLike = ({ dtype, shape }: Tensor): Tensor => filled(dtype, shape, 1);

export interface GradOptions<N extends number | readonly number[] = number | readonly number[]> {
  /** The position of the argument to differentiate with respect to; of an array of positions the gradient is an array, one entry each. */
  readonly argnums?: N;
}

/**
 * The function and its gradient with respect to the first argument (or `argnums`): `{ value, grad }`, grad with the tree of the argument.
 * f returns a real scalar. For complex arguments the gradient is dL/dRe + i dL/dIm.
 */
export function valueAndGrad<P extends readonly unknown[] = Untold, R extends Tensor = Tensor>(
  f: (...args: P) => R,
): (...args: Arguments<P>) => { value: R; grad: Tensors<P[0]> };
export function valueAndGrad<P extends readonly unknown[], R extends Tensor, const N extends number>(
  f: (...args: P) => R,
  options: { readonly argnums: N },
): (...args: Arguments<P>) => { value: R; grad: Tensors<P[N]> };
export function valueAndGrad<P extends readonly unknown[], R extends Tensor, const N extends readonly number[]>(
  f: (...args: P) => R,
  options: { readonly argnums: N },
): (...args: Arguments<P>) => { value: R; grad: { [K in keyof N]: Tensors<P[N[K]]> } };
export function valueAndGrad(f: (...args: never[]) => Tensor, options: GradOptions = {}): (...args: unknown[]) => unknown {
  asFunction("valueAndGrad", f);
  return both(f, options);
}

function both(f: (...args: never[]) => Tensor, options: GradOptions): (...args: unknown[]) => { value: Tensor; grad: unknown } {
  const { argnums = 0 } = optionsOf("grad", options, ["argnums"]);
  if (typeof argnums !== "number" && !Array.isArray(argnums))
    throw new ArgumentError("grad", `option argnums must be a position or an array of positions, got ${describe(argnums)}.`);
  return (...args: unknown[]) => {
    const wanted: readonly number[] = typeof argnums === "number" ? [argnums] : argnums;
    for (const n of wanted) {
      if (!Number.isInteger(n) || n < 0 || n >= args.length)
        throw new ArgumentError("grad", `argnums: ${describe(n)} is not the position of one of ${args.length} arguments.`);
    }
    if (wanted.length > 1 && new Set(wanted).size !== wanted.length)
      throw new ArgumentError("grad", `argnums names an argument twice: [${wanted.join(", ")}].`);
    const input = flattenTensors(
      "grad",
      wanted.map((n) => args[n]),
    );
    const { out, pullback } = withPullback("grad", input, (tree) => {
      const given = args.map((a) => (typeof a === "number" ? scalar("float64", a) : a));
      wanted.forEach((n, i) => (given[n] = (tree as unknown[])[i]));
      return f(...(given as never[]));
    });
    const value = scalarLoss("grad", out);
    const list = input.rebuild(pullback([oneLike(value)])) as unknown[];
    return { value, grad: typeof argnums === "number" ? list[0] : list };
  };
}

/** The gradient of a real scalar function: same structure as its first argument, or as those that `argnums` names. See `valueAndGrad`. */
export function grad<P extends readonly unknown[] = Untold, R extends Tensor = Tensor>(
  f: (...args: P) => R,
): (...args: Arguments<P>) => Tensors<P[0]>;
export function grad<P extends readonly unknown[], R extends Tensor, const N extends number>(
  f: (...args: P) => R,
  options: { readonly argnums: N },
): (...args: Arguments<P>) => Tensors<P[N]>;
export function grad<P extends readonly unknown[], R extends Tensor, const N extends readonly number[]>(
  f: (...args: P) => R,
  options: { readonly argnums: N },
): (...args: Arguments<P>) => { [K in keyof N]: Tensors<P[N[K]]> };
export function grad(f: (...args: never[]) => Tensor, options: GradOptions = {}): (...args: never[]) => unknown {
  asFunction("grad", f);
  const g = both(f, options);
  return (...args) => g(...args).grad;
}
