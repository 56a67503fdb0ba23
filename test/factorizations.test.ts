// QR, SVD, pseudoinverse, polar factors and exponentials against NumPy, SciPy and JAX (tools/goldens/factorizations.py), and where no vectors have a
// derivative.
import { readFileSync } from "node:fs";
import { expect } from "chai";
import {
  abs,
  add,
  adjoint,
  cast,
  complex,
  conj,
  diagEmbed,
  div,
  eye,
  full,
  grad,
  index,
  jvp,
  linalg,
  matmul,
  mul,
  ones,
  random,
  real,
  reshape,
  square,
  std,
  sub,
  sum,
  type Tensor,
  tensor,
  triu,
  zeros,
} from "../lib/index";
import { close, load, type Stored, type T, weighted, weights } from "./stored";
import { caught } from "./support";

interface Case {
  readonly a: Stored;
  readonly s: Stored;
  readonly r: Stored;
  readonly pinv: Stored;
  readonly polar: Stored;
  readonly size: Stored;
  readonly svdGradient: Stored;
  readonly qrGradient?: Stored;
  readonly pinvGradient: Stored;
  readonly norms: readonly number[];
  readonly rank: number;
  readonly cond: readonly number[];
}
interface Golden {
  readonly matrices: readonly Case[];
  readonly deficient: { readonly a: Stored; readonly pinv: Stored; readonly rank: number };
  readonly expm: readonly { readonly a: Stored; readonly y: Stored; readonly along: Stored }[];
}
const golden = JSON.parse(readFileSync("test/golden/factorizations.json", "utf8")) as Golden;

describe("factorizations", () => {
  for (const c of golden.matrices) {
    const a = load(c.a);
    it(`of a matrix ${a.shape.join(" x ")}, ${a.dtype}, are those of NumPy, SciPy and JAX`, () => {
      close("s", linalg.svd(a).s, c.s);
      close("svdvals", linalg.svdvals(a), c.s);
      close("full", linalg.svd(a, { fullMatrices: true }).s, c.s);
      close("r", abs(linalg.qr(a).r), c.r);
      close("pinv", linalg.pinv(a), c.pinv);
      const { u, p } = linalg.polar(a);
      close("polar u", u, c.polar);
      close("polar p", p, c.size);
      [2, -2, "nuc"].forEach((ord, i) => close(`norm ${ord}`, linalg.norm(a, { ord: ord as 2 }), c.norms[i] as number));
      expect(linalg.matrixRank(a).item()).to.equal(c.rank);
      ([2, -2] as const).forEach((p, i) => close(`cond ${p}`, linalg.cond(a, { p }), c.cond[i] as number));
    });
    it(`of a matrix ${a.shape.join(" x ")}, ${a.dtype}, have the gradients of JAX`, () => {
      const vectors = (x: T): T => {
        const { u, s, vh } = linalg.svd(x);
        return add(add(weighted(u), weighted(vh)), sum(mul(weights(s.shape), s))) as T;
      };
      close("svd", grad(vectors)(a), c.svdGradient, 1e-9);
      if (c.qrGradient !== undefined) {
        const triangle = (x: T): T => {
          const { q, r } = linalg.qr(x);
          return add(weighted(q), weighted(r)) as T;
        };
        close("qr", grad(triangle)(a), c.qrGradient, 1e-9);
      }
      const inverse = (x: T): T => real(sum(mul(weights([...a.shape].reverse()), linalg.pinv(x)))) as T;
      close("pinv", grad(inverse)(a), c.pinvGradient, 1e-10);
    });
  }
  it("pinv and matrixRank of a matrix without full rank, with the gradient of constant rank", () => {
    const a = load(golden.deficient.a);
    close("pinv", linalg.pinv(a), golden.deficient.pinv, 1e-11);
    expect(linalg.matrixRank(a).item()).to.equal(2);
    // along A X + Y A the rank stays 2: differences there are those of the pseudoinverse
    const [x, y] = [weights([4, 4]), weights([5, 5])];
    const path = (t: number): T => matmul(matmul(linalg.expm(mul(t, y)), a), linalg.expm(mul(t, x))) as T;
    const along = add(matmul(y, a), matmul(a, x)) as T;
    const h = 1e-4;
    const difference = mul(1 / (2 * h), sub(linalg.pinv(path(h), { rcond: 1e-9 }), linalg.pinv(path(-h), { rcond: 1e-9 }))) as T;
    close("along", jvp((x: T) => linalg.pinv(x), [a], [along]).tangent, difference, 1e-6);
  });
  it("pinv of Hermitian matrices reads the lower triangle, and has the derivatives of the matrix that it stands for", () => {
    const b = mul(weights([3, 4]), complex(1, 0.5)) as Tensor as T;
    const whole = matmul(adjoint(b), b) as T; // 4 x 4, of rank 3 at most
    const given = add(whole, triu(full([4, 4], 7, { dtype: "complex128" }), { k: 1 })) as Tensor as T;
    const [x, direction] = [linalg.pinv(given, { hermitian: true }), add(whole, eye(4)) as T];
    close("x", x, linalg.pinv(whole), 1e-11);
    close("A X A", matmul(matmul(whole, x), whole), whole, 1e-12);
    const along = (f: (a: T) => T, a: T): T => jvp(f, [a], [direction]).tangent as T;
    const derivative = along((a) => linalg.pinv(a) as T, whole);
    close(
      "tangent",
      along((a) => linalg.pinv(a, { hermitian: true }) as T, given),
      derivative,
      1e-9,
    );
    const loss = (a: T): T => real(sum(mul(weights([4, 4]), linalg.pinv(a, { hermitian: true })))) as T;
    const gradient = grad(loss)(given) as T;
    close("gradient", gradient, adjoint(gradient), 1e-12);
    const item = real(sum(mul(conj(gradient), direction))) as T;
    close("both", item, real(sum(mul(weights([4, 4]), derivative))) as T, 1e-9);
    expect(() => linalg.pinv(ones([2, 3]), { hermitian: true } as object)).to.throw(/pinv: a has shape \[2, 3\]/);
  });
  it("pinv names the item whose answer is beyond the largest number", () => {
    const stack = tensor([
      [[2, 1],
        [1, 3],
      ],
      [
        [1e-310, 0], [0, 1e-309]],
    ]); // biome-ignore format: matrices
    for (const hermitian of [false, true]) {
      const { value, failures } = linalg.pinv.checked(stack, { hermitian });
      expect(failures.map((f) => [f.item, f.code, f.op])).to.deep.equal([[1, "ERR_NOT_FINITE", "pinv"]]);
      close("the other item", index(value, 0) as T, linalg.inv(index(stack, 0)) as T, 1e-14);
    }
  });
  it("the inverse of one large matrix, whose triangular factor is inverted by strips, has columns in their order", () => {
    for (const n of [95, 96, 97, 130, 200])
      for (const dtype of ["float64", "complex128"] as const) {
        const draw = (key: number) => random.normal(key, [n, n]);
        const a = (dtype === "float64" ? draw(n) : complex(draw(n), draw(n + 1))) as Tensor as T;
        for (const adjointly of [false, true]) {
          const x = linalg.inv(a, { adjoint: adjointly } as object) as T;
          const product = matmul(adjointly ? (adjoint(a) as T) : a, x) as T;
          close(`${n} ${dtype} ${adjointly}`, product, cast(eye(n), dtype) as Tensor as T, 1e-10);
        }
      }
  });
  it("qr with mode r gives the same R, and its derivatives", () => {
    for (const shape of [
      [5, 3],
      [3, 3],
      [3, 5],
      [0, 2],
      [2, 0],
      [9, 4, 3],
    ]) {
      const a = add(weights(shape), eye(shape.at(-2) as number, { columns: shape.at(-1) as number })) as T;
      const r = linalg.qr(a, { mode: "r" }) as T;
      expect(r.toArray()).to.deep.equal(linalg.qr(a).r.toArray());
      if (r.size === 0) continue;
      close(
        "gradient",
        grad((x: T) => weighted(linalg.qr(x, { mode: "r" })))(a) as T,
        grad((x: T) => weighted(linalg.qr(x).r))(a) as T,
        1e-13,
      );
    }
    expect(() => linalg.qr(eye(2), { mode: "R" } as object)).to.throw(/option mode must be one of "reduced", "complete", "r", got "R"/);
    expect(linalg.qr.checked(eye(2), { mode: "r" }).value.shape).to.deep.equal([2, 2]);
  });
  it("norm, cond and matrixRank name themselves and their argument in every error", () => {
    const [nan, none, singular] = [mul(ones([2, 2]), Number.NaN), zeros([2, 0]), ones([2, 2])];
    const calls: [string, () => unknown, RegExp][] = [
      ["norm", () => linalg.norm(none, { ord: 2 }), /x has no singular values.*got shape \[2, 0\]/],
      ["norm", () => linalg.norm(none, { ord: -1 }), /x has no columns/],
      ["norm", () => linalg.norm(zeros([0, 2]), { ord: Number.POSITIVE_INFINITY }), /x has no rows/],
      ["norm", () => linalg.norm(nan, { ord: 2 }), /NaN/],
      ["vectorNorm", () => linalg.vectorNorm(zeros([0]), { ord: Number.NEGATIVE_INFINITY }), /x has no elements/],
      ["cond", () => linalg.cond(none), /a has no singular values/],
      ["cond", () => linalg.cond(zeros([0, 0]), { p: 1 }), /a has no columns/],
      ["cond", () => linalg.cond(nan), /NaN/],
      ["cond", () => linalg.cond(singular, { p: 1 }), /is singular/],
      ["cond", () => linalg.cond(ones([2, 3]), { p: "fro" }), /a must be square.*\[2, 3\]/],
      ["cond", () => linalg.cond(singular, { p: 3 }), /option p.*got 3/],
      ["cond", () => linalg.cond(null as never), /a must be a tensor/],
      ["matrixRank", () => linalg.matrixRank(nan), /NaN/],
      ["matrixRank", () => linalg.matrixRank(ones(2)), /a must be a matrix.*\[2\]/],
      ["matrixRank", () => linalg.matrixRank(ones([2, 2], { dtype: "int32" }) as never), /a must be float32/],
    ];
    for (const [name, call, text] of calls) expect(caught(call).message).to.match(new RegExp(`^${name}: .*${text.source}`));
    for (const ord of [1, -1, 2, -2, Number.POSITIVE_INFINITY] as const)
      expect(linalg.norm(zeros([0, 2, 2]), { ord }).shape).to.deep.equal([0]);
  });
  it("qr, lq and polar of stacks, empty and full", () => {
    const a = reshape(weights([2, 3, 4]), [2, 3, 4]);
    const { l, q } = linalg.lq(a);
    close("lq", matmul(l, q), a);
    expect(linalg.qr(tensor(new Float64Array(0), { shape: [0, 3] })).r.shape).to.deep.equal([0, 3]);
    expect(linalg.qr(tensor(new Float64Array(0), { shape: [3, 0] }), { mode: "complete" }).q.toArray()).to.deep.equal(eye(3).toArray());
    expect(linalg.svd(tensor(new Float64Array(0), { shape: [3, 0] }), { fullMatrices: true }).u.toArray()).to.deep.equal(eye(3).toArray());
    expect(linalg.svdvals(tensor(new Float64Array(0), { shape: [2, 0, 3] })).shape).to.deep.equal([2, 0]);
    expect(linalg.norm(tensor(new Float64Array(0), { shape: [3, 0] }), { ord: "nuc" }).item()).to.equal(0);
  });
});

describe("where singular vectors have no derivative", () => {
  const repeated = tensor([
    [0, 2, 0],
    [2, 0, 0],
    [0, 0, 1],
  ]);
  const zero = diagEmbed(tensor([2, 1, 0]));
  const one = (x: T, options = {}): T => sum(mul(weights([3, 3]), linalg.svd(x, options).u)) as T;

  it("svd says so, and the policies are kept", () => {
    const e = caught(() => grad((x: T) => one(x))(repeated));
    expect([e.code, e.message]).to.satisfy(
      ([c, m]: string[]) =>
        c === "ERR_DEGENERATE" && /^svd: the matrix \(shape \[3, 3\]\) has equal singular values \(1 and 2\).*svdvals/.test(m as string),
      e.message,
    );
    expect(grad((x: T) => one(x, { degenerate: "nan" }))(repeated).data.some(Number.isNaN)).to.equal(true);
    expect(grad((x: T) => one(x, { degenerate: "mask" }))(repeated).data.every(Number.isFinite)).to.equal(true);
    const none = caught(() =>
      grad((x: T) => sum(mul(weights([3, 4]), linalg.svd(x).vh)) as T)(
        zero
          .index(":", "0:3")
          .reshape([3, 3])
          .matmul(
            tensor([
              [1, 0, 0, 0],
              [0, 1, 0, 0],
              [0, 0, 1, 0],
            ]),
          ) as T,
      ),
    );
    expect(none.message).to.match(/singular value 3 equal to zero/);
    const turned = caught(() => grad((x: T) => sum(mul(weights([4, 4]), linalg.qr(x, { mode: "complete" }).q)) as T)(weights([4, 2])));
    expect([turned.code, turned.message]).to.satisfy(
      ([c, m]: string[]) => c === "ERR_DEGENERATE" && /^qr: .*columns that only complete the basis/.test(m as string),
      turned.message,
    );
    const dependent = caught(() =>
      grad((x: T) => sum(linalg.qr(x).q) as T)(
        tensor([
          [1, 1],
          [1, 1],
        ]),
      ),
    );
    expect(dependent.code).to.equal("ERR_RANK_DEFICIENT");
  });
  it("a loss that does not depend on them has its gradient, at equal and at zero singular values", () => {
    const product = (x: T): T => {
      const { u, s, vh } = linalg.svd(x);
      return sum(mul(weights([3, 3]), matmul(mul(u, s), vh))) as T;
    };
    close("A = U S Vᴴ", grad(product)(zero), weights([3, 3]), 1e-12); // one zero, and no two alike
    // nor can the numbers of the vectors' cotangents tell that A = U S Vᴴ has a gradient here
    for (const a of [repeated, eye(3), mul(0, eye(3)), diagEmbed(tensor([1, 0, 0]))] as T[])
      expect(caught(() => grad(product)(a)).code).to.equal("ERR_DEGENERATE");
    const values = (x: T): T => sum(square(linalg.svdvals(x))) as T;
    for (const a of [repeated, zero] as T[]) close("Σ s²", grad(values)(a), mul(2, a), 1e-12);
    close("nuc", grad((x: T) => linalg.norm(x, { ord: "nuc" }))(repeated), linalg.polar(repeated).u, 1e-12);
  });
  it("polar of tall matrices without full rank has no derivative", () => {
    const tall = matmul(weights([4, 2]), weights([2, 3])) as T;
    for (const part of ["u", "p"] as const)
      expect(
        caught(() => grad((x: T) => sum(linalg.polar(x)[part]) as T)(tall)),
        part,
      ).to.include({ code: "ERR_DEGENERATE", op: "polar" });
  });
  it("polar is exact at equal singular values, and as gaps close", () => {
    const [w, g] = [weights([3, 3]), adjoint(weights([3, 3]))];
    for (const gap of [1e-1, 1e-6, 1e-12, 1e-18, 0]) {
      const a = add(matmul(repeated, eye(3)), diagEmbed(tensor([gap, 0, 0]))) as T;
      const { u } = jvp((x: T) => linalg.polar(x), [a], [w]).tangent;
      // Ω = K ∘ (Uᴴ E V - its adjoint) solves Ω P + P Ω = Uᴴ E - Eᴴ U with W' = W Ω, by the Kronecker sum
      const { u: q, p } = linalg.polar(a);
      const right = sub(matmul(q, w, { adjointA: true }), matmul(w, q, { adjointA: true }));
      const operator = add(kronecker(eye(3), p), kronecker(p, eye(3))) as T;
      const omega = linalg.solve(operator, reshape(right, [9])).reshape([3, 3]);
      close(`gap ${gap}`, u, matmul(q, omega), 1e-10);
      const loss = (x: T): T => sum(mul(g, linalg.polar(x).u)) as T;
      close(`reverse, gap ${gap}`, sum(mul(grad(loss)(a), w)), sum(mul(g, matmul(q, omega))), 1e-10);
    }
  });
});
function kronecker(a: T, b: T): T {
  const [n, m] = [a.shape[0] as number, b.shape[0] as number];
  return reshape(mul(reshape(a, [n, 1, n, 1]), reshape(b, [1, m, 1, m])), [n * m, n * m]) as T;
}

describe("expm", () => {
  for (const [i, { a, y, along }] of golden.expm.entries())
    it(`case ${i}: the exponential and its derivative are mpmath's`, () => {
      const x = load(a);
      const tolerance = i === 6 ? 1e-9 : i === 2 ? 1e-11 : 1e-12; // conditioned as eᴬ is
      close("expm", linalg.expm(x), y, tolerance);
      const ones = add(mul(0, x), 1) as T;
      close("along 1", jvp((x: T) => linalg.expm(x), [x], [ones]).tangent, along, 10 * tolerance);
    });
  it("of diagonal, huge and empty matrices", () => {
    expect(linalg.expm(diagEmbed(tensor([-1e10, 0]))).toArray()).to.deep.equal([
      [0, 0],
      [0, 1],
    ]);
    expect(caught(() => linalg.expm(tensor([[1e4]]))).code).to.equal("ERR_NOT_FINITE");
    expect(caught(() => linalg.expm(tensor([[Number.NaN]]))).message).to.match(/contains NaN/);
    expect(linalg.expm(tensor(new Float64Array(0), { shape: [2, 0, 0] })).shape).to.deep.equal([2, 0, 0]);
    close(
      "power",
      linalg.matrixPower(
        tensor([
          [1, 1],
          [0, 1],
        ]),
        { n: -3 },
      ),
      [
        [1, -3],
        [0, 1],
      ],
    );
  });
});

describe("norms of vectors", () => {
  it("are given from 1e-300 to 1e300, with their gradients, of any order", () => {
    for (const scale of [1e-300, 1e-200, 1, 1e200, 1e300]) {
      const x = tensor([3 * scale, -4 * scale]);
      close(`2, ${scale}`, linalg.vectorNorm(x), 5 * scale, 1e-15);
      close(`gradient, ${scale}`, grad((x: T) => linalg.vectorNorm(x))(x), [0.6, -0.8], 1e-15);
      close(`3, ${scale}`, linalg.vectorNorm(x, { ord: 3 }), Math.cbrt(91) * scale, 1e-14);
      close(`fro, ${scale}`, linalg.norm(reshape(x, [1, 2])), 5 * scale, 1e-15);
    }
    const z = complex(tensor([3e200, 0]), tensor([0, 4e200]));
    close("complex", linalg.vectorNorm(z), 5e200, 1e-15);
    const rows = linalg.vectorNorm(
      tensor([
        [3e200, 4e200],
        [0, 0],
        [3e-200, 4e-200],
      ]),
      { axis: 1, keepDims: true },
    );
    expect(rows.shape).to.deep.equal([3, 1]);
    close("rows", div(rows, tensor([[1e200], [1], [1e-200]])), [[5], [0], [5]], 1e-15);
  });
  it("so is the standard deviation", () => {
    for (const scale of [1e-200, 1, 1e200]) {
      const x = tensor([1 * scale, 2 * scale, 6 * scale]);
      close(`${scale}`, std(x, { ddof: 1 }), Math.sqrt(7) * scale, 1e-14);
      close(`gradient, ${scale}`, grad((x: T) => std(x, { ddof: 1 }))(x), mul(1 / (2 * Math.sqrt(7)), tensor([-2, -1, 3])), 1e-14);
    }
    expect(
      std(
        tensor([
          [1, 1],
          [2, 4],
        ]),
        { axis: 1, keepDims: true },
      ).toArray(),
    ).to.deep.equal([[0], [1]]);
  });
  it("of infinities, NaN, zeros and nothing", () => {
    expect(linalg.vectorNorm(tensor([Number.POSITIVE_INFINITY, 1])).item()).to.equal(Number.POSITIVE_INFINITY);
    expect(linalg.vectorNorm(tensor([Number.NaN, 1])).item()).to.be.NaN;
    expect([linalg.vectorNorm(tensor([0, 0])).item(), linalg.vectorNorm(tensor(new Float64Array(0))).item()]).to.deep.equal([0, 0]);
    expect(grad((x: T) => linalg.vectorNorm(x))(tensor([0, 0])).toArray()).to.deep.equal([0, 0]);
    expect(linalg.vectorNorm(tensor(new Float64Array(0), { shape: [2, 0] }), { axis: 0 }).shape).to.deep.equal([0]);
    const second = (x: T): T => sum(mul(tensor([1, 2]), grad((x: T) => linalg.vectorNorm(x))(x))) as T;
    close("second", grad(second)(tensor([3, 4])), [(16 - 24) / 125, (-12 + 18) / 125], 1e-14); // (|x|² w - x xᵀ w) / |x|³
  });
});
