// The inputs and exact answers of test/golden/right.json, and the measure by which answers are compared with them.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { complex, type Tensor, tensor } from "../../lib/index";

export type F64 = Tensor<"float64">;
export type Inputs = Readonly<Record<string, F64>>;

export interface Encoded {
  readonly shape: readonly number[];
  readonly re: readonly number[];
  readonly im?: readonly number[];
}
interface Golden {
  readonly wrt: string;
  readonly inputs: Readonly<Record<string, Encoded>>;
  readonly v?: Encoded;
  readonly exact: Readonly<Record<string, Encoded>>;
}
interface Goldens {
  readonly cases: Readonly<Record<string, Golden>>;
  readonly singular: Readonly<Record<string, { readonly a: Encoded; readonly v: Encoded }>>;
}

const goldens = JSON.parse(readFileSync(join(__dirname, "../../test/golden/right.json"), "utf8")) as Goldens;

/** Complex tensors go by the type of real ones: every loss takes both. */
export function decode({ shape, re, im }: Encoded): F64 {
  const part = (x: readonly number[]) => tensor(Float64Array.from(x), { shape });
  return (im ? complex(part(re), part(im)) : part(re)) as F64;
}

export interface Question {
  readonly id: string;
  readonly wrt: string;
  readonly inputs: Inputs;
  readonly v: F64 | undefined;
  readonly exact: ReadonlyMap<number, F64>;
}

export const questions: readonly Question[] = Object.entries(goldens.cases).map(([id, { wrt, inputs, v, exact }]) => ({
  id,
  wrt,
  inputs: Object.fromEntries(Object.entries(inputs).map(([k, a]) => [k, decode(a)])),
  v: v && decode(v),
  exact: new Map(Object.entries(exact).map(([order, g]) => [Number(order), decode(g)])),
}));

export const singular: ReadonlyMap<string, { a: F64; v: F64 }> = new Map(
  Object.entries(goldens.singular).map(([id, { a, v }]) => [id, { a: decode(a), v: decode(v) }]),
);

/** The largest modulus of the difference over the largest modulus of the exact answer, or alone where that is zero; NaN as it comes. */
export function errorOf(got: Tensor, want: Tensor): number {
  if (got.dtype !== want.dtype || got.shape.join() !== want.shape.join()) return Number.POSITIVE_INFINITY;
  const [x, y] = [moduli(got, want), moduli(want)];
  return Math.max(0, ...x) / (Math.max(0, ...y) || 1);
}
function moduli(a: Tensor, b?: Tensor): number[] {
  const width = a.dtype === "complex128" ? 2 : 1;
  const at = (t: Tensor, i: number) => Number(t.data[i]);
  const d = (i: number) => at(a, i) - (b ? at(b, i) : 0);
  return Array.from({ length: a.size }, (_, k) => (width === 2 ? Math.hypot(d(2 * k), d(2 * k + 1)) : Math.abs(d(k))));
}
