// The native kernel `concat`: a variable number of inputs, side by side along an axis.
import { expect } from "chai";
import { batchRun, id, native, operand, refusal } from "./native";

type Arrays = Float64Array | Float32Array | Int32Array | Uint8Array;
/** dtype codes of docs/native-boundary.md, their arrays and widths. */
const DTYPES: readonly [code: number, array: new (n: number) => Arrays, width: number][] = [
  [0, Float32Array, 1],
  [1, Float64Array, 1],
  [2, Float32Array, 2],
  [3, Float64Array, 2],
  [4, Uint8Array, 1],
  [5, Int32Array, 1],
];
const typed = (code: number, dims: readonly number[]): number[] => [1, code, dims.length, ...dims, 0];
const count = (dims: readonly number[]): number => dims.reduce((n, d) => n * d, 1);
const concat = (code: number, axis: number, ...shapes: readonly number[][]): Float64Array =>
  Float64Array.from([id("concat"), 0, code, 1, axis, shapes.length, ...shapes.flatMap((s) => typed(code, s))]);

/** The inputs' and the output's shape: sizes along the axis, the dimensions before and behind it. */
const shapesOf = (sizes: readonly number[], before: readonly number[], behind: readonly number[]): number[][] =>
  [...sizes, sizes.reduce((n, d) => n + d, 0)].map((n) => [...before, n, ...behind]);
/** What `concat` is, element by element, from the inputs' arrays of elements of `width` numbers. */
function expected(
  sizes: readonly number[],
  before: readonly number[],
  behind: readonly number[],
  width: number,
  inputs: Arrays[],
): number[] {
  const inner = count(behind) * width;
  return Array.from({ length: count(before) }, (_, o) =>
    inputs.flatMap((a, i) => [...a.subarray(o * sizes[i]! * inner, (o + 1) * sizes[i]! * inner)]),
  ).flat();
}
const CASES: readonly [sizes: number[], before: number[], behind: number[]][] = [
  [[2, 3], [], []],
  [[1, 2, 1], [3], []],
  [[2, 1], [2], [3]],
  [[1, 1, 1, 1], [2, 3], [1]],
  [[4], [2], [2]],
  [[0, 2, 0, 1], [2], [2]],
  [[0, 0], [3], []],
  [[2, 3], [0], [2]],
  [Array.from({ length: 15 }, (_, i) => i % 3), [2], []],
];
const filled = (array: new (n: number) => Arrays, n: number, first: number): Arrays => new array(n).map((_, i) => first + i) as Arrays;

describe("concat, native", () => {
  it("puts inputs side by side, in every dtype", () => {
    for (const [code, array, width] of DTYPES) {
      for (const [sizes, before, behind] of CASES) {
        const shapes = shapesOf(sizes, before, behind);
        const inputs = shapes.slice(0, -1).map((s, i) => filled(array, count(s) * width, 20 * i));
        const out = new array(count(shapes.at(-1)!) * width).fill(9) as Arrays;
        expect(native.run(concat(code, before.length, ...shapes), ...inputs, out) ?? undefined).to.equal(undefined); // null where large memory of another call waits
        expect([...out], `${code} ${JSON.stringify(shapes)}`).to.deep.equal(expected(sizes, before, behind, width, inputs));
      }
    }
  });

  it("cuts large inputs into tasks", () => {
    for (const [sizes, before, behind] of [
      [[70000, 3, 40000], [], []],
      [[3, 2], [20000], [2]],
      [[1, 50000], [3], []],
    ] as [number[], number[], number[]][]) {
      const shapes = shapesOf(sizes, before, behind);
      const inputs = shapes.slice(0, -1).map((s, i) => filled(Float64Array, count(s), 1e6 * i));
      const out = new Float64Array(count(shapes.at(-1)!));
      native.run(concat(1, before.length, ...shapes), ...inputs, out);
      expect([...out]).to.deep.equal(expected(sizes, before, behind, 1, inputs));
    }
  });

  it("gives the same in programs: single and lanes, items and shared values", () => {
    for (const [code, array, width] of DTYPES.slice(0, 4)) {
      // y = concat(x [2, 3], s [2, 1] shared, x), z = y + y
      const types = [
        [2, 3],
        [2, 1],
        [2, 7],
        [2, 7],
      ].flatMap((d) => [code, 2, ...d]);
      const words = [2, 1, 4, ...types, 2, 0, 1, 0, 2];
      const join = [id("concat"), code, 1, 1, 3, 0, 1, 0, 1, 2];
      const handle = native.createProgram(Float64Array.from([...words, ...join, id("add"), code, 0, 2, 2, 2, 1, 3, 1, 3]));
      const [items, each] = [37, 6 * width];
      const [x, s] = [filled(array, items * each, 1), filled(array, 2 * width, 500)];
      for (const [layout, chunk] of [
        [1, 0],
        [2, 0],
        [2, 1],
        [1, 3],
      ] as const) {
        const out = new array(items * 14 * width) as Arrays;
        native.runProgram(handle, Float64Array.from([0, layout, chunk, 0, 1, items, 6, 0, 0]), x, s, out);
        const want = Array.from({ length: items }, (_, i) => {
          const item = x.subarray(i * each, (i + 1) * each) as Arrays;
          return expected([3, 1, 3], [2], [], width, [item, s, item]).map((v) => 2 * v);
        }).flat();
        expect([...out], `${code} ${layout} ${chunk}`).to.deep.equal(want);
      }
    }
  });

  it("refuses counts, shapes and axes that do not fit", () => {
    const one = new Float64Array(1);
    const call = (axis: number, ...shapes: number[][]): Error =>
      refusal(() => native.run(concat(1, axis, ...shapes), ...shapes.map((s) => new Float64Array(count(s)))));
    expect(call(0, [1]).message).to.match(/wrong number of operands/); // an output alone
    const many = Array.from({ length: 16 }, () => operand(1)).flat();
    expect(refusal(() => native.run(Float64Array.from([id("concat"), 0, 1, 1, 0, 17, ...many, ...operand(16)]), one)).message).to.match(
      /operand count/,
    );
    for (const axis of [-1, 1, 0.5, Number.NaN, 2 ** 53]) expect(call(axis, [1], [1], [2]).message).to.match(/bad axis/);
    expect(call(0, [], []).message).to.match(/bad axis/);
    expect(call(0, [1], [1], [3]).message).to.match(/as long as/);
    expect(call(0, [1, 2], [1, 3], [2, 2]).message).to.match(/differ/);
    expect(call(0, [1, 2], [2], [2, 2]).message).to.match(/ranks/);
    const absent = concat(1, 0, [1], [1], [2]);
    absent[11] = 0; // `present` of the second input
    expect(refusal(() => native.run(absent, one, new Float64Array(2))).message).to.match(/missing/);
    const mixed = concat(1, 0, [1], [1], [2]);
    mixed[12] = 5;
    expect(refusal(() => native.run(mixed, one, new Int32Array(1), new Float64Array(2))).message).to.match(/dtype/);
  });

  it("refuses programs whose instructions have no inputs, or too many, or unwanted outputs", () => {
    const made = (inputs: number[], outputs: number[]): object =>
      native.createProgram(
        Float64Array.from([
          ...[2, 1, 2, 1, 1, 1, 1, 1, inputs.length, 1, 0, 0, 1],
          ...[id("concat"), 1, 1, 0, inputs.length, ...inputs, outputs.length, ...outputs, 1, 1],
        ]),
      );
    const handle = made([0, 0, 0], [1]);
    const out = new Float64Array(6);
    native.runProgram(handle, batchRun(0, 2, 1), Float64Array.of(1, 2), out);
    expect([...out]).to.deep.equal([1, 1, 1, 2, 2, 2]);
    expect(refusal(() => made([], [1])).message).to.match(/wrong number of inputs/);
    expect(refusal(() => made(new Array(16).fill(0), [1])).message).to.match(/wrong number of inputs/);
    expect(refusal(() => made([0, -1], [1])).message).to.match(/missing/);
    expect(refusal(() => made([0, 0], [])).message).to.match(/wrong number of outputs/);
    expect(refusal(() => made([0, 0], [-1])).message).to.match(/missing|output/);
  });

  it("is a job, too", async () => {
    const run = native.runAsync(Float64Array.from([...concat(1, 0, [2], [1], [3]), 0, 0]), Float64Array.of(1, 2), Float64Array.of(3));
    expect(await run.promise).to.equal(undefined);
    expect([...native.outputs(run)[0]!]).to.deep.equal([1, 2, 3]);
  });
});
