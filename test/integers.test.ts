// Maps and sums of int32 and bool, and casts: values of NumPy, in every layout, inside programs and off the event loop.
import { expect } from "chai";
import {
  abs,
  add,
  bool,
  cast,
  compile,
  complex,
  complex64,
  complex128,
  type DType,
  div,
  equal,
  float32,
  float64,
  grad,
  int32,
  jvp,
  type LinalgError,
  maximum,
  mean,
  mul,
  type Program,
  registry,
  type Spec,
  sum,
  type Tensor,
  tensor,
  vjp,
  where,
} from "../lib/index";
import { caught } from "./support";

type F64 = Tensor<"float64">;
type Any = Tensor<never>;
const EDGES = [0, 1, -1, 2, -3, 7, 46341, -46341, 65536, 2 ** 31 - 1, -(2 ** 31), -(2 ** 31) + 1, 123456789, -987654321];
const ints = (xs: readonly number[], shape?: number[]): Any =>
  tensor(Int32Array.from(xs), { shape: shape ?? [xs.length] }) as unknown as Any;
const bools = (xs: readonly boolean[]): Any => tensor(Uint8Array.from(xs, Number), { shape: [xs.length], dtype: "bool" }) as unknown as Any;
const numbers = (t: Tensor): number[] => Array.from(t.data as ArrayLike<number>);

/** An op on whole tensors, and on items beside reals of either width, in lanes and not. */
function* results(name: string, given: readonly Any[], out: DType): Generator<[string, Tensor]> {
  const op = registry.op(name) as unknown as (...xs: Tensor[]) => Tensor;
  yield ["whole", op(...given)];
  const specs = given.map((t) => ({ int32, bool })[t.dtype as "int32" | "bool"]() as unknown);
  for (const [width, spec] of [
    ["4", float32],
    ["8", float64],
  ] as const) {
    const f = (r: Tensor, ...xs: Tensor[]) => [add(r as Any, 1), op(...xs)]; // reals bring the program into lanes
    const program = compile(f as never, ...([spec(), ...specs] as never[])) as unknown as Program<unknown[], [Tensor, Tensor]>;
    const reals = cast(ints(EDGES).reshape([EDGES.length]), width === "4" ? "float32" : "float64");
    const count = (given[0] as Tensor).size;
    const real = tensor((width === "4" ? new Float32Array(count) : new Float64Array(count)) as never, { shape: [count] } as never);
    expect(reals.size).to.equal(EDGES.length);
    for (const layout of ["lanes", "single"] as const) {
      const [, y] = program.runSync([real, ...given], { layout });
      expect(y.dtype).to.equal(out);
      yield [`beside reals of ${width} bytes, ${layout}`, y];
    }
  }
}

const UNARY: Record<string, (x: number) => number> = {
  neg: (x) => -x | 0,
  abs: (x) => Math.abs(x) | 0,
  square: (x) => Math.imul(x, x),
  sign: Math.sign,
};
const BINARY: Record<string, (a: number, b: number) => number> = {
  add: (a, b) => (a + b) | 0,
  sub: (a, b) => (a - b) | 0,
  mul: Math.imul,
  maximum: Math.max,
  minimum: Math.min,
};
const COMPARE: Record<string, (a: number, b: number) => boolean> = {
  greater: (a, b) => a > b,
  greaterEqual: (a, b) => a >= b,
  less: (a, b) => a < b,
  lessEqual: (a, b) => a <= b,
  equal: (a, b) => a === b,
  notEqual: (a, b) => a !== b,
};
const PAIRS = EDGES.flatMap((a) => EDGES.map((b) => [a, b] as const));
const [LEFT, RIGHT] = [PAIRS.map(([a]) => a), PAIRS.map(([, b]) => b)];

describe("int32 and bool", () => {
  for (const [name, f] of Object.entries(UNARY))
    it(`${name} wraps as NumPy`, () => {
      for (const [how, y] of results(name, [ints(EDGES)], "int32")) expect(numbers(y), how).to.deep.equal(EDGES.map((x) => f(x) + 0));
    });
  for (const [name, f] of Object.entries(BINARY))
    it(`${name} wraps as NumPy`, () => {
      for (const [how, y] of results(name, [ints(LEFT), ints(RIGHT)], "int32"))
        expect(numbers(y), how).to.deep.equal(PAIRS.map(([a, b]) => f(a, b)));
    });
  for (const [name, f] of Object.entries(COMPARE))
    it(name, () => {
      for (const [how, y] of results(name, [ints(LEFT), ints(RIGHT)], "bool"))
        expect(numbers(y), how).to.deep.equal(PAIRS.map(([a, b]) => Number(f(a, b))));
    });
  it("equal, notEqual and where of bool; where of int32", () => {
    const [p, q] = [
      [true, true, false, false],
      [true, false, true, false],
    ];
    for (const [how, y] of results("equal", [bools(p), bools(q)], "bool")) expect(numbers(y), how).to.deep.equal([1, 0, 0, 1]);
    for (const [how, y] of results("notEqual", [bools(p), bools(q)], "bool")) expect(numbers(y), how).to.deep.equal([0, 1, 1, 0]);
    for (const [how, y] of results("where", [bools(q), bools(p), bools(q)], "bool")) expect(numbers(y), how).to.deep.equal([1, 0, 0, 0]);
    for (const [how, y] of results("where", [bools(q), ints([1, 2, 3, 4]), ints([-1, -2, -3, -4])], "int32"))
      expect(numbers(y), how).to.deep.equal([1, -2, 3, -4]);
  });
  it("bytes other than 0 and 1 are true", () => {
    const odd = tensor(Uint8Array.of(2, 255, 0), { shape: [3], dtype: "bool" }) as unknown as Any;
    expect(numbers(cast(odd, "int32"))).to.deep.equal([1, 1, 0]);
    expect(numbers(equal(odd, bools([true, true, false])))).to.deep.equal([1, 1, 1]);
  });
  it("broadcast, strides and numbers", () => {
    const a = ints([1, 2, 3, 4, 5, 6], [2, 3]);
    expect(add(a, ints([10, 20, 30])).toArray()).to.deep.equal([
      [11, 22, 33],
      [14, 25, 36],
    ]);
    expect(mul(a.transpose(), 2).toArray()).to.deep.equal([
      [2, 8],
      [4, 10],
      [6, 12],
    ]);
    expect(maximum(a, ints([3], [])).toArray()).to.deep.equal([
      [3, 3, 3],
      [4, 5, 6],
    ]);
    expect(abs(ints([-5, 5])).dtype).to.equal("int32");
    expect(add(ints([]), 1).shape).to.deep.equal([0]);
    expect(caught(() => add(a, 0.5)).message).to.equal("add: b must be int32, got 0.5.");
  });
  it("what is not defined says so", () => {
    expect(caught(() => div(ints([1]), ints([2]))).message).to.match(
      /^div: a must be float32.*got int32\. Cast it: cast\(a, "float64"\)\.$/,
    );
    expect(caught(() => mean(ints([1]))).message).to.match(/^mean: x must be float32.*got int32\. Cast it: cast\(x, "float64"\)\.$/);
    expect(caught(() => add(bools([true]), bools([true]))).code).to.equal("ERR_DTYPE");
    expect(caught(() => maximum(bools([true]), bools([true]))).code).to.equal("ERR_DTYPE");
    expect(caught(() => sum(bools([true]))).code).to.equal("ERR_DTYPE");
    expect(caught(() => add(ints([1]), tensor([1]) as never)).code).to.equal("ERR_DTYPE");
    expect(caught(() => maximum(complex(1, 1) as never, 1)).code).to.equal("ERR_DTYPE");
  });
});

describe("sum of int32", () => {
  const most = 2 ** 31 - 1;
  it("is exact where partial sums leave int32", () => {
    expect(sum(ints([most, most, -most, -most, 5])).item()).to.equal(5);
    const n = 100_001;
    expect(sum(ints(Array.from({ length: n }, (_, i) => (i % 2 === 0 ? most : -most)))).item()).to.equal(most);
    const table = ints([1, 2, 3, 4, 5, 6], [2, 3]);
    expect(sum(table, { axis: 0 }).toArray()).to.deep.equal([5, 7, 9]);
    expect(sum(table, { axis: 1, keepDims: true }).toArray()).to.deep.equal([[6], [15]]);
    expect(sum(ints([], [0, 2]), { axis: 0 }).toArray()).to.deep.equal([0, 0]);
  });
  it("is an error beyond int32, in every form", async () => {
    const a = ints([most, 1, 7, 7], [2, 2]);
    const { code, message } = caught(() => sum(a, { axis: 1 }));
    expect([code, message.includes("beyond int32")]).to.deep.equal(["ERR_ARGUMENT", true]);
    const program = compile(
      ((x: Any, r: F64) => [sum(x), add(r, 1)]) as never,
      int32(2) as never,
      float64() as never,
    ) as unknown as Program<unknown[], [Tensor, F64]>;
    for (const layout of ["lanes", "single"] as const) {
      const failures: { item: number }[] = [];
      const [y, r] = program.runSync([a, tensor([0, 0])], { layout, onFailure: "nan", failures: failures as never });
      expect([failures.map((f) => f.item), numbers(y), r.toArray()]).to.deep.equal([[0], [0, 14], [Number.NaN, 1]]);
      expect(caught(() => program.runSync([a, tensor([0, 0])], { layout })).code).to.equal("ERR_ARGUMENT");
    }
  });
});

describe("cast", () => {
  const values: Partial<Record<DType, Tensor>> = {
    float32: tensor(Float32Array.of(0, 1.5, -2.75, 100)) as Tensor,
    float64: tensor([0, 1.5, -2.75, 100]) as Tensor,
    complex64: complex(tensor(Float32Array.of(0, 1.5, -2.75, 100)), tensor(Float32Array.of(0, 0, 1, 0))) as Tensor,
    complex128: complex(tensor([0, 1.5, -2.75, 100]), tensor([0, 0, 1, 0])) as Tensor,
    int32: ints([0, 1, -2, 100]) as Tensor,
    bool: bools([false, true, true, true]) as Tensor,
  };
  const dtypes = Object.keys(values) as DType[];
  const parts = (from: DType, to: DType): number[] => {
    const real = numbers(values[from] as Tensor).filter((_, i) => !from.startsWith("complex") || i % 2 === 0);
    const imag = from.startsWith("complex") ? [0, 0, 1, 0] : [0, 0, 0, 0];
    if (to === "bool") return real.map((x, i) => Number(x !== 0 || imag[i] !== 0));
    if (to === "int32") return real.map(Math.trunc).map((x) => x + 0);
    return to.startsWith("complex") ? real.flatMap((x, i) => [x, imag[i] as number]) : real;
  };
  const specOf = (d: DType): Spec<DType> => ({ float32, float64, int32, bool, complex64, complex128 })[d]() as unknown as Spec<DType>;
  it("from every dtype to every dtype, whole, in programs and off the event loop", async () => {
    for (const from of dtypes)
      for (const to of dtypes) {
        const x = values[from] as Any;
        if (from.startsWith("complex") && !/complex|bool/.test(to)) {
          expect(caught(() => cast(x, to)).message).to.match(
            /^cast: x is complex\d+ and does not become .*: take real\(x\) or abs\(x\)\.$/,
          );
          continue;
        }
        const y = cast(x, to);
        expect([y.dtype, y.shape, numbers(y)], `${from} ${to}`).to.deep.equal([to, x.shape, parts(from, to)]);
        expect(numbers(await cast.async(x, to)), `${from} ${to}`).to.deep.equal(parts(from, to));
        const program = compile(((t: Any) => cast(t, to)) as never, specOf(from) as never) as unknown as Program<unknown[], Tensor>;
        for (const layout of ["auto", "lanes", "single"] as const)
          expect(numbers(program.runSync([x], { layout } as never)), `${from} ${to}, ${layout}`).to.deep.equal(parts(from, to));
      }
  });
  it("rounds to float32, cuts to int32, and takes what is not zero for true", () => {
    expect(numbers(cast(tensor([0.1, 1e300, -1e-300, 16777217]), "float32"))).to.deep.equal([Math.fround(0.1), Infinity, -0, 16777216]);
    const edge = [-2147483648.9, 2147483647.9, -0.9, 0.9];
    expect(numbers(cast(tensor(edge), "int32"))).to.deep.equal([-(2 ** 31), 2 ** 31 - 1, 0, 0]);
    expect(numbers(cast(ints([16777217, -(2 ** 31)]), "float32"))).to.deep.equal([16777216, -(2 ** 31)]);
    expect(numbers(cast(tensor([Number.NaN, -0, 1e-320, -Infinity]), "bool"))).to.deep.equal([1, 0, 1, 1]);
    expect(cast(3.7, "int32").item()).to.equal(3);
    const x = tensor([1]);
    expect(cast(x, "float64")).to.equal(x);
  });
  it("to int32 fails at NaN, infinity and what int32 does not hold, and names the item", async () => {
    for (const [bad, code, text] of [
      [Number.NaN, "ERR_NOT_FINITE", "element 4 (shape [2, 3]) contains NaN or infinity."],
      [-Infinity, "ERR_NOT_FINITE", "element 4 (shape [2, 3]) contains NaN or infinity."],
      [2 ** 31, "ERR_ARGUMENT", "element 4 (shape [2, 3]) is beyond int32."],
      [-(2 ** 31) - 1, "ERR_ARGUMENT", "element 4 (shape [2, 3]) is beyond int32."],
    ] as const)
      for (const dtype of ["float64", "float32"] as const) {
        const given =
          dtype === "float32"
            ? cast(
                tensor([
                  [1, 2, 3],
                  [4, bad * (bad < 0 ? 1.1 : 1), 6],
                ]),
                dtype,
              )
            : tensor([
                [1, 2, 3],
                [4, bad, 6],
              ]);
        const error = caught(() => cast(given, "int32")) as unknown as LinalgError;
        expect([error.code, error.item, error.message]).to.deep.equal([code, 4, `cast: ${text}`]);
        const { value, failures } = cast.checked(given, "int32");
        expect([failures.map((f) => f.item), numbers(value)]).to.deep.equal([[4], [1, 2, 3, 4, 0, 6]]);
        expect(numbers(cast(given, "int32", { onFailure: "nan" }))).to.deep.equal([1, 2, 3, 4, 0, 6]);
        expect(await cast.async(given, "int32").catch((e: Error) => e.message)).to.equal(`cast: ${text}`);
      }
    expect(caught(() => cast(Number.NaN, "int32")).message).to.equal("cast: the value contains NaN or infinity.");
  });
  it("hands cotangents back in the dtype of x, to any order, and none to or from integers", () => {
    const x = tensor([1, 2, 3]);
    const g = grad((x: F64) => cast(sum(mul(cast(x, "float32"), cast(x, "float32"))), "float64") as F64)(x);
    expect([g.dtype, g.toArray()]).to.deep.equal(["float64", [2, 4, 6]]);
    const z = grad((x: F64) => sum(abs(cast(x, "complex64")) as never) as never)(tensor(Float32Array.of(-3, 4)) as never) as Tensor;
    expect([z.dtype, numbers(z)]).to.deep.equal(["float32", [-1, 1]]);
    const { pullback } = vjp((x: F64) => cast(x, "complex64"), x);
    const back = pullback(complex(tensor(Float32Array.of(1, 2, 3)), tensor(Float32Array.of(7, 7, 7))) as never)[0] as Tensor;
    expect([back.dtype, numbers(back)]).to.deep.equal(["float64", [1, 2, 3]]);
    const { tangent } = jvp((x: F64) => cast(x, "float32"), [x], [tensor([0.1, 0, 1])]) as unknown as { tangent: Tensor };
    expect([tangent.dtype, numbers(tangent)]).to.deep.equal(["float32", [Math.fround(0.1), 0, 1]]);
    const flat = grad((x: F64) => sum(mul(x, cast(cast(x, "int32"), "float64")) as F64))(tensor([1.5, -2.5]));
    expect(flat.toArray()).to.deep.equal([1, -2]); // by the first factor alone
    const mask = grad((x: F64) => sum(where(cast(x, "bool"), mul(x, x), 0) as F64))(tensor([3, 0]));
    expect(mask.toArray()).to.deep.equal([6, 0]);
    const second = grad((y: F64) =>
      sum(grad((x: F64) => sum(cast(mul(mul(cast(x, "float32"), cast(x, "float32")), cast(x, "float32")), "float64") as F64))(y) as F64),
    )(x);
    expect(second.toArray()).to.deep.equal([6, 12, 18]);
  });
  it("a row with a dtype takes the real part", () => {
    const op = registry.op("cast") as unknown as (x: Tensor, options: object) => Tensor;
    expect(numbers(op(values.complex64 as Tensor, { dtype: "float64" }))).to.deep.equal([0, 1.5, -2.75, 100]);
  });
});
