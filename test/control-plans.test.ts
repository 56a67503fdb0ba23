// How loops are planned: with their program, in lanes or as a batch of their own.
import { expect } from "chai";
import { add, eye, linalg, mul, sum, type Tensor, tanh } from "../lib/index";
import { programOf } from "../lib/program/program";
import { body, built, f64, numbers, type Options } from "./bodies";
import { native } from "./native";

interface Step {
  readonly kernel: string;
  readonly kernels?: readonly string[];
  readonly layout: string;
  readonly hoisted: boolean;
  readonly slots: readonly (string | number | null)[];
  readonly flops: number;
  readonly bodies?: readonly (readonly Step[])[];
  readonly batch?: Plan;
}
interface Plan {
  readonly layout: string;
  readonly items: number;
  readonly chunk: number;
  readonly arenaBytes: number;
  readonly code: readonly Step[];
}
const planOf = (code: ReturnType<typeof built>, batches: readonly (readonly number[])[], options: Options = {}): Plan => {
  const inputs = code.inputs.map(({ id, name }, i) => [name, numbers(code.values[id] as never, i, batches[i])]);
  return JSON.parse(programOf<Record<string, Tensor>, Record<string, Tensor>>(code).explain(Object.fromEntries(inputs), options)) as Plan;
};
const kernels = (steps: readonly Step[] | undefined): string[] => (steps ?? []).flatMap((s) => s.kernels ?? [s.kernel]);

describe("plans of loops", () => {
  const step = body([f64(4), f64(4), f64(4, 4)], (c, x, a) => {
    const l = linalg.cholesky(add(mul(a, 0.1), eye(4)));
    return [tanh(linalg.solveTriangular(l, add(c, x))), c];
  });
  const length = 1000;
  const scan = built([f64(4), f64(length, 4), f64(4, 4)], (b, ...ids) => b.loop(step, ids, { length, carries: 1, mapped: 1 }));

  it("in lanes over the batch, what is mapped and what is given step by step", () => {
    const plan = planOf(scan, [[1000], [1000], []]);
    const [loop] = plan.code as [Step];
    expect([plan.layout, loop.kernel, loop.layout]).to.deep.equal(["lanes", "loop", "lanes"]);
    // carry: packed; x: a stream; a: shared; the last carry: a slot; results: a stream
    expect(loop.slots.map((s) => (typeof s === "number" ? "slot" : s))).to.deep.equal(["slot", "stream", "shared", "slot", "stream"]);
    expect(kernels(loop.bodies?.[0])).to.include.members(["cholesky", "solveTriangular", "tanh"]);
    expect(new Set(loop.bodies?.[0]?.map((s) => s.layout))).to.deep.equal(new Set(["lanes"]));
    expect(loop.flops / length).to.be.greaterThan(50);
    // Nothing in the arena is as long as the loop.
    expect(plan.arenaBytes).to.be.lessThan(100_000);
    expect(plan.chunk).to.be.greaterThan(2);
  });
  it("in lanes also where results that others read are as long as the loop: they shrink neither lanes nor chunks", () => {
    const twice = built([f64(4), f64(length, 4), f64(4, 4)], (b, c, x, a) => {
      const [last, ys] = b.loop(step, [c, x, a], { length, carries: 1, mapped: 1 }) as [number, number];
      return b.loop(step, [last, ys, a], { length, carries: 1, mapped: 1, reverse: true });
    });
    const plan = planOf(twice, [[1000], [1000], []]);
    expect([plan.layout, plan.code.length]).to.deep.equal(["lanes", 2]);
    expect(plan.chunk).to.be.at.least(planOf(scan, [[1000], [1000], []]).chunk / 2);
    expect(plan.arenaBytes).to.be.greaterThan(length * 4 * 8);
  });
  it("as a batch of their own, in lanes, where the run has one item", () => {
    const vmap = built([f64(length, 4), f64(4, 4)], (b, x, a) => [
      ...b.loop(
        body([f64(4), f64(4, 4)], (y, m) => [linalg.solve(add(m, mul(eye(4), sum(y))), y), mul(y, 2)]),
        [x, a],
        { length, mapped: 1, sums: [false, true], unwanted: [] },
      ),
      ...b.loop(step, [b.call([a], (m) => sum(m, { axis: 0 }))[0] as number, x, a], { length, carries: 1, mapped: 1 }),
    ]);
    const plan = planOf(vmap, [[], []]);
    const [batched, , scanned] = plan.code as [Step, Step, Step];
    expect(plan.layout).to.equal("single");
    expect([batched.kernel, batched.batch?.layout, batched.batch?.items]).to.deep.equal(["loop", "lanes", length]);
    expect(kernels(batched.batch?.code)).to.include("solve");
    expect([scanned.kernel, scanned.batch, scanned.bodies?.length]).to.deep.equal(["loop", undefined, 1]);
    expect(planOf(vmap, [[], []], { layout: "single" }).code[0]?.batch?.layout).to.equal("single");
  });
  it("as batches of their own also of a few items, where lanes over these would be few", () => {
    const scale = body([f64(4, 4), f64()], (m, s) => linalg.inv(add(mul(m, s), eye(4))));
    const code = (n: number) => built([f64(n, 4, 4), f64()], (b, x, s) => b.loop(scale, [x, s], { length: n, mapped: 1 }));
    const layouts = [
      [16, 100],
      [16, 10],
      [1000, 100],
    ].map(([items, n]) => planOf(code(n as number), [[items as number], [items as number]]).layout);
    expect(layouts).to.deep.equal(["single", "lanes", "lanes"]);
  });
  it("once where all items share what they read", () => {
    const code = built([f64(4), f64(length, 4), f64(4, 4), f64(4)], (b, c, x, a, y) => {
      const [last] = b.loop(step, [c, x, a], { length, carries: 1, mapped: 1 }) as [number];
      return b.call([last, y], (p, q) => add(p, q));
    });
    expect(planOf(code, [[], [], [], [100]]).code.map((s) => [s.kernel, s.hoisted])).to.deep.equal([
      ["loop", true],
      ["add", false],
    ]);
  });
  it("are kept with those of the program", () => {
    const p = programOf<Record<string, Tensor>, Record<string, Tensor>>(
      built([f64(30, 4), f64(4)], (b, x, c) => {
        const inner = built([f64(4), f64(30, 4)], (d, y, all) => [
          ...d.call([y], (t) => tanh(t)),
          d.loop(
            body([f64(4), f64(4)], (s, t) => mul(s, t)),
            [all, y],
            { length: 30, mapped: 1, sums: [true] },
          )[0] as number,
        ]);
        return b.loop(inner, [c, x], { length: 5, carries: 1 });
      }),
    );
    const inputs = { x0: numbers(f64(30, 4), 1), x1: numbers(f64(4), 2) };
    p.runSync(inputs);
    const before = native.plansMade();
    for (let i = 0; i < 5; i++) p.runSync(inputs);
    expect(native.plansMade()).to.equal(before);
  });
});
