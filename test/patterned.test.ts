// Matrices made of vectors, equations between tensors, the nuclear norm.
import { expect } from "chai";
import { add, adjoint, eye, grad, linalg, matmul, mul, sum, type Tensor, tensor, vmap } from "../lib/index";
import { checkGrads } from "../lib/testing/index";
import { cases, close, load, type Stored, type T, weighted, weights } from "./structured";
import { caught } from "./support";

describe("matrices made of vectors", () => {
  it("are those of NumPy and SciPy", () => {
    for (const g of cases<"x" | "c" | "r" | "vander" | "toeplitz" | "hankel" | "circulant">("patterned")) {
      const [x, c, r] = [load(g.x), load(g.c), load(g.r)];
      const [square, wide, up, none] = g.vander as Stored[];
      close("vander", linalg.vander(x), square as Stored);
      close("vander n", linalg.vander(x, { n: 5 }), wide as Stored);
      close("vander up", linalg.vander(x, { n: 2, increasing: true }), up as Stored);
      close("vander none", linalg.vander(x, { n: 0 }), load(none as Stored, [3, 0]));
      close("toeplitz c", linalg.toeplitz(c), g.toeplitz[0]);
      close("toeplitz", linalg.toeplitz(c, r), g.toeplitz[1]);
      close("hankel c", linalg.hankel(c), g.hankel[0]);
      close("hankel", linalg.hankel(c, r), g.hankel[1]);
      close("circulant", linalg.circulant(c), g.circulant);
    }
  });
  it("broadcast over batches, of integers and truth values, too", () => {
    const c = tensor(
      Int32Array.from({ length: 6 }, (_, i) => i),
      { shape: [2, 3] },
    );
    expect(linalg.toeplitz(c, tensor(Int32Array.of(9, 7)) as never).toArray()).to.deep.equal([
      [
        [0, 7],
        [1, 0],
        [2, 1],
      ],
      [
        [3, 7],
        [4, 3],
        [5, 4],
      ],
    ]);
    expect(linalg.circulant(tensor([true, false])).toArray()).to.deep.equal([
      [true, false],
      [false, true],
    ]);
    expect(linalg.vander(tensor(Int32Array.of(-2, 3)) as never, { n: 4 }).toArray()).to.deep.equal([
      [-8, 4, -2, 1],
      [27, 9, 3, 1],
    ]);
    const mapped = vmap((x: T) => linalg.hankel(x))(weights([4, 3])) as T;
    close("vmap", mapped, linalg.hankel(weights([4, 3])), 1e-15);
  });
  it("powers have a derivative at zero", () => {
    const loss = (x: T): T => sum(mul(weights([2, 4]), linalg.vander(x, { n: 4, increasing: true }))) as T;
    close("at 0", grad(loss)(tensor([0, 2])), [Math.cos(2), Math.cos(6) + 4 * Math.cos(7) + 12 * Math.cos(8)], 1e-14);
  });
  it("say what is wrong", () => {
    expect(caught(() => linalg.vander(tensor([1, 2]), { n: -1 })).message).to.match(/option n must be an integer, 0 or more, got -1/);
    expect(caught(() => linalg.toeplitz(tensor(1))).code).to.equal("ERR_SHAPE");
    expect(caught(() => linalg.toeplitz([1, 2] as never)).message).to.match(/^toeplitz: c must be a tensor.*Wrap it/);
  });
});

describe("equations between tensors", () => {
  it("are those of NumPy", () => {
    for (const g of cases<"a" | "b" | "x" | "moved" | "xMoved" | "inverse" | "y" | "y1">("tensors")) {
      close("tensorsolve", linalg.tensorsolve(load(g.a), load(g.b)), g.x, 1e-11);
      close("axes", linalg.tensorsolve(load(g.moved), load(g.b), { axes: [0] }), g.xMoved, 1e-11);
      close("negative axes", linalg.tensorsolve(load(g.moved), load(g.b), { axes: [-3] }), g.xMoved, 1e-11);
      close("tensorinv", linalg.tensorinv(load(g.inverse)), g.y, 1e-11);
      close("ind", linalg.tensorinv(load(g.inverse).reshape([8, 4, 2]), { ind: 1 }), g.y1, 1e-11);
    }
  });
  it("have gradients once axes are moved, and forms that do not throw", async () => {
    const [g] = cases<"moved" | "b">("tensors");
    const f = (a: T, b: T): T => weighted(linalg.tensorsolve(a, b, { axes: [0] }) as T);
    await checkGrads(f as never, [load(g?.moved as never), load(g?.b as never)]);
    const singular = tensor(new Float64Array(16), { shape: [2, 2, 4] });
    const { value, failures } = linalg.tensorsolve.checked(singular, weights([2, 2]));
    expect([value.data.every(Number.isNaN), failures[0]?.code, failures[0]?.op]).to.deep.equal([true, "ERR_SINGULAR", "tensorsolve"]);
    close("async", await linalg.tensorinv.async(eye(4).reshape([2, 2, 4])), eye(4).reshape([4, 2, 2]));
  });
  it("say what is wrong", () => {
    const [a, b] = [weights([2, 3, 5]), weights([2, 3])];
    expect(caught(() => linalg.tensorsolve(a, b)).message).to.match(
      /^tensorsolve: a of shape \[2, 3, 5\] must be b's shape, \[2, 3\], then/,
    );
    expect(caught(() => linalg.tensorsolve(a, b, { axes: [3] })).message).to.match(/option axes must name different axes of a/);
    expect(caught(() => linalg.tensorsolve(a, b, { axes: [1, -2] })).code).to.equal("ERR_ARGUMENT");
    expect(caught(() => linalg.tensorinv(a)).message).to.match(/the first 2 axes of a, shape \[2, 3, 5\]/);
    expect(caught(() => linalg.tensorinv(a, { ind: 0 })).message).to.match(/option ind must be a positive integer/);
    expect(caught(() => linalg.tensorinv(eye(2), { ind: 3 })).code).to.equal("ERR_SHAPE");
  });
});

describe("the nuclear norm", () => {
  const weight = weights([3, 3]);
  const slope = (a: T): T => sum(mul(weight, grad((x: T) => linalg.nuclearNorm(x))(a))) as T;
  it("has exact Hessians where singular values are equal, and as gaps close", () => {
    const turn = linalg.polar(add(weight, eye(3)) as T).u as T;
    for (const gap of [1e-1, 1e-4, 1e-8, 1e-12, 1e-18, 0]) {
      const p = tensor([
        [2 + gap, 0, 0],
        [0, 2, 0],
        [0, 0, 1],
      ]) as T;
      const a = matmul(turn, p) as T; // A = W P: dW = W Ω with Ω P + P Ω = Wᴴ E - Eᴴ W, of the diagonal P elementwise
      const skew = (e: T): T => matmul(turn, e, { adjointA: true }) as T;
      const of = add(skew(weight), mul(-1, adjoint(skew(weight)))) as T;
      const sums = add(tensor([[2 + gap], [2], [1]]), tensor([2 + gap, 2, 1])) as T;
      const want = matmul(turn, of.div(sums) as T) as T;
      close(`gap ${gap}`, grad(slope)(a), want, 1e-13);
      const by = (x: T): T => sum(mul(weight, grad((y: T) => linalg.norm(y, { ord: "nuc" }))(x))) as T;
      close(`norm, gap ${gap}`, grad(by)(a), want, 1e-13);
    }
  });
  it("is named in errors, and has no Hessian where the rank is not full", () => {
    const low = weights([3, 1]).mul(tensor([1, 2]));
    expect(caught(() => linalg.norm(tensor([[Number.NaN]]), { ord: "nuc" })).message).to.match(/^norm: .*contains NaN/);
    expect(caught(() => linalg.nuclearNorm(tensor([[Number.NaN]]))).message).to.match(/^nuclearNorm: .*contains NaN/);
    const second = caught(() =>
      grad((x: T) => sum(mul(weights([3, 2]), grad((y: T) => linalg.nuclearNorm(y))(x))))(low as Tensor<"float64">),
    );
    expect(second.code).to.equal("ERR_DEGENERATE");
    close("empty", linalg.nuclearNorm(tensor(new Float64Array(0), { shape: [2, 0, 3] })), [0, 0]);
  });
});
