// Least squares: every method and shape, λ = 0 and its one-sided derivatives, rank deficiency at constant rank.
import { expect } from "chai";
import {
  add,
  complex,
  eye,
  type Float,
  grad,
  hvp,
  jvp,
  LinalgError,
  linalg,
  matmul,
  mul,
  random,
  real,
  registry,
  sum,
  type Tensor,
  tensor,
  vjp,
  zeros,
} from "../lib/index";
import { checkGrads, relativeError } from "../lib/testing/index";

type F64 = Tensor<"float64">;
const normal = (key: number, shape: number[], dtype: Float = "float64"): F64 => random.normal(key, shape, { dtype }) as F64;
/** A real scalar with derivatives of all orders. */
const size = (x: F64): F64 => {
  const weight = normal(99, [...x.shape], x.dtype);
  return sum(real(mul(add(weight, x).conj(), mul(x, weight)))) as F64;
};
const METHODS = ["qr", "svd", "cholesky"] as const;
const SHAPES = [
  [7, 4],
  [4, 7],
  [5, 5],
] as const;
const DTYPES = ["float64", "complex128"] as const;
const failure = (f: () => unknown): LinalgError => {
  try {
    f();
  } catch (error) {
    expect(error).to.be.instanceOf(LinalgError);
    return error as LinalgError;
  }
  throw new Error("expected a LinalgError");
};

describe("lstsq", () => {
  it("goes by TensorFlow's name", () => expect(registry.get("MatrixSolveLs")?.name).to.equal("lstsq"));

  it("λ = 0: solves, and is differentiated to second order, by every method in every shape", () => {
    for (const method of METHODS) {
      for (const [m, n] of SHAPES) {
        for (const dtype of DTYPES) {
          const [a, b] = [add(normal(1, [m, n], dtype), mul(3, eye(m, { columns: n }))), normal(2, [m, 2], dtype)];
          const x = linalg.lstsq(a, b, { method });
          expect(relativeError(matmul(a, matmul(a, x), { adjointA: true }), matmul(a, b, { adjointA: true }))).to.be.below(1e-14);
          // of least norm: orthogonal to the null space of A
          if (m < n) expect(relativeError(linalg.lstsq(a, matmul(a, x), { method: "svd" }), x)).to.be.below(1e-13);
          const loss = (p: F64, q: F64) => size(linalg.lstsq(p, q, { method }));
          checkGrads(loss as never, [a, b], { order: 2, tolerance: 1e-6 });
        }
      }
    }
  });

  it("λ: one-sided derivatives at 0, first and mixed second, also where the rank is not full", () => {
    const forward = (f: (t: number) => F64): F64 => {
      const h = 2 ** -9;
      const [c, list] = [[-25, 48, -36, 16, -3], [0, 1, 2, 3, 4].map((i) => f(i * h))];
      return mul(
        1 / (12 * h),
        list.map((x, i) => mul(c[i] as number, x)).reduce((p, q) => add(p, q)),
      );
    };
    for (const [method, rank] of [
      ["qr", 4],
      ["svd", 4],
      ["cholesky", 4],
      ["svd", 2],
    ] as const) {
      // biome-ignore format: pairs
      for (const [m, n] of [[6, 4], [4, 6], [4, 4]] as const) { // biome-ignore format: pairs
        const near = (key: number, rows: number, columns: number) => add(mul(0.1, normal(key, [rows, columns])), mul(2, eye(rows, { columns })));
        const [p, q, b] = [near(3, m, rank), near(4, rank, n), normal(5, [m, 2])]; // singular values near 4
        const loss = (t: { p: F64; l: F64 }) => size(linalg.lstsq(matmul(t.p, q), b, { method, l2Regularizer: t.l }));
        const at = (l: number) => loss({ p, l: tensor(l) });
        const gradient = (l: F64) => grad((x: F64) => loss({ p: x, l }))(p);
        const label = `${method} ${m} x ${n}, rank ${rank}`;
        // Differences: weights that sum to 11, on a loss of some tens, times ε/h; where the rank is not full, singular values of rounding size ε/λ of the
        // solution at λ = h. The truncation, h⁴ 5!/σ¹⁰, is less.
        const tolerance = (rank < Math.min(m, n) ? 64 * 2 ** 9 : 120) * 2 ** 9 * 2 ** -52;
        expect(grad((l: F64) => loss({ p, l }))(0).item(), label).to.be.closeTo(forward(at).item(), tolerance);
        const mixed = jvp(gradient, [tensor(0)], [tensor(1)]).tangent;
        const differences = forward((l) => gradient(tensor(l)));
        expect(relativeError(mixed, differences), label).to.be.below(tolerance);
        const reverse = grad((l: F64) => sum(mul(gradient(l), normal(6, [m, rank]))))(0).item();
        expect(reverse, label).to.be.closeTo(sum(mul(mixed, normal(6, [m, rank]))).item(), 1e-10 * Math.abs(reverse));
      }
    }
  });

  it("λ > 0 where the rank is not full: svd and qr agree, in both modes, to second order", () => {
    for (const [m, n] of SHAPES) {
      for (const dtype of DTYPES) {
        const a = matmul(normal(3, [m, 2], dtype), normal(4, [2, n], dtype));
        const [b, v] = [normal(5, [m, 2], dtype), normal(6, [m, n], dtype)];
        const [byQr, bySvd] = (["qr", "svd"] as const).map((method) => {
          const loss = (x: F64) => size(linalg.lstsq(x, b, { method, l2Regularizer: 0.5 }));
          return [grad(loss)(a), jvp(loss, [a], [v]).tangent, hvp(loss, a, v)];
        }) as [F64[], F64[]];
        bySvd.forEach((t, i) => {
          expect(relativeError(t, byQr[i] as F64), `${m} x ${n} ${dtype}, ${["gradient", "jvp", "hvp"][i]}`).to.be.below(1e-12);
        });
      }
    }
  });

  it("rank-deficient, by svd: derivatives along matrices of the same rank, to second order", () => {
    for (const [m, n] of SHAPES) {
      for (const dtype of DTYPES) {
        const [p, q, b] = [normal(7, [m, 2], dtype), normal(8, [2, n], dtype), normal(9, [m, 3], dtype)];
        const a = matmul(p, q);
        const x = linalg.lstsq(a, b, { method: "svd" });
        // A⁺ = Qᴴ (Q Qᴴ)⁻¹ (Pᴴ P)⁻¹ Pᴴ
        const inverse = (f: F64) => linalg.inv(matmul(f, f, { adjointB: true }));
        const want = matmul(q, matmul(inverse(q), matmul(inverse(p.adjoint()), matmul(p, b, { adjointA: true }))), { adjointA: true });
        expect(relativeError(x, want)).to.be.below(1e-13);
        const loss = (r: F64, s: F64, c: F64) => size(linalg.lstsq(matmul(r, s), c, { method: "svd" }));
        checkGrads(loss as never, [p, q, b], { order: 2, tolerance: 1e-6 });
      }
    }
  });

  it("a rank-deficient matrix is an error of qr and cholesky that names svd and the item", () => {
    const a = normal(10, [3, 4, 2]).data.slice();
    for (let i = 0; i < 4; i++) a[8 + 2 * i + 1] = 2 * (a[8 + 2 * i] as number); // item 1: the second column is twice the first
    const t = tensor(a, { shape: [3, 4, 2] });
    for (const method of ["qr", "cholesky"] as const) {
      const e = failure(() => linalg.lstsq(t, normal(1, [4]), { method }));
      expect([e.code, e.item, e.op]).to.deep.equal(["ERR_RANK_DEFICIENT", 1, "lstsq"]);
      expect(e.message).to.match(
        /matrix 1 of the batch \(shape \[3, 4, 2\]\) is rank-deficient: use method "svd", or a positive l2Regularizer/,
      );
      expect(linalg.lstsq(t, normal(1, [4, 1]), { method, l2Regularizer: 0.1 }).shape).to.deep.equal([3, 2, 1]);
      for (const zero of [zeros([3, 2]), zeros([2, 3])]) {
        expect(failure(() => linalg.lstsq(zero, zeros([zero.shape[0] as number]), { method })).code).to.equal("ERR_RANK_DEFICIENT");
      }
    }
    expect(linalg.lstsq(zeros([3, 2]), normal(1, [3]), { method: "svd" }).toArray()).to.deep.equal([0, 0]);
    expect(linalg.lstsq(t, normal(1, [4, 1]), { method: "svd" }).shape).to.deep.equal([3, 2, 1]);
  });

  it("rcond decides what counts as zero", () => {
    const a = tensor([1, 1e-9]).diag();
    const b = tensor([1, 1]);
    expect(linalg.lstsq(a, b, { method: "svd" }).at(1)).to.be.closeTo(1e9, 1);
    expect(linalg.lstsq(a, b, { method: "svd", rcond: 1e-8 }).toArray()).to.deep.equal([1, 0]);
    expect(linalg.lstsq(a, b).at(1)).to.be.closeTo(1e9, 1);
    expect(failure(() => linalg.lstsq(a, b, { rcond: 1e-8 })).code).to.equal("ERR_RANK_DEFICIENT");
    expect(failure(() => linalg.lstsq(a, b, { method: "cholesky" })).code).to.equal("ERR_RANK_DEFICIENT"); // 1e-18 is lost in AᴴA
  });

  it("qr does not square the condition number", () => {
    // Läuchli's matrix: AᴴA is singular in working precision
    const e = 1e-9;
    const a = tensor([[1, 1], [e, 0], [0, e]]); // biome-ignore format: a matrix
    const x = linalg.lstsq(a, matmul(a, tensor([1, 2])));
    expect(x.at(0)).to.be.closeTo(1, 1e-6);
    expect(x.at(1)).to.be.closeTo(2, 1e-6);
    expect(failure(() => linalg.lstsq(a, tensor([1, 2, 3]), { method: "cholesky" })).code).to.equal("ERR_RANK_DEFICIENT");
  });

  it("one λ per matrix; a 1-D b is one vector, in every form", async () => {
    const [a, b, l] = [normal(11, [3, 5, 2]), normal(12, [5]), tensor([0, 0.5, 2])];
    const x = linalg.lstsq(a, b, { l2Regularizer: l });
    expect(x.shape).to.deep.equal([3, 2]);
    for (const method of METHODS) {
      const options = { l2Regularizer: l, method };
      expect(relativeError(linalg.lstsq(a, b, options), x)).to.be.below(1e-13);
      expect(relativeError(await linalg.lstsq.async(a, b, options), x)).to.be.below(1e-13);
      const { value, failures } = linalg.lstsq.checked(a, b, options);
      expect(relativeError(value, x)).to.be.below(1e-13);
      expect(failures).to.deep.equal([]);
      const out = zeros([3, 2]);
      linalg.lstsq(a, b, { ...options, out } as never);
      expect(relativeError(out, x)).to.be.below(1e-13);
      expect(vjp((p: F64, q: F64) => linalg.lstsq(p, b, { method, l2Regularizer: q }), a, l).pullback(x)[1].shape).to.deep.equal([3]);
    }
  });

  it("empty: no rows, no columns, no right-hand sides, no items", () => {
    for (const method of METHODS) {
      for (const [shape, right, want] of [
        [
          [0, 3],
          [0, 2],
          [3, 2],
        ],
        [
          [3, 0],
          [3, 2],
          [0, 2],
        ],
        [
          [0, 0],
          [0, 2],
          [0, 2],
        ],
        [
          [3, 2],
          [3, 0],
          [2, 0],
        ],
        [
          [0, 3, 2],
          [3, 2],
          [0, 2, 2],
        ],
      ] as const) {
        // biome-ignore format: a table
        const loss = (a: F64, b: F64, l: F64) => sum(linalg.lstsq(a, b, { method, l2Regularizer: l }));
        const [a, b] = [normal(1, [...shape]), normal(2, [...right])];
        expect(linalg.lstsq(a, b, { method }).shape).to.deep.equal(want);
        expect(linalg.lstsq(a, b, { method }).data.every((v) => v === 0)).to.equal(true);
        const [ga, gb, gl] = grad(loss, { argnums: [0, 1, 2] })(a, b, 0.5) as [F64, F64, F64];
        expect([ga.shape, gb.shape, gl.item()]).to.deep.equal([shape, right, 0]);
        expect(hvp((x: F64) => loss(x, b, tensor(0)), a, a).shape).to.deep.equal(shape);
      }
    }
  });

  it("the rank does not depend on the scale, down to the smallest numbers", () => {
    for (const [dtype, scale] of [
      ["float64", 1e-307],
      ["complex128", 1e-306],
      ["float32", 1e-36],
      ["complex64", 1e-36],
    ] as const) {
      for (const shape of SHAPES) {
        const [m, n] = [10 * shape[0], 10 * shape[1]];
        const [a, b] = [add(normal(1, [m, n], dtype), mul(9, eye(m, { columns: n, dtype }))), normal(2, [m, 2], dtype)] as [F64, F64];
        // n cond ε, cond below 100; the spacing of numbers near 0 is below ε times the scale
        const bound = 100 * (m + n) * (dtype === "float64" || dtype === "complex128" ? 2 ** -52 : 2 ** -23);
        expect(relativeError(linalg.lstsq(mul(scale, a), mul(scale, b)), linalg.lstsq(a, b)), `${dtype} ${m} x ${n}`).to.be.below(bound);
        const singular = failure(() => linalg.lstsq(mul(scale, matmul(normal(3, [m, 2], dtype), normal(4, [2, n], dtype))), b));
        expect(singular.code).to.equal("ERR_RANK_DEFICIENT");
      }
    }
  });

  it("wrong input is named", () => {
    const [a, b] = [normal(1, [3, 2]), normal(2, [3])];
    expect(() => linalg.lstsq(a, b, { method: "gels" as never })).to.throw(
      /lstsq: option method must be one of "qr", "svd", "cholesky", got "gels"/,
    );
    for (const rcond of [-1, Number.NaN, "x"])
      expect(() => linalg.lstsq(a, b, { rcond: rcond as never })).to.throw(/option rcond must be a number, 0 or more/);
    expect(() => linalg.lstsq(a, b, null as never)).to.throw(/lstsq: expected an object of options, got null/);
    expect(() => linalg.lstsq(a, b, { lambda: 1 } as never)).to.throw(/lstsq: unknown option "lambda"/);
    expect(() => linalg.lstsq(a, normal(1, [4]))).to.throw(/lstsq: b has shape \[4\], expected \[3\]: one for each row of a/);
    expect(() => linalg.lstsq(a, b, { l2Regularizer: complex(tensor(1), tensor(1)) as never })).to.throw(
      /l2Regularizer must have dtype float64, got complex128/,
    );
    for (const method of METHODS) {
      const e = failure(() => linalg.lstsq(a, b, { method, l2Regularizer: -1e-3 }));
      expect([e.code, e.message]).to.deep.equal(["ERR_ARGUMENT", "lstsq: the matrix (shape [3, 2]) has a negative regularizer."]);
      expect(failure(() => linalg.lstsq(a, b, { method, l2Regularizer: Number.NaN })).code).to.equal("ERR_NOT_FINITE");
      expect(failure(() => linalg.lstsq(a, mul(b, Number.NaN), { method })).code).to.equal("ERR_NOT_FINITE");
    }
  });
});
