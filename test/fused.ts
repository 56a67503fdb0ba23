// What tests of fused loops share.
import { expect } from "chai";
import * as b from "../lib/index";

export type T = b.Tensor<"float32" | "float64">;

export interface Step {
  readonly kernel: string;
  readonly kernels?: readonly string[];
  readonly tile?: number | string;
}

/** The steps of a plan. */
export const plan = (program: b.Program<never, never>, args: readonly unknown[], layout: "lanes" | "single" = "lanes"): Step[] =>
  JSON.parse((program as unknown as { explain(a: readonly unknown[], o: object): string }).explain(args, { layout })).code;

export const itemOf = (t: T, i: number): T => {
  const shape = t.shape.slice(1);
  return b.reshape(
    b.slice(
      t,
      t.shape.map((_, d) => (d === 0 ? i : 0)),
      [1, ...shape],
    ),
    shape,
  ) as T;
};

/** The largest, relative to 1 + |want|; NaN and infinities must be the same. */
export const difference = (got: T, want: T): number => {
  expect(got.shape).to.deep.equal(want.shape);
  let worst = 0;
  want.data.forEach((w, i) => {
    const g = got.data[i] as number;
    if (!Object.is(g, w) && g !== w && !(Number.isNaN(g) && Number.isNaN(w))) worst = Math.max(worst, Math.abs(g - w) / (1 + Math.abs(w)));
  });
  return worst;
};
