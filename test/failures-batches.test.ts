// Which items of a batch fail is told, whatever its shape, the threads and the layout.
import { expect } from "chai";
import {
  type Code,
  compile,
  type Failure,
  float32,
  float64,
  grad,
  type LinalgError,
  linalg,
  log,
  registry,
  setThreads,
  sum,
  type Tensor,
  tensor,
  zeros,
} from "../lib/index";
import { info } from "../lib/runtime";
import { caught, fields, wrong } from "./support";

type F64 = Tensor<"float64">;

describe("items of batches", () => {
  const threads = info().threads;
  after(() => setThreads(threads));
  const count = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);
  /** Matrices 2 x 2 in float32: the identity, but [[1, 0], [0, bad]] for these items. */
  const batch = (shape: readonly number[], failing: readonly number[], bad: number): Tensor<"float32"> => {
    const data = new Float32Array(count(shape) * 4);
    for (let i = 0; i < data.length; i += 4) data.set([1, 0, 0, 1], i);
    for (const i of failing) data[4 * i + 3] = bad;
    return tensor(data, { shape: [...shape, 2, 2] });
  };
  const rhs = (shape: readonly number[]): Tensor<"float32"> => zeros([...shape, 2, 1], { dtype: "float32" });
  type Op = { (...a: unknown[]): unknown; checked(...a: unknown[]): { value: unknown; failures: readonly Failure[] } };
  const ops: [string, number, Code, number, (a: Tensor<"float32">, s: readonly number[]) => unknown[]][] = [
    ["cholesky", -1, "ERR_NOT_POSITIVE_DEFINITE", 2, (a) => [a]],
    ["logdet", -1, "ERR_NOT_POSITIVE_DEFINITE", 2, (a) => [a]],
    ["inv", 0, "ERR_SINGULAR", 2, (a) => [a]],
    ["solve", 0, "ERR_SINGULAR", 2, (a, s) => [a, rhs(s)]],
    ["solveTriangular", 0, "ERR_SINGULAR", 2, (a) => [a, rhs([])]],
    ["choleskySolve", 0, "ERR_SINGULAR", 2, (a) => [a, rhs([])]],
    ["luSolve", 0, "ERR_SINGULAR", 2, (a) => [a, tensor(new Int32Array([0, 1])), rhs([])]],
    ["det", Number.NaN, "ERR_NOT_FINITE", 0, (a) => [a]],
    ["eigvalsh", Infinity, "ERR_NOT_FINITE", 0, (a) => [a]],
    ["logmHermitian", -1, "ERR_NOT_POSITIVE_DEFINITE", 1, (a) => [a]],
  ];
  for (const shape of [[], [1], [7], [1000], [3, 5], [70000]]) {
    it(`of shape [${shape}]: the lowest failing item is named, all are listed`, () => {
      const n = count(shape);
      const sets = [[0], [n - 1], [n - 1, Math.floor(n / 2), Math.floor(n / 3)]].map((s) => [...new Set(s)].sort((a, b) => a - b));
      for (const [name, bad, code, index, args] of ops) {
        if (n > 1000 && !["cholesky", "inv", "luSolve", "det"].includes(name)) continue;
        const op = registry.op(name) as Op;
        for (const failing of sets) {
          const given = args(batch(shape, failing, bad), shape);
          for (const k of [1, 2, 5]) {
            setThreads(k);
            const error = caught(() => op(...given)) as LinalgError;
            expect([error.code, error.item, error.index, error.op], `${name} ${failing}`).to.deep.equal([code, failing[0], index, name]);
            const which = shape.length === 0 ? "the matrix" : `matrix ${failing[0]} of the batch`;
            expect(error.message.startsWith(`${name}: ${which} (shape [${[...shape, 2, 2].join(", ")}]) `), error.message).to.equal(true);
          }
          const { value, failures } = op.checked(...given);
          expect(failures.map((f) => [f.item, f.code, f.index, f.op])).to.deep.equal(failing.map((i) => [i, code, index, name]));
          expect(failures[0]?.message).to.match(/^(the matrix|matrix \d+ of the batch) \(shape .*\.$/);
          const t = value as Tensor;
          const each = t.data.length / n;
          let nans = 0;
          for (let i = 0; i < t.data.length; i++) nans += Number.isNaN(t.data[i]) ? 1 : 0;
          expect(nans).to.equal(failing.length * each);
          for (const i of failing) expect(t.data.subarray(i * each, (i + 1) * each).every(Number.isNaN)).to.equal(true);
        }
      }
    });
  }

  it("broadcast: the item is that of the result, whichever op of a composed one fails", () => {
    const l = tensor([
      [
        [1, 0],
        [0, 1],
      ],
      [
        [1, 0],
        [0, 0],
      ],
    ]); // [2, 2, 2], item 1 singular
    const b = zeros([3, 1, 2, 1]);
    for (const f of [linalg.solveTriangular, linalg.choleskySolve] as (typeof linalg.choleskySolve)[]) {
      const error = caught(() => f(l, b)) as LinalgError;
      expect([error.item, error.message.includes("(shape [3, 2, 2, 2])")]).to.deep.equal([1, true]);
      expect(f.checked(l, b).failures.map((x) => x.item)).to.deep.equal([1, 3, 5]);
    }
    // pivots fail in their own, smaller batch [3, 1]; lu has [2]
    const pivots = tensor(new Int32Array([0, 1, 0, 1, 9, 1]), { shape: [3, 1, 2] });
    const fine = tensor([
      [
        [1, 0],
        [0, 1],
      ],
      [
        [1, 0],
        [0, 1],
      ],
    ]);
    const { failures, value } = linalg.luSolve.checked(fine, wrong(pivots), zeros([2, 1]));
    expect(failures.map((x) => [x.item, x.code])).to.deep.equal([
      [4, "ERR_ARGUMENT"],
      [5, "ERR_ARGUMENT"],
    ]);
    expect((value as F64).shape).to.deep.equal([3, 2, 2, 1]);
    // item 1 is singular, which a later step finds than the pivots of item 4: the lowest item counts
    for (const adjoint of [false, true]) {
      const first = caught(() => linalg.luSolve(l, wrong(pivots), zeros([2, 1]), { adjoint })) as LinalgError;
      expect([first.item, first.code]).to.deep.equal([1, "ERR_SINGULAR"]);
      const all = linalg.luSolve.checked(l, wrong(pivots), zeros([2, 1]), { adjoint }).failures;
      expect(all.map((x) => x.item)).to.deep.equal([1, 3, 4, 5]);
    }
  });

  it("in programs: by item, whatever layout, chunk and threads", async () => {
    const program = compile((a: Tensor<"float32">) => log(linalg.cholesky(a)), float32(2, 2));
    const a = batch([70000], [69999, 45678, 123], -1);
    for (const layout of ["single", "lanes"] as const) {
      for (const chunk of [1, 7, 4096]) {
        for (const k of [1, 3]) {
          setThreads(4);
          const error = caught(() => program.runSync([a], { layout, chunk, threads: k })) as LinalgError;
          expect([error.item, error.index, error.op, error.code]).to.deep.equal([123, 2, "cholesky", "ERR_NOT_POSITIVE_DEFINITE"]);
          expect(error.message).to.match(/^cholesky: item 123 of the batch \(batch shape \[70000\]\) is not positive definite/);
        }
        const failures: Failure[] = [];
        const out = await program.run([a], { layout, chunk, onFailure: "nan", failures });
        expect(failures.map((f) => [f.item, f.index])).to.deep.equal([
          [123, 2],
          [45678, 2],
          [69999, 2],
        ]);
        expect([123, 45678, 69999].every((i) => out.data.subarray(4 * i, 4 * i + 4).every(Number.isNaN))).to.equal(true);
        expect([122, 124].every((i) => !Number.isNaN(out.data[4 * i]))).to.equal(true);
      }
    }
    const fused = compile((x: F64) => grad((y: F64) => sum(linalg.slogdet(y).logabsdet))(x), float64(2, 2));
    expect(fields(caught(() => fused.runSync([zeros([2, 2])])))).to.include({ code: "ERR_SINGULAR", op: "slogdet", item: 0, index: 1 });
  });
});
