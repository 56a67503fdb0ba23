// Spectra of Hermitian tridiagonal matrices. Derivations: docs/derivations/structured.md
import { within } from "../core/apply";
import { oneOf } from "../core/attrs";
import type { Float, RealOf, Sym } from "../core/dtype";
import { ShapeError } from "../core/errors";
import { once } from "../core/levels";
import { type AsyncOptions, type CallOptions, type Checked, defineOp } from "../core/op";
import { type AnyRow, native } from "../core/row";
import { adopt, shapeText, type Tensor } from "../core/tensor";
import { eye, ones } from "./creation";
import { diagEmbed } from "./diagonals";
import { ascending, between } from "./domains";
import { assemble, gapQuotient, hermitianPart, PHASE, POLICIES, type Policy, STRICT } from "./eigh";
import { add, conj, mul, real } from "./elementwise";
import { inForms } from "./forms";
import { matmul } from "./products";
import { sum } from "./reductions";
import { adjoint, expandDims, padTo } from "./structure";
import { alongDiagonal, shifted } from "./tridiagonal";

type T = Tensor<Sym<"T">>;
type R = Tensor<Sym<"real">>;
const size = (t: Tensor): number => t.shape.at(-1) as number;

/** The matrix with these diagonals; the last of e is not part of it. */
function whole(d: R, e: T): T {
  const n = size(d);
  const below = mul(diagEmbed(e), ones([n, n], { dtype: e.dtype })) as T; // e_i at (i, i), a row further down
  const part = shifted(below, -2, 1);
  return add(add(part, adjoint(part)), diagEmbed(d)) as T;
}
/** Cotangents of d and e from Ā = X Vᴴ, Hermitian: d̄ = diag Ā, ē_i = 2 Ā_i+1,i, which stands for Ā_i,i+1 as well. */
const ofDiagonals = (x: () => T, v: () => T) => ({
  d: (): R => real(alongDiagonal(x(), v(), 0)) as R,
  e: (): T => mul(2, alongDiagonal(x(), v(), 1)),
});

const common = {
  inputs: ["d", "e"],
  attrs: { degenerate: oneOf(POLICIES, "throw") },
  domain: { d: ascending, e: between(-0.2, 0.2) },
  failures: ["ERR_NO_CONVERGENCE", "ERR_NOT_FINITE"],
} as const;
const decomposition = (name: string, checks: number) =>
  defineOp({
    ...common,
    name,
    publicName: checks & STRICT ? "eigvalshTridiagonal" : "eighTridiagonal",
    ...(checks & STRICT ? { hidden: true } : {}),
    outputs: ["w", "v"],
    signature: "(n),(n)->(n),(n,n)",
    dtypes: { d: "real", w: "real" },
    // v_i (v_iᴴ c): free of the phase of v_i
    gauge: ({ w, v }) => ({ w, v: mul(v, conj(sum(v, { axis: -2, keepDims: true }))) }),
    law: ({ d, e }, { w, v }) => [
      [assemble(v, w), whole(d, e)],
      [matmul(v, v, { adjointA: true }), mul(eye(size(w), { dtype: v.dtype }), ones(v.shape, { dtype: v.dtype }))],
    ],
    kernel: native("eighTridiagonal", () => []),
    saves: ["w", "v"],
    // Ā = V M Vᴴ, M = diag(w̄) + herm(F ∘ (Vᴴ V̄)), F_ij = 1/(w_j - w_i), as of eigh
    vjp: ({ w, v }, { w: gw, v: gv }, { degenerate }) => {
      const x = once((): T => {
        const parts: T[] = [];
        if (gw) parts.push(mul(v, expandDims(gw, -2)));
        if (gv) parts.push(matmul(v, hermitianPart(gaps(w, matmul(v, gv, { adjointA: true }), degenerate, checks))));
        return parts.reduce((p, q) => add(p, q));
      });
      return ofDiagonals(x, () => v);
    },
  });
const gaps = (w: R, m: T, degenerate: Policy, checks: number): T =>
  gapQuotient(w, m, { degenerate, checks, ...within(checks & STRICT ? "eigvalshTridiagonal" : "eighTridiagonal") });

const vectors = decomposition("eighTridiagonal", PHASE);
/** As `eighTridiagonal`, for the rule of the values. */
const vectorsStrict = decomposition("eighTridiagonalStrict", PHASE | STRICT);

const values = defineOp({
  ...common,
  name: "eigvalshTridiagonal",
  outputs: ["w"],
  signature: "(n),(n)->(n)",
  dtypes: { d: "real", w: "real" },
  // Σ w² = ‖A‖²
  law: ({ d, e }, { w }) => {
    const axes = { axis: -1, keepDims: true };
    const squares = add(sum(mul(d, d), axes), mul(2, sum(real(mul(shifted(e, -1, 1), conj(shifted(e, -1, 1)))), axes)));
    const every = ones(w.shape, { dtype: w.dtype });
    return [[mul(sum(mul(w, w), axes), every), mul(squares, every)]];
  },
  kernel: native("eigvalshTridiagonal", () => []),
  saves: ["d", "e"],
  vjp: ({ d, e }, { w: g }, { degenerate }) => {
    const v = once(() => vectorsStrict(d, e, { degenerate }).v as T);
    return ofDiagonals(
      once(() => mul(v(), expandDims(g, -2))),
      v,
    );
  },
});

/** Options of eighTridiagonal and eigvalshTridiagonal. */
export interface TridiagonalOptions {
  readonly degenerate?: Policy;
}
interface Spectrum<D extends Float> {
  readonly w: Tensor<RealOf<D>>;
  readonly v: Tensor<D>;
}
export interface EighTridiagonal {
  <D extends Float>(d: Tensor<RealOf<D>>, e: Tensor<D>, options?: TridiagonalOptions & CallOptions): Spectrum<D>;
  async<D extends Float>(d: Tensor<RealOf<D>>, e: Tensor<D>, options?: TridiagonalOptions & AsyncOptions): Promise<Spectrum<D>>;
  checked<D extends Float>(d: Tensor<RealOf<D>>, e: Tensor<D>, options?: TridiagonalOptions): Checked<Spectrum<D>>;
  readonly row: AnyRow;
}
export interface EigvalshTridiagonal {
  <D extends Float>(d: Tensor<RealOf<D>>, e: Tensor<D>, options?: TridiagonalOptions & CallOptions): Tensor<RealOf<D>>;
  async<D extends Float>(d: Tensor<RealOf<D>>, e: Tensor<D>, options?: TridiagonalOptions & AsyncOptions): Promise<Tensor<RealOf<D>>>;
  checked<D extends Float>(d: Tensor<RealOf<D>>, e: Tensor<D>, options?: TridiagonalOptions): Checked<Tensor<RealOf<D>>>;
  readonly row: AnyRow;
}

/** With e of n - 1 elements, as users give it, made as long as d. */
const padded = (op: typeof vectors | typeof values) =>
  inForms(op as never, ([d, e, ...rest]) => {
    const { name } = op.row;
    const [diagonal, below] = [adopt(name, d), adopt(name, e)];
    const args = (other: unknown) => ({ args: [d, other, ...rest], back: (x: unknown) => x });
    if (!diagonal || !below || diagonal.rank === 0) return args(e);
    const n = size(diagonal);
    if (below.rank === 0 || size(below) !== Math.max(0, n - 1))
      throw new ShapeError(name, `e has shape ${shapeText(below.shape)}, expected ${Math.max(0, n - 1)} elements: one fewer than d.`);
    return args(
      padTo(
        below,
        below.shape.map(() => 0),
        [...below.shape.slice(0, -1), n],
      ),
    );
  });

/**
 * Eigenvalues w, real and ascending, and eigenvectors, the columns of v, of Hermitian tridiagonal matrices with the real diagonal d and e below it: (..., n),
 * (..., n - 1) -> (..., n), (..., n, n). SciPy's eigh_tridiagonal, of complex e, too. Derivatives, `degenerate` and errors as `eigh`.
 */
export const eighTridiagonal = padded(vectors) as EighTridiagonal;
/** Eigenvalues alone, as `eigvalsh`: (..., n), (..., n - 1) -> (..., n). */
export const eigvalshTridiagonal = padded(values) as EigvalshTridiagonal;
