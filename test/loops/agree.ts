// A random function (bodies.ts) by its seed, and everything that is compared of it.
import { expect } from "chai";
import { add, grad, greater, hvp, jvp, mul, type Tensor, tensor } from "../../lib/index";
import { sampled } from "../grid";
import { bodyOf, Draws, type Kind, total } from "./bodies";
import type { T } from "./golden";
import type { Loops } from "./unrolled";

const KINDS: readonly Kind[] = ["s", "v", "m", "i", "b"];
export type Args = readonly T[]; // a number, a vector, a matrix
const directions: Args = [
  tensor(0.5),
  tensor([1, -1]),
  tensor([
    [0.2, 0.4],
    [-0.3, 1],
  ]),
];

export function functionOf(seed: number) {
  const d = new Draws(seed);
  const body = bodyOf(d, KINDS, 1 + d.below(3), 3 + d.below(5));
  const u = () => d.next();
  const at: Args = [
    tensor(0.3 + u()),
    tensor([u() - 0.5, u()]),
    tensor([
      [u(), -u()],
      [u(), u()],
    ]),
  ];
  const outputs =
    (loops: Loops) =>
    (x: Args): T[] => {
      const all = body.run([...x, tensor(2, { dtype: "int32" }), greater(x[0] as T, 0.8)], loops);
      return [x[0] as T, ...(all.slice(KINDS.length).filter((y) => y.dtype === "float64" || y.dtype === "complex128") as T[])];
    };
  return { at, outputs };
}

/** Everything of a function: its outputs y, and those of L = Σ_j cos(j + 1) total(y_j). */
export function everything(outputs: (x: Args) => T[], x: Args): Record<string, readonly T[]> {
  const loss = (x: Args): T => outputs(x).reduce((s, y, j) => add(s, mul(Math.cos(j + 1), total(y))), tensor(0));
  return {
    value: outputs(x),
    grad: grad(loss)(x),
    tangent: jvp(outputs, [x], [directions]).tangent,
    hvp: hvp(loss, x, directions),
  };
}

export function compare(what: string, got: Record<string, readonly Tensor[]>, want: Record<string, readonly Tensor[]>): void {
  for (const [part, list] of Object.entries(want)) {
    list.forEach((w, i) => {
      const y = got[part]?.[i] as Tensor;
      expect(y.shape, `${what}: shape of ${part} ${i}`).to.deep.equal(w.shape);
      const [a, b] = [Array.from(y.data, Number), Array.from(w.data, Number)];
      const scale = Math.max(1, ...b.map(Math.abs));
      // up to some hundred operations, whose factors are of size 1
      a.forEach((v, j) => expect(Math.abs(v - (b[j] as number)) / scale, `${what}: ${part} ${i}`).to.be.below(1e-10));
    });
  }
}

export const seeds = Array.from({ length: sampled.sample ? 25 : 300 }, (_, i) => i + (sampled.sample?.seed ?? 0));
