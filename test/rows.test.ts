// What a row can say of its operands beside "one matrix in, one matrix out": any number of inputs, sizes that are fixed, dtypes by attribute.
import { expect } from "chai";
import { oneOf } from "../lib/core/attrs";
import {
  ArgumentError,
  add,
  bool,
  compile,
  DtypeError,
  defineOp,
  float64,
  grad,
  int32,
  jvp,
  mul,
  registerGradient,
  ShapeError,
  sum,
  type Tensor,
  tensor,
  transpose,
} from "../lib/index";
import { caught } from "./support";

/** The sum of any number of vectors, the i-th times i + 1. */
const weighted = defineOp({
  name: "testWeighted",
  inputs: ["...xs"],
  outputs: ["y"],
  infer: ({ xs }) => ({ y: xs[0] as readonly number[] }),
  samples: (n) => [{ shapes: { xs: [[n], [n]] } }],
  saves: ["...xs"],
  kernel: ({ xs }) => xs.map((x, i) => mul(x, i + 1)).reduce((a, b) => add(a, b)),
  vjp: ({ xs }, { y: g }, _attrs, { shapes, wanted }) => ({
    xs: xs.map((_x, i) => () => {
      expect(shapes.xs[i]).to.deep.equal([2]);
      expect(wanted.xs[i]).to.equal(true);
      return mul(g, i + 1);
    }),
  }),
});
const [a, b, c] = [tensor([1, 2]), tensor([3, 5]), tensor([10, 20])] as [Tensor<"float64">, Tensor<"float64">, Tensor<"float64">];

/** w times the sum. */
const scaled = defineOp({
  name: "testScaled",
  inputs: ["w", "...xs"],
  outputs: ["y"],
  infer: ({ w }) => ({ y: w }),
  samples: (n) => [{ shapes: { w: [n], xs: [[n], [n]] } }],
  kernel: ({ w, xs }) =>
    mul(
      w,
      xs.reduce((s, t) => add(s, t)),
    ),
});

describe("rows with any number of inputs", () => {
  it("may have others before them", () => {
    expect(scaled(c, [a, b]).toArray()).to.deep.equal([40, 140]);
    expect(
      grad((w: Tensor<"float64">, x: Tensor<"float64">) => sum(scaled(w, [x, b, x])), { argnums: [0, 1] })(c, a).map((t) => t.toArray()),
    ).to.deep.equal([
      [5, 9],
      [20, 40],
    ]);
    expect(caught(() => scaled(c, [a, "x" as never])).message).to.include("xs[1] must be a tensor or a number");
  });
  it("take an array, of tensors and numbers, and promote as others do", () => {
    expect(weighted([a, b, c]).toArray()).to.deep.equal([37, 72]);
    expect(weighted([a]).toArray()).to.deep.equal([1, 2]);
    expect(
      weighted([
        a,
        tensor([
          { re: 0, im: 1 },
          { re: 0, im: 0 },
        ]) as never,
      ]).dtype,
    ).to.equal("complex128");
  });
  it("refuse what is no array of tensors, and say which one is wrong", () => {
    for (const bad of [undefined, a, [], 3, "x"]) expect(caught(() => weighted(bad as never))).to.be.instanceOf(ArgumentError);
    expect(caught(() => weighted([a, "x" as never])).message).to.include("xs[1] must be a tensor or a number");
    expect(caught(() => weighted([a, tensor([1, 2], { dtype: "float32" }) as never])).message).to.include("xs[1] is float32");
  });
  it("have derivatives in both modes", () => {
    const f = (x: Tensor<"float64">, y: Tensor<"float64">) => sum(mul(weighted([x, y, x]), b));
    // x + 2 y + 3 x
    expect(grad(f, { argnums: [0, 1] })(a, c).map((t) => t.toArray())).to.deep.equal([
      [12, 20],
      [6, 10],
    ]);
    expect(jvp((x: Tensor<"float64">) => weighted([x, b, x]), [a], [c]).tangent.toArray()).to.deep.equal([40, 80]);
  });
  it("take users' rules, which get and give a list", () => {
    const undo = registerGradient("testWeighted", ({ inputs }, [g]) => inputs.map((_x, i) => g && mul(g, 100 * i)));
    try {
      expect(grad((x: Tensor<"float64">) => sum(weighted([a, x])))(b).toArray()).to.deep.equal([100, 100]);
    } finally {
      undo();
    }
  });
});

describe("rows with sizes that are fixed", () => {
  const norm3 = defineOp({
    name: "testTriple",
    inputs: ["a", "b"],
    outputs: ["y"],
    signature: "(k,3),(3)->(k,2)",
    kernel: ({ a, b }) => mul(sum(mul(a, b), { axis: -1 }), tensor([[1], [2]]) as never).transpose() as never,
  });
  it("take these sizes, and say so of others", () => {
    expect(norm3(tensor([[1, 2, 3]]), tensor([1, 1, 1])).shape).to.deep.equal([1, 2]);
    const error = caught(() => norm3(tensor([[1, 2]]), tensor([1, 1, 1])));
    expect(error).to.be.instanceOf(ShapeError);
    expect(error.message).to.include("a has shape [1, 2], expected (...,k,3). Signature (k,3),(3)->(k,2).");
  });
});

describe("rows for integers and truth values", () => {
  const move = defineOp({
    name: "testMove",
    inputs: ["x"],
    outputs: ["y"],
    types: "any",
    infer: ({ x }) => ({ y: x }),
    samples: (n) => [{ shapes: { x: [n] } }],
    kernel: ({ x }) => transpose(transpose(x)),
  });
  it("say so; others refuse them", () => {
    expect(move(tensor(Int32Array.of(1, 2)) as never).dtype).to.equal("int32");
    expect(move(tensor([true]) as never).dtype).to.equal("bool");
    expect(caught(() => weighted([tensor(Int32Array.of(1, 2)) as never]))).to.be.instanceOf(DtypeError);
  });
  it("compile", () => {
    const p = compile((x: Tensor<"int32">) => transpose(x), int32(2, 3));
    expect(p.runSync([tensor(Int32Array.of(1, 2, 3, 4, 5, 6), { shape: [2, 3] })]).toArray()).to.deep.equal([
      [1, 4],
      [2, 5],
      [3, 6],
    ]);
    expect(bool(1).dtype).to.equal("bool");
    expect(float64(1).dtype).to.equal("float64");
  });
});

describe("rows whose dtypes follow from an option", () => {
  const part = defineOp({
    name: "testPart",
    inputs: ["x"],
    outputs: ["y"],
    attrs: { as: oneOf(["T", "bool"], "T") },
    dtypes: ({ as }) => ({ y: as === "T" ? "T" : "bool" }),
    kernel: ({ x }, { as }) => (as === "T" ? x : (tensor([true, false]) as never)),
  });
  it("give what they say", () => {
    expect(part(a as never).dtype).to.equal("float64");
    expect(part(a as never, { as: "bool" }).dtype).to.equal("bool");
  });
});
