// What a lying caller may send of loops, conditions and whiles (docs/native-boundary.md): it may only ever get an Error.
import { expect } from "chai";
import { add, greater, less, linalg, mul, sum, type Tensor, tanh } from "../lib/index";
import { describeProgram } from "../lib/program/code";
import { body, built, f64 } from "./bodies";
import { randoms } from "./hostile/randoms";
import { F64, id, native, refusal } from "./native";

const BOOL = 4;
const ADD = (): number => id("add");
/** A program of values, each [dtype, ...dims]: its inputs, its code and its outputs. */
const part = (values: number[][], inputs: number[], code: number[][], outputs: number[]): number[] => [
  values.length,
  ...values.flatMap(([t, ...dims]) => [t as number, dims.length, ...dims]),
  ...[inputs.length, ...inputs, 0, code.length, ...code.flat(), outputs.length, ...outputs],
];
const control = (kind: number, numbers: number[], bodies: number[], ins: number[], outs: number[]): number[] => [
  ...[-1, kind, numbers.length, ...numbers, bodies.length, ...bodies, ins.length, ...ins, outs.length, ...outs],
];
const create = (...parts: number[][]): object => native.createProgram(Float64Array.from([2, parts.length, ...parts.flat()]));
/** c, x -> c + x, c */
const step = () =>
  part(
    [
      [F64, 2],
      [F64, 2],
      [F64, 2],
    ],
    [0, 1],
    [[ADD(), F64, 0, 2, 0, 1, 1, 2]],
    [2, 0],
  );
const scan = (
  numbers = [3, 0, 1, 1, 0],
  values: number[][] = [
    [F64, 2],
    [F64, 3, 2],
    [F64, 2],
    [F64, 3, 2],
  ],
) => part(values, [0, 1], [control(0, numbers, [0], [0, 1], [2, 3])], [2, 3]);

describe("native boundary: instructions with bodies", () => {
  it("computes what it is asked", () => {
    const handle = create(step(), scan());
    const [c, y] = [new Float64Array(4), new Float64Array(12)];
    const x = Float64Array.from({ length: 12 }, (_, i) => i);
    expect(native.runProgram(handle, Float64Array.of(0, 0, 0, 0, 1, 2, 2, 6, 0, 0), Float64Array.of(1, 2, 3, 4), x, c, y)).to.equal(
      undefined,
    );
    expect([[...c], [...y]]).to.deep.equal([
      [7, 11, 27, 31],
      [1, 2, 1, 3, 3, 6, 3, 4, 9, 11, 17, 20],
    ]);
  });
  it("refuses loops that are not what their bodies are", () => {
    const why = (...parts: number[][]): string => refusal(() => create(...parts)).message.replace("backsolve internal: ", "");
    const values = (i: number, ...t: number[]): number[][] => {
      const list = [
        [F64, 2],
        [F64, 3, 2],
        [F64, 2],
        [F64, 3, 2],
      ];
      list[i] = t;
      return list;
    };
    expect(why(step(), scan([4, 0, 1, 1, 0]))).to.match(/an input of another type/);
    expect(why(step(), scan([3, 0, 0, 2, 0, 0]))).to.match(/an input of another type/);
    expect(why(step(), scan([3, 0, 2, 0]))).to.match(/another type/);
    expect(why(step(), scan([3, 0, 3, 0, 0]))).to.match(/wrong number of inputs/);
    expect(why(step(), scan([3, 0, 1, 2, 0]))).to.match(/wrong number of inputs/);
    expect(why(step(), scan([3, 0, 1, 1]))).to.match(/wrong number of outputs/);
    expect(why(step(), scan([3, 0, 1, 1, 0, 0]))).to.match(/wrong number of outputs/);
    expect(why(step(), scan([3, 0, 1, 1, 1]))).to.match(/an output of another type/);
    expect(why(step(), scan([2 ** 31 + 1, 0, 1, 1, 0]))).to.match(/bad length/);
    for (const numbers of [[-1, 0, 1, 1, 0], [1.5, 0, 1, 1, 0], [3, 2, 1, 1, 0], [3, 0, -1, 1, 0], [3, 0, 1, 1, 2], [3, 0, 1], []])
      expect(why(step(), scan(numbers)), numbers.join()).to.match(/out of range/);
    expect(why(step(), scan(undefined, values(0, F64, 3)))).to.match(/another type/);
    expect(why(step(), scan(undefined, values(0, 0, 2)))).to.match(/another type/);
    expect(why(step(), scan(undefined, values(1, F64, 2, 2)))).to.match(/another type/);
    expect(why(step(), scan(undefined, values(2, F64, 3)))).to.match(/another type/);
    expect(why(step(), scan(undefined, values(3, F64, 2)))).to.match(/another type/);
    const integers = part(
      [
        [5, 2],
        [5, 2],
        [5, 2],
      ],
      [0, 1],
      [[ADD(), 5, 0, 2, 0, 1, 1, 2]],
      [2, 0],
    );
    expect(
      why(
        integers,
        scan(
          [3, 0, 1, 1, 1],
          [
            [5, 2],
            [5, 3, 2],
            [5, 2],
            [5, 2],
          ],
        ),
      ),
    ).to.match(/a sum of no floats/);
    const changes = part(
      [
        [F64, 2],
        [F64, 2],
      ],
      [0, 1],
      [],
      [0, 1],
    );
    expect(
      why(
        changes,
        part(
          [
            [F64, 2],
            [F64, 2],
            [F64, 2],
            [F64, 2],
          ],
          [0],
          [control(0, [3, 0, 2, 0], [0], [0, 1], [2, 3])],
          [2],
        ),
      ),
    ).to.match(/before it is defined/);
    expect(
      why(
        step(),
        part(
          [
            [F64, 2],
            [F64, 3, 2],
          ],
          [0, 1],
          [control(0, [3, 0, 1, 1, 0], [0], [0, 1], [0, 1])],
          [0],
        ),
      ),
    ).to.match(/twice/);
  });
  it("refuses bodies that are not there, or themselves, or too deep, or too many", () => {
    for (const b of [1, 2, -1, 0.5])
      expect(
        refusal(() =>
          create(
            step(),
            part(
              [
                [F64, 2],
                [F64, 3, 2],
              ],
              [0, 1],
              [control(0, [3, 0, 1, 1, 0], [b], [0, 1], [-1, -1])],
              [0],
            ),
          ),
        ).message,
      ).to.match(/body out of range/);
    expect(refusal(() => create(scan())).message).to.match(/body out of range/);
    const two = part(
      [
        [F64, 2],
        [F64, 3, 2],
      ],
      [0, 1],
      [control(0, [3, 0, 1, 1, 0], [0, 0], [0, 1], [-1, -1])],
      [0],
    );
    expect(refusal(() => create(step(), two)).message).to.match(/wrong number of bodies/);
    const deep = (n: number) =>
      Array.from({ length: n }, (_, i) =>
        part([[F64], [F64]], [0], i === 0 ? [] : [control(0, [2, 0, 1, 0], [i - 1], [0], [1])], [i === 0 ? 0 : 1]),
      );
    create(...deep(9));
    expect(refusal(() => create(...deep(10))).message).to.match(/too deep/);
    // 40 times 40 times ...: more instructions than a program may have
    const wide = Array.from({ length: 6 }, (_, i) =>
      part([[F64]], [0], i === 0 ? [] : Array.from({ length: 40 }, () => control(0, [1, 0, 0, 0, 1], [i - 1], [0], [-1])), [0]),
    );
    expect(refusal(() => create(...wide)).message).to.match(/too long/);
    expect(refusal(() => native.createProgram(Float64Array.of(2, 0))).message).to.match(/program count/);
    expect(refusal(() => native.createProgram(Float64Array.of(1, 0, 0, 0, 0, 0))).message).to.match(/version/);
  });
  it("refuses conditions and whiles that are not what their bodies are", () => {
    const same = part([[F64, 2]], [0], [], [0]);
    const other = part([[F64, 3]], [0], [], [0]);
    const truth = (...dims: number[]) =>
      part(
        [
          [F64, 2],
          [BOOL, ...dims],
        ],
        [0, 1],
        [],
        [1],
      );
    const cond = (bodies: number[], values: number[][], ins = [0, 1]) => part(values, [0, 1], [control(1, [], bodies, ins, [2])], [2]);
    create(same, cond([0, 0], [[BOOL], [F64, 2], [F64, 2]]));
    const why = (...parts: number[][]): string => refusal(() => create(...parts)).message;
    expect(
      why(
        same,
        cond(
          [0, 0],
          [
            [BOOL, 1],
            [F64, 2],
            [F64, 2],
          ],
        ),
      ),
    ).to.match(/no truth value/);
    expect(why(same, cond([0, 0], [[F64], [F64, 2], [F64, 2]]))).to.match(/no truth value/);
    expect(why(same, other, cond([0, 1], [[BOOL], [F64, 2], [F64, 2]]))).to.match(/a body with other inputs/);
    expect(why(same, cond([0, 0], [[BOOL], [F64, 2], [F64, 3]]))).to.match(/an output of another type/);
    expect(why(same, cond([0, 0], [[BOOL], [F64, 2], [F64, 2]], []))).to.match(/no truth value/);
    expect(why(same, cond([0, 0], [[BOOL], [F64, 2], [F64, 2]], [0, -1]))).to.match(/before it is defined/);
    expect(why(same, cond([0], [[BOOL], [F64, 2], [F64, 2]]))).to.match(/wrong number of bodies/);
    const keep = part([[F64, 2], [BOOL]], [0, 1], [], [0]);
    const loop = (test: number[], values: number[][], numbers = [5, 1]) =>
      why(test, keep, part(values, [0, 1], [control(2, numbers, [0, 1], [0, 1], [2])], [2]));
    create(truth(), keep, part([[F64, 2], [BOOL], [F64, 2]], [0, 1], [control(2, [5, 1], [0, 1], [0, 1], [2])], [2]));
    expect(loop(truth(1), [[F64, 2], [BOOL], [F64, 2]])).to.match(/a body with other inputs/);
    expect(loop(part([[F64, 2], [BOOL]], [0, 1], [], [0]), [[F64, 2], [BOOL], [F64, 2]])).to.match(/no truth value/);
    expect(loop(truth(), [[F64, 3], [BOOL], [F64, 3]])).to.match(/a body with other inputs/);
    expect(loop(truth(), [[F64, 2], [BOOL], [F64, 3]])).to.match(/an output of another type/);
    expect(loop(truth(), [[F64, 2], [BOOL], [F64, 2]], [5, 2])).to.match(/wrong number of outputs/);
    expect(loop(truth(), [[F64, 2], [BOOL], [F64, 2]], [-1, 1])).to.match(/out of range/);
  });
  it("refuses sums of no floats, and outputs without their memory", () => {
    const handle = create(
      part(
        [
          [5, 2],
          [F64, 2],
        ],
        [0, 1],
        [],
        [0, 1],
      ),
    );
    const run = (a: number, b: number, y: Int32Array, z: Float64Array) =>
      native.runProgram(handle, Float64Array.of(0, 0, 0, 0, 1, 3, 2, 2, a, b), new Int32Array(6), new Float64Array(6).fill(2), y, z);
    const z = new Float64Array(2);
    run(0, 1, new Int32Array(6), z);
    expect([...z]).to.deep.equal([6, 6]);
    expect(refusal(() => run(1, 0, new Int32Array(6), new Float64Array(6))).message).to.match(/a sum of no floats/);
    expect(refusal(() => run(0, 1, new Int32Array(6), new Float64Array(1)))).to.include({ code: "ERR_BUFFER" });
    expect(refusal(() => run(0, 0, new Int32Array(6), new Float64Array(2)))).to.include({ code: "ERR_BUFFER" });
    expect(refusal(() => run(0, 2, new Int32Array(6), z)).message).to.match(/sum out of range/);
  });

  it("counts the items of the batch, of one those of its loops that hand nothing on, and not of loops in these", async () => {
    const one = () => part([[F64, 2]], [0], [], [0]);
    const around = (b: number, rows: number, cols: number[]) =>
      part(
        [
          [F64, rows, ...cols],
          [F64, rows, ...cols],
        ],
        [0],
        [control(0, [rows, 0, 0, 1, 0], [b], [0], [1])],
        [1],
      );
    for (const [length, batch, done] of [
      [7, [], 7],
      [7, [1], 7],
      [7, [4], 4],
      [7, [40], 40],
      [1, [], 1],
    ] as const) {
      const handle = create(one(), around(0, 3, [2]), around(1, length, [3, 2]));
      const items = batch[0] ?? 1;
      const run = Float64Array.from([0, 0, 0, 0, batch.length, ...batch, ...batch.map(() => 42), 0, 0]);
      const job = native.runProgramAsync(handle, run, new Float64Array(42 * items));
      await job.promise;
      expect(native.done(job)).to.equal(done);
    }
  });

  it("mutated programs are refused or run", async () => {
    const random = randoms(5);
    const inner = body([f64(2), f64(2, 2), f64()], (c, a, s) => [tanh(mul(c, s)), linalg.cholesky(a), sum(mul(c, s))]);
    const code = built([f64(2), f64(3, 2, 2), f64()], (b, c, a, s) => {
      const [last, ls, total] = b.loop(inner, [c, a, s], { length: 3, carries: 1, mapped: 1, sums: [false, true] }) as [
        number,
        number,
        number,
      ];
      const [p] = b.call([total], (t: Tensor) => greater(t as Tensor<"float64">, 0)) as [number];
      const turn = body([f64(2), f64()], (x, t) => mul(x, t));
      const [x] = b.cond(
        turn,
        body([f64(2), f64()], (y) => y),
        [p, last, s],
      ) as [number];
      const grow = body([f64(2), f64()], (t, u) => [add(mul(t, 2), u)]);
      const [w] = b.whileLoop(
        body([f64(2), f64()], (t, u) => less(sum(t), u)),
        grow,
        [x, s],
        20,
      ) as [number];
      return [last, ls, total, w, ...b.loop(turn, [w, s], { length: 4, sums: [true] })];
    });
    const { descriptor, constants } = describeProgram(
      code,
      code.outputs.map((o) => o.id),
    );
    const STRANGE = [Number.NaN, -1, -2, 0, 0.5, 1, 2, 3, 4, 7, 8, 2 ** 31, 2 ** 40, 2 ** 53];
    const pick = (n: number): number => Math.floor(random() * n);
    const inputs = () => [4, 24, 2].map((n) => new Float64Array(n).fill(0.5));
    let ran = 0;
    for (let k = 0; k < 6000; k++) {
      const d = Float64Array.from(descriptor);
      for (let m = 1 + pick(3); k > 0 && m > 0; m--) {
        const at = pick(d.length);
        d[at] = random() < 0.5 ? (STRANGE[pick(STRANGE.length)] as number) : (d[at] as number) + pick(5) - 2;
      }
      try {
        const handle = native.createProgram(d, ...constants);
        if (ran > 400) continue;
        const run = Float64Array.of(pick(2), pick(3), pick(3), 0, 1, 2, 2, 12, 1, ...new Array(5).fill(0), 0, 0, 0);
        const job = native.runProgramAsync(handle, run, ...inputs());
        ran++;
        setTimeout(() => native.cancel(job), 2);
        await job.promise;
      } catch (error) {
        if (!(error instanceof Error)) throw error;
      }
    }
    expect(ran).to.be.greaterThan(100);
  });
});
