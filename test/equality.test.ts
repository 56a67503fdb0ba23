// What compares, clones and sends own properties sees the elements of a tensor.
import assert from "node:assert";
import { isDeepStrictEqual } from "node:util";
import { deserialize, serialize } from "node:v8";
import { Worker } from "node:worker_threads";
import { expect } from "chai";
import fc from "fast-check";
import { storageOf } from "../lib/core/tensor";
import {
  ArgumentError,
  compile,
  type DType,
  div,
  float64,
  grad,
  jvp,
  linalg,
  mul,
  Program,
  ShapeError,
  sum,
  type Tensor,
  tensor,
  zeros,
} from "../lib/index";
import { long } from "./grid";

type F64 = Tensor<"float64">;
type Partial = { partialDeepStrictEqual?(a: unknown, b: unknown): void };
const { partialDeepStrictEqual } = assert as Partial; // from Node 22.13 on
const throws = (f: () => unknown): boolean => {
  try {
    f();
    return false;
  } catch (error) {
    if (error instanceof assert.AssertionError || (error as Error).name === "AssertionError") return true;
    throw error;
  }
};

/** By all comparers at once; the legacy comparison takes 0 and -0 for equal. */
function compared(x: unknown, y: unknown): boolean {
  const answers = [
    isDeepStrictEqual(x, y),
    isDeepStrictEqual({ g: [x] }, { g: [y] }),
    !throws(() => assert.deepStrictEqual(x, y)),
    throws(() => assert.notDeepStrictEqual(x, y)),
    !throws(() => expect(x).to.deep.equal(y)),
    !throws(() => expect([{ a: x }]).to.deep.include({ a: y })),
  ];
  if (partialDeepStrictEqual) answers.push(!throws(() => partialDeepStrictEqual({ a: x, b: 1 }, { a: y })));
  expect(new Set(answers).size, answers.join()).to.equal(1);
  return answers[0] as boolean;
}
const loosely = (x: unknown, y: unknown): boolean => !throws(() => assert.deepEqual(x, y));

const DTYPES: readonly DType[] = ["float32", "float64", "complex64", "complex128", "bool", "int32"];
const width = (dtype: DType): number => (dtype.startsWith("complex") ? 2 : 1);
const of = (dtype: DType, shape: readonly number[], elements: readonly number[]): Tensor => {
  const t = zeros(shape, { dtype });
  t.data.set(elements);
  return t;
};
/** dtype, shape and elements, small enough for two of them to meet. */
const described = fc.tuple(fc.constantFrom(...DTYPES), fc.array(fc.constantFrom(0, 1, 2), { maxLength: 3 })).chain(([dtype, shape]) => {
  const n = shape.reduce((a: number, d) => a * d, 1) * width(dtype);
  const numbers = dtype === "bool" ? [0, 1] : dtype === "int32" ? [0, 7] : [0, -0, 1, Number.NaN, Number.POSITIVE_INFINITY];
  return fc.record({
    dtype: fc.constant(dtype),
    shape: fc.constant(shape),
    elements: fc.array(fc.constantFrom(...numbers), { minLength: n, maxLength: n }),
  });
});

describe("equality", () => {
  long("of tensors is that of dtype, shape and elements", () => {
    type Description = { dtype: DType; shape: number[]; elements: number[] };
    const list = (p: Description) => [p.dtype, p.shape, p.elements];
    fc.assert(
      fc.property(described, described, (p, q) => {
        const [x, y] = [of(p.dtype, p.shape, p.elements), of(q.dtype, q.shape, q.elements)];
        expect(compared(x, y)).to.equal(isDeepStrictEqual(list(p), list(q)));
        expect(compared(x, of(p.dtype, p.shape, p.elements))).to.equal(true);
        expect(loosely(x, of(p.dtype, p.shape, p.elements))).to.equal(true);
      }),
      { numRuns: 1000 },
    );
  });
  it("tells one element, shape or dtype from another", () => {
    const different: [Tensor, Tensor][] = [
      [tensor([1]), tensor([2])],
      [tensor([[1, 2]]), tensor([[9, 9]])],
      [tensor([0]), tensor([-0])],
      [tensor([Number.NaN]), tensor([1])],
      [tensor(1), tensor([1])],
      [tensor([1]), tensor([[1]])],
      [tensor([1, 2, 3]), tensor([1, 2])],
      [tensor([1, 2, 3]), tensor(1)],
      [zeros([]), zeros([0])],
      [zeros([0]), zeros([2, 0])],
      [zeros([2, 0]), zeros([0, 2])],
      [tensor([1]), tensor([1], { dtype: "float32" })],
      [tensor([1, 0]), tensor([{ re: 1, im: 0 }])],
      [tensor([true]), tensor([false])],
      [tensor([{ re: 1, im: 2 }]), tensor([{ re: 1, im: 3 }])],
    ];
    for (const [x, y] of different) expect(compared(x, y) || compared(y, x), `${x} ${y}`).to.equal(false);
    expect(loosely(tensor([1]), tensor([2]))).to.equal(false);
  });
  it("does not ask where elements come from, nor for the bits of a NaN", () => {
    let leaked = zeros(2);
    const loss = (x: F64): F64 => sum((leaked = mul(x, 2)));
    const gradient = grad(loss)(tensor([1, 2]));
    const inverse = compile((a: F64) => linalg.inv(a), float64(2, 2)).runSync([
      tensor([
        [2, 0],
        [0, 4],
      ]),
    ]);
    const equal: [Tensor, Tensor][] = [
      [gradient, tensor([2, 2])],
      [leaked, tensor([2, 4])], // of a level that has ended
      [
        inverse,
        tensor([
          [0.5, 0],
          [0, 0.25],
        ]),
      ],
      [
        tensor([1, 2, 3, 4]).reshape([2, 2]),
        tensor([
          [1, 2],
          [3, 4],
        ]),
      ],
      [tensor(Float64Array.of(9, 1, 2).subarray(1)), tensor([1, 2])],
      [div(tensor([0, 1]), tensor([0, 0])), tensor([Number.NaN, Number.POSITIVE_INFINITY])],
      [div(zeros(1, { dtype: "float32" }), 0), tensor([Number.NaN], { dtype: "float32" })],
    ];
    for (const [x, y] of equal) {
      expect(compared(x, y), `${x} ${y}`).to.equal(true);
      expect(loosely(x, y), `${x} ${y}`).to.equal(true);
    }
    expect(compared(leaked, tensor([2, 5]))).to.equal(false);
  });
  it("of programs is that of what they compute", () => {
    const times = (k: number) => compile((x: F64) => mul(x, k), float64(2));
    expect(compared(times(2), times(2))).to.equal(true);
    expect(compared(times(2), times(3))).to.equal(false);
    expect(compared(Program.from(times(2).toJSON()), times(2))).to.equal(true);
  });
  it("inside a transform and a trace has no elements to tell", () => {
    const looked = (x: F64): F64 => {
      expect(x.elements).to.equal(undefined);
      return mul(x, 2);
    };
    jvp(looked, [tensor([1, 2])], [tensor([1, 1])]);
    grad((x: F64) => sum(looked(x)))(tensor([1, 2]));
    compile(looked, float64(2));
  });
  it("reads a copy: the memory is nobody else's afterwards", () => {
    const t = mul(tensor([1, 2]), 1);
    (t.elements as Float64Array)[0] = 9;
    expect(t.elements).to.not.equal(t.elements);
    isDeepStrictEqual(t, tensor([1, 2]));
    structuredClone(t);
    expect(storageOf(t).exposed).to.equal(false);
    expect(Object.entries(t.elements as object).at(-1)).to.deep.equal(["shape", "[2]"]); // which partial comparisons do not take in part
    expect(t.toArray()).to.deep.equal([1, 2]);
  });
  it("has three own properties, of which none can be changed", () => {
    const t = tensor([1]);
    expect(Object.keys(t).sort()).to.deep.equal(["dtype", "elements", "shape"]);
    expect(() => Object.assign(t, { elements: [2] })).to.throw(TypeError);
    expect(() => Object.defineProperty(t, "elements", { value: [2] })).to.throw(TypeError);
    const get = Object.getOwnPropertyDescriptor(t, "elements")?.get as () => unknown;
    expect(get).to.equal(Object.getOwnPropertyDescriptor(zeros([2, 3]), "elements")?.get);
    for (const forged of [Object.create(t), Object.assign(Object.create(t), { a: 1 }), new Proxy(t, {})])
      expect(() => forged.elements, String(forged)).to.throw(ArgumentError, /made to look like one/);
  });
});

describe("clones", () => {
  const ways: Readonly<Record<string, (x: unknown) => unknown>> = {
    structuredClone: (x) => structuredClone(x),
    "v8.serialize": (x) => deserialize(serialize(x)),
    JSON: (x) => JSON.parse(JSON.stringify(x)),
  };
  for (const [name, clone] of Object.entries(ways)) {
    it(`of ${name} are read back, all dtypes and shapes`, () => {
      fc.assert(
        fc.property(described, (p) => {
          const elements = name === "JSON" ? p.elements.map((x) => x + 0) : p.elements; // JSON has no -0
          const t = of(p.dtype, p.shape, elements);
          expect(compared(tensor(clone(t) as Tensor), t)).to.equal(true);
        }),
        { numRuns: 500 },
      );
      const big = mul(tensor(Array.from({ length: 3000 }, (_, i) => i / 7)), 1);
      expect(compared(tensor(clone(big) as Tensor), big)).to.equal(true);
      expect(
        compared(
          (clone({ a: [big] }) as { a: Tensor[] }).a.map((x) => tensor(x)),
          [big],
        ),
      ).to.equal(true);
    });
  }
  it("carry dtype, shape and elements alone", () => {
    const c = structuredClone(tensor([1, 2]));
    expect(Object.keys(c).sort()).to.deep.equal(["dtype", "elements", "shape"]);
    expect(c.elements).to.deep.equal(Float64Array.of(1, 2));
    expect(structuredClone(compile((x: F64) => x, float64())).json.format).to.equal("backsolve-program");
  });
  it("that do not fit are refused", () => {
    const c = structuredClone(tensor([1, 2])) as object;
    const wrong = (x: unknown) => () => tensor(x as Tensor);
    expect(wrong({ ...c, shape: [3] })).to.throw(ShapeError, /needs 3 array elements, got 2/);
    expect(wrong({ ...c, dtype: "float32" })).to.throw(/needs a Float32Array, got a Float64Array/);
    expect(wrong({ ...c, dtype: "float16" })).to.throw(/expected a dtype/);
    expect(wrong({ ...c, elements: undefined })).to.throw(ArgumentError, /its elements are undefined: a tensor inside a transform/);
    expect(wrong({ ...c, elements: ["x", 1] })).to.throw(/element 0 must be a number/);
    expect(() => tensor(c as never, { shape: [2] })).to.throw(ArgumentError, /options cannot give others/);
    grad((x: F64) => {
      expect(wrong(structuredClone(x))).to.throw(ArgumentError, /inside a transform/);
      return sum(x);
    })(tensor([1]));
  });
  it("reach workers, as workerData, by message, and without a copy by their buffer", async () => {
    const code = `const { parentPort, workerData } = require("node:worker_threads");
      parentPort.on("message", (m) => parentPort.postMessage(m));
      parentPort.postMessage(workerData);`;
    const [x, y, z] = [
      tensor([1, Number.NaN]),
      tensor(
        [
          [1, 2],
          [3, 4],
        ],
        { dtype: "complex64" },
      ),
      zeros([100, 100]),
    ];
    const worker = new Worker(code, { eval: true, workerData: { x } });
    const next = () => new Promise<never>((resolve, reject) => worker.once("message", resolve).once("error", reject));
    try {
      expect(tensor(((await next()) as { x: Tensor }).x)).to.deep.equal(x);
      worker.postMessage(y);
      expect(tensor(await next())).to.deep.equal(y);
      const { data } = z;
      worker.postMessage({ data, dtype: z.dtype, shape: z.shape }, [data.buffer as ArrayBuffer]);
      expect(data.length).to.equal(0);
      expect(() => z.at(0, 0)).to.throw(ArgumentError, /transferred/);
      expect(tensor(await next())).to.deep.equal(zeros([100, 100]));
    } finally {
      await worker.terminate();
    }
  });
});
