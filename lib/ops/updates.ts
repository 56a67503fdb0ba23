// Cholesky factors of matrices that are changed by a few vectors. Derivation: docs/derivations/cholesky.md
import type { Domain } from "../core/domain";
import type { Fits, Sym, Takes } from "../core/dtype";
import type { AsyncOptions, CallOptions, Checked } from "../core/op";
import { defineOp } from "../core/op";
import { type AnyRow, native } from "../core/row";
import { adopt, type DTypeOf, type Promote, type Tensor } from "../core/tensor";
import { halved } from "./cholesky";
import { tril } from "./diagonals";
import { between, triangular } from "./domains";
import { hermitianPart } from "./eigh";
import { add, mul, sub } from "./elementwise";
import { type Forms, inForms } from "./forms";
import { matmul } from "./products";
import { overScale } from "./scales";
import { adjoint, expandDims } from "./structure";
import { solveTriangular } from "./triangular";

type T = Tensor<Sym<"T">>;

/** A change of a factor in its three forms; x is one vector, or the columns of matrices. */
export interface FactorChange {
  <A extends Tensor, B extends Tensor>(
    l: A & Takes[DTypeOf<A>],
    x: B & Fits<DTypeOf<A>, DTypeOf<B>>,
    options?: CallOptions,
  ): Tensor<Promote<A, B>>;
  async<A extends Tensor, B extends Tensor>(
    l: A & Takes[DTypeOf<A>],
    x: B & Fits<DTypeOf<A>, DTypeOf<B>>,
    options?: AsyncOptions,
  ): Promise<Tensor<Promote<A, B>>>;
  checked<A extends Tensor, B extends Tensor>(
    l: A & Takes[DTypeOf<A>],
    x: B & Fits<DTypeOf<A>, DTypeOf<B>>,
  ): Checked<Tensor<Promote<A, B>>>;
  readonly row: AnyRow;
}
const withVector = (op: Forms): FactorChange =>
  inForms(op, (args) => {
    const vector = adopt(op.row.name, args[1]);
    return { args: vector?.rank === 1 ? [args[0], expandDims(vector, -1), ...args.slice(2)] : args, back: (y) => y };
  });

/** So that a matrix from `triangular` stays positive definite without it, and differences do. */
const small: Domain = { ...between(-0.05, 0.05), name: "small", reach: (shape) => 0.3 / Math.sqrt(Math.max(1, ...shape.slice(-2))) };

const change = (name: string, sign: 1 | -1) =>
  defineOp({
    name,
    inputs: ["l", "x"],
    outputs: ["y"],
    signature: "(n,n),(n,k)->(n,n)",
    domain: { l: triangular, x: small },
    law: ({ l: whole, x }, { y }) => {
      const l = tril(whole);
      const product = matmul(x, adjoint(x));
      return [
        [matmul(y, adjoint(y)), (sign > 0 ? add : sub)(matmul(l, adjoint(l)), product)],
        [tril(y), y],
      ];
    },
    failures: ["ERR_NOT_POSITIVE_DEFINITE", "ERR_NOT_FINITE"],
    kernel: native(name),
    saves: ["l", "x", "y"],
    // of A = L Lᴴ ± X Xᴴ, Ā = L'⁻ᴴ M L'⁻¹ with M = herm(Φ(L'ᴴ L̄')), L̄ = 2 tril(Ā L), X̄ = ±2 Ā X; Ā itself may be beyond the largest number.
    // The same of L, X and L' over the size of L', so that L'ᴴ L̄' is of the size of L̄'
    vjp: ({ l: given, x: by, y: after }, { y: g }) => {
      const { over } = overScale(after);
      const [l, x, y] = [over(given), over(by), over(after)];
      const m = mul(2, hermitianPart(halved(matmul(y, tril(g), { adjointA: true }))));
      const times = (z: T): T => solveTriangular(y, matmul(m, solveTriangular(y, z)), { adjoint: true });
      return { l: (): T => tril(times(tril(l))), x: (): T => mul(sign, times(x)) };
    },
  });

/**
 * The lower Cholesky factor of L Lᴴ + X Xᴴ, with a positive diagonal, by rotations: (..., n, n), (..., n, k) -> (..., n, n), O(n² k); a 1-D x is one vector. Reads
 * the lower triangle of L only. ERR_NOT_POSITIVE_DEFINITE names the order of the leading minor.
 */
export const choleskyUpdate = withVector(change("choleskyUpdate", 1));
/** The lower Cholesky factor of L Lᴴ - X Xᴴ, by hyperbolic rotations; otherwise as `choleskyUpdate`. ERR_NOT_POSITIVE_DEFINITE where the difference is not positive definite. */
export const choleskyDowndate = withVector(change("choleskyDowndate", -1));
