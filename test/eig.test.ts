// Spectra and Schur forms of general matrices against SciPy and PyTorch, and where eigenvectors have no derivative.
import { expect } from "chai";
import {
  abs,
  add,
  arange,
  cast,
  complex,
  conj,
  cos,
  diag,
  diagEmbed,
  eye,
  grad,
  imag,
  jvp,
  linalg,
  matmul,
  mul,
  real,
  reshape,
  square,
  sub,
  sum,
  type Tensor,
  tensor,
  trace,
  tril,
} from "../lib/index";
import { cases, close, draw, empty, jordan, load, plus, seeds, type T, times, turned } from "./general";
import { caught } from "./support";

/** By real, then by imaginary part. */
const inOrder = (w: Tensor): T => {
  const pairs = [...real(w as T).data].map((re, i) => [re, imag(w as never).data[i] as number] as const);
  const rounded = (x: number): number => Math.round(x * 1e9);
  pairs.sort(([a, b], [c, d]) => rounded(a) - rounded(c) || rounded(b) - rounded(d));
  return complex(tensor(pairs.map(([re]) => re)), tensor(pairs.map(([, im]) => im))) as Tensor as T;
};
const weights = (n: number): T => reshape(cos(add(arange(n * n), 1)), [n, n]) as T;
/** Σ |w|² + Re Σ c (V diag(w) Vᴴ): free of order and phases. */
const loss = (a: T, options = {}): T => {
  const { w, v } = linalg.eig(a, options);
  const n = a.shape.at(-1) as number;
  const turned = matmul(mul(v, reshape(w, [1, n])), v, { adjointB: true });
  return add(sum(square(abs(w))), sum(mul(weights(n), real(turned)))) as Tensor as T;
};
const absolute = (x: T): T => sum(mul(weights(x.shape[0] as number), square(abs(linalg.eig(x).v)))) as Tensor as T;

describe("eig", () => {
  for (const [i, c] of cases<"a" | "w" | "gradient">("eig").entries())
    it(`case ${i}: eigenvalues are SciPy's, gradients PyTorch's`, () => {
      const a = load(c.a);
      close("w", inOrder(linalg.eig(a).w), c.w);
      close("eigvals", inOrder(linalg.eigvals(a)), c.w);
      close("gradient", grad((x: T) => loss(x))(a), c.gradient, 1e-9);
    });
  it("vectors have norm 1, their largest elements real, and A V = V diag(w), to rounding", () => {
    for (const dtype of ["float32", "float64", "complex64", "complex128"] as const) {
      const [n, eps] = [40, dtype === "float32" || dtype === "complex64" ? 2 ** -23 : 2 ** -52];
      const a = cast(draw(1, [n, n], dtype.startsWith("c") ? "complex128" : "float64"), dtype) as Tensor as T;
      const { w, v } = linalg.eig(a);
      expect([w.dtype, v.dtype]).to.deep.equal(Array(2).fill(eps === 2 ** -23 ? "complex64" : "complex128"));
      const left = sub(matmul(cast(a, v.dtype) as Tensor as T, v as Tensor as T), mul(v as Tensor as T, reshape(w as Tensor as T, [1, n])));
      expect(linalg.norm(left).item() / (linalg.norm(a).item() * n * eps), dtype).to.be.below(1);
      for (let j = 0; j < n; j++) {
        const column = v.index(":", j);
        const [size, im] = [abs(column).data, imag(column as never).data];
        expect(Math.abs(Math.hypot(...size) - 1)).to.be.below(10 * eps);
        expect(Math.abs(im[size.indexOf(Math.max(...size))] as number)).to.be.below(10 * eps);
      }
    }
  });
  it("has the gradients of differences: 100 random cases", () => {
    for (const seed of seeds()) {
      const [n, dtype] = [1 + (seed % 5), seed % 2 ? "complex128" : "float64"] as const;
      const diagonal = cast(diagEmbed(mul(2, arange(n))) as T, dtype) as Tensor as T;
      const [a, e] = [plus(draw(seed, [n, n], dtype), diagonal), draw(seed + 1000, [n, n], dtype)];
      const h = 1e-5;
      const want = (loss(plus(a, times(h, e))).item() - loss(plus(a, times(-h, e))).item()) / (2 * h);
      const got = real(trace(matmul(grad((x: T) => loss(x))(a), e, { adjointA: true }))).item();
      expect(Math.abs(got - want) / (1 + Math.abs(want)), `${seed}`).to.be.below(1e-6);
      expect(Math.abs(jvp((x: T) => loss(x), [a], [e]).tangent.item() - want) / (1 + Math.abs(want)), `${seed} jvp`).to.be.below(1e-6);
    }
  });
  it("says that a loss depends on a phase, and keeps the policies", () => {
    const a = draw(2, [3, 3], "complex128");
    const free = (options: object) => (x: T) => real(sum(mul(weights(3), linalg.eig(x, options).v))) as Tensor as T;
    const error = caught(() => grad(free({}))(a));
    expect(`${error.code} ${error.message}`).to.match(/^ERR_DEGENERATE eig: .*arbitrary phase of eigenvector \d.*"nan" or "mask"/);
    expect(grad(free({ degenerate: "nan" }))(a).data.some(Number.isNaN)).to.equal(true);
    expect(grad(free({ degenerate: "mask" }))(a).data.every(Number.isFinite)).to.equal(true);
    close("real vectors of real matrices have none", grad(absolute)(tril(weights(3)) as T), grad(absolute)(tril(weights(3)) as T), 1e-300);
  });
  it("has exact gradients of symmetric functions at equal eigenvalues, and says where vectors have none", () => {
    const repeated = turned(diagEmbed(tensor([1, 1, 3, 1])));
    const squares = (x: T): T => real(sum(square(linalg.eigvals(x)))) as Tensor as T; // tr A²
    for (const a of [repeated, eye(4), times(0, eye(4)), matmul(jordan(4, 0), times(0, eye(4)))] as T[])
      close("tr A²", grad(squares)(a), mul(2, linalg.matrixTranspose(a)), a.data.every((x) => x === 0) ? 1e-300 : 1e-12);
    for (const base of [repeated, turned(diagEmbed(tensor([-2, 1, 1, 3])), 2)] as T[]) {
      const error = caught(() => grad(absolute)(base));
      expect(`${error.code} ${error.message}`).to.match(
        /^ERR_DEGENERATE eig: .*eigenvalue \d equal to another one.*functions of the matrix/,
      );
      const masked = grad((x: T) => sum(square(abs(linalg.eig(x, { degenerate: "mask" }).v))) as Tensor as T)(base);
      expect(masked.data.every(Number.isFinite)).to.equal(true);
    }
    const e = draw(9, [4, 4]);
    close("tr E", real(sum(jvp((x: T) => linalg.eigvals(x), [repeated], [e]).tangent as never)), trace(e), 1e-12);
    expect(caught(() => jvp((x: T) => linalg.eig(x).v, [repeated], [e])).code).to.equal("ERR_DEGENERATE");
    const second = caught(() => grad((x: T) => sum(grad(squares)(x)) as T)(repeated));
    expect(second.message).to.match(/^eigvals: .*equal to another/);
  });
  it("says of a defective matrix that it has no basis, also where rounding has split its eigenvalues", () => {
    for (const n of [2, 3, 4])
      for (const a of [jordan(n, 2), turned(jordan(n, 2)), turned(jordan(n, 0)), times(2 ** 900, turned(jordan(n, 1)))])
        for (const f of [(x: T) => real(sum(linalg.eigvals(x))), (x: T) => sum(square(abs(linalg.eig(x).v)))]) {
          const error = caught(() => grad(f as (x: T) => T)(a));
          expect(`${error.code} ${error.message}`, `${n} ${a.toArray()}`).to.match(
            /^ERR_DEGENERATE eig(vals)?: .*(defective|equal to another)/,
          );
        }
    const nan = grad((x: T) => real(sum(linalg.eigvals(x, { degenerate: "nan" }))) as Tensor as T)(jordan(2, 1));
    expect(nan.data.every(Number.isNaN)).to.equal(true);
    expect(caught(() => grad((x: T) => real(sum(linalg.eigvals(x, { degenerate: "mask" }))) as Tensor as T)(jordan(2, 1))).code).to.equal(
      "ERR_DEGENERATE",
    );
    // one that is far from normal, with eigenvalues well apart, is none of these
    const far = tensor([
      [1, 1e3, 0],
      [0, 2, 1e3],
      [0, 0, 3],
    ]) as T;
    close("tr", grad((x: T) => real(sum(linalg.eigvals(x))) as Tensor as T)(far), eye(3), 1e-8);
  });
  it("of huge, tiny, empty and spoilt matrices", () => {
    const a = draw(3, [5, 5]);
    for (const scale of [2 ** -1020, 2 ** -1000, 2 ** 1000, 2 ** 1020]) {
      const { w, v } = linalg.eig(times(scale, a));
      close(`${scale}`, times(1 / scale, w as Tensor as T), linalg.eig(a).w, 1e-12);
      close(`${scale}`, abs(v as Tensor as T), abs(linalg.eig(a).v), 1e-12);
    }
    for (const bad of [Number.NaN, Number.NEGATIVE_INFINITY])
      for (const f of [linalg.eig, linalg.eigvals, linalg.schur, linalg.hessenberg] as ((x: T) => unknown)[])
        expect(
          caught(() =>
            f(
              tensor([
                [1, bad],
                [0, 1],
              ]) as T,
            ),
          ).message,
        ).to.match(/contains NaN or infinity/);
    expect([linalg.eig(empty(0, 0)).v.shape, linalg.eigvals(empty(0, 3, 3)).shape]).to.deep.equal([
      [0, 0],
      [0, 3],
    ]);
    expect(linalg.eigvals(tensor([[-3]])).toArray()).to.deep.equal([{ re: -3, im: 0 }]);
  });
});

describe("schur and hessenberg", () => {
  it("are unitary similarities with triangles, of real matrices with blocks of 2", () => {
    for (const dtype of ["float64", "complex128"] as const)
      for (const n of [1, 2, 7, 70]) {
        const a = draw(4, [2, n, n], dtype);
        const [{ t, z }, { h, q }] = [linalg.schur(a), linalg.hessenberg(a)];
        for (const [name, middle, unitary, k] of [
          ["schur", t, z, dtype === "float64" ? -1 : 0],
          ["hessenberg", h, q, -1],
        ] as const) {
          const size = Math.max(...linalg.norm(a).data) * n * 2 ** -52;
          const back = matmul(matmul(unitary, middle), unitary, { adjointB: true });
          expect(Math.max(...linalg.norm(sub(back, a)).data) / size, `${name} ${n}`).to.be.below(4);
          const one = sub(matmul(unitary, unitary, { adjointA: true }), eye(n, { dtype }));
          expect(Math.max(...linalg.norm(one).data) / (n * 2 ** -52), `${name} ${n}`).to.be.below(4);
          expect(
            tril(middle, { k: k - 1 }).data.every((x) => x === 0),
            name,
          ).to.equal(true);
        }
        if (dtype === "complex128") close("values", inOrder(diag(t).index(0)), inOrder(linalg.eigvals(a.index(0) as T)), 1e-12);
      }
    expect(conj(linalg.schur(empty(0, 0)).t).shape).to.deep.equal([0, 0]);
  });
  it("have no derivative, which a gradient says", () => {
    const error = caught(() => grad((x: T) => sum(linalg.schur(x).t) as T)(draw(5, [3, 3])));
    expect(error.message).to.match(/schur/);
    expect(caught(() => grad((x: T) => sum(linalg.hessenberg(x).h) as T)(draw(5, [3, 3]))).code).to.equal(error.code);
  });
});
