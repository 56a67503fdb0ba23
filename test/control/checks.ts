// What a problem goes through.
import { expect } from "chai";
import { interpret } from "../../lib/control/run";
import { type DType, type Float, isFloat } from "../../lib/core/dtype";
import { storageOf, wrap } from "../../lib/core/tensor";
import { jvp, LinalgError, mul, random, type Tensor, vjp } from "../../lib/index";
import { record } from "../../lib/program/record";
import { replay } from "../../lib/program/replay";
import { inner, maxAbs, relativeError } from "../../lib/testing/close";
import { along, difference } from "../../lib/testing/common";
import { type Controls, real, written } from "./reference";
import type { Problem } from "./words";

export const tolerances: Readonly<Record<string, number>> = { float64: 1e-12, complex128: 1e-12, float32: 2e-4, complex64: 2e-4 };
export type Of = (xs: readonly Tensor[]) => Tensor[];

export const floats = (list: readonly Tensor[]): number[] => list.flatMap((t, i) => (isFloat(t.dtype) ? [i] : []));
export const directions = (like: readonly { readonly shape: readonly number[]; readonly dtype: DType }[], seed: number): Tensor[] =>
  like.map((t, i) => random.normal(seed + i, t.shape, { dtype: t.dtype as Float }));

export function agree(what: string, got: readonly Tensor[], want: readonly Tensor[], tolerance: number): void {
  expect(got.length, what).to.equal(want.length);
  got.forEach((t, i) => {
    const w = want[i] as Tensor;
    expect(`${t.dtype} [${t.shape}]`, `${what}, ${i}`).to.equal(`${w.dtype} [${w.shape}]`);
    const error = relativeError(t, w);
    expect(error, `${what}, ${i}: ${t} for ${w}`).to.be.at.most(isFloat(t.dtype) ? tolerance : 0);
  });
}

/** The function of the inputs that float, to the outputs that do. */
export function smooth({ run }: Problem, l: Controls, inputs: readonly Tensor[]): { f: Of; xs: Tensor[] } {
  const which = floats(inputs);
  const f: Of = (xs) => {
    const all = [...inputs];
    which.forEach((i, j) => (all[i] = xs[j] as Tensor));
    return run(l, all).filter((t) => isFloat(t.dtype));
  };
  return { f, xs: which.map((i) => inputs[i] as Tensor) };
}

export const back = (f: Of, xs: readonly Tensor[], g: readonly Tensor[]): Tensor[] =>
  (vjp((...ys: Tensor[]) => f(ys), ...xs) as { pullback(g: unknown): unknown }).pullback(g) as Tensor[];
export const push = (f: Of, xs: readonly Tensor[], v: readonly Tensor[]): Tensor[] =>
  jvp((...ys: Tensor[]) => f(ys), [...xs], [...v]).tangent as Tensor[];
export const reversible = ({ word }: Problem): boolean => !word.includes("while");

export const checks = {
  value(p: Problem): void {
    for (const item of [0, 1]) // the second finds what was made for the first
      agree("value", p.run(real, p.inputs(item)), p.run(written, p.inputs(item)), tolerances[p.dtype] as number);
  },
  /** First order in both modes, and of parts of the inputs and outputs. */
  first(p: Problem): void {
    const inputs = p.inputs(0);
    const tolerance = tolerances[p.dtype] as number;
    const [{ f, xs }, { f: plain }] = [smooth(p, real, inputs), smooth(p, written, inputs)];
    const v = directions(xs, 10);
    agree("tangent", push(f, xs, v), push(plain, xs, v), tolerance);
    xs.forEach((_, i) => {
      const alone =
        (of: Of): Of =>
        ([y]) =>
          of(xs.with(i, y as Tensor));
      agree(
        `tangent by input ${i}`,
        push(alone(f), [xs[i] as Tensor], [v[i] as Tensor]),
        push(alone(plain), [xs[i] as Tensor], [v[i] as Tensor]),
        tolerance,
      );
    });
    if (!reversible(p)) return;
    const g = directions(f(xs), 50);
    const whole = back(plain, xs, g);
    agree("cotangents", back(f, xs, g), whole, tolerance);
    xs.forEach((x, i) =>
      agree(
        `cotangent of input ${i} alone`,
        back(([y]) => f(xs.with(i, y as Tensor)), [x], g),
        [whole[i] as Tensor],
        tolerance,
      ),
    );
    g.forEach((h, o) => {
      const one =
        (of: Of): Of =>
        (ys) => [of(ys)[o] as Tensor];
      agree(`cotangents from output ${o}`, back(one(f), xs, [h]), back(one(plain), xs, [h]), tolerance);
    });
  },
  /** The derivatives of the derivatives, each mode over each. */
  second(p: Problem): void {
    const inputs = p.inputs(0);
    const tolerance = 8 * (tolerances[p.dtype] as number);
    const [a, b] = [smooth(p, real, inputs), smooth(p, written, inputs)];
    const { xs } = a;
    const [v, w] = [directions(xs, 10), directions([...xs, ...xs], 30)];
    const n = xs.length;
    const pushed =
      (f: Of): Of =>
      (all) =>
        push(f, all.slice(0, n), all.slice(n));
    agree("forward of forward", push(pushed(a.f), [...xs, ...v], w), push(pushed(b.f), [...xs, ...v], w), tolerance);
    if (!reversible(p)) return;
    const outs = a.f(xs);
    const g = directions(outs, 50);
    agree("reverse of forward", back(pushed(a.f), [...xs, ...v], g), back(pushed(b.f), [...xs, ...v], g), tolerance);
    const pulled =
      (f: Of): Of =>
      (all) =>
        back(f, all.slice(0, n), all.slice(n));
    const u = [...v, ...directions(outs, 70)];
    agree("forward of reverse", push(pulled(a.f), [...xs, ...g], u), push(pulled(b.f), [...xs, ...g], u), tolerance);
    agree("reverse of reverse", back(pulled(a.f), [...xs, ...g], v), back(pulled(b.f), [...xs, ...g], v), tolerance);
  },
  /** Along a direction, by differences of the fourth order: of the value, and of the gradient. */
  differences(p: Problem): void {
    const { f, xs } = smooth(p, real, p.inputs(0));
    const v = directions(xs, 10).map((t): Tensor => mul(0.125, t)); // so that the step is 2^-12
    const slopes = difference((t) => f(along(xs, v, t)));
    agree("tangent against differences", push(f, xs, v), slopes, 2e-8);
    if (!reversible(p)) return;
    const g = directions(slopes, 50);
    const pulled = back(f, xs, g);
    const dot = (a: readonly Tensor[], b: readonly Tensor[]): number => a.reduce((sum, t, i) => sum + inner(t, b[i] as Tensor), 0);
    const scale = Math.max(1, ...slopes.map(maxAbs));
    expect(Math.abs(dot(pulled, v) - dot(g, slopes)) / scale, "cotangents against differences").to.be.below(1e-7);
    const of: Of = (ys) => back(f, ys, g);
    agree(
      "derivative of the gradient against differences",
      push(of, xs, v),
      difference((t) => of(along(xs, v, t))),
      1e-6,
    );
  },

  /** What is written to inputs and outputs afterwards does not reach a pullback. */
  memory(p: Problem): void {
    if (!reversible(p)) return;
    const inputs = p.inputs(0);
    const { f, xs } = smooth(p, real, inputs);
    const g = directions(f(xs), 50);
    const want = back(f, xs, g);
    const copies = inputs.map((t) => wrap(t.dtype, t.shape, storageOf(t).array.slice()));
    const { f: run, xs: ys } = smooth(p, real, copies);
    const { value, pullback } = vjp((...list: Tensor[]) => run(list), ...ys);
    for (const t of [...copies, ...(value as Tensor[])]) (t.data as Float64Array).fill(1);
    agree("cotangents after writing", pullback(g as never) as unknown as Tensor[], want, 0);
  },

  /** NaN in an input is where it is in the work written out; what fails there, fails. */
  nan(p: Problem): void {
    const inputs = p.inputs(0);
    const outcome = (l: Controls, given: readonly Tensor[]): readonly Tensor[] | string => {
      try {
        const { f, xs } = smooth(p, l, given);
        return [...f(xs), ...(reversible(p) ? back(f, xs, directions(f(xs), 50)) : [])];
      } catch (error) {
        if (error instanceof LinalgError) return error.code;
        throw error;
      }
    };
    for (const i of floats(inputs)) {
      const { dtype, shape } = inputs[i] as Tensor;
      const array = storageOf(inputs[i] as Tensor).array.slice();
      array[0] = Number.NaN;
      const bad = inputs.with(i, wrap(dtype, shape, array));
      const [got, want] = [outcome(real, bad), outcome(written, bad)];
      if (typeof got === "string" || typeof want === "string") expect(got, `NaN in input ${i}`).to.equal(want);
      else agree(`NaN in input ${i}`, got, want, tolerances[p.dtype] as number);
    }
  },
  /** Instruction by instruction: the interpreter, which says what a control means, and the native run. */
  interpreted(p: Problem): void {
    const inputs = p.inputs(0);
    const code = record(
      inputs.map(({ dtype, shape }, i) => ({ name: `x${i}`, value: { dtype, shape } })),
      (xs) => p.run(real, xs).map((value, i) => ({ name: `y${i}`, value })),
    );
    const values: Tensor[] = [];
    code.inputs.forEach(({ id }, i) => (values[id] = inputs[i] as Tensor));
    for (const { id, array } of code.constants) {
      const { dtype, shape } = code.values[id] as { dtype: DType; shape: Tensor["shape"] };
      values[id] = wrap(dtype, shape, array);
    }
    for (const instruction of code.code) {
      const ins = instruction.in.flatMap((id) => (id === null ? [] : [values[id] as Tensor]));
      const named = (ids: readonly (number | null)[]) => ids.flatMap((id) => (id === null ? [] : [{ name: `v${id}`, id }]));
      const outputs = named(instruction.out);
      const read = [...new Map(named(instruction.in).map((x) => [x.id, x])).values()];
      const got = replay(
        { ...code, constants: [], code: [instruction], inputs: read, outputs },
        read.map(({ id }) => values[id] as Tensor),
      );
      const { control } = instruction;
      if (control && control.kind !== "call") {
        const meant = interpret(control, ins).filter((_, i) => instruction.out[i] !== null);
        agree(`${instruction.op}, natively and interpreted`, got, meant, tolerances[p.dtype] as number);
      }
      outputs.forEach(({ id }, i) => (values[id] = got[i] as Tensor));
    }
  },
};
