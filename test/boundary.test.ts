// What a lying caller may send through the native boundary (docs/native-boundary.md): it may only ever get an Error.
import { expect } from "chai";
import { long } from "./grid";
import { randoms } from "./hostile/randoms";
import { batchRun, cholesky, F64, id, job, native, operand, program, refusal, spd, transfer } from "./native";

/** The descriptor of a rule without attributes: shapes, or "pivots" for two of int32. */
const rules = (name: string, shapes: (number[] | "pivots")[]): number[] => [
  ...[id(name), 0, F64, 0, shapes.length],
  ...shapes.flatMap((s) => (s === "pivots" ? [1, 5, 1, 2, 0] : operand(...s))),
];
/** solve_vjp of a 2 x 2 matrix and three right-hand sides: a, x, lu, pivots, g -> a, b. */
function solveRule(): [Float64Array, (Float64Array | Int32Array)[]] {
  const words = rules("solve_vjp", [[2, 2], [2, 3], [2, 2], "pivots", [2, 3], [2, 2], [2, 3]]);
  words.splice(3, 1, 1, 0); // one attribute: adjoint
  return [
    Float64Array.from(words),
    [spd(2), new Float64Array(6), spd(2), Int32Array.of(0, 1), new Float64Array(6), new Float64Array(4), new Float64Array(6)],
  ];
}
const STRANGE = [
  Number.NaN,
  Infinity,
  -Infinity,
  -1,
  -0,
  0,
  0.5,
  1,
  2,
  3,
  12,
  13,
  16,
  17,
  255,
  2 ** 31,
  2 ** 32,
  2 ** 40,
  2 ** 53,
  -(2 ** 53),
  1e308,
  5e-324,
];

/** Changes up to three numbers, or the length. */
function mutate(descriptor: Float64Array, random: () => number): Float64Array {
  let d = Float64Array.from(descriptor);
  const pick = (n: number): number => Math.floor(random() * n);
  if (random() < 0.1) d = d.slice(0, pick(d.length + 1));
  if (random() < 0.05) d = Float64Array.from([...d, STRANGE[pick(STRANGE.length)]!]);
  for (let k = 1 + pick(3); k > 0 && d.length > 0; k--) {
    const at = pick(d.length);
    d[at] = random() < 0.5 ? STRANGE[pick(STRANGE.length)]! : d[at]! + pick(5) - 2;
  }
  return d;
}

describe("native boundary", () => {
  const run = (...args: unknown[]): unknown => native.run(...args) ?? undefined; // null where memory of a call before waits

  it("computes what it is asked", () => {
    const out = new Float64Array(4);
    expect(run(cholesky(0, 2, 2), new Float64Array([4, 2, 2, 5]), out)).to.equal(undefined);
    expect([...out]).to.deep.equal([2, 0, 1, 2]);
    expect([...(run(cholesky(1, 2, 1, 1), new Float64Array([1, -1]), out.subarray(0, 2)) as Float64Array)]).to.deep.equal([1, 0, 1, 1]);
    expect(out[1]).to.be.NaN;
  });

  it("refuses descriptors that are no Float64Array", () => {
    for (const d of [undefined, null, 1, "x", {}, [], new Float32Array(20), new Proxy(cholesky(0, 2, 2), {}), new ArrayBuffer(80)]) {
      expect(refusal(() => run(d, spd(2), new Float64Array(4))).message).to.match(/^backsolve internal: /);
    }
    refusal(() => run());
  });

  it("refuses buffers of the wrong kind, length or number", () => {
    const ok = new Float64Array(4);
    const detached = new Float64Array(4);
    transfer(detached);
    const Resizable = ArrayBuffer as unknown as new (
      n: number,
      options: { maxByteLength: number },
    ) => ArrayBuffer & { resize(n: number): void };
    const shrunk = new Resizable(32, { maxByteLength: 64 });
    const fixed = new Float64Array(shrunk, 0, 4);
    const tracking = new Float64Array(shrunk);
    shrunk.resize(16);
    const wrong: unknown[] = [
      undefined,
      null,
      {},
      [1, 0, 0, 1],
      new Float32Array(4),
      new Int32Array(4),
      new BigInt64Array(4),
      new DataView(new ArrayBuffer(32)),
    ];
    wrong.push(
      new ArrayBuffer(32),
      Buffer.alloc(32),
      new Float64Array(3),
      new Float64Array(0),
      detached,
      fixed,
      tracking,
      new Proxy(ok, {}),
    );
    for (const w of wrong) {
      refusal(() => run(cholesky(0, 2, 2), w, ok));
      refusal(() => run(cholesky(0, 2, 2), spd(2), w));
      refusal(() => native.runAsync(job(cholesky(0, 2, 2)), w));
    }
    refusal(() => run(cholesky(0, 2, 2), spd(2)));
    refusal(() => run(cholesky(0, 2, 2), spd(2), ok, ok));
    refusal(() => run(cholesky(0, 2, 2), ...Array.from({ length: 100 }, () => ok)));
  });

  it("refuses outputs that overlap an input or each other", () => {
    const memory = new Float64Array(12);
    memory.set(spd(2));
    const d = cholesky(0, 2, 2);
    refusal(() => run(d, memory.subarray(0, 4), memory.subarray(0, 4)));
    refusal(() => run(d, memory.subarray(0, 4), memory.subarray(3, 7)));
    refusal(() => run(d, memory.subarray(4, 8), memory.subarray(1, 5)));
    expect(run(d, memory.subarray(0, 4), memory.subarray(4, 8))).to.equal(undefined);
    const shared = new SharedArrayBuffer(64);
    expect(run(d, memory.subarray(0, 4), new Float64Array(shared, 0, 4))).to.equal(undefined);
    refusal(() => run(d, new Float64Array(shared, 0, 4), new Float64Array(shared, 24, 4)));
  });

  it("tells its own handles from others", () => {
    const handle = native.createProgram(Float64Array.from(program(2)));
    const d = batchRun(0, 1, 2);
    for (const h of [undefined, null, 0, {}, Object.create(handle), new Proxy(handle, {}), () => 0, d]) {
      refusal(() => native.runProgram(h, d, spd(2), new Float64Array(4)));
      refusal(() => native.explainProgram(h, d, spd(2), new Float64Array(4)));
    }
  });

  it("checks the number of threads", () => {
    const before = native.info().threads;
    for (const n of [0, -1, 1.5, 257, Number.NaN, Infinity, "2", undefined, {}]) refusal(() => native.setThreads(n));
    native.setThreads(2);
    expect(native.info().threads).to.equal(2);
    native.setThreads(before);
  });

  it("refuses pivots that lead out of the matrix, in every rule that takes them", () => {
    const [rule, operands] = solveRule();
    expect(native.run(rule, ...operands) ?? undefined).to.equal(undefined);
    const lists: [string, number[], unknown[]][] = [
      ["solve_vjp", [...rule], operands],
      [
        "det_vjp",
        rules("det_vjp", [[2, 2], [2, 2], "pivots", [], [2, 2]]),
        [spd(2), spd(2), new Int32Array(2), new Float64Array(1), new Float64Array(4)],
      ],
      [
        "slogdet_vjp",
        rules("slogdet_vjp", [[2, 2], [], [2, 2], "pivots", [], [], [2, 2]]),
        [spd(2), new Float64Array(1), spd(2), new Int32Array(2), new Float64Array(1), new Float64Array(1), new Float64Array(4)],
      ],
    ];
    for (const [name, words, arrays] of lists) {
      for (const wrong of [2, -1, 2 ** 31 - 1, -(2 ** 31)]) {
        (arrays.find((a) => a instanceof Int32Array) as Int32Array).set([0, wrong]);
        const failure = native.run(Float64Array.from(words), ...arrays) as Float64Array;
        expect([...failure], name).to.deep.equal([0, 0, 11, 1]); // item, instruction, kind, index
      }
    }
  });

  long("survives mutated descriptors", () => {
    const random = randoms(0x2545f491);
    const memory = new Float64Array(64);
    const f64 = (from: number, n: number): Float64Array => memory.subarray(from, from + n);
    const two = operand(2, 3);
    const eager: [number[], number][] = [
      [[id("cholesky"), 0, F64, 0, 2, ...operand(2, 2, 2), ...operand(2, 2, 2)], 2],
      [[id("solveTriangular"), 1, F64, 4, 1, 0, 0, 0, 3, ...operand(2, 2), ...operand(2, 3), ...operand(2, 3)], 3],
      [[id("add"), 0, F64, 0, 3, ...two, ...operand(3), ...two], 3],
      [[id("sum"), 0, F64, 1, 1, 2, ...two, ...operand(2)], 2],
      [[id("readStrided"), 0, F64, 3, 0, 1, 2, 2, ...two, ...operand(2, 2)], 2],
      [[id("writeStrided"), 0, F64, 3, 0, 3, 1, 2, ...two, ...two], 2],
      [[id("band"), 0, F64, 2, 0, 0, 2, ...operand(2, 2), ...operand(2, 2)], 2],
      [[id("concat"), 0, F64, 1, 1, 4, ...operand(2, 1), ...operand(2, 3), ...operand(2, 1), ...operand(2, 5)], 4],
    ];
    let accepted = 0;
    const attempt = (f: () => unknown): void => {
      try {
        f();
        accepted++;
      } catch (error) {
        if (!(error instanceof Error)) throw error;
      }
    };
    for (const [words, buffers] of eager) {
      const d = Float64Array.from(words);
      const arrays = Array.from({ length: buffers }, (_, i) => f64(i * 12, 12));
      expect(() => native.run(d, ...arrays), `descriptor of kernel ${words[0]}`).not.to.throw();
      for (let k = 0; k < 6000; k++) attempt(() => native.run(mutate(d, random), ...arrays));
    }
    const [rule, operands] = solveRule();
    for (let k = 0; k < 6000; k++) attempt(() => native.run(mutate(rule, random), ...operands));
    const draw = Float64Array.of(id("randomUniformFloat64"), 0, 5, 3, 0, -1, 1, 2, 1, 5, 2, 2, 2, 0, ...operand(2, 3));
    const keys = Int32Array.from(memory.subarray(0, 12));
    expect(() => native.run(draw, keys, f64(0, 12))).not.to.throw();
    for (let k = 0; k < 6000; k++) attempt(() => native.run(mutate(draw, random), keys, f64(0, 12)));
    const p = Float64Array.from(program(2));
    const handle = native.createProgram(p);
    const r = batchRun(1, 3, 2);
    expect(native.runProgram(handle, r, f64(0, 12), f64(12, 12))).to.be.instanceOf(Float64Array);
    for (let k = 0; k < 15000; k++) {
      attempt(() => native.createProgram(mutate(p, random)));
      attempt(() => native.runProgram(handle, mutate(r, random), f64(0, 12), f64(12, 12)));
    }
    for (let k = 0; k < 3000; k++) attempt(() => native.explainProgram(handle, mutate(r, random), f64(0, 12), f64(12, 12)));
    expect(accepted).to.be.greaterThan(1000);
  });
});
