// Sizes that nobody can compute: refused by name, or out of memory with a code.
import { expect } from "chai";
import {
  add,
  arange,
  compile,
  eye,
  float64,
  full,
  linalg,
  matmul,
  random,
  registry,
  reshape,
  ShapeError,
  sum,
  type Tensor,
  tensor,
  zeros,
} from "../lib/index";
import { caught, loose, rejected, wrong } from "./support";

type F64 = Tensor<"float64">;

describe("sizes", () => {
  it("beyond LAPACK's 32-bit integers are refused by name", () => {
    const [tall, wide] = [zeros([2 ** 31, 0]), zeros([0, 2 ** 31])];
    const cases: (() => unknown)[] = [
      () => matmul(wide, tall),
      () => linalg.luFactor(tall),
      () => linalg.lu(wide),
      () => linalg.solve(zeros([0, 0]), wide),
      () => linalg.solveTriangular(zeros([0, 0]), wide),
      () => linalg.choleskySolve(zeros([0, 0]), wide),
      () => linalg.applyPivots(wrong(zeros([0], { dtype: "int32" })), tall),
    ];
    for (const f of cases) {
      const error = caught(f);
      expect(error).to.be.instanceOf(ShapeError);
      expect(error.message).to.match(/has shape \[.*2147483648.*\]: LAPACK's 32-bit integers end at 2147483647 rows or columns/);
    }
    expect(matmul(zeros([0, 2 ** 31 - 1]), zeros([2 ** 31 - 1, 0])).shape).to.deep.equal([0, 0]);
  });
  it("that no tensor has are refused, given or inferred", () => {
    const twelve = zeros([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
    const given: unknown[] = [
      -1,
      0.5,
      Number.NaN,
      Infinity,
      1e308,
      2 ** 53,
      2 ** 60,
      "3",
      3n,
      null,
      undefined,
      {},
      [[2]],
      [2, "2"],
      [Symbol("s")],
      new Array(13).fill(1),
    ];
    for (const shape of given) {
      for (const f of [
        () => zeros(wrong(shape)),
        () => reshape(eye(2), wrong(shape)),
        () => random.normal(1, wrong(shape)),
        () => tensor(new Float64Array(4), { shape: wrong(shape) ?? -1 }),
        () => loose(float64)(...(Array.isArray(shape) ? shape : [shape])),
      ])
        expect(caught(f).code, String(f)).to.equal("ERR_SHAPE");
    }
    const op = (name: string) => loose(registry.op(name));
    const inferred: (() => unknown)[] = [
      () => matmul(zeros([2 ** 26, 0]), zeros([0, 2 ** 26])),
      () => add(zeros([2 ** 26, 1, 0]), zeros([2 ** 26, 0])),
      () => twelve.expandDims(0),
      () => op("broadcastTo")(eye(1), { shape: [-1, 1] }),
      () => op("broadcastTo")(eye(1), { shape: new Array(20).fill(1) }),
      () => op("diagEmbed")(twelve, { rows: 1, columns: 1 }),
      () => op("padTo")(eye(1), { start: [0, 0], shape: [2 ** 40, 2 ** 40] }),
    ];
    for (const f of inferred) expect(caught(f).code, String(f)).to.equal("ERR_SHAPE");
  });
  it("that memory does not hold are ERR_OUT_OF_MEMORY, with the op's name", () => {
    const one = zeros([1]);
    const cases: [string, () => unknown][] = [
      ["zeros", () => zeros([2 ** 44])],
      ["eye", () => eye(2 ** 22)],
      ["full", () => full([2 ** 20, 2 ** 20], 1, { dtype: "complex128" })],
      ["random.normal", () => random.normal(1, [2 ** 44])],
      ["arange", () => arange(2 ** 44)],
      ["broadcastTo", () => one.broadcastTo([2 ** 40])],
      ["broadcastTo", () => one.broadcastTo([2 ** 24, 2 ** 24])],
      ["matmul", () => matmul(zeros([2 ** 22, 0]), zeros([0, 2 ** 22]))],
      ["add", () => add(zeros([2 ** 20, 1]), zeros([2 ** 24]))],
      ["program", () => compile((x: F64) => x.broadcastTo([2 ** 24, 2 ** 20]), float64(1)).runSync([one])],
    ];
    for (const [name, f] of cases) {
      const error = caught(f);
      expect([error.code, error.op]).to.deep.equal(["ERR_OUT_OF_MEMORY", name]);
      expect(error.message).to.match(/there is not enough memory for the result or its workspace\.$/);
    }
  });
  it("of batches that exist only by broadcasting run out of memory for the result, not of anything else", async () => {
    expect(linalg.cholesky(zeros([2 ** 40, 0, 0])).shape).to.deep.equal([2 ** 40, 0, 0]);
    expect(caught(() => linalg.det(zeros([2 ** 40, 0, 0]))).code).to.equal("ERR_OUT_OF_MEMORY");
    const program = compile((x: F64, y: F64) => add(x, sum(y)), float64(), float64(0));
    expect(caught(() => program.runSync([1, zeros([2 ** 40, 0])])).code).to.equal("ERR_OUT_OF_MEMORY");
    expect((await rejected(program.run([1, zeros([2 ** 40, 0])]))).code).to.equal("ERR_OUT_OF_MEMORY");
  });
});
