// Functions of the singular values, U f(S) Vᴴ. Derivation: docs/derivations/spectral.md
import { within } from "../core/apply";
import type { Float, Sym } from "../core/dtype";
import type { Failure } from "../core/failures";
import { type AsyncOptions, type CallOptions, type Checked, collects, refuseRecorded } from "../core/op";
import type { Tensor } from "../core/tensor";
import { zeros } from "./creation";
import { add, mul, neg, sub } from "./elementwise";
import { begin, type Call, changes, checked, type Elementwise, type Family, type Scalar } from "./funm";
import { concat } from "./joining";
import { columnsOf, rowsOf } from "./parts";
import { matmul } from "./products";
import { adjoint } from "./structure";
import { assembled, svd } from "./svd";

type T = Tensor<Sym<"T">>;
type R = Tensor<Sym<"real">>;
interface Factors {
  readonly u: T;
  readonly s: R;
  readonly vh: T;
}
const OP = "funmSvd";
const FAMILY: Family = { op: OP, row: { ...svd.row, publicName: OP } };
const size = (t: Tensor, axis: -1 | -2 = -1): number => t.shape.at(axis) as number;
const beside = (parts: readonly Tensor[]): T => concat([...parts], { axis: -1 }) as T;

/** The odd part of f, which is f. */
const odd =
  (f: Scalar): Scalar =>
  (x) =>
    mul(0.5, sub(checked(OP, f(x), x), checked(OP, f(neg(x)), x))) as R;

/**
 * f of [0 A; Aᴴ 0] = Z diag(w) Zᴴ: w = s, -s and zeros, Z the columns (u, v)/√2, (u, -v)/√2, and (u, 0) and (0, v) of what completes the bases. Its
 * block right above is U f(S) Vᴴ.
 */
function finish({ a, f: given, order, still }: Call, { u, s, vh }: Factors): Tensor {
  const [f, k] = [odd(given), size(s)];
  const thin = assembled(columnsOf(u, 0, k), f(s), rowsOf(vh, 0, k));
  if (order === 0) return thin;
  const [m, n, v, half] = [size(a, -2), size(a), adjoint(vh) as T, Math.SQRT1_2];
  const none = (rows: number, columns: number): T => zeros([...s.shape.slice(0, -1), rows, columns], { dtype: u.dtype }) as T;
  const [left, right] = [mul(half, columnsOf(u, 0, k)), mul(half, columnsOf(v, 0, k))] as [T, T];
  const top = beside([left, left, columnsOf(u, k), none(m, n - k)]); // of Z
  const bottom = beside([right, neg(right), none(n, m - k), columnsOf(v, k)]);
  const w = beside([s, neg(s), zeros([...s.shape.slice(0, -1), m + n - 2 * k], { dtype: s.dtype })]) as Tensor as R;
  const across = matmul(matmul(top, sub(a, still), { adjointA: true }), bottom); // Z₁ᴴ Δ Z₂; with its adjoint Zᴴ [0 Δ; Δᴴ 0] Z
  const inner = changes(f, order, w, f(w), add(across, adjoint(across)) as T);
  return add(thin, matmul(matmul(top, inner), bottom, { adjointB: true }));
}
const factors = (call: Call): { fullMatrices: boolean } => ({ fullMatrices: call.order > 0 });

/**
 * U f(S) Vᴴ of matrices of any shape, A = U S Vᴴ, for an odd f: (..., m, n) -> (..., m, n), the generalized function of a matrix (Hawkins & Ben-Israel 1973). f maps a real
 * tensor of any shape elementwise, by ops of this package, also negative elements: of an f that is not odd the odd part (f(x) - f(-x))/2 counts. Its derivatives come from the
 * engine, also those with respect to what it closes over. The derivatives with respect to A are divided differences of f, exact where singular values are equal, close or zero; they exist
 * to the second order, a third is ERR_ARGUMENT. The asynchronous twin computes the singular value decomposition off the event loop, f and products on it. ERR_NOT_FINITE names an item with
 * a NaN or infinity.
 */
export const funmSvd = Object.assign(
  <D extends Float>(a: Tensor<D>, f: Elementwise<D>, options?: Pick<CallOptions, "onFailure">): Tensor<D> => {
    const call = begin(FAMILY, a, f, options, ["onFailure"]);
    const run = within(OP, collects(OP, options ?? {}) ? [] : undefined);
    return finish(call, svd(call.still, { ...factors(call), ...run }) as Factors) as Tensor<D>;
  },
  {
    async: async <D extends Float>(a: Tensor<D>, f: Elementwise<D>, options?: AsyncOptions): Promise<Tensor<D>> => {
      const call = begin(FAMILY, a, f, options, ["onFailure", "signal"]);
      refuseRecorded(OP, [call.a]);
      return finish(call, (await svd.async(call.still, { ...options, ...factors(call), ...within(OP) })) as Factors) as Tensor<D>;
    },
    checked: <D extends Float>(a: Tensor<D>, f: Elementwise<D>, options?: object): Checked<Tensor<D>> => {
      const call = begin(FAMILY, a, f, options, []);
      const failures: Failure[] = [];
      return { value: finish(call, svd(call.still, { ...factors(call), ...within(OP, failures) }) as Factors) as Tensor<D>, failures };
    },
  },
);
