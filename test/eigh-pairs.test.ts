// Eigenvalues and vectors of pairs against SciPy (tools/goldens/equations.py), their gradients against differences, and what eigh(a) does not have.
import { readFileSync } from "node:fs";
import { expect } from "chai";
import {
  abs,
  add,
  adjoint,
  compile,
  diagEmbed,
  expandDims,
  eye,
  float64,
  grad,
  linalg,
  matmul,
  mul,
  random,
  real,
  square,
  sub,
  sum,
  type Tensor,
  tensor,
  vmap,
  zeros,
} from "../lib/index";
import { checkGrads, relativeError } from "../lib/testing/index";
import { partOf } from "./grid";
import { load, type Stored, type T } from "./stored";
import { caught, loose } from "./support";

const golden = JSON.parse(readFileSync("test/golden/equations.json", "utf8")) as {
  eigh: readonly { readonly [k in "a" | "b" | "w"]: Stored }[];
};
const pair = (seed: number, n: number, dtype: "float64" | "complex128"): [T, T] => {
  const [x, y] = [random.normal(seed, [n, n], { dtype }), random.normal(seed + 1000, [n, n], { dtype })] as Tensor[] as [T, T];
  return [add(x, adjoint(x)) as T, add(matmul(y, adjoint(y)), eye(n, { dtype })) as T];
};

describe("eigh(a, b) and eigvalsh(a, b)", () => {
  for (const [i, { a, b, w }] of golden.eigh.entries())
    it(`case ${i}: eigenvalues are SciPy's, vectors orthonormal in b`, () => {
      const [x, y, n] = [load(a), load(b), load(w).size];
      const { w: values, v } = linalg.eigh(x, y);
      expect(relativeError(values, load(w), 1e-300)).to.be.below(1e-12);
      expect(relativeError(linalg.eigvalsh(x, y), load(w), 1e-300)).to.be.below(1e-12);
      expect(relativeError(matmul(x, v), mul(matmul(y, v), expandDims(values, -2)))).to.be.below(1e-12);
      expect(relativeError(matmul(adjoint(v), matmul(y, v)), eye(n, { dtype: v.dtype }))).to.be.below(1e-12);
    });
  it("have the gradients of differences, by both matrices: 100 random cases", () => {
    const part = partOf(1);
    const hermitian = (m: T): T => mul(0.5, add(m, adjoint(m))) as T;
    for (let seed = 0; seed < 100; seed++) {
      if (part && part.share !== 1 && (seed * 7 + part.seed) % Math.round(1 / part.share) !== 0) continue;
      const n = 1 + (seed % 4);
      const [a, b] = pair(seed, n, seed % 2 ? "complex128" : "float64");
      const [p, q] = [random.normal(seed + 2000, [n, n]), random.normal(seed + 3000, [n])];
      checkGrads(
        (x: T, y: T) => {
          const { w, v } = linalg.eigh(hermitian(x), hermitian(y));
          return real(add(sum(mul(p, square(abs(v)))), sum(mul(q, w)))) as T;
        },
        [a, b],
        { tolerance: 1e-6 },
      );
      checkGrads((x: T, y: T) => sum(mul(q, linalg.eigvalsh(hermitian(x), hermitian(y)))) as T, [a, b], { tolerance: 1e-6 });
    }
  });
  it("read the lower triangles, and give Hermitian gradients", () => {
    const [a, b] = pair(5, 4, "float64");
    const above = zeros([4, 4]).add(linalg.triu(random.normal(9, [4, 4]), { k: 1 }));
    const [x, y] = [add(a, above), add(b, above)] as [T, T];
    expect(relativeError(linalg.eigh(x, y).w, linalg.eigh(a, b).w)).to.equal(0);
    const loss = (x: T, y: T): T => sum(square(linalg.eigvalsh(x, y))) as T;
    for (const g of grad(loss, { argnums: [0, 1] })(x, y)) expect(relativeError(g, adjoint(g))).to.equal(0);
  });
  it("symmetric functions of equal eigenvalues have exact gradients, vectors of these none", () => {
    const [, b] = pair(6, 3, "float64");
    const a = mul(2, b) as T; // all eigenvalues are 2
    const squares = (x: T, y: T): T => sum(square(linalg.eigvalsh(x, y))) as T; // tr (B⁻¹A)²
    const [ga, gb] = grad(squares, { argnums: [0, 1] })(a, b);
    const inverse = linalg.inv(b);
    expect(relativeError(ga, mul(4, inverse))).to.be.below(1e-12);
    expect(relativeError(gb, mul(-8, inverse))).to.be.below(1e-12);
    const first = (x: T): T => sum(mul(random.normal(1, [3, 3]), linalg.eigh(x, eye(3)).v)) as T;
    const e = caught(() => grad(first)(eye(3)));
    expect(`${e.code} ${e.message}`).to.match(/^ERR_DEGENERATE eigh: .*equal eigenvalues \(1 and 2\)/);
    const masked = (x: T): T => sum(linalg.eigh(x, eye(3), { degenerate: "mask" }).v) as T;
    expect(relativeError(grad(masked)(eye(3)), zeros([3, 3]))).to.equal(0);
  });
  it("in every form of a call: asynchronous, checked, of batches, compiled, mapped", async () => {
    const pairs = [7, 8, 9].map((seed) => pair(seed, 3, "float64"));
    const stack = (i: 0 | 1): T => tensor(pairs.map((p) => p[i].toArray()) as number[][][]);
    const [a, b] = [stack(0), stack(1)];
    const want = linalg.eigh(a, b).w;
    expect(want.shape).to.deep.equal([3, 3]);
    expect(relativeError((await linalg.eigh.async(a, b)).w, want)).to.equal(0);
    expect(relativeError(await linalg.eigvalsh.async(a, b), want)).to.be.below(1e-14);
    expect(relativeError(vmap((x: T, y: T) => linalg.eigh(x, y).w)(a, b), want)).to.be.below(1e-14);
    const program = compile((x: T, y: T) => linalg.eigh(x, y).w, float64(3, 3), float64(3, 3));
    const [own, other] = pairs[0] as [T, T];
    expect(relativeError(program.runSync([own, other]) as T, linalg.eigh(own, other).w)).to.be.below(1e-14);
    expect(relativeError(linalg.eigh(a, other).w.index(0), linalg.eigh(own, other).w)).to.be.below(1e-14);
    const bad = sub(
      b,
      diagEmbed(
        tensor([
          [0, 0, 0],
          [0, 1e3, 0],
          [0, 0, 0],
        ]),
      ),
    ) as T;
    const e = caught(() => linalg.eigh(a, bad));
    expect(`${e.code} ${e.message}`).to.match(/^ERR_NOT_POSITIVE_DEFINITE eigh: matrix 1 of the batch .* minor of order 2/);
    const { value, failures } = linalg.eigh.checked(a, bad);
    expect(failures.map((f) => [f.op, f.item, f.code])).to.deep.equal([["eigh", 1, "ERR_NOT_POSITIVE_DEFINITE"]]);
    expect([value.w.data.slice(3, 6).every(Number.isNaN), relativeError(value.w.index(0), want.index(0))]).to.deep.equal([true, 0]);
    expect(linalg.eigvalsh.checked(a, bad).failures[0]?.op).to.equal("eigvalsh");
  });
  it("refuse what does not fit, and take nothing", () => {
    expect(caught(() => linalg.eigh(eye(2), eye(3))).code).to.equal("ERR_SHAPE");
    expect(caught(() => loose(linalg.eigh)(eye(2), eye(2), { triangle: "lower" })).message).to.match(/^eigh: .*triangle/);
    expect(caught(() => loose(linalg.eigh)(eye(2), "b")).code).to.equal("ERR_ARGUMENT");
    expect(caught(() => linalg.eigh(mul(Number.NaN, eye(2)), eye(2))).message).to.match(/^eigh: the matrix .*contains NaN/);
    expect(caught(() => linalg.eigvalsh(eye(2), mul(Number.NaN, eye(2)))).message).to.match(/^eigvalsh: the matrix .*contains NaN/);
    expect(linalg.eigh(zeros([0, 0]), zeros([0, 0])).v.shape).to.deep.equal([0, 0]);
    expect(linalg.eigvalsh(zeros([0, 2, 2]), eye(2)).shape).to.deep.equal([0, 2]);
  });
});
