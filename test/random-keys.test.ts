// Keys are tensors and draws are ops: where keys differ from item to item, or are made within a program, numbers do, to the bit.
import { expect } from "chai";
import { dtypes, type Float } from "../lib/core/dtype";
import {
  add,
  bool,
  compile,
  eye,
  float32,
  float64,
  grad,
  int32,
  jvp,
  type Key,
  linalg,
  mul,
  Program,
  random,
  registry,
  type Spec,
  stack,
  sum,
  type Tensor,
  tensor,
  valueAndGrad,
  vjp,
} from "../lib/index";
import { sameBits } from "../lib/testing/index";
import { cells } from "./grid";
import { caught } from "./support";

const FLOATS = ["float32", "float64", "complex64", "complex128"] as const;
const keysOf = (n: number): Key[] => random.split(11, n);
const stacked = (keys: readonly Tensor<"int32">[]): Tensor<"int32"> => (keys.length > 0 ? stack(keys) : int32Of([0, 2]));
const int32Of = (shape: number[]): Tensor<"int32"> => tensor(new Int32Array(shape.reduce((a, b) => a * b, 1)), { shape });
/** Item i of a batch of one axis. */
function item(t: Tensor, i: number): Tensor {
  const shape = t.shape.slice(1);
  const width = dtypes[t.dtype].width * shape.reduce((a, b) => a * b, 1);
  return tensor(t.data.slice(i * width, (i + 1) * width), { shape, dtype: t.dtype });
}
function expectItems(got: Tensor, keys: readonly Key[], draw: (key: Key) => Tensor): void {
  expect(got.shape[0]).to.equal(keys.length);
  for (const [i, key] of keys.entries()) {
    const want = draw(key);
    expect(item(got, i).shape).to.deep.equal(want.shape);
    expect(sameBits(item(got, i), want), `item ${i}`).to.equal(true);
  }
}

describe("random keys", () => {
  it("are int32 tensors of two words, the same as ever", () => {
    const key = random.key(2 ** 40 + 2 ** 31 + 5);
    expect([key.dtype, key.shape, [...key.data]]).to.deep.equal(["int32", [2], [256, -2147483643]]);
    expect([...random.key(2 ** 53 - 1).data]).to.deep.equal([2097151, -1]);
    const keys = random.split(7, 3);
    expect(keys.map((k) => [k.dtype, k.shape, ...k.data])).to.deep.equal([
      ["int32", [2], -1677417450, -701095570],
      ["int32", [2], -1475112524, 1437720067],
      ["int32", [2], 49996574, -1427132154],
    ]);
    const [a, b] = random.split(random.key(2 ** 40 + 5));
    expect([...(a as Key).data, ...(b as Key).data]).to.deep.equal([1270416710, -882023054, -259893660, -1501039064]);
    expect(random.split(7, 0)).to.deep.equal([]);
    expect([...random.normal(keys[2] as Key, [3]).data]).to.deep.equal([-0.6806439858358269, 0.9742289979272897, 0.40393929677188256]);
    expect([...random.uniform(keys[2] as Key, [2], { low: -1 }).data]).to.deep.equal([-0.012967199293170917, -0.30588871460919365]);
  });

  it("of a split are each its own: what a user does to one leaves the others", () => {
    const [a, b] = random.split(3) as [Key, Key];
    const [before, words] = [random.normal(b, [2]).toArray(), a.data];
    words.fill(0);
    expect(random.normal(b, [2]).toArray()).to.deep.equal(before);
    expect([...random.key(0).data]).to.deep.equal([0, 0]);
  });

  it("seeds stand for their keys, and any two words are a key", () => {
    expect(sameBits(random.normal(5, [3]), random.normal(random.key(5), [3]))).to.equal(true);
    expect(sameBits(random.normal(5, [3]), random.normal(tensor(Int32Array.of(0, 5)), [3]))).to.equal(true);
  });

  it("that are none are errors that say what is", () => {
    const wanted = "key must be an int32 tensor of shape [2], as random.key(seed) gives, or a seed";
    const cases: [given: unknown, code: string, got: string][] = [
      [{ hi: 0, lo: 5 }, "ERR_ARGUMENT", "an object"],
      [[0, 5], "ERR_ARGUMENT", "[0, 5]"],
      [null, "ERR_ARGUMENT", "null"],
      [undefined, "ERR_ARGUMENT", "undefined"],
      [Int32Array.of(0, 5), "ERR_ARGUMENT", ""],
      [tensor([0, 5]), "ERR_DTYPE", "float64"],
      [tensor([true, false]), "ERR_DTYPE", "bool"],
      [int32Of([3]), "ERR_SHAPE", "shape [3]"],
      [int32Of([]), "ERR_SHAPE", "shape []"],
      [int32Of([4, 2]), "ERR_SHAPE", "shape [4, 2]"],
      [int32Of([2, 1]), "ERR_SHAPE", "shape [2, 1]"],
    ];
    for (const [name, f] of [
      ["random.normal", (k: Key) => random.normal(k, [2])],
      ["random.uniform", (k: Key) => random.uniform(k, [2])],
      ["random.split", (k: Key) => random.split(k)],
    ] as const) {
      for (const [given, code, got] of cases) {
        const error = caught(() => f(given as Key));
        expect(error.code, error.message).to.equal(code);
        expect(error.message).to.contain(`${name}: ${wanted}, got ${got}`);
      }
      expect(caught(() => f(-1 as never)).message).to.match(/^random\.key: seed must be a non-negative integer, got -1/);
    }
    expect(caught(() => compile((k: Tensor<"float64">) => random.normal(k as never, [2]), float64(2))).code).to.equal("ERR_DTYPE");
    expect(caught(() => compile((k: Key) => random.normal(k, [2]), int32(3))).code).to.equal("ERR_SHAPE");
  });
});

describe("random keys in programs", () => {
  const layouts = ["single", "lanes"] as const;
  const draws: { readonly [name: string]: (k: Key, shape: number[], dtype: Float) => Tensor } = {
    normal: (k, shape, dtype) => random.normal(k, shape, { dtype }),
    unit: (k, shape, dtype) => random.uniform(k, shape, { dtype }),
    uniform: (k, shape, dtype) => random.uniform(k, shape, { dtype, low: -3, high: 4.5 }),
    constant: (k, shape, dtype) => random.uniform(k, shape, { dtype, low: 0.1, high: 0.1 }),
  };
  const shapes: number[][] = [[], [3], [2, 0], [2, 3], [301], [33, 16]];
  const axes = [Object.keys(draws), FLOATS, shapes, [0, 1, 3, 21]] as const;
  for (const [draw, dtype, shape, batch] of cells("draws of keys of a batch", axes)) {
    it(`${draw} of ${dtype} [${shape}], ${batch} keys: each item has the numbers of its key`, () => {
      const f = (k: Key): Tensor => (draws[draw] as (typeof draws)[string])(k, shape, dtype);
      const keys = keysOf(batch);
      const program = compile(f, int32(2));
      for (const options of [{}, ...layouts.map((layout) => ({ layout })), { layout: "lanes", chunk: 1, threads: 2 } as const])
        expectItems(program.runSync([stacked(keys)], options), keys, f);
    });
  }

  it("are drawn in lanes where others ask for them", () => {
    const f = (k: Key): Tensor => {
      const x = random.normal(k, [3, 3]);
      return linalg.cholesky(add(mul(x.matmul(x.matrixTranspose()), 0.1), eye(3)));
    };
    const [program, keys] = [compile(f, int32(2)), keysOf(37)];
    const { layout, code } = JSON.parse(program.explain([stacked(keys)])) as {
      layout: string;
      code: { kernel: string; layout: string; hoisted: boolean }[];
    };
    expect(layout).to.equal("lanes");
    expect(code.find((c) => c.kernel === "randomNormalFloat64")).to.include({ layout: "lanes", hoisted: false });
    const got = program.runSync([stacked(keys)]);
    const alone = keys.map((k) => program.runSync([k], { layout: "lanes" }));
    alone.forEach((t, i) => expect(sameBits(item(got, i), t)).to.equal(true));
  });

  it("that all items share are drawn from once", () => {
    const program = compile((k: Key, x: Tensor<"float64">) => add(x, random.normal(k, [2])), int32(2), float64(2));
    const [key, xs] = [random.key(4), random.normal(9, [5, 2])];
    for (const options of [{}, ...layouts.map((layout) => ({ layout }))])
      expect(sameBits(program.runSync([key, xs], options), add(xs, random.normal(key, [2])))).to.equal(true);
    const { code } = JSON.parse(program.explain([key, xs])) as { code: { kernel: string; hoisted: boolean }[] };
    expect(code.find((c) => c.kernel.startsWith("random"))?.hoisted).to.equal(true);
  });

  it("are split there, and a split key once more", () => {
    const f = (key: Key): { x: Tensor; y: Tensor; last: Key } => {
      const [a, b, c] = random.split(key, 3) as [Key, Key, Key];
      const [d] = random.split(b);
      return { x: random.normal(a, [3]), y: random.uniform(d, [2], { dtype: "float64", low: 1, high: 2 }), last: c };
    };
    const [program, keys] = [compile(f, int32(2)), keysOf(19)];
    for (const options of [{}, ...layouts.map((layout) => ({ layout }))]) {
      const got = program.runSync([stacked(keys)], options);
      for (const name of ["x", "y", "last"] as const) expectItems(got[name], keys, (k) => f(k)[name]);
    }
  });

  it("are drawn from once where two instructions say the same, and apart where they do not", () => {
    const program = compile((k: Key) => {
      const [a, b] = [random.normal(k, [3]), random.normal(k, [3])];
      return [add(a, b), random.normal(k, [4]), random.normal(k, [3], { dtype: "float32" }), random.uniform(k, [3])];
    }, int32(2));
    expect(program.toJSON().code.filter((c) => c.op.startsWith("random")).length).to.equal(4);
  });

  it("differ along every axis of a batch; jobs, chunks and threads change nothing", async () => {
    const program = compile((k: Key) => random.normal(k, [5], { dtype: "complex64" }), int32(2));
    const keys = keysOf(600);
    const got = program.runSync([stacked(keys).reshape([20, 30, 2])]);
    expect(got.shape).to.deep.equal([20, 30, 5]);
    expectItems(got.reshape([600, 5]), keys, (k) => random.normal(k, [5], { dtype: "complex64" }));
    expect(sameBits(await program.run([stacked(keys).reshape([20, 30, 2])]), got)).to.equal(true);
    for (const options of [{ chunk: 7, threads: 2 }, { layout: "lanes", chunk: 2, threads: 2 } as const])
      expect(sameBits(program.runSync([stacked(keys)], options).reshape([20, 30, 5]), got)).to.equal(true);
  });

  it("made outside are constants, as numbers drawn from seeds are", () => {
    const key = random.key(3);
    const program = compile((x: Tensor<"float64">) => mul(x, random.normal(key, [2])), float64(2));
    expect(program.toJSON().code.map((c) => c.op)).to.deep.equal(["mul"]);
    expect(sameBits(program.runSync([tensor([1, 1])]), random.normal(3, [2]))).to.equal(true);
  });

  it("of a batch are the row's, eager too, in pieces where draws are long", () => {
    const op = registry.op("randomNormal") as (key: Tensor, attrs: object) => Tensor;
    for (const [n, size] of [
      [3, 70_001],
      [40_000, 3],
      [0, 4],
      [4, 0],
    ] as const) {
      const keys = random.split(2, n);
      const got = op(stacked(keys), { shape: [size] });
      expect(got.shape).to.deep.equal([n, size]);
      for (const i of [0, 1, n - 1].filter((k) => k >= 0 && k < n))
        expect(sameBits(item(got, i), random.normal(keys[i] as Key, [size]))).to.equal(true);
    }
    const split = registry.op("randomSplit") as (key: Tensor, attrs?: object) => Tensor<"int32">;
    const [a, b] = keysOf(2) as [Key, Key];
    expect([...split(stack([a, b]), { n: 3 }).data]).to.deep.equal([a, b].flatMap((k) => random.split(k, 3).flatMap((x) => [...x.data])));
    expect(registry.list()).to.not.include("randomNormal");
  });
});

describe("random numbers and derivatives: they are constants", () => {
  const key = random.key(8);
  const noise = random.normal(key, [3]);
  const f = (x: Tensor<"float64">, k: Key = key): Tensor<"float64"> => sum(mul(mul(x, x), random.normal(k, [3])));
  const x = tensor([1, -2, 3]);
  const slope = mul(mul(2, x), noise);

  it("in reverse and forward mode, and twice", () => {
    expect(sameBits(grad((y: Tensor<"float64">) => sum(mul(y, random.normal(key, [3]))))(x), noise)).to.equal(true);
    expect(grad(f)(x).toArray()).to.deep.equal(slope.toArray());
    expect(jvp(f, [x], [tensor([1, 0, 0])]).tangent.item()).to.equal(slope.at(0));
    expect(grad((y: Tensor<"float64">) => sum(grad(f)(y)))(x).toArray()).to.deep.equal(mul(2, noise).toArray());
  });

  it("of a key that is an argument beside x", () => {
    const { value, pullback } = vjp((y: Tensor<"float64">, k: Key) => mul(y, random.normal(k, [3])), x, key);
    expect(sameBits(value, mul(x, noise))).to.equal(true);
    expect(sameBits((pullback(tensor([1, 1, 1])) as Tensor[])[0] as Tensor, noise)).to.equal(true);
  });

  it("in compiled gradients of a batch of keys, in both layouts", () => {
    const program = compile(valueAndGrad(f), float64(3), int32(2));
    const keys = keysOf(17);
    for (const layout of ["single", "lanes"] as const) {
      const got = program.runSync([x, stacked(keys)], { layout });
      expectItems(got.grad, keys, (k) => grad((y: Tensor<"float64">) => f(y, k))(x));
    }
  });

  it("of programs that are differentiated, and inlined, keys of a batch included", () => {
    const program = compile((y: Tensor<"float64">, k: Key) => {
      const [a] = random.split(k);
      return mul(y, random.normal(a, [3]));
    }, float64(3), int32(2)); // biome-ignore format: one line
    const [keys, own] = [keysOf(6), (k: Key): Tensor => random.normal(random.split(k)[0] as Key, [3])];
    const whole = stacked(keys);
    const got = grad((y: Tensor<"float64">) => sum(program.runSync([y, whole])))(x);
    const want = keys.map(own).reduce((a, b) => add(a, b));
    got.data.forEach((g, i) => expect(g).to.be.closeTo(want.at(i) as number, 1e-14));
    const inlined = compile((y: Tensor<"float64">, k: Key) => program.runSync([y, k]), float64(3), int32(6, 2));
    expectItems(inlined.runSync([tensor([1, 1, 1]), whole]), keys, own);
    const outer = compile((y: Tensor<"float64">, k: Key) => program.runSync([y, k]), float64(3), int32(2));
    expectItems(outer.runSync([tensor([1, 1, 1]), whole]), keys, own);
  });
});

describe("random numbers in program files", () => {
  const f = (k: Key): Tensor[] => [
    random.normal(k, [2, 3], { dtype: "complex64" }),
    random.uniform(k, [4], { low: -0.1, high: 1e300 }),
    random.uniform(k, [], { dtype: "float32" }),
    random.uniform(k, [2], { low: -0, high: -0 }),
    ...random.split(k, 3),
  ];
  it("come back as they were", () => {
    const program = compile(f, int32(2));
    const again = Program.from(JSON.stringify(program));
    const keys = stacked(keysOf(5));
    const [want, got] = [program.runSync([keys]) as Tensor[], Object.values(again.runSync([keys])) as Tensor[]];
    expect(got.length).to.equal(want.length);
    want.forEach((t, i) => expect(sameBits(t, got[i] as Tensor)).to.equal(true));
    expect(JSON.parse(JSON.stringify(again))).to.deep.equal(JSON.parse(JSON.stringify(program)));
  });

  const file = (op: string, attrs: object, key: Spec = int32(2)): object => ({
    format: "backsolve-program",
    version: 1,
    inputs: [{ name: "k", id: 0, dtype: key.dtype, shape: key.shape }],
    constants: [],
    code: [{ op, attrs, in: [0], out: [1] }],
    outputs: [{ name: "x", id: 1 }],
  });
  const refused: [op: string, attrs: object, code: string, message: RegExp, key?: Spec][] = [
    ["randomNormal", { shape: [-1] }, "ERR_SHAPE", /random\.normal: a shape has non-negative integers, got -1 for axis 0/],
    ["randomNormal", { shape: [0.5] }, "ERR_ARGUMENT", /randomNormal: option shape must be an array of integers/],
    ["randomNormal", { shape: 3 }, "ERR_ARGUMENT", /option shape must be an array of integers, got 3/],
    ["randomNormal", { shape: Array(13).fill(1) }, "ERR_SHAPE", /at most 12 axes/],
    ["randomNormal", { shape: Array(12).fill(1) }, "ERR_SHAPE", /more than 12 axes/, int32(3, 2)],
    ["randomNormal", { shape: [2 ** 45] }, "ERR_ARGUMENT", /too large/],
    ["randomNormal", { shape: [2 ** 30, 2 ** 30] }, "ERR_SHAPE", /too many elements/],
    ["randomNormal", { shape: [2], dtype: "int32" }, "ERR_ARGUMENT", /option dtype must be one of "float32", .*, got "int32"/],
    ["randomNormal", { shape: [2], first: 1 }, "ERR_ARGUMENT", /unknown option "first"/],
    ["randomNormal", { shape: [2] }, "ERR_SHAPE", /random\.normal: key must be .*, got shape \[3\]/, int32(3)],
    ["randomNormal", { shape: [2] }, "ERR_SHAPE", /random\.normal: key must be .*, got shape \[\]/, int32()],
    ["randomNormal", { shape: [2] }, "ERR_DTYPE", /key must be int32, got float32/, float32(2)],
    ["randomNormal", { shape: [2] }, "ERR_DTYPE", /key must be int32, got bool/, bool(2)],
    ["randomNormal_vjp", { shape: [2] }, "ERR_ARGUMENT", /there is no instruction "randomNormal_vjp"/],
    ["randomUniform", { shape: [2], low: null }, "ERR_ARGUMENT", /option low must be a finite number, got null/],
    ["randomUniform", { shape: [2], low: "0" }, "ERR_ARGUMENT", /option low must be a finite number, got "0"/],
    ["randomUniform", { shape: [2], high: Number.NaN }, "ERR_ARGUMENT", /option high must be a finite number, got NaN/],
    ["randomUniform", { shape: [2], high: Infinity }, "ERR_ARGUMENT", /option high must be a finite number, got Infinity/],
    ["randomUniform", { shape: [2], low: 3 }, "ERR_ARGUMENT", /random\.uniform: low must not be greater than high, got 3 and 1/],
    ["randomUniform", { shape: [2], high: 1e39, dtype: "complex64" }, "ERR_ARGUMENT", /must be finite in complex64, got 0 and 1e\+39/],
    [
      "randomUniform",
      { shape: [2], low: 1 - 1e-12, high: 1 - 1e-13, dtype: "float32" },
      "ERR_ARGUMENT",
      /no number of float32 is at least/,
    ],
    ["randomSplit", { n: -1 }, "ERR_ARGUMENT", /random\.split: n must be an integer from 0 to 1048576, got -1/],
    ["randomSplit", { n: 2 ** 21 }, "ERR_ARGUMENT", /random\.split: n must be an integer from 0 to 1048576, got 2097152/],
    ["randomSplit", { n: 1.5 }, "ERR_ARGUMENT", /option n must be an integer, got 1\.5/],
    ["randomSplit", { n: 2 }, "ERR_SHAPE", /random\.split: key must be .*, got shape \[2, 1\]/, int32(2, 1)],
  ];
  for (const [op, attrs, code, message, key] of refused) {
    it(`${op} ${JSON.stringify(attrs)}: ${message.source}`, () => {
      const error = caught(() => Program.from(file(op, attrs, key)));
      expect(error.message).to.match(message);
      expect(error.code).to.equal(code);
    });
  }
  it("and with nothing wrong they load", () => {
    const loaded = Program.from(file("randomUniform", { shape: [2], low: -1 }));
    const { x } = loaded.runSync({ k: random.key(3) } as never) as { x: Tensor };
    expect(sameBits(x, random.uniform(3, [2], { low: -1 }))).to.equal(true);
  });
});
