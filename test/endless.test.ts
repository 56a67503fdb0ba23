// Batches that need no memory and could take for ever: what has no elements is there at once, and what fails in finite work is still told.
import { expect } from "chai";
import { compile, eye, float64, type LinalgError, linalg, type Tensor, tensor, zeros } from "../lib/index";
import { libraryChild } from "./child";

type F64 = Tensor<"float64">;
/** What each expression gives, computed in a process that is killed if it does not end. */
const given = (...expressions: string[]): string[] => {
  const { status, out, err } = libraryChild(`
    const { compile, eye, float64, grad, linalg, matmul, mul, sum, zeros } = b, N = 2 ** 38;
    const say = (x) => console.log(x.failures ? "failures " + x.failures.length : "shape " + x.shape.join());
    const tell = (f) => {
      try {
        say(f());
      } catch (error) {
        console.log(error.code);
      }
    };
    (async () => {
      ${expressions.map((e) => (e.includes("await") ? `say(${e});` : `tell(() => ${e});`)).join("\n")}
    })();`);
  expect(`${status} ${err}`).to.equal("0 ");
  return out.split("\n");
};
const EMPTY = "shape 274877906944,3,0";

describe("endless batches of nothing", function () {
  this.timeout(120_000);
  it("are there at once: every op that takes right-hand sides", () => {
    const rhs = "zeros([N, 3, 0])";
    expect(
      given(
        `linalg.solve(eye(3), ${rhs})`,
        `linalg.solveTriangular(eye(3), ${rhs})`,
        `linalg.lstsq(eye(3), ${rhs})`,
        `linalg.lstsq(eye(3), ${rhs}, { method: "svd" })`,
        `linalg.lstsq(eye(3), ${rhs}, { method: "cholesky" })`,
        `linalg.choleskySolve(eye(3), ${rhs})`,
        `await linalg.solve.async(eye(3), ${rhs})`,
        `linalg.solve(eye(3, { dtype: "complex64" }), zeros([N, 3, 0], { dtype: "complex64" }))`,
        `linalg.solve(eye(3), ${rhs}, { onFailure: "nan" })`,
        `linalg.solve(zeros([3, 3]), ${rhs})`, // nothing is judged there
      ),
    ).to.deep.equal(Array(10).fill(EMPTY));
  });
  it("products, lists of failures, gradients", () => {
    expect(
      given(
        "matmul(zeros([N, 0, 3]), eye(3))",
        "await matmul.async(zeros([N, 0, 3]), eye(3))",
        "linalg.solve.checked(eye(3), zeros([N, 3, 0]))",
        "grad((x) => sum(linalg.solve(eye(3), x)))(zeros([N, 3, 0]))",
        "grad((x) => sum(matmul(x, eye(3))))(zeros([N, 0, 3]))",
      ),
    ).to.deep.equal([
      "shape 274877906944,0,3",
      "shape 274877906944,0,3",
      "failures 0",
      "ERR_OUT_OF_MEMORY", // the factors of each item, for the gradient
      "shape 274877906944,0,3",
    ]);
  });
  it("in programs", () => {
    expect(
      given(
        "compile(mul, float64(0), float64()).runSync([zeros([N, 0]), 1])",
        "await compile(mul, float64(0), float64()).run([zeros([N, 0]), 1])",
        "compile((a, x) => linalg.solve(a, x), float64(3, 3), float64(3, 0)).runSync([eye(3), zeros([N, 3, 0])])",
        'compile((a, x) => linalg.solve(a, x), float64(3, 3), float64(3, 0)).runSync([eye(3), zeros([N, 3, 0])], { layout: "lanes", chunk: 7 })',
        "compile((x) => linalg.solve(linalg.inv(mul(2, eye(3))), x), float64(3, 0)).runSync([zeros([N, 3, 0])])",
      ),
    ).to.deep.equal(["shape 274877906944,0", "shape 274877906944,0", EMPTY, EMPTY, EMPTY]);
  });
});

describe("finite batches whose outputs are empty", () => {
  const singular = tensor([
    [
      [1, 2],
      [2, 4],
    ],
    [
      [1, 0],
      [0, 1],
    ],
    [
      [0, 0],
      [0, 0],
    ],
  ]) as F64;
  const error = (f: () => unknown): LinalgError => {
    try {
      f();
    } catch (e) {
      return e as LinalgError;
    }
    throw new Error("nothing was thrown");
  };
  it("still fail where a matrix fails", () => {
    for (const [b, item] of [
      [zeros([2, 0]), 0],
      [zeros([3, 2, 0]), 0],
      [zeros([5, 1, 2, 0]), 0],
    ] as const) {
      expect(error(() => linalg.solve(singular, b)).code).to.equal("ERR_SINGULAR");
      expect(error(() => linalg.solve(singular, b)).item).to.equal(item);
    }
    expect(error(() => linalg.solve(zeros([2, 2]), zeros([1000, 2, 0]))).code).to.equal("ERR_SINGULAR");
    const { failures } = linalg.solve.checked(singular, zeros([2, 3, 2, 0]));
    expect(failures.map((f) => f.item)).to.deep.equal([0, 2, 3, 5]);
  });
  it("and so do programs", () => {
    const program = compile((a: F64, x: F64) => linalg.solve(a, x), float64(2, 2), float64(2, 0));
    expect(error(() => program.runSync([singular, zeros([2, 0])])).code).to.equal("ERR_SINGULAR");
    expect(error(() => program.runSync([zeros([2, 2]), zeros([400, 2, 0])])).item).to.equal(0);
    expect(program.runSync([eye(2), zeros([400, 2, 0])]).shape).to.deep.equal([400, 2, 0]);
  });
});
