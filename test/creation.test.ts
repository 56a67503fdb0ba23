// Creation: sequences at the ends of the number line and of their dtypes, and constant tensors.
import { expect } from "chai";
import fc from "fast-check";
import { arange, eye, full, linspace, type Nested, ones, type Real, tensor, zeros } from "../lib/index";
import { long } from "./grid";

const values = (t: { data: ArrayLike<number> }): number[] => Array.from(t.data);
const signless = (x: number[]): number[] => x.map((y) => y + 0); // zeros have one sign
const backwards = (x: number[]): number[] => [...x].reverse();
const code = (f: () => unknown, expected: string, message: RegExp): void => {
  expect(f).to.throw(message).with.property("code", expected);
};

describe("tensor", () => {
  it("of nested arrays that hold one another a million million times is out of memory, no crash", () => {
    let x: Nested = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
    for (let i = 0; i < 11; i++) x = Array<Nested>(10).fill(x);
    code(() => tensor(x), "ERR_OUT_OF_MEMORY", /^tensor: /);
    code(() => tensor(x, { dtype: "complex64" }), "ERR_OUT_OF_MEMORY", /^tensor: /);
    let y: Nested = true;
    for (let i = 0; i < 12; i++) y = [y, y];
    expect(tensor(y, { dtype: "bool" }).shape).to.deep.equal(Array(12).fill(2));
  });

  it("takes the dtype that turns up, and each element once", () => {
    const reads: number[] = [];
    const counting = (list: Nested[]): Nested =>
      new Proxy(list, {
        get: (of, key) => {
          if (/^\d+$/.test(String(key))) reads.push(Number(key));
          return Reflect.get(of, key);
        },
      });
    expect(values(tensor(counting([1, 2, { re: 3, im: 4 }, 5])))).to.deep.equal([1, 0, 2, 0, 3, 4, 5, 0]);
    expect(reads).to.deep.equal([0, 0, 1, 2, 3]); // the first one tells the shape, too
    const late = tensor([
      [1, 2],
      [3, { re: 4, im: 5 }],
    ] as Nested);
    expect([late.dtype, values(late)]).to.deep.equal(["complex128", [1, 0, 2, 0, 3, 0, 4, 5]]);
    code(() => tensor([true, 1] as Nested), "ERR_DTYPE", /^tensor: element 1 must be a boolean, got 1/);
    code(() => tensor([1, true] as Nested), "ERR_DTYPE", /^tensor: element 1 must be a number, got true/);
    expect(tensor([[], []]).shape).to.deep.equal([2, 0]);
    expect(values(tensor([1, 2], { dtype: "complex64", shape: [1] }))).to.deep.equal([1, 2]); // as toJSON writes it
    const two = [
      { re: 1, im: 2 },
      { re: 3, im: 4 },
    ];
    code(() => tensor(two, { dtype: "complex64", shape: [1] }), "ERR_SHAPE", /^tensor: shape \[1\] needs 1 elements, got 2/);
    code(
      () =>
        tensor([
          [[1], [2]],
          [[3], [4, 5]],
        ]),
      "ERR_SHAPE",
      /expected 1 elements at \[1\]\[1\], got 2 elements/,
    );
  });

  it("over memory that is gone says so", () => {
    const a = new Float64Array(2);
    structuredClone(a.buffer, { transfer: [a.buffer] });
    code(() => tensor(a), "ERR_ARGUMENT", /^tensor: the memory of data is gone/);
    code(() => tensor(a, { shape: [2] }), "ERR_ARGUMENT", /^tensor: the memory of data is gone/);
  });
});

describe("linspace", () => {
  const max = Number.MAX_VALUE;
  it("does not overflow on the way", () => {
    expect(values(linspace(-1.7e308, 1.7e308, 3))).to.deep.equal([-1.7e308, 0, 1.7e308]);
    expect(values(linspace(-max, max, 5))).to.deep.equal([-max, -max / 2, 0, max / 2, max]);
    expect(values(linspace(max, -max, 5))).to.deep.equal([max, max / 2, 0, -max / 2, -max]);
    expect(values(linspace(1e308, 1.5e308, 6))).to.deep.equal([1e308, 1.1e308, 1.2e308, 1.3e308, 1.4e308, 1.5e308]);
    expect(values(linspace(max, max, 4))).to.deep.equal([max, max, max, max]);
    expect(values(linspace(5e-324, 1.7e308, 3))[0]).to.equal(5e-324);
  });

  it("gives round numbers", () => {
    const tenths = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];
    expect(values(linspace(0, 1, 11))).to.deep.equal(tenths);
    expect(values(linspace(1, 0, 11))).to.deep.equal(backwards(tenths));
    expect(values(linspace(0, 49))).to.deep.equal(Array.from({ length: 50 }, (_, i) => i));
    expect(values(linspace(-3, 3, 7))).to.deep.equal([-3, -2, -1, 0, 1, 2, 3]);
    expect(values(linspace(0, 1.5e-323, 4))).to.deep.equal([0, 5e-324, 1e-323, 1.5e-323]);
  });

  it("of one number is start, of none is empty", () => {
    expect(values(linspace(3, 5, 1))).to.deep.equal([3]);
    expect(values(linspace(-1.7e308, 1.7e308, 1))).to.deep.equal([-1.7e308]);
    expect(linspace(3, 5, 0).shape).to.deep.equal([0]);
    for (const n of [-1, 2.5, Number.NaN, "3", 3n, Symbol("n"), null])
      code(() => linspace(0, 1, n as number), "ERR_SHAPE", /^linspace: a shape has non-negative integers/);
  });

  long("has both ends, never turns back, is symmetric and the same backwards, for any ends", () => {
    const number = fc.double({ noNaN: true, noDefaultInfinity: true });
    const ulps = fc.tuple(number, fc.integer({ min: 0, max: 40 })).map(([x, k]) => [x, x + k * 2 ** -52 * Math.abs(x)] as const);
    const pair = fc.oneof(
      fc.tuple(number, number),
      number.map((x) => [-x, x] as const),
      ulps,
    );
    fc.assert(
      fc.property(pair, fc.integer({ min: 2, max: 60 }), ([a, b], n) => {
        fc.pre(Number.isFinite(b));
        const x = signless(values(linspace(a, b, n)));
        expect([x[0], x.at(-1)]).to.deep.equal(signless([a, b]));
        for (let i = 1; i < n; i++) expect(Math.sign((x[i] as number) - (x[i - 1] as number)) * Math.sign(b - a)).to.be.at.least(0);
        expect(signless(values(linspace(b, a, n)))).to.deep.equal(backwards(x));
        expect(signless(values(linspace(-a, -b, n)).map((y) => -y))).to.deep.equal(x);
        const single = signless(values(linspace(a, b, n, { dtype: "float32" })));
        expect(single).to.deep.equal(signless(x.map(Math.fround)));
      }),
      { numRuns: 2000, seed: 15 },
    );
  });

  it("is accurate to a few units in the last place of its larger end", () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 50), max: 2 ** 50 }), fc.integer({ min: -(2 ** 50), max: 2 ** 50 }), (a, b) => {
        const n = 13;
        values(linspace(a, b, n)).forEach((x, i) => {
          // (a (n - 1 - i) + b i) / (n - 1), the whole part and the rest apart
          const sum = BigInt(a) * BigInt(n - 1 - i) + BigInt(b) * BigInt(i);
          const exact = Number(sum / BigInt(n - 1)) + Number(sum % BigInt(n - 1)) / (n - 1);
          expect(Math.abs(x - exact)).to.be.at.most(3 * 2 ** -52 * Math.max(Math.abs(a), Math.abs(b)));
        });
      }),
      { numRuns: 500, seed: 16 },
    );
  });

  it("of int32 takes integers alone", () => {
    const int = { dtype: "int32" as Real };
    expect(values(linspace(0, 4, 3, int))).to.deep.equal([0, 2, 4]);
    code(() => linspace(0, 5, 3, int), "ERR_DTYPE", /^linspace: element 1 must be an int32, got 2\.5/);
  });
});

describe("arange", () => {
  it("stops before stop, whatever rounds", () => {
    expect(values(arange(0, 0.3, 0.1))).to.deep.equal([0, 0.1, 0.2]);
    expect(values(arange(1, 1.3, 0.1))).to.deep.equal([1, 1.1, 1.2]);
    expect(values(arange(1.3, 1, -0.1))).to.deep.equal([1.3, 1.2, 1.1]);
    expect(values(arange(5, 0, -2))).to.deep.equal([5, 3, 1]);
    expect(values(arange(0, 5e-324, 1e308))).to.deep.equal([0]);
    expect(arange(1e300, 1e300, 5e-324).shape).to.deep.equal([0]);
    expect(arange(2, 1).shape).to.deep.equal([0]);
    const coarse = values(arange(1e16, 1e16 + 2, 0.1));
    expect(new Set(coarse)).to.deep.equal(new Set([1e16]));
  });

  it("does not overflow on the way", () => {
    const x = values(arange(-1.7e308, 1.7e308, 1e308));
    expect(x.length).to.equal(4);
    [-1.7e308, -0.7e308, 0.3e308, 1.3e308].forEach((want, i) => {
      expect(Math.abs((x[i] as number) - want)).to.be.at.most(2 * 2 ** -52 * 1.7e308);
    });
    expect(values(arange(1.7e308, -1.7e308, -1.7e308))).to.deep.equal([1.7e308, 0]);
  });

  it("of float32 has as many numbers as of float64, none at stop or past it", () => {
    const cases = [
      [0, 20_000_004, 1],
      [0, 0.1 + 1e-12, 0.1],
      [0, 1, 0.1],
      [-5, 5.0000001, 2.5],
      [3, -1.00000001, -1],
    ] as const;
    for (const [start, stop, step] of cases) {
      const got = arange(start, stop, step, { dtype: "float32" });
      expect(got.shape).to.deep.equal(arange(start, stop, step).shape);
      const last = got.data[got.size - 1] as number;
      expect(step > 0 ? last < stop : last > stop).to.equal(true);
    }
    expect(values(arange(0, 1e39, 2.5e38, { dtype: "float32" }))[3]).to.equal(Infinity);
  });

  it("ends before stop, with steps that fit, for any numbers", () => {
    const number = fc.double({ noNaN: true, min: -1e6, max: 1e6 });
    fc.assert(
      fc.property(number, number, fc.integer({ min: 1, max: 100 }), (start, stop, parts) => {
        const step = (stop - start) / parts;
        fc.pre(Math.abs(step) > Math.max(2 ** -1000, 2 ** -40 * Math.abs(start), 2 ** -40 * Math.abs(stop))); // which are steps of that length
        const x = values(arange(start, stop, step));
        for (const y of x) expect(step > 0 ? y < stop : y > stop).to.equal(true);
        const after = start + x.length * step;
        expect(step > 0 ? after >= stop : after <= stop).to.equal(true);
        expect(x.length).to.be.within(parts - 1, parts + 1);
      }),
      { numRuns: 1000, seed: 17 },
    );
  });

  it("of int32 takes int32 alone, instead of cutting them", () => {
    expect(values(arange(-2, 7, 3, { dtype: "int32" }))).to.deep.equal([-2, 1, 4]);
    code(() => arange(0, 5, 1.5, { dtype: "int32" }), "ERR_DTYPE", /^arange: element 1 must be an int32, got 1\.5/);
    code(() => arange(0, 2 ** 32, 2 ** 30, { dtype: "int32" }), "ERR_DTYPE", /^arange: element 2 must be an int32, got 2147483648/);
  });

  it("of more numbers than tensors hold is an error", () => {
    code(() => arange(1e300), "ERR_SHAPE", /^arange: /);
    code(() => arange(0, 1e300, 5e-324), "ERR_SHAPE", /^arange: /);
  });
});

describe("full, zeros, ones, eye", () => {
  it("hold the value everywhere, complex ones of every length", () => {
    for (const n of [0, 1, 2, 3, 5, 1023, 2047, 2048, 2049, 4096, 10_001]) {
      for (const dtype of ["complex64", "complex128"] as const) {
        const pairs = (re: number, im: number) => Array.from({ length: 2 * n }, (_, i) => (i % 2 ? im : re));
        expect(values(full([n], { re: 1.5, im: -2 }, { dtype }))).to.deep.equal(pairs(1.5, -2));
        expect(values(full(n, 3, { dtype }))).to.deep.equal(pairs(3, 0));
        expect(values(full(n, { re: Number.NaN, im: Number.NaN }, { dtype }))).to.deep.equal(pairs(Number.NaN, Number.NaN));
        expect(values(full(n, { re: 0, im: -0 }, { dtype }))).to.deep.equal(pairs(0, -0));
        expect(values(zeros(n, { dtype }))).to.deep.equal(pairs(0, 0));
        expect(values(ones([n, 1], { dtype }))).to.deep.equal(pairs(1, 0));
      }
      expect(values(full(n, true, { dtype: "bool" }))).to.deep.equal(Array(n).fill(1));
      expect(values(full(n, -7, { dtype: "int32" }))).to.deep.equal(Array(n).fill(-7));
    }
  });

  it("take what the dtype holds, as tensor does", () => {
    for (const x of [Number.NaN, 0.5, 2 ** 31, -Infinity])
      code(() => full(2, x, { dtype: "int32" }), "ERR_DTYPE", /^full: element 0 must be an int32/);
    for (const x of [2, Number.NaN, -1]) code(() => full(2, x, { dtype: "bool" }), "ERR_DTYPE", /^full: element 0 must be a boolean/);
    expect(full(2, 1, { dtype: "bool" }).toArray()).to.deep.equal([true, true]);
    code(() => full(2, { re: 1, im: 0 }), "ERR_DTYPE", /^full: element 0 must be a number/);
    code(() => full(2, true), "ERR_DTYPE", /^full: element 0 must be a number/);
  });

  it("eye of every shape and dtype", () => {
    expect(eye(2, { columns: 3 }).toArray()).to.deep.equal([
      [1, 0, 0],
      [0, 1, 0],
    ]);
    expect(eye(3, { columns: 1 }).toArray()).to.deep.equal([[1], [0], [0]]);
    expect(eye(2, { dtype: "complex64" }).toArray()).to.deep.equal([
      [
        { re: 1, im: 0 },
        { re: 0, im: 0 },
      ],
      [
        { re: 0, im: 0 },
        { re: 1, im: 0 },
      ],
    ]);
    expect(eye(0).shape).to.deep.equal([0, 0]);
    code(() => eye(2.5), "ERR_SHAPE", /^eye: a shape has non-negative integers/);
  });
});
