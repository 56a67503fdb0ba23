// gather, scatterAdd, argmax and argmin, beyond what checkOp says of their rows.
import { expect } from "chai";
import {
  ArgumentError,
  add,
  argmax,
  argmin,
  compile,
  DtypeError,
  float64,
  full,
  gather,
  grad,
  hvp,
  info,
  int32,
  jvp,
  mul,
  Program,
  random,
  ShapeError,
  scatterAdd,
  setThreads,
  square,
  sum,
  type Tensor,
  tensor,
  zeros,
} from "../lib/index";
import { sameBits } from "../lib/testing/index";
import { caught, fields, loose, rejected } from "./support";

type F64 = Tensor<"float64">;
const ints = (x: unknown): Tensor<"int32"> => tensor(x as never, { dtype: "int32" }) as Tensor<"int32">;
const x = tensor([
  [1, 2, 3],
  [4, 5, 6],
]) as F64;

describe("gather", () => {
  it("is NumPy's take_along_axis", () => {
    expect(gather(tensor([10, 20, 30]), ints([2, 0, -1, -3])).toArray()).to.deep.equal([30, 10, 30, 10]);
    expect(
      gather(
        x,
        ints([
          [2, 0],
          [1, -1],
        ]),
      ).toArray(),
    ).to.deep.equal([
      [3, 1],
      [5, 6],
    ]);
    expect(gather(x, ints([[1, 0, -1]]), { axis: 0 }).toArray()).to.deep.equal([[4, 2, 6]]);
    expect(gather(x, ints([[1]]), { axis: 0 }).toArray(), "indices broadcast").to.deep.equal([[4, 5, 6]]);
    expect(gather(tensor([[7, 8, 9]]), ints([[0], [2]])).toArray(), "x broadcasts").to.deep.equal([[7], [9]]);
    const deep = tensor(
      Float64Array.from({ length: 24 }, (_, i) => i),
      { shape: [2, 3, 2, 2] },
    ) as F64;
    const at = gather(deep, ints([[[[2]], [[0]]]]), { axis: 1 });
    expect(at.shape).to.deep.equal([2, 2, 2, 2]);
    expect(at.at(1, 0, 1, 1)).to.equal(deep.at(1, 2, 1, 1));
    expect(at.at(0, 1, 1, 0)).to.equal(deep.at(0, 0, 1, 0));
  });
  it("takes every dtype", () => {
    expect(gather(ints([5, -6, 7]), ints([1, 1])).toArray()).to.deep.equal([-6, -6]);
    expect(gather(tensor([true, false]), ints([1, 0])).toArray()).to.deep.equal([false, true]);
    expect(
      gather(
        tensor([
          { re: 1, im: 2 },
          { re: 3, im: 4 },
        ]),
        ints([1]),
      ).toArray(),
    ).to.deep.equal([{ re: 3, im: 4 }]);
    expect(gather(tensor([1, 2], { dtype: "float32" }), ints([1])).dtype).to.equal("float32");
    expect(caught(() => loose(gather)(x, tensor([[0]])))).to.be.instanceOf(DtypeError);
  });
  it("is empty where nothing is asked for", () => {
    expect(gather(x, zeros([2, 0], { dtype: "int32" })).shape).to.deep.equal([2, 0]);
    expect(gather(zeros([0, 3]), zeros([0, 2], { dtype: "int32" })).shape).to.deep.equal([0, 2]);
    expect(gather(zeros([0]), zeros([0], { dtype: "int32" })).shape).to.deep.equal([0]);
    expect(fields(caught(() => gather(zeros([0]), ints([0]))))).to.include({ code: "ERR_ARGUMENT", index: 0 });
  });
  it("names what is out of range, and goes on without it", async () => {
    const bad = ints([
      [0, 3],
      [1, 0],
      [2, -4],
    ]);
    const three = tensor([[1, 2, 3]]) as F64;
    const error = fields(caught(() => gather(three, bad)));
    expect(error).to.include({ code: "ERR_ARGUMENT", op: "gather", item: 0, index: 1 });
    expect(error.message).to.equal("gather: item 0 of the batch (batch shape [3]) has entry 1 of its indices out of range.");
    const { value, failures } = gather.checked(three, bad);
    expect(failures.map((f) => [f.item, f.index])).to.deep.equal([
      [0, 1],
      [2, 1],
    ]);
    expect(value.toArray()).to.deep.equal([
      [Number.NaN, Number.NaN],
      [2, 1],
      [Number.NaN, Number.NaN],
    ]);
    expect(fields(await rejected(gather.async(tensor([1]), ints([1])))).message).to.equal(
      "gather: entry 0 of the indices is out of range.",
    );
    expect((await gather.async(x, ints([[1], [0]]), { axis: 0 })).toArray()).to.deep.equal([
      [4, 5, 6],
      [1, 2, 3],
    ]);
    for (const at of [2 ** 31 - 1, -(2 ** 31), 3, -4])
      expect(fields(caught(() => gather(tensor([1, 2, 3]), ints([0, at]))))).to.include({ code: "ERR_ARGUMENT", index: 1 });
  });
  it("has derivatives where items failed: NaN for these, in both modes, the next order and programs", () => {
    const bad = ints([
      [0, 9],
      [1, 1],
    ]);
    const [a, failed] = [
      tensor([
        [1, 2],
        [3, 4],
      ]) as F64,
      [Number.NaN, Number.NaN],
    ];
    const nan = { onFailure: "nan" } as const;
    const f = (x: F64): F64 => gather(mul(x, x), bad, nan);
    expect(grad((x: F64) => sum(f(x)))(a).toArray()).to.deep.equal([failed, [0, 16]]);
    expect(jvp(f, [a], [a]).tangent.toArray()).to.deep.equal([failed, [32, 32]]);
    expect(hvp((x: F64) => sum(f(x)), a, a).toArray()).to.deep.equal([failed, [0, 16]]);
    const s = (x: F64, v: F64): F64 => scatterAdd(x, bad, mul(v, v), nan);
    const [, v] = grad((x: F64, y: F64) => sum(s(x, y)), { argnums: [0, 1] })(a, a);
    expect(v.toArray()).to.deep.equal([failed, [6, 8]]);
    expect(jvp((y: F64) => s(a, y), [a], [a]).tangent.toArray()).to.deep.equal([failed, [0, 50]]);
    const program = compile((x: F64, i: Tensor<"int32">) => grad((y: F64) => sum(gather(mul(y, y), i)))(x), float64(2), int32(2));
    expect(program.runSync([a, bad], nan).toArray()).to.deep.equal([failed, [0, 16]]);
    expect(fields(caught(() => program.runSync([a, bad])))).to.include({ code: "ERR_ARGUMENT", op: "gather", item: 0, index: 1 });
  });
  it("writes to out", () => {
    const out = zeros([2, 2, 2]);
    const y = gather(
      tensor(
        Float64Array.from({ length: 12 }, (_, i) => i),
        { shape: [3, 2, 2] },
      ) as F64,
      ints([[[2]], [[1]]]),
      { axis: 0, out },
    );
    expect(out.toArray()).to.deep.equal(y.toArray());
    expect(out.at(0, 0, 0)).to.equal(8);
  });
  it("does not write to an out of another shape", () => {
    const [x, i] = [zeros([2, 3, 2, 2]), zeros([2, 3, 2, 2], { dtype: "int32" })];
    for (const shape of [
      [2, 3, 1, 4],
      [2, 3, 4],
      [2, 3],
      [2, 3, 2, 3],
      [2, 4, 2, 2],
      [2, 3, 2, 2, 1],
    ]) {
      const out = full(shape, 7);
      expect(
        caught(() => gather(x, i, { axis: 1, out })),
        shape.join(),
      ).to.be.instanceOf(ArgumentError);
      expect(
        caught(() => scatterAdd(x, i, x, { axis: 1, out })),
        shape.join(),
      ).to.be.instanceOf(ArgumentError);
      expect(out.data.every((v) => v === 7)).to.equal(true);
    }
  });
  it("says what does not fit", () => {
    expect(caught(() => gather(x, ints([0])))).to.be.instanceOf(ShapeError);
    expect(caught(() => gather(x, ints([[0], [0], [0]])))).to.be.instanceOf(ShapeError);
    expect(caught(() => gather(x, ints([[0, 0]]), { axis: 0 })).message).to.include("but along axis 0");
    for (const axis of [2, -3, 0.5, null]) expect(caught(() => gather(x, ints([[0]]), { axis } as never))).to.be.instanceOf(ArgumentError);
    expect(caught(() => loose(gather)(x, ints([[0]]), { axes: 1 }))).to.be.instanceOf(ArgumentError);
  });
  it("has the derivatives of a linear function, to any order", () => {
    const f = (t: F64): F64 => sum(mul(square(gather(t, ints([[2, 2, 0]]))), tensor([[1, 10, 100]])));
    const row = tensor([[1, 2, 3]]) as F64;
    expect(grad(f)(row).toArray()).to.deep.equal([[200, 0, 66]]);
    expect(hvp(f, row, tensor([[1, 1, 2]])).toArray()).to.deep.equal([[200, 0, 44]]);
    expect(jvp((t: F64) => gather(t, ints([[1]])), [row], [tensor([[4, 5, 6]])]).tangent.toArray()).to.deep.equal([[5]]);
    // x broadcasts: its cotangents are summed
    expect(grad((t: F64) => sum(gather(t, ints([[0], [0], [2]]))))(row).toArray()).to.deep.equal([[2, 0, 1]]);
  });
  it("compiles: indices of each item, in single and lanes", () => {
    const program = compile((t: F64, i: Tensor<"int32">) => mul(gather(t, i, { axis: 0 }), 2), float64(4, 3), int32(2, 3));
    const t = random.normal(1, [21, 4, 3]) as F64;
    const i = ints(
      Array.from({ length: 21 }, (_, k) => [
        [k % 4, 0, -1],
        [3, (k + 1) % 4, -4],
      ]),
    );
    const want = mul(gather(t, i, { axis: 1 }), 2);
    for (const layout of ["single", "lanes"] as const)
      expect(sameBits(program.runSync([t, i], { layout } as never) as F64, want), layout).to.equal(true);
    const bad = i.toArray() as number[][][];
    bad[5]![0]![1] = 4;
    expect(fields(caught(() => program.runSync([t, ints(bad)])))).to.include({ code: "ERR_ARGUMENT", op: "gather", item: 5, index: 1 });
  });
  it("stays inside its tensors in programs that lie", () => {
    const good = compile((t: F64) => gather(t, ints([0, 2])), float64(3)).toJSON() as unknown as Record<string, unknown>;
    const text = JSON.stringify(good);
    const y = Program.from(JSON.parse(text)).runSync([tensor([1, 2, 3])] as never) as unknown as F64;
    expect(y.toArray()).to.deep.equal([1, 3]);
    expect(caught(() => Program.from(JSON.parse(text.replaceAll('"rows":false', '"rows":true')))).message).to.match(/gather|program/);
  });
});

describe("scatterAdd", () => {
  it("adds at indices, repeated ones too", () => {
    expect(scatterAdd(tensor([1, 2, 3]), ints([0, -1, 0]), tensor([10, 20, 30])).toArray()).to.deep.equal([41, 2, 23]);
    expect(scatterAdd(x, ints([[1, 0, 1]]), tensor([[10, 20, 30]]), { axis: 0 }).toArray()).to.deep.equal([
      [1, 22, 3],
      [14, 5, 36],
    ]);
    expect(scatterAdd(zeros([1, 3]), ints([[0], [2]]), tensor([[5], [6]])).toArray(), "x broadcasts").to.deep.equal([
      [5, 0, 0],
      [0, 0, 6],
    ]);
  });
  it("is the transpose of gather", () => {
    const [t, i, v] = [random.normal(1, [4, 6, 2]), ints([[[3], [0], [3]]]), random.normal(2, [4, 3, 2])] as [F64, Tensor<"int32">, F64];
    const left = sum(mul(gather(t, i, { axis: 1 }), v)).item() as number;
    const right = sum(mul(t, scatterAdd(zeros([4, 6, 2]), i, v, { axis: 1 }))).item() as number;
    expect(left).to.be.closeTo(right, 1e-13);
  });
  it("gives the same bits on any number of threads", () => {
    const [n, k] = [100, 5000];
    const i = tensor(
      Int32Array.from({ length: 40 * k }, (_, e) => (e * 7919) % n),
      { shape: [40, k] },
    ) as Tensor<"int32">;
    const [t, v] = [random.normal(1, [40, n]), random.normal(2, [40, k])] as [F64, F64];
    const one = scatterAdd(t, i, v);
    const { threads } = info();
    setThreads(1);
    try {
      expect(sameBits(scatterAdd(t, i, v), one)).to.equal(true);
    } finally {
      setThreads(threads);
    }
  });
  it("has derivatives, to any order", () => {
    const f = (t: F64, v: F64): F64 => sum(square(scatterAdd(t, ints([1, 1]), v)));
    const [t, v] = [tensor([1, 2]), tensor([3, 4])] as [F64, F64];
    expect(grad(f, { argnums: [0, 1] })(t, v).map((g) => g.toArray())).to.deep.equal([
      [2, 18],
      [18, 18],
    ]);
    expect(hvp((u: F64) => f(t, u), v, tensor([1, 0])).toArray()).to.deep.equal([2, 2]);
  });
  it("names what is out of range", () => {
    expect(fields(caught(() => scatterAdd(tensor([1, 2]), ints([0, 2]), tensor([1, 1]))))).to.include({ code: "ERR_ARGUMENT", index: 1 });
  });
});

describe("argmax and argmin", () => {
  it("are NumPy's", () => {
    const t = tensor([
      [1, 9, 9],
      [7, 0, 9],
    ]);
    expect(argmax(t).item()).to.equal(1);
    expect(argmax(t).dtype).to.equal("int32");
    expect(argmin(t).item()).to.equal(4);
    expect(argmax(t, { axis: 0 }).toArray()).to.deep.equal([1, 0, 0]);
    expect(argmax(t, { axis: -1 }).toArray()).to.deep.equal([1, 2]);
    expect(argmin(t, { axis: 1, keepDims: true }).toArray()).to.deep.equal([[0], [1]]);
    expect(argmax(t, { keepDims: true }).toArray()).to.deep.equal([[1]]);
    expect(argmax(tensor(3)).toArray()).to.equal(0);
  });
  it("take the first NaN, whatever is beside it", () => {
    const t = tensor([
      [Infinity, Number.NaN, Number.NaN],
      [-0, 0, -Infinity],
    ]);
    expect(argmax(t, { axis: 1 }).toArray()).to.deep.equal([1, 0]);
    expect(argmin(t, { axis: 1 }).toArray()).to.deep.equal([1, 2]);
    expect(argmax(tensor([Number.NaN, 1])).item()).to.equal(0);
    const z = (re: number, im: number) => ({ re, im });
    expect(argmax(tensor([z(1, 5), z(2, -1), z(2, 3)])).item()).to.equal(2);
    expect(argmin(tensor([z(1, 5), z(0, Number.NaN), z(0, 3)])).item()).to.equal(1);
  });
  it("take integers and truth values", () => {
    expect(argmax(ints([-5, 2 ** 31 - 1, -(2 ** 31)])).item()).to.equal(1);
    expect(argmin(ints([-5, 2 ** 31 - 1, -(2 ** 31)])).item()).to.equal(2);
    expect(argmax(tensor([false, true, true])).item()).to.equal(1);
  });
  it("refuse what is empty, and give nothing of nothing", () => {
    for (const t of [zeros([0]), zeros([3, 0])]) expect(caught(() => argmax(t)).message).to.include("no elements");
    expect(caught(() => argmin(zeros([3, 0]), { axis: 1 })).message).to.include("axis 1");
    expect(argmax(zeros([3, 0]), { axis: 0 }).shape).to.deep.equal([0]);
    expect(argmax(zeros([0, 3]), { axis: 1 }).shape).to.deep.equal([0]);
    for (const axis of [2, -3, 0.5, [0], "0"]) expect(caught(() => argmax(x, { axis } as never))).to.be.instanceOf(ArgumentError);
    expect(caught(() => argmax(x, { keepDims: 1 } as never))).to.be.instanceOf(ArgumentError);
  });
  it("have no derivative: what they choose has", () => {
    const largest = (t: F64): F64 => sum(gather(t, argmax(t, { axis: 1, keepDims: true })));
    expect(grad(largest)(x).toArray()).to.deep.equal([
      [0, 0, 1],
      [0, 0, 1],
    ]);
  });
  it("compile: in single and lanes", () => {
    const program = compile((t: F64) => add(gather(t, argmax(t, { axis: 0, keepDims: true }), { axis: 0 }), 1), float64(5, 3));
    const t = random.normal(1, [21, 5, 3]) as F64;
    const want = add(gather(t, argmax(t, { axis: 1, keepDims: true }), { axis: 1 }), 1);
    for (const layout of ["single", "lanes"] as const)
      expect(sameBits(program.runSync([t], { layout } as never) as F64, want), layout).to.equal(true);
  });
});
