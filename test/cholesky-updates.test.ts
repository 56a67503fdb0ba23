// Updates and downdates of Cholesky factors against the factors of the changed matrices.
import { expect } from "chai";
import {
  add,
  adjoint,
  complex,
  diagEmbed,
  eye,
  type Float,
  grad,
  linalg,
  matmul,
  mul,
  neg,
  random,
  square,
  sub,
  sum,
  type Tensor,
  tensor,
  vmap,
  zeros,
} from "../lib/index";
import { relativeError } from "../lib/testing/index";
import { caught } from "./support";

type T = Tensor<"float64">;
const draw = (seed: number, shape: readonly number[], dtype: Float = "float64"): T =>
  random.normal(seed, [...shape], { dtype }) as Tensor as T;
const product = (x: T): T => matmul(x, adjoint(x)) as T;
const update = (l: T, x: T): T => linalg.choleskyUpdate(l, x) as T;
const downdate = (l: T, x: T): T => linalg.choleskyDowndate(l, x) as T;

describe("choleskyUpdate and choleskyDowndate", () => {
  it("leave the factors of the changed matrices, and undo each other", () => {
    for (const dtype of ["float64", "complex128"] as const)
      for (const [n, k] of [
        [1, 1],
        [5, 1],
        [40, 3],
        [3, 7],
        [120, 1],
      ] as const) {
        const a = add(product(draw(1, [n, n], dtype)), eye(n, { dtype })) as T;
        const [l, x] = [linalg.cholesky(a) as T, draw(2, [n, k], dtype)];
        const y = update(l, x);
        const size = linalg.norm(product(y)).item() * n * 2 ** -52;
        expect(linalg.norm(sub(product(y), add(a, product(x)))).item() / size, `${n} ${k} up`).to.be.below(3);
        expect(relativeError(y, linalg.cholesky(add(a, product(x)))), `${n} ${k}`).to.be.below(1e-11);
        expect(relativeError(downdate(y, x), l), `${n} ${k} back`).to.be.below(1e-9);
      }
  });
  it("have the gradients of the factor", () => {
    const [l, x, w] = [linalg.cholesky(add(product(draw(3, [4, 4])), eye(4))) as T, mul(0.1, draw(4, [4, 2])) as T, draw(5, [4, 4])];
    for (const [f, whole] of [
      [update, add],
      [downdate, sub],
    ] as const) {
      const got = grad((l: T, x: T): T => sum(mul(w, square(f(l, x)))) as T, { argnums: [0, 1] })(l, x);
      const want = grad((l: T, x: T): T => sum(mul(w, square(linalg.cholesky(whole(product(linalg.tril(l)), product(x)) as T)))) as T, {
        argnums: [0, 1],
      })(l, x);
      got.forEach((g, i) => expect(relativeError(g, want[i] as T)).to.be.below(1e-12));
    }
  });
  it("take one vector, stacks that broadcast, and factors whose diagonal is of any phase", async () => {
    const l = linalg.cholesky(add(product(draw(6, [3, 4, 4])), eye(4))) as T;
    const x = draw(7, [4]);
    const column = x.reshape([4, 1]) as T;
    expect(relativeError(update(l, x), update(l, column))).to.equal(0);
    expect(relativeError(await linalg.choleskyUpdate.async(l, x), update(l, x))).to.equal(0);
    expect(relativeError(vmap((m: T) => update(m, x))(l), update(l, x))).to.be.below(1e-15);
    expect(relativeError(update(neg(l) as T, x), update(l, x))).to.be.below(1e-15);
    const phase = diagEmbed(complex(tensor([0.6, 0, 1, -1]), tensor([0.8, 1, 0, 0]))) as Tensor as T;
    expect(relativeError(update(matmul(l, phase) as T, x), complex(update(l, x), zeros([3, 4, 4])))).to.be.below(1e-15);
  });
  it("name the item and the minor that is not positive definite", () => {
    const l = add(zeros([2, 3, 3]), eye(3)) as T;
    const x = tensor([
      [
        [0.5, 0],
        [0, 0.5],
        [0, 0],
      ],
      [
        [0, 0],
        [0.8, 0.7],
        [0, 0],
      ],
    ]);
    const e = caught(() => downdate(l, x));
    expect(`${e.code} ${e.message}`).to.match(/^ERR_NOT_POSITIVE_DEFINITE choleskyDowndate: matrix 1 of the batch .* minor of order 2/);
    const { value, failures } = linalg.choleskyDowndate.checked(l, x);
    expect(failures.map((f) => [f.op, f.item, f.index])).to.deep.equal([["choleskyDowndate", 1, 2]]);
    expect(relativeError(value.index(0), diagEmbed(tensor([Math.sqrt(0.75), Math.sqrt(0.75), 1])))).to.be.below(1e-15);
    expect(caught(() => downdate(eye(2), tensor([1, 0]))).code).to.equal("ERR_NOT_POSITIVE_DEFINITE");
    expect(caught(() => update(zeros([2, 2]), tensor([1, 0]))).code).to.equal("ERR_NOT_POSITIVE_DEFINITE");
    expect(caught(() => update(eye(2), tensor([1, Number.NaN]))).code).to.equal("ERR_NOT_FINITE");
    expect(caught(() => update(eye(2), tensor([1, 2, 3]))).code).to.equal("ERR_SHAPE");
  });
  it("are exact at any scale, and take nothing", () => {
    for (const scale of [2 ** -1000, 2 ** 1000]) {
      const [l, x] = [mul(scale, tensor([[3]])), mul(scale, tensor([4]))] as [T, T];
      expect([update(l, x).item() / scale, downdate(mul(5 / 3, l) as T, x).item() / scale]).to.deep.equal([5, 3]);
    }
    expect(update(zeros([0, 0]), zeros([0])).shape).to.deep.equal([0, 0]);
    expect(update(eye(2), zeros([2, 0])).toArray()).to.deep.equal(eye(2).toArray());
    expect(downdate(zeros([0, 2, 2]), tensor([1, 2])).shape).to.deep.equal([0, 2, 2]);
  });
});
