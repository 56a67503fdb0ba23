// What the tests of general matrices share: golden values (tools/goldens/general.py), and how they are compared.
import { readFileSync } from "node:fs";
import { add, type Float, linalg, mul, random, type Tensor, tensor } from "../lib/index";
import { partOf } from "./grid";
import { close as compared, type Stored, type T } from "./stored";

export { load, type Stored, type T } from "./stored";

const golden = JSON.parse(readFileSync("test/golden/general.json", "utf8")) as { readonly [part: string]: never };
/** Of one part the cases. */
export const cases = <K extends string>(part: string): readonly { readonly [k in K]: Stored }[] => golden[part] as never;
/** Within 1e-10 of what SciPy says. */
export const close = (what: string, got: Tensor, want: Stored | Tensor, tolerance = 1e-10): void => compared(what, got, want, tolerance);
export const draw = (seed: number, shape: readonly number[], dtype: Float = "float64"): T =>
  random.normal(seed, [...shape], { dtype }) as Tensor as T;
export const empty = (...shape: number[]): T => tensor(new Float64Array(0), { shape });
/** Q M Qᵀ, Q orthogonal. */
export const turned = (m: T, seed = 1): T => {
  const { q } = linalg.qr(draw(seed, m.shape));
  return linalg.matmul(linalg.matmul(q, m), q, { adjointB: true }) as T;
};
/** n x n with `value` on the diagonal and ones above it. */
export const jordan = (n: number, value: number): T =>
  tensor(Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => (i === j ? value : j === i + 1 ? 1 : 0)))) as T;
export const plus = (a: T, b: T): T => add(a, b) as T;
export const times = (s: number, a: T): T => mul(s, a) as T;
/** Of a hundred random cases those that are to run. */
export function* seeds(): Generator<number> {
  const part = partOf(1);
  for (let seed = 0; seed < 100; seed++)
    if (part?.share === 1 || !part || (seed * 7 + part.seed) % Math.round(1 / part.share) === 0) yield seed;
}
