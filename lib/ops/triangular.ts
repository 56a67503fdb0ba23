import { flag, oneOf } from "../core/attrs";
import type { Sym } from "../core/dtype";
import { defineOp } from "../core/op";
import { native } from "../core/row";
import type { Tensor } from "../core/tensor";
import { eye } from "./creation";
import { tril, triu } from "./diagonals";
import { triangular } from "./domains";
import { add, conj, neg } from "./elementwise";
import { matmul } from "./products";
import { adjoint, matrixTranspose } from "./structure";
import { type Solver, withVectors } from "./vectors";

type T = Tensor<Sym<"T">>;

interface Attrs {
  readonly lower: boolean;
  readonly adjoint: boolean;
  readonly transpose: boolean;
  readonly unitDiagonal: boolean;
  readonly side: "left" | "right";
}
const encode = (a: Attrs) => [Number(a.lower), a.adjoint ? 2 : Number(a.transpose), Number(a.unitDiagonal), a.side === "right" ? 1 : 0];

const op = defineOp({
  name: "solveTriangular",
  tf: "MatrixTriangularSolve",
  inputs: ["a", "b"],
  outputs: ["x"],
  attrs: {
    lower: flag(true),
    adjoint: flag(false),
    transpose: flag(false),
    unitDiagonal: flag(false),
    side: oneOf(["left", "right"], "left"),
  },
  conflict: (a) => (a.adjoint && a.transpose ? "adjoint and transpose" : undefined),
  signature: ({ side }) => (side === "left" ? "(m,m),(m,k)->(m,k)" : "(m,m),(k,m)->(k,m)"),
  domain: { a: triangular },
  law: ({ a: whole, b }, { x }, attrs) => {
    const a = triangleOf(whole, attrs);
    const t = attrs.adjoint ? adjoint(a) : attrs.transpose ? matrixTranspose(a) : a;
    const [m, y] = [t, x];
    return [[attrs.side === "left" ? matmul(m, y) : matmul(y, m), b]];
  },
  failures: ["ERR_SINGULAR", "ERR_NOT_FINITE"],
  kernel: native("solveTriangular", encode),
  saves: ["a", "x"],
  // B̄ = op(A)⁻ᴴ X̄. From op(A) X = B: dX = op(A)⁻¹ (dB - d(op A) X), so the cotangent of op(A) is -B̄ Xᴴ, undone through op, kept on the
  // triangle that is read (Giles 2008, section 2.3.1). Right side: the same with the products exchanged.
  vjp: ({ a, x }, { x: g }, attrs) => {
    const back = () => pulledBack(a, g, attrs);
    return { a: () => onTriangle(ofMatrix(back(), x, attrs), attrs), b: back };
  },
  fused: native("solveTriangular_vjp", encode),
});

function pulledBack(a: T, g: T, attrs: Attrs): T {
  if (attrs.transpose && !attrs.adjoint) return conj(op(a, conj(g), { ...attrs, transpose: false }));
  return op(a, g, { ...attrs, adjoint: !attrs.adjoint, transpose: false });
}

function ofMatrix(b: T, x: T, { adjoint: h, transpose: t, side }: Attrs): T {
  const plain = !h && !t;
  const [p, q] = plain === (side === "left") ? [b, x] : [x, b];
  const product = side === "left" ? matmul(p, q, { adjointB: true }) : matmul(p, q, { adjointA: true });
  return t && !h ? conj(product) : product;
}

/** What is read of a, as a matrix. */
function triangleOf(a: T, { lower, unitDiagonal }: Attrs): T {
  const k = unitDiagonal ? 1 : 0;
  const strict = lower ? tril(a, { k: -k }) : triu(a, { k });
  return unitDiagonal ? add(strict, eye(a.shape.at(-1) as number, { dtype: a.dtype })) : strict;
}

const onTriangle = (a: T, { lower, unitDiagonal }: Attrs): T => {
  const k = unitDiagonal ? 1 : 0;
  return neg(lower ? tril(a, { k: -k }) : triu(a, { k }));
};

export interface SolveTriangularOptions extends Partial<Attrs> {}

/**
 * X with op(A) X = B (side "left") or X op(A) = B ("right"), A triangular: (..., m, m), (..., m, k) -> (..., m, k); a 1-D b is one vector.
 * Only the triangle that `lower` names is read; with `unitDiagonal` not its diagonal. op is the identity, `adjoint` or `transpose`.
 * ERR_SINGULAR: an exact zero on the diagonal. ERR_NOT_FINITE: NaN or infinity in b or in what is read of a, or an answer beyond the
 * largest number.
 */
export const solveTriangular: Solver<SolveTriangularOptions> = withVectors(op, ({ side }) => side === "right");
