// Plans are kept with their program, and workspaces are not: what a run gives never depends on the runs before it.
import { expect } from "chai";
import { add, compile, eye, float64, info, linalg, mul, random, setThreads, sum, type Tensor } from "../lib/index";
import { child } from "./child";
import { long } from "./grid";

type F64 = Tensor<"float64">;
const normal = (seed: number, ...shape: number[]): F64 => random.normal(random.key(seed), shape);
const spd = (seed: number, ...batch: number[]): F64 => add(mul(normal(seed, ...batch, 5, 5), 0.1), mul(eye(5), 4)) as F64;
const values = (t: F64): number[] => [...t.data];
/** A hoisted solve of what is shared, lanes or single, and an input that is read as it is. */
const code = (a: F64, b: F64, c: F64) => add(linalg.solve(a, b), mul(sum(c), linalg.inv(a)));
const specs = [float64(5, 5), float64(5, 5), float64(3)] as const;

describe("kept plans", () => {
  const threads = info().threads;
  afterEach(() => setThreads(threads));

  it("fit the run: batches, what is shared, layouts, chunks, threads, memory", () => {
    const program = compile(code, ...specs);
    const patterns: [number[], number[], number[]][] = [
      [[], [], []],
      [[40], [], []],
      [[], [40], []],
      [[], [], [40]],
      [[40], [40], []],
      [[3, 1], [1, 7], [7]],
      [[41], [41], [41]],
    ];
    for (let round = 0; round < 3; round++) {
      for (const [i, [a, b, c]] of patterns.entries()) {
        const seed = 10 * round + i; // other memory, other numbers
        const args: [F64, F64, F64] = [spd(seed, ...a), normal(seed + 1000, ...b, 5, 5), normal(seed + 2000, ...c, 3)];
        for (const options of [{}, { layout: "single" }, { layout: "lanes", chunk: 2 }, { threads: 1 }] as const) {
          setThreads(1 + ((seed + i) % 3));
          const fresh = compile(code, ...specs).runSync(args, options);
          expect(values(program.runSync(args, options) as F64), `${round} ${i} ${JSON.stringify(options)}`).to.deep.equal(
            values(fresh as F64),
          );
        }
      }
    }
  });
  it("run what is shared once, whatever ran before", () => {
    const program = compile(code, ...specs);
    const hoisted = (...batch: number[]): boolean[] => {
      const args: [F64, F64, F64] = [spd(1, ...batch), normal(2, 40, 5, 5), normal(3, ...batch, 3)];
      program.runSync(args);
      const plan = JSON.parse(program.explain(args)) as { code: { kernel: string; hoisted: boolean }[] };
      return plan.code.filter(({ kernel }) => kernel === "inv" || kernel === "sum").map((c) => c.hoisted);
    };
    expect([hoisted(), hoisted(40), hoisted()]).to.deep.equal([
      [true, true],
      [false, false],
      [true, true],
    ]);
  });
  it("serve many runs at a time, each with its own inputs", async () => {
    const program = compile(code, ...specs);
    const runs = Array.from({ length: 40 }, (_, i) => {
      const args: [F64, F64, F64] = [spd(i, ...(i % 3 === 0 ? [] : [9])), normal(i + 100, 5, 5), normal(i + 200, ...(i % 2 ? [9] : []), 3)];
      return { args, want: values(compile(code, ...specs).runSync(args) as F64) };
    });
    const got = await Promise.all(runs.map(({ args }) => program.run(args)));
    got.forEach((t, i) => expect(values(t as F64), `run ${i}`).to.deep.equal(runs[i]?.want));
    for (const { args, want } of runs) expect(values(program.runSync(args) as F64)).to.deep.equal(want);
  });
  it("know outputs that are inputs, and constants", () => {
    const constant = normal(3, 5, 5);
    const program = compile((a: F64, s: F64) => ({ a, s, c: constant, p: linalg.inv(add(a, constant)) }), float64(5, 5), float64(2));
    for (const seed of [1, 2]) {
      const [a, s] = [spd(seed, 6), normal(seed, 2)];
      const got = program.runSync([a, s]);
      expect(values(got.a)).to.deep.equal(values(a));
      expect(values(got.s)).to.deep.equal(Array(6).fill(values(s)).flat());
      expect(values(got.c)).to.deep.equal(Array(6).fill(values(constant)).flat());
      expect(values(got.p)).to.deep.equal(values(linalg.inv(add(a, constant)) as F64));
    }
  });
});

describe("slots", () => {
  it("of values that live at one time do not overlap, whatever their sizes", () => {
    // Values of fifty sizes, each used again some steps later: what was written over would show.
    const sizes = Array.from({ length: 50 }, (_, i) => 1 + ((i * 37) % 50));
    const f = (...xs: F64[]): F64 => {
      const made: F64[] = [];
      let total = sum(xs[0] as F64, { axis: -1 });
      for (let i = 0; i < 400; i++) {
        made.push(mul(xs[(i * 7) % 50] as F64, i + 1));
        const old = made[Math.max(0, i - ((i * 13) % 90))] as F64;
        total = add(total, sum(mul(old, old), { axis: -1 }));
      }
      return total;
    };
    const xs = sizes.map((n, i) => normal(i, 20, n));
    const program = compile((...all: unknown[]) => f(...(all as F64[])), ...sizes.map((n) => float64(n))) as unknown as {
      runSync(args: F64[], options: object): F64;
    };
    const want = values(f(...xs));
    for (const options of [{ layout: "single" }, { layout: "lanes" }, { layout: "lanes", chunk: 2 }])
      values(program.runSync(xs, options)).forEach((x, i) => {
        expect(Math.abs(x - (want[i] as number)), JSON.stringify(options)).to.be.at.most(450 * 2 ** -52 * (want[i] as number));
      });
  });
});

if (process.platform === "linux") {
  describe("workspaces", function () {
    this.timeout(120_000);
    long("of a large call go back to the system when it ends, on every thread", () => {
      const { status, out } = child(`
        const n = 2000, workspace = 8 * n * n; // of inv, on each thread that computes one: the factors
        addon().setThreads(2);
        const [warm, one, two] = [square("cholesky", n, [], 2), inverse(n), inverse(n, 2)];
        for (const [, , out] of [one, two]) out.fill(1);
        native.run(...warm); // what BLAS keeps for itself
        const before = status("VmRSS");
        for (const call of [one, two]) {
          native.run(...call);
          console.log(status("VmRSS") - before < workspace / 2);
        }`);
      expect(`${status} ${out}`).to.equal("0 true\ntrue");
    });
  });
}
