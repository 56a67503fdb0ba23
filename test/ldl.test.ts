// ldlFactor and ldlSolve, beyond what checkOp says of their rows.
import { readFileSync } from "node:fs";
import { expect } from "chai";
import {
  add,
  adjoint,
  compile,
  type Float,
  float64,
  grad,
  hvp,
  linalg,
  matmul,
  mul,
  Program,
  random,
  real,
  type Shape,
  square,
  sum,
  type Tensor,
  tensor,
  tril,
  zeros,
} from "../lib/index";
import { relativeError, sameBits } from "../lib/testing/index";
import { caught, fields, rejected } from "./support";

type F64 = Tensor<"float64">;
interface Golden {
  readonly cases: readonly { dtype: "float64" | "complex128"; n: number; a: number[]; lu: number[]; d: number[]; perm: number[] }[];
}
const golden = JSON.parse(readFileSync("test/golden/ldl.json", "utf8")) as Golden;
const EPS = 2 ** -52;

const hermitian = (key: number, shape: Shape, dtype: Float = "float64"): F64 => {
  const x = random.normal(key, shape, { dtype }) as F64;
  return mul(0.5, add(x, adjoint(x)));
};
/** P A Pᵀ. */
const exchanged = (pivots: Tensor<"int32">, a: F64): F64 => {
  const rows = linalg.applyPivots(pivots, a) as F64;
  return adjoint(linalg.applyPivots(pivots, adjoint(rows)) as F64);
};

describe("ldlFactor", () => {
  it("is SciPy's, pivots included", () => {
    let pairs = 0;
    for (const { dtype, n, ...c } of golden.cases) {
      const load = (data: number[]): F64 => tensor(Float64Array.from(data), { shape: [n, n], dtype }) as Tensor as F64;
      const { l, d, pivots } = linalg.ldlFactor(load(c.a));
      const where = `${dtype} ${n}`;
      expect(relativeError(d, load(c.d)), where).to.be.below(100 * n * EPS);
      expect(relativeError(linalg.applyPivots(pivots, l, { inverse: true }), load(c.lu)), where).to.be.below(100 * n * EPS);
      const order = linalg.applyPivots(pivots, tensor(Float64Array.from({ length: n }, (_, i) => i)).reshape([n, 1])) as F64;
      expect([...order.data], where).to.deep.equal(c.perm);
      for (let i = 1; i < n; i++) pairs += Number(load(c.d).at(i, i - 1) !== 0);
    }
    expect(pairs).to.be.above(50);
  });
  it("has the factors of matrices of any kind", () => {
    for (const dtype of ["float64", "complex128"] as const) {
      for (const n of [1, 2, 3, 6, 17, 64, 130]) {
        const a = hermitian(n, [3, n, n], dtype);
        const { l, d, pivots } = linalg.ldlFactor(a);
        expect(relativeError(matmul(matmul(l, d), l, { adjointB: true }), exchanged(pivots, a)), `${dtype} ${n}`).to.be.below(30 * n * EPS);
      }
    }
  });
  it("reads the lower triangle alone", () => {
    const a = hermitian(1, [5, 5]);
    expect(sameBits(linalg.ldlFactor(tril(a) as F64).l, linalg.ldlFactor(a).l)).to.equal(true);
  });
  it("takes singular matrices, whose gradient is ERR_SINGULAR", () => {
    const { l, d } = linalg.ldlFactor(zeros([2, 2]));
    expect(l.toArray()).to.deep.equal([
      [1, 0],
      [0, 1],
    ]);
    expect(d.toArray()).to.deep.equal([
      [0, 0],
      [0, 0],
    ]);
    const ones = tensor([
      [1, 1],
      [1, 1],
    ]) as F64;
    expect(grad((a: F64) => sum(linalg.ldlFactor(a).d))(ones).toArray()).to.deep.equal([
      [2, -1],
      [-1, 1],
    ]);
    const error = fields(caught(() => grad((a: F64) => sum(linalg.ldlFactor(a).l))(ones)));
    expect(error).to.include({ code: "ERR_SINGULAR", op: "ldlFactor", index: 2 });
    const again = (a: F64): F64 => sum(square(grad((b: F64) => sum(linalg.ldlFactor(b).l))(a)));
    expect(fields(caught(() => grad(again)(ones)))).to.include({ code: "ERR_SINGULAR", op: "ldlFactor" });
  });
  it("names what is not finite, and goes on without it", async () => {
    const a = hermitian(1, [3, 4, 4]);
    const data = a.data.slice() as Float64Array;
    data[16 + 4] = Number.NaN; // below the diagonal of item 1
    const bad = tensor(data, { shape: [3, 4, 4] }) as F64;
    expect(fields(caught(() => linalg.ldlFactor(bad)))).to.include({ code: "ERR_NOT_FINITE", item: 1 });
    expect(fields(await rejected(linalg.ldlFactor.async(bad)))).to.include({ code: "ERR_NOT_FINITE", item: 1 });
    const { value, failures } = linalg.ldlFactor.checked(bad);
    expect(failures.map((f) => f.item)).to.deep.equal([1]);
    const clean = linalg.ldlFactor(a);
    expect([...value.l.data.slice(32)]).to.deep.equal([...clean.l.data.slice(32)]);
    expect([...(await linalg.ldlFactor.async(a)).pivots.data]).to.deep.equal([...clean.pivots.data]);
  });
  it("has the same factors at every scale", () => {
    const a = hermitian(5, [6, 6]);
    const { l, d } = linalg.ldlFactor(a);
    for (const e of [-900, -200, 300, 900]) {
      const scaled = linalg.ldlFactor(mul(a, 2 ** e) as F64);
      expect(sameBits(scaled.l, l), `2^${e}`).to.equal(true);
      expect(sameBits(scaled.d, mul(d, 2 ** e)), `2^${e}`).to.equal(true);
    }
    // subnormal: d is rounded to what there is, l is not
    const tiny = mul(a, 2 ** -1040) as F64;
    const back = mul(mul(tiny, 2 ** 520), 2 ** 520) as F64;
    expect(relativeError(linalg.ldlFactor(tiny).l, linalg.ldlFactor(back).l)).to.be.below(100 * EPS);
  });
  it("is empty for empty matrices", () => {
    const { l, pivots } = linalg.ldlFactor(zeros([2, 0, 0]));
    expect([l.shape, pivots.shape]).to.deep.equal([
      [2, 0, 0],
      [2, 0],
    ]);
    expect(linalg.ldlFactor(zeros([0, 3, 3])).d.shape).to.deep.equal([0, 3, 3]);
  });
  it("compiles: single and lanes, with its gradient", () => {
    const f = (a: F64): F64 => {
      const { l, d } = linalg.ldlFactor(a);
      return sum(add(mul(l, l), mul(d, 3)));
    };
    const a = hermitian(7, [19, 5, 5]);
    const want = grad((x: F64) => sum(f(x)))(a);
    const program = compile((x: F64) => grad(f)(x), float64(5, 5));
    for (const layout of ["single", "lanes"] as const) {
      const got = program.runSync([a], { layout } as never) as F64;
      expect(relativeError(got, want), layout).to.be.below(1e-12);
    }
    const again = Program.from(JSON.parse(JSON.stringify(program.toJSON())));
    expect(sameBits(again.runSync([a] as never) as unknown as F64, program.runSync([a]) as F64)).to.equal(true);
  });
});

describe("ldlSolve", () => {
  const solveBy = (a: F64, b: F64): F64 => {
    const { l, d, pivots } = linalg.ldlFactor(a);
    return linalg.ldlSolve(l, d, pivots, b) as F64;
  };
  it("solves", () => {
    for (const dtype of ["float64", "complex128"] as const) {
      const [a, b] = [hermitian(3, [4, 7, 7], dtype), random.normal(4, [7, 2], { dtype }) as F64];
      expect(relativeError(solveBy(a, b), linalg.solve(a, b)), dtype).to.be.below(1e-11);
    }
    const v = random.normal(4, [7]) as F64;
    expect(solveBy(hermitian(3, [7, 7]), v).shape).to.deep.equal([7]);
  });
  it("has the gradient of solve, by way of the factors", () => {
    for (const dtype of ["float64", "complex128"] as const) {
      const [x, b] = [hermitian(3, [6, 6], dtype), random.normal(4, [6, 2], { dtype }) as F64];
      const loss = (solve: (a: F64, b: F64) => F64) => (a: F64, y: F64) => {
        const s = solve(mul(0.5, add(a, adjoint(a))) as F64, y);
        return sum(real(mul(s, mul(s, s)))) as F64;
      };
      const [got, want] = [loss(solveBy), loss((a, y) => linalg.solve(a, y) as F64)].map((f) => grad(f, { argnums: [0, 1] })(x, b));
      got?.forEach((g, i) => expect(relativeError(g, want?.[i] as F64), dtype).to.be.below(1e-10));
      const [second, wanted] = [loss(solveBy), loss((a, y) => linalg.solve(a, y) as F64)].map((f) =>
        hvp((a: F64) => f(a, b), x, hermitian(9, [6, 6], dtype)),
      );
      expect(relativeError(second as F64, wanted as F64), dtype).to.be.below(1e-9);
    }
  });
  it("names singular blocks and pivots out of range", () => {
    const one = tensor([
      [1, 0],
      [0, 1],
    ]) as F64;
    const singular = tensor([
      [1, 0],
      [0, 0],
    ]) as F64;
    const pivots = tensor(Int32Array.of(0, 1)) as Tensor<"int32">;
    expect(fields(caught(() => linalg.ldlSolve(one, singular, pivots, one)))).to.include({
      code: "ERR_SINGULAR",
      op: "ldlSolve",
      index: 2,
    });
    const pair = tensor([
      [1, 1],
      [1, 1],
    ]) as F64;
    expect(fields(caught(() => linalg.ldlSolve(one, pair, pivots, one)))).to.include({ code: "ERR_SINGULAR", index: 1 });
    for (const p of [2, -1, 2 ** 31 - 1, -(2 ** 31)]) {
      const bad = tensor(Int32Array.of(0, p)) as Tensor<"int32">;
      expect(fields(caught(() => linalg.ldlSolve(one, one, bad, one)))).to.include({ code: "ERR_ARGUMENT", op: "ldlSolve" });
    }
  });
});
