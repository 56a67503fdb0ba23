// The hard cases of docs/peers.md, each against its exact answer: test/golden/right.json has 120-digit differences of the losses, made by
// tools/peers/peers.py without any gradient formula.
import { expect } from "chai";
import { grad, hvp, LinalgError } from "../lib/index";
import {
  badItem,
  cofactors,
  cofactorsAlong,
  detLoss,
  empty,
  emptyOps,
  pairLoss,
  pairMatrix,
  phaseLoss,
  phaseMatrix,
  samplesOf,
} from "../tools/peers/behaviours";
import { derivative, waysOf } from "../tools/peers/cases";
import { errorOf, type F64, type Question, questions, singular } from "../tools/peers/exact";

const EPS = 2 ** -52;
const largest = (t: F64): number => Math.max(0, ...Array.from(t.data, Math.abs));

/** What is refused, by case, order and way. Everything else has to be right. */
const REFUSED: readonly (readonly [pattern: RegExp, code: string])[] = [
  [/^equal\.(exp|square)\..*\/2 sum\(\w+\(eigvalsh\(a\)\)\)$/, "ERR_DEGENERATE"], // the eigenvalues alone do not hold it
  [/^gap\.0\..* eigh$/, "ERR_DEGENERATE"], // nor do the vectors
  [/^equal\.expm\.real\/3 /, "ERR_ARGUMENT"], // to the second order only
  [/^svd\.(nuclear|norm2)\..*\/2 (svdvals|norm)$/, "ERR_DEGENERATE"], // the singular values alone do not hold it
  [/^svd\.polar\..* svd$/, "ERR_DEGENERATE"],
  [/^qr\.singular\//, "ERR_RANK_DEFICIENT"], // no formula with R⁻¹ reaches it
];

/** Relative to the largest element of the answer: some tens of roundings per row and column. */
function toleranceOf({ id, inputs, v }: Question, order: number, way: string, want: F64): number {
  const n = Math.max(...Object.values(inputs).flatMap(({ shape }) => shape));
  const base = 64 * n * EPS;
  // det is a polynomial of degree n: what its terms are rounded to, where they cancel
  if (id.startsWith("det.")) {
    const terms = largest(inputs.a as F64) ** (n - order) * (v ? largest(v) ** (order - 1) : 1);
    return base * Math.max(1, terms / (largest(want) || 1));
  }
  // V diag(f(w)) Vᴴ by hand divides by the gap once per order: as the docs tell, it is no way to go
  const gap = Number(/^gap\.([\de-]+)\./.exec(id)?.[1] ?? 0);
  return way === "eigh" && gap > 0 ? 16 * EPS * gap ** -order : base;
}

describe("right answers", () => {
  for (const q of questions) {
    it(q.id, () => {
      for (const [order, want] of q.exact) {
        for (const [way, loss] of Object.entries(waysOf(q.id))) {
          const name = `${q.id}/${order} ${way}`;
          const code = REFUSED.find(([pattern]) => pattern.test(name))?.[1];
          if (code)
            expect(() => derivative(q, loss, order), name)
              .to.throw()
              .with.property("code", code);
          else expect(errorOf(derivative(q, loss, order), want), name).to.be.below(toleranceOf(q, order, way, want));
        }
      }
    });
  }

  for (const id of singular.keys()) {
    it(`${id}: gradient and Hessian-vector product of det, one matrix after another`, () => {
      const { matrices, v } = samplesOf(id);
      expect(matrices).to.have.length(20);
      for (const a of matrices) {
        const size = largest(a);
        const close = (got: F64, want: F64, order: number) => {
          const terms = size ** (4 - order) * largest(v) ** (order - 1);
          expect(errorOf(got, want)).to.be.below(256 * EPS * Math.max(1, terms / (largest(want) || 1)));
        };
        close(grad(detLoss)(a), cofactors(a), 1);
        close(hvp(detLoss, a, v), cofactorsAlong(a, v), 2);
      }
    });
  }

  const CODES: Readonly<Record<string, string>> = {
    "cholesky.indefinite": "ERR_NOT_POSITIVE_DEFINITE",
    "cholesky.nan": "ERR_NOT_FINITE",
    "inv.singular": "ERR_SINGULAR",
    "inv.nan": "ERR_NOT_FINITE",
    "solve.singular": "ERR_SINGULAR",
    "solve.nan": "ERR_NOT_FINITE",
    "eigvalsh.nan": "ERR_NOT_FINITE",
  };
  for (const [id, code] of Object.entries(CODES)) {
    it(`one bad item of three, ${id}: named, or NaN by itself, the gradients of the others right`, () => {
      const b = badItem(id);
      expect(b.thrown).to.equal(`raises: ${code}, names item 1`);
      expect(b.kinds).to.deep.equal(["finite numbers", "NaN", "finite numbers"]);
      expect(b.gradientKinds).to.deep.equal(["finite numbers", "NaN", "finite numbers"]);
      expect([b.othersRight, b.otherGradientsRight]).to.deep.equal([true, true]);
    });
  }

  it("empty matrices and batches: values, gradients, Hessian-vector products", () => {
    for (const op of emptyOps) {
      expect(empty(op, [0, 0]), `${op}, 0 x 0`).to.equal("right");
      expect(empty(op, [0, 3, 3]), `${op}, no items`).to.equal("right");
    }
  });

  it("vectors of equal eigenvalues and phases of complex ones: refused, NaN on demand", () => {
    const gradients = [
      (policy: "throw" | "nan") => grad(pairLoss(policy))(pairMatrix),
      (policy: "throw" | "nan") => grad(phaseLoss(policy))(phaseMatrix),
    ];
    for (const g of gradients) {
      expect(() => g("throw"))
        .to.throw(LinalgError)
        .with.property("code", "ERR_DEGENERATE");
      expect(Array.from(g("nan").data).some(Number.isNaN)).to.equal(true);
    }
  });
});
