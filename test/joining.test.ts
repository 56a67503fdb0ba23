// concat and stack, beyond what checkOp says of their rows.
import { expect } from "chai";
import {
  ArgumentError,
  compile,
  concat,
  type DType,
  DtypeError,
  float64,
  grad,
  hessian,
  jvp,
  mul,
  ones,
  random,
  ShapeError,
  stack,
  sum,
  type Tensor,
  tensor,
  zeros,
} from "../lib/index";
import { caught, loose } from "./support";

type F64 = Tensor<"float64">;
const a = tensor([
  [1, 2],
  [3, 4],
]) as F64;
const b = tensor([[5, 6]]) as F64;

describe("concat", () => {
  it("joins along an axis, NumPy's way", () => {
    expect(concat([a, b]).toArray()).to.deep.equal([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    expect(concat([a, a], { axis: -1 }).toArray()).to.deep.equal([
      [1, 2, 1, 2],
      [3, 4, 3, 4],
    ]);
    expect(concat([a]).toArray()).to.deep.equal(a.toArray());
    expect(concat([zeros([0, 2]), b, zeros([0, 2])]).toArray()).to.deep.equal([[5, 6]]);
    expect(concat([zeros([0, 3]), zeros([0, 3])]).shape).to.deep.equal([0, 3]);
  });
  it("takes every dtype; real with complex is complex", () => {
    const of = (dtype: DType, x: unknown[]): Tensor => tensor(x as never, { dtype } as never);
    for (const dtype of ["float32", "complex64", "complex128", "int32"] as const)
      expect(concat([of(dtype, [1, 2]), of(dtype, [3])]).dtype, dtype).to.equal(dtype);
    expect(concat([tensor(Int32Array.of(1)), tensor(Int32Array.of(-2, 3))]).toArray()).to.deep.equal([1, -2, 3]);
    expect(concat([tensor([true, false]), tensor([true])]).toArray()).to.deep.equal([true, false, true]);
    const mixed = concat([tensor([1]), tensor([{ re: 2, im: 3 }])] as F64[]);
    expect(mixed.toArray()).to.deep.equal([
      { re: 1, im: 0 },
      { re: 2, im: 3 },
    ]);
    expect(caught(() => concat([a, tensor([[1, 2]], { dtype: "float32" })] as F64[])))
      .to.be.instanceOf(DtypeError)
      .with.property("message")
      .that.includes("xs[1] is float32");
    expect(caught(() => concat([tensor(Int32Array.of(1)), tensor([1])] as never))).to.be.instanceOf(DtypeError);
  });
  it("joins any number of operands", () => {
    for (const n of [15, 16, 17, 226]) {
      const xs = Array.from({ length: n }, (_, i) => tensor([[i], [i + 1]]) as F64);
      const want = [xs.map((_, i) => i), xs.map((_, i) => i + 1)];
      expect(concat(xs, { axis: 1 }).toArray(), String(n)).to.deep.equal(want);
      const f = (...ys: F64[]): F64 => sum(mul(concat(ys, { axis: 1 }), tensor(want)));
      const g = grad(f, { argnums: [n - 1] })(...xs)[0] as F64;
      expect(g.toArray(), String(n)).to.deep.equal([[n - 1], [n]]);
    }
  });
  it("says which operand does not fit", () => {
    const error = caught(() => concat([a, b, ones([2, 3])]));
    expect(error).to.be.instanceOf(ShapeError);
    expect(error.message).to.equal("concat: xs[2] has shape [2, 3], xs[0] has [2, 2]: all sizes but those along axis 0 must be equal.");
    expect(caught(() => concat([...Array.from({ length: 20 }, () => a), ones([2])] as F64[])).message).to.include("xs[20] has shape [2]");
    const mixed = [...Array.from({ length: 20 }, () => a), tensor([[1, 2]], { dtype: "float32" })];
    expect(caught(() => concat(mixed as never)).message).to.include("xs[20] is float32");
    expect(caught(() => concat([tensor(1), tensor(2)])).message).to.include("use stack");
    for (const axis of [2, -3, 0.5, Number.NaN, "0", null])
      expect(
        caught(() => concat([a, a], { axis } as never)),
        String(axis),
      ).to.be.instanceOf(ArgumentError);
    for (const xs of [undefined, [], a, "ab", {}, [a, "x"], [a, null]])
      expect(
        caught(() => loose(concat)(xs)),
        String(xs),
      ).to.be.instanceOf(ArgumentError);
    expect(caught(() => loose(concat)([a], { axes: 0 }))).to.be.instanceOf(ArgumentError);
    expect(caught(() => loose(concat)([a], 1))).to.be.instanceOf(ArgumentError);
  });
  it("has derivatives of both modes and any order", () => {
    const f = (x: F64, y: F64): F64 => sum(mul(concat([x, y, x]), concat([y, x, x])));
    expect(grad(f, { argnums: [0, 1] })(tensor([1, 2]), tensor([10, 20])).map((t) => t.toArray())).to.deep.equal([
      [22, 44],
      [2, 4],
    ]);
    const cubic = (x: F64): F64 => sum(mul(concat([x, mul(x, x)]), concat([x, x])));
    // x² + x³
    expect(hessian(cubic)(tensor([1, 2])).toArray()).to.deep.equal([
      [8, 0],
      [0, 14],
    ]);
    expect(jvp((x: F64) => concat([x, mul(x, x)]), [tensor([3])], [tensor([2])]).tangent.toArray()).to.deep.equal([2, 12]);
  });
  it("compiles: single and lanes, shared operands, inlined in a batch and differentiated", () => {
    const f = (x: F64, y: F64): F64 => mul(concat([x, y, x], { axis: 1 }), 2);
    const program = compile(f, float64(2, 3), float64(2, 1));
    const x = random.normal(1, [21, 2, 3]) as F64;
    const y = tensor([[7], [8]]) as F64;
    const want = Array.from({ length: 21 }, (_, i) => f(tensor((x.toArray() as number[][][])[i] as number[][]) as F64, y).toArray());
    for (const layout of ["single", "lanes"] as const)
      expect((program.runSync([x, y], { layout } as never) as F64).toArray(), layout).to.deep.equal(want);
    const total = (s: F64): F64 => sum(program.runSync([s, y]));
    expect(grad(total)(x).toArray()).to.deep.equal(mul(ones([21, 2, 3]), 4).toArray());
    const shared = (s: F64): F64 => sum(program.runSync([x, s]));
    expect(grad(shared)(y).toArray()).to.deep.equal([[42], [42]]);
  });
});

describe("stack", () => {
  it("joins along a new axis, NumPy's way", () => {
    const [u, v] = [tensor([1, 2]), tensor([3, 4])] as [F64, F64];
    expect(stack([u, v]).toArray()).to.deep.equal([
      [1, 2],
      [3, 4],
    ]);
    for (const axis of [1, -1]) {
      expect(stack([u, v], { axis }).toArray()).to.deep.equal([
        [1, 3],
        [2, 4],
      ]);
    }
    expect(stack([1, tensor(2), 3] as never).toArray()).to.deep.equal([1, 2, 3]);
    expect(stack([tensor(1, { dtype: "float32" }), 2] as never).dtype).to.equal("float32");
    expect(stack([zeros([0]), zeros([0])]).shape).to.deep.equal([2, 0]);
    expect(stack(Array.from({ length: 40 }, (_, i) => tensor(i))).toArray()).to.deep.equal([...Array(40).keys()]);
  });
  it("says which operand does not fit", () => {
    expect(caught(() => stack([tensor([1, 2]), tensor([1, 2]), tensor([1])])).message).to.equal(
      "stack: xs[2] has shape [1], xs[0] has [2]: all shapes must be equal.",
    );
    for (const axis of [2, -3, 0.5]) expect(caught(() => stack([tensor([1])], { axis }))).to.be.instanceOf(ArgumentError);
    for (const xs of [undefined, [], [null]]) expect(caught(() => loose(stack)(xs))).to.be.instanceOf(ArgumentError);
  });
  it("has derivatives", () => {
    const f = (x: F64, y: F64): F64 =>
      sum(
        mul(
          stack([x, y], { axis: -1 }),
          tensor([
            [1, 2],
            [3, 4],
          ]),
        ),
      );
    expect(grad(f, { argnums: [0, 1] })(tensor([0, 0]), tensor([0, 0])).map((t) => t.toArray())).to.deep.equal([
      [1, 3],
      [2, 4],
    ]);
  });
});
