// The checks that every row goes through (docs/testing.md). Each throws with the numbers it saw.

import { compile, Spec } from "../compile";
import { type Float, isComplex, isFloat } from "../core/dtype";
import { apply } from "../core/engine";
import { BacksolveError, ShapeError } from "../core/errors";
import { infer } from "../core/infer";
import type { AnyRow } from "../core/row";
import { type Shape, sizeOf, storageOf, type Tensor, wrap } from "../core/tensor";
import { add, mul, sub } from "../ops/elementwise";
import { type Key, random } from "../ops/random";
import { adjoint, broadcastTo } from "../ops/structure";
import { jvp, vjp } from "../transforms";
import { epsOf, inner, maxAbs, relativeError, sameBits } from "./close";
import { type Case, domainOf, inputsOf, tangent } from "./sample";

export interface Checked {
  readonly row: AnyRow;
  readonly op: (...args: unknown[]) => unknown;
  readonly dtype: Float;
  readonly c: Case;
}
type T = Tensor<never>;

const fail = (text: string): never => {
  throw new Error(text);
};
const within = (what: string, error: number, tolerance: number): void => {
  if (!(error <= tolerance)) fail(`${what}: error ${error.toExponential(2)}, tolerance ${tolerance.toExponential(2)}`);
};

const run = ({ row, c }: Checked, inputs: readonly Tensor[]): Tensor[] => apply(row, inputs, c.attrs);
const differentiable = ({ row }: Checked): boolean =>
  (row.vjp !== undefined || typeof row.kernel === "function") &&
  row.outputs.every((o) => row.dtypes?.[o] !== "bool" && row.dtypes?.[o] !== "int32");
const floats = (inputs: readonly Tensor[]): number[] => inputs.flatMap((t, i) => (isFloat(t.dtype) ? [i] : []));
const cotangents = (outputs: readonly Tensor[]): Tensor[] =>
  outputs.map((o, i) => random.normal(1000 + i, o.shape, { dtype: o.dtype as Float }));
/** Growth of rounding errors with the length of sums, for the well-conditioned samples of sample.ts. */
const sizeFactor = (inputs: readonly Tensor[]): number => 64 * Math.max(4, ...inputs.map((t) => t.shape.at(-1) ?? 1));

/** Cotangents of the inputs. composed: an outer level watches, so that the fused kernel must not run. */
function pullback(k: Checked, inputs: readonly Tensor[], g: readonly Tensor[], composed: boolean): Tensor[] {
  const pulled = (...cots: Tensor[]): Tensor[] => {
    const { pullback: back } = vjp((...xs: Tensor[]) => run(k, xs), ...(inputs as never[]));
    return back(cots as never) as Tensor[];
  };
  return composed ? (vjp(pulled, ...(g as never[])).value as Tensor[]) : pulled(...g);
}

/** The directional derivative by differences, fourth order: error h⁴ f⁽⁵⁾ + ε/h. */
function difference(f: (t: number) => Tensor[]): Tensor[] {
  const h = 2 ** -9;
  const [p2, p1, m1, m2] = [f(2 * h), f(h), f(-h), f(-2 * h)];
  return p1.map((p, i) => {
    const near = sub(p as T, m1[i] as T);
    const far = sub(p2[i] as T, m2[i] as T);
    return mul(1 / (12 * h), sub(mul(8, near) as T, far as T)) as Tensor;
  });
}
const DIFFERENCE_TOLERANCE = 3e-9; // h⁴ times a fifth derivative of some hundreds, and ε / h = 1e-13

const along = (inputs: readonly Tensor[], v: readonly (Tensor | undefined)[], t: number): Tensor[] =>
  inputs.map((x, i) => (v[i] ? (add(x as T, mul(t, v[i] as T) as T) as Tensor) : x));
const tangentsOf = (k: Checked, inputs: readonly Tensor[], seed = 77): (Tensor | undefined)[] => {
  const keys = random.split(seed, inputs.length);
  return inputs.map((x, i) => (isFloat(x.dtype) ? tangent(domainOf(k.row, i), x, keys[i] as Key) : undefined));
};

/** 1: the defining equations hold to LAPACK's own measure, |residual| / (n |value| eps) < 30. */
export function law(k: Checked): void {
  if (!k.row.law) return;
  const inputs = inputsOf(k.row, k.c, k.dtype);
  const outputs = run(k, inputs);
  const named = (names: readonly string[], list: readonly Tensor[]) => Object.fromEntries(names.map((n, i) => [n, list[i] as Tensor]));
  k.row.law(named(k.row.inputs, inputs), named(k.row.outputs, outputs), k.c.attrs).forEach(([a, b], i) => {
    const n = Math.max(1, b.shape.at(-1) ?? 1);
    within(`equation ${i + 1} of the law`, relativeError(a, b, 0.1) / (n * epsOf(k.dtype)), 30);
  });
}

/** 2: shapes and dtypes as inferred; wrong ranks and sizes are ShapeErrors that name the op. */
export function shapes(k: Checked): void {
  const inputs = inputsOf(k.row, k.c, k.dtype);
  const want = infer(k.row, inputs, k.c.attrs);
  run(k, inputs).forEach((o, i) => {
    const w = want[i] as { shape: Shape; dtype: string };
    if (o.shape.join() !== w.shape.join() || o.dtype !== w.dtype)
      fail(`output ${k.row.outputs[i]} is ${o.dtype} [${o.shape}], inferred ${w.dtype} [${w.shape}]`);
    if (storageOf(o).array.length !== sizeOf(o.shape) * (isComplex(o.dtype) ? 2 : 1)) fail("the data does not fill the shape");
  });
  if (k.row.signature === undefined) return;
  inputs.forEach((x, i) => {
    if (x.rank === 0 || k.c.batch?.length !== 0) return;
    const flat = wrap(x.dtype, [], storageOf(x).array.slice(0, isComplex(x.dtype) ? 2 : 1));
    expectShapeError(k, inputs.with(i, flat), "rank");
    const longer = [...x.shape.slice(0, -1), (x.shape.at(-1) as number) + 7];
    if (inputs.length > 1 || x.rank > 1) {
      const bad = random.normal(3, longer, { dtype: k.dtype }) as Tensor;
      if (shapesFit(k, inputs.with(i, bad))) return; // a letter that nothing else binds
      expectShapeError(k, inputs.with(i, bad), "size");
    }
  });
}
function shapesFit(k: Checked, inputs: readonly Tensor[]): boolean {
  try {
    infer(k.row, inputs, k.c.attrs);
    return true;
  } catch {
    return false;
  }
}
function expectShapeError(k: Checked, inputs: readonly Tensor[], what: string): void {
  try {
    k.op(...inputs, k.c.attrs);
  } catch (error) {
    if (error instanceof ShapeError && error.message.startsWith(`${k.row.name}: `)) return;
    throw new Error(`a wrong ${what} gave ${String(error)}`);
  }
  fail(`a wrong ${what} gave no error`);
}

/** 3: <g, J v> by differences equals <vjp, v>, fused and composed each on its own. */
export function reverse(k: Checked): void {
  if (!differentiable(k) || epsOf(k.dtype) > 1e-10) return;
  const inputs = inputsOf(k.row, k.c, k.dtype);
  const outputs = run(k, inputs);
  const g = cotangents(outputs);
  const v = tangentsOf(k, inputs);
  const slopes = difference((t) => run(k, along(inputs, v, t)));
  const expected = slopes.reduce((s, d, i) => s + inner(g[i] as Tensor, d), 0);
  for (const composed of [false, true]) {
    const pulled = pullback(k, inputs, g, composed);
    const got = floats(inputs).reduce((s, i) => s + inner(pulled[i] as Tensor, v[i] as Tensor), 0);
    const scale = Math.max(1, ...slopes.map((d, i) => maxAbs(d) * maxAbs(g[i] as Tensor) * Math.sqrt(sizeOf(d.shape))));
    within(`${composed ? "composed" : "first-order"} vjp against differences`, Math.abs(got - expected) / scale, DIFFERENCE_TOLERANCE);
  }
}

/** 3, single precision: the vjp agrees with the one in double precision. */
export function reverseSingle(k: Checked): void {
  if (!differentiable(k) || epsOf(k.dtype) < 1e-10) return;
  const inputs = inputsOf(k.row, k.c, k.dtype);
  const g = cotangents(run(k, inputs));
  const exact = pullback(k, inputs.map(widen), g.map(widen), false);
  for (const composed of [false, true]) {
    pullback(k, inputs, g, composed).forEach((t, i) => {
      if (isFloat(t.dtype))
        within(
          `single-precision cotangent of ${k.row.inputs[i]}`,
          relativeError(widen(t), exact[i] as Tensor),
          sizeFactor(inputs) * epsOf(k.dtype),
        );
    });
  }
}
function widen(t: Tensor): Tensor {
  const to = t.dtype === "float32" ? "float64" : t.dtype === "complex64" ? "complex128" : undefined;
  return to ? wrap(to, t.shape, Float64Array.from(storageOf(t).array)) : t;
}

/** 4: the fused rule equals the composed one, element by element. */
export function fusedEqualsComposed(k: Checked): void {
  if (!k.row.fused) return;
  const inputs = inputsOf(k.row, k.c, k.dtype);
  const g = cotangents(run(k, inputs));
  const [a, b] = [pullback(k, inputs, g, false), pullback(k, inputs, g, true)];
  a.forEach((t, i) =>
    within(`fused and composed cotangent of ${k.row.inputs[i]}`, relativeError(t, b[i] as Tensor), sizeFactor(inputs) * epsOf(k.dtype)),
  );
}

/** 5: the cotangent lies in the tangent space of the domain. */
export function tangentSpace(k: Checked): void {
  if (!differentiable(k)) return;
  const inputs = inputsOf(k.row, k.c, k.dtype);
  const g = cotangents(run(k, inputs));
  for (const composed of [false, true]) {
    pullback(k, inputs, g, composed).forEach((t, i) => {
      if (domainOf(k.row, i) !== "hpd") return;
      within(`the cotangent of ${k.row.inputs[i]} is not Hermitian`, relativeError(t, adjoint(t)), 16 * epsOf(k.dtype));
    });
  }
}

/** 6: derivatives of the pullback, forward and reverse, equal its differences. */
export function secondOrder(k: Checked): void {
  if (!differentiable(k) || epsOf(k.dtype) > 1e-10 || k.c.shapes.some((s) => sizeOf(s) > 64)) return;
  const inputs = inputsOf(k.row, k.c, k.dtype);
  const which = floats(inputs);
  const g = cotangents(run(k, inputs));
  const at = (xs: Tensor[]): Tensor[] => {
    const all = inputs.map((x, i) => (which.includes(i) ? (xs[which.indexOf(i)] as Tensor) : x));
    const { pullback: back } = vjp((...ys: Tensor[]) => run(k, ys), ...(all as never[]));
    const pulled = back(g as never) as Tensor[];
    return which.map((i) => pulled[i] as Tensor);
  };
  const xs = which.map((i) => inputs[i] as Tensor);
  const v = which.map((i) => tangentsOf(k, inputs, 78)[i] as Tensor);
  const slopes = difference((t) => at(along(xs, v, t)));
  const forward = jvp((...ys: Tensor[]) => at(ys), xs as never, v as never).tangent as Tensor[];
  slopes.forEach((d, i) =>
    within("forward over reverse against differences", relativeError(forward[i] as Tensor, d), 40 * DIFFERENCE_TOLERANCE),
  );
  const w = which.map((i) => tangentsOf(k, inputs, 79)[i] as Tensor);
  const { pullback: back } = vjp((...ys: Tensor[]) => at(ys), ...(xs as never[]));
  const twice = back(w as never) as Tensor[];
  const got = twice.reduce((s, t, i) => s + inner(t, v[i] as Tensor), 0);
  const expected = slopes.reduce((s, d, i) => s + inner(w[i] as Tensor, d), 0);
  const scale = Math.max(1, ...slopes.map((d, i) => maxAbs(d) * maxAbs(w[i] as Tensor) * Math.sqrt(sizeOf(d.shape))));
  within("reverse over reverse against differences", Math.abs(got - expected) / scale, 40 * DIFFERENCE_TOLERANCE);
}

/** 7: a batch equals the loop over its items; a broadcast input equals the repeated one, derivatives too. */
export function batching(k: Checked): void {
  const { c } = k;
  if (!c.batch || sizeOf(c.batch) < 2) return;
  const inputs = inputsOf(k.row, c, k.dtype);
  const whole = run(k, inputs);
  const tolerance = sizeFactor(inputs) * epsOf(k.dtype);
  const count = sizeOf(c.batch);
  const rank = c.batch.length;
  for (let b = 0; b < count; b++) {
    const items = run(
      k,
      inputs.map((t) => itemOf(t, rank, b)),
    );
    items.forEach((t, i) => within(`item ${b} of the batch`, relativeError(itemOf(whole[i] as Tensor, rank, b), t), tolerance));
  }
  inputs.forEach((x, i) => {
    const one = itemOf(x, rank, 0);
    const shared = inputs.with(i, one);
    const repeated = inputs.with(i, broadcastTo(one, x.shape));
    const [s, r] = [run(k, shared), run(k, repeated)];
    s.forEach((t, o) => {
      if (t.shape.join() === (r[o] as Tensor).shape.join())
        within(`broadcast ${k.row.inputs[i]}`, relativeError(t, r[o] as Tensor), tolerance);
    });
    if (!differentiable(k) || inputs.length === 1 || !isFloat(x.dtype)) return;
    const g = cotangents(r);
    const [ps, pr] = [pullback(k, shared, g, false), pullback(k, repeated, g, false)];
    const summed = sumItems(pr[i] as Tensor, rank);
    within(`cotangent of broadcast ${k.row.inputs[i]}`, relativeError(ps[i] as Tensor, summed), 4 * tolerance);
  });
}
const perItem = (t: Tensor, rank: number): number => sizeOf(t.shape.slice(rank)) * (isComplex(t.dtype) ? 2 : 1);
function itemOf(t: Tensor, rank: number, b: number): Tensor {
  const n = perItem(t, rank);
  return wrap(t.dtype, t.shape.slice(rank), storageOf(t).array.slice(b * n, (b + 1) * n));
}
function sumItems(t: Tensor, rank: number): Tensor {
  const count = sizeOf(t.shape.slice(0, rank));
  let total = itemOf(t, rank, 0);
  for (let b = 1; b < count; b++) total = add(total as T, itemOf(t, rank, b) as T) as Tensor;
  return total;
}

/** 8: a compiled program gives the same bits in any chunk and thread setting, and agrees with the eager call; so do its derivatives. */
export function compiled(k: Checked): void {
  const { c, row } = k;
  if (c.batch && c.batch.length > 1) return;
  const rank = c.batch?.length ?? 0;
  const inputs = inputsOf(row, c, k.dtype);
  if (inputs.some((t) => !isFloat(t.dtype))) return; // programs have no bool inputs
  const specs = inputs.map((t) => new Spec(t.dtype, t.shape.slice(rank)));
  const tolerance = 4 * sizeFactor(inputs) * epsOf(k.dtype);
  const eager = run(k, inputs);
  const programs: [Tensor[], (...xs: Tensor[]) => Tensor[]][] = [[eager, (...xs) => run(k, xs)]];
  const smooth = differentiable(k) && eager.every((t) => isFloat(t.dtype));
  if (smooth) {
    // item by item, as the program sees it: a cotangent of ones
    const back = (...xs: Tensor[]): Tensor[] => {
      const { value, pullback: p } = vjp((...ys: Tensor[]) => run(k, ys), ...(xs as never[]));
      return p((value as Tensor[]).map((o) => onesOf(o)) as never) as Tensor[];
    };
    programs.push([back(...inputs), back]);
  }
  for (const [want, f] of programs) {
    const program = compile(f as never, ...(specs as never[])) as unknown as { runSync(a: unknown, o: object): Tensor[] };
    const first = program.runSync(inputs, {});
    first.forEach((t, i) => within("compiled against eager", relativeError(t, want[i] as Tensor), tolerance));
    for (const layout of ["single", "lanes"]) {
      const base = program.runSync(inputs, { layout, threads: 1 });
      base.forEach((t, i) => within(`layout ${layout} against eager`, relativeError(t, want[i] as Tensor), tolerance));
      for (const options of [
        { layout, chunk: 1 },
        { layout, chunk: 2, threads: 2 },
      ]) {
        program.runSync(inputs, options).forEach((t, i) => {
          if (!sameBits(t, base[i] as Tensor)) fail(`${JSON.stringify(options)} changes the bits`);
        });
      }
    }
  }
}
const onesOf = (o: Tensor): Tensor => {
  const array = storageOfOnes(o.dtype as Float, sizeOf(o.shape));
  return wrap(o.dtype, o.shape, array);
};
function storageOfOnes(dtype: Float, n: number): Float32Array | Float64Array {
  const width = isComplex(dtype) ? 2 : 1;
  const array = dtype === "float32" || dtype === "complex64" ? new Float32Array(n * width) : new Float64Array(n * width);
  for (let i = 0; i < n; i++) array[i * width] = 1;
  return array;
}

/** 8, asynchronous: the same bits off the event loop. */
export async function asynchronous(k: Checked): Promise<void> {
  const inputs = inputsOf(k.row, k.c, k.dtype);
  const sync = run(k, inputs);
  const twin = (k.op as unknown as { async(...args: unknown[]): Promise<unknown> }).async;
  const result = await twin(...inputs, k.c.attrs);
  const list = sync.length === 1 ? [result as Tensor] : k.row.outputs.map((o) => (result as Record<string, Tensor>)[o] as Tensor);
  list.forEach((t, i) => {
    if (!sameBits(t, sync[i] as Tensor)) fail("the asynchronous call gives other bits");
  });
}

/** 9: the jvp equals differences, and meets the vjp in the inner product. */
export function forward(k: Checked): void {
  if (!differentiable(k)) return;
  const inputs = inputsOf(k.row, k.c, k.dtype);
  const which = floats(inputs);
  const v = tangentsOf(k, inputs);
  const f = (...xs: Tensor[]): Tensor[] =>
    run(
      k,
      inputs.map((x, i) => (which.includes(i) ? (xs[which.indexOf(i)] as Tensor) : x)),
    );
  const xs = which.map((i) => inputs[i] as Tensor);
  const vs = which.map((i) => v[i] as Tensor);
  const pushed = jvp(f, xs as never, vs as never).tangent as Tensor[];
  if (epsOf(k.dtype) < 1e-10) {
    const slopes = difference((t) => run(k, along(inputs, v, t)));
    slopes.forEach((d, i) => within("jvp against differences", relativeError(pushed[i] as Tensor, d), 4 * DIFFERENCE_TOLERANCE));
  }
  const g = cotangents(pushed);
  const pulled = pullback(k, inputs, g, false);
  const a = pushed.reduce((s, t, i) => s + inner(g[i] as Tensor, t), 0);
  const b = which.reduce((s, i) => s + inner(pulled[i] as Tensor, v[i] as Tensor), 0);
  const scale = Math.max(1, ...pushed.map((t, i) => maxAbs(t) * maxAbs(g[i] as Tensor) * sizeOf(t.shape)));
  within("jvp meets vjp", Math.abs(a - b) / scale, sizeFactor(inputs) * epsOf(k.dtype));
}

/** 10: with one cotangent missing, or one input wanted, the others' results stay. */
export function missing(k: Checked): void {
  if (!differentiable(k)) return;
  const inputs = inputsOf(k.row, k.c, k.dtype);
  const outputs = run(k, inputs);
  const g = cotangents(outputs);
  const whole = pullback(k, inputs, g, false);
  for (const i of floats(inputs)) {
    const { pullback: back } = vjp((x: Tensor) => run(k, inputs.with(i, x)), inputs[i] as never);
    const [alone] = back(g as never) as Tensor[];
    within(`the cotangent of ${k.row.inputs[i]} alone`, relativeError(alone as Tensor, whole[i] as Tensor), 16 * epsOf(k.dtype));
  }
  if (outputs.length === 1) return;
  outputs.forEach((_, o) => {
    const zeroed = g.with(o, mul(0, g[o] as T) as Tensor);
    const { pullback: back } = vjp((...xs: Tensor[]) => run(k, xs).filter((_t, i) => i !== o), ...(inputs as never[]));
    const got = back(g.filter((_t, i) => i !== o) as never) as Tensor[];
    pullback(k, inputs, zeroed, false).forEach((t, i) =>
      within(`without the cotangent of ${k.row.outputs[o]}`, relativeError(got[i] as Tensor, t), sizeFactor(inputs) * epsOf(k.dtype)),
    );
  });
}

/** 11: inputs stay as they are, byte for byte; an output that held NaN comes back fully written. */
export function memory(k: Checked): void {
  const inputs = inputsOf(k.row, k.c, k.dtype);
  const before = inputs.map((t) => wrap(t.dtype, t.shape, storageOf(t).array.slice()));
  const outputs = run(k, inputs);
  if (differentiable(k) && outputs.every((o) => isFloat(o.dtype))) pullback(k, inputs, cotangents(outputs), false);
  inputs.forEach((t, i) => {
    if (!sameBits(t, before[i] as Tensor)) fail(`input ${k.row.inputs[i]} was written to`);
  });
  if (typeof k.row.kernel === "function" || k.row.kernel.alias || outputs.length > 1) return;
  const [want] = outputs as [Tensor];
  const array = storageOf(want).array.slice();
  array.fill(isFloat(want.dtype) ? Number.NaN : 77);
  const out = wrap(want.dtype, want.shape, array);
  k.op(...inputs, { ...k.c.attrs, out });
  if (!sameBits(out, want)) fail("an output that held NaN differs");
}

/** 12: NaN and infinity in one item never reach another. */
export function isolation(k: Checked): void {
  const { c } = k;
  if (c.batch?.join() !== "3") return;
  const inputs = inputsOf(k.row, c, k.dtype);
  const clean = run(k, inputs);
  for (const poison of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const bad = inputs.map((t) => {
      const array = storageOf(t).array.slice();
      const n = perItem(t, 1);
      if (isFloat(t.dtype)) array.fill(poison, n, 2 * n);
      return wrap(t.dtype, t.shape, array);
    });
    const result = k.op(...bad, { ...c.attrs, onFailure: "nan" });
    const list = clean.length === 1 ? [result as Tensor] : k.row.outputs.map((o) => (result as Record<string, Tensor>)[o] as Tensor);
    list.forEach((t, i) => {
      for (const b of [0, 2])
        if (!sameBits(itemOf(t, 1, b), itemOf(clean[i] as Tensor, 1, b))) fail(`${poison} in item 1 changes item ${b}`);
    });
    if (sizeOf(c.shapes[0] as Shape) > 0 && k.row.failures?.includes("ERR_NOT_FINITE")) expectCode(k, bad, "ERR_NOT_FINITE");
  }
}
function expectCode(k: Checked, inputs: readonly Tensor[], code: string): void {
  try {
    k.op(...inputs, k.c.attrs);
  } catch (error) {
    if (error instanceof BacksolveError && error.code === code && (error as { item?: number }).item === 1) return;
    throw new Error(`expected ${code} of item 1, got ${String(error)}`);
  }
  fail(`expected ${code}, got no error`);
}

export const checks = {
  law,
  shapes,
  reverse,
  reverseSingle,
  fusedEqualsComposed,
  tangentSpace,
  secondOrder,
  batching,
  compiled,
  asynchronous,
  forward,
  missing,
  memory,
  isolation,
};
