// The sampler of npm test: what it leaves out is chance, and what must have its turn has it.
import { expect } from "chai";
import fc from "fast-check";
import { ArgumentError, defineOp, mul, registry, type Tensor } from "../lib/index";
import { type CheckError, type CheckOptions, checkOp, type Report } from "../lib/testing/index";
import { drawn } from "../lib/testing/sample";
import { cells, hasTurn, planOf } from "./grid";
import { rejected } from "./support";

const seeds = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const shares = fc.double({ min: 1e-3, max: 1, noNaN: true });
const samples = fc.record({ share: shares, seed: seeds });
const DTYPES = ["float32", "float64", "complex64", "complex128"] as const;
type F64 = Tensor<"float64">;
type Op = Parameters<typeof checkOp>[0];

describe("a sample of a grid", () => {
  it("is a part of it, as large as its share, with every value of every axis, the same for the same seed", () => {
    const axes = fc.array(fc.uniqueArray(fc.integer(), { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(axes, samples, (grid, sample) => {
        const got = cells("grid", grid, { sample }) as number[][];
        const size = grid.reduce((n, axis) => n * axis.length, 1);
        expect(new Set(got.map(String)).size).to.equal(got.length);
        for (const cell of got) cell.forEach((value, i) => expect(grid[i]).to.include(value));
        grid.forEach((axis, i) => expect(new Set(got.map((cell) => cell[i]))).to.deep.equal(new Set(axis)));
        expect(got.length).to.be.at.least(Math.ceil(sample.share * size));
        // never more than the share or what the axes need, one cell a value
        expect(got.length).to.be.at.most(
          Math.max(
            Math.ceil(sample.share * size),
            grid.reduce((n, axis) => n + axis.length, 0),
          ),
        );
        expect(cells("grid", grid, { sample })).to.deep.equal(got);
      }),
    );
    expect(cells("grid", [[1, 2], ["a", "b"]], {})).to.deep.equal([[1, "a"], [1, "b"], [2, "a"], [2, "b"]]); // biome-ignore format: cells
  });

  it("gives every long test its turn, one in three at a seed, and all of them in CI", () => {
    const titles = Array.from({ length: 40 }, (_, i) => `test ${i}`);
    const turns = titles.map((title) => Array.from({ length: 600 }, (_, seed) => hasTurn(title, { share: 1 / 12, seed })));
    // 200 each of standard deviation 12
    for (const turn of turns) expect(Math.abs(turn.filter(Boolean).length - 200)).to.be.below(5 * 12);
    for (const title of titles) expect([hasTurn(title, { share: 1 / 4, seed: 3 }), hasTurn(title, undefined)]).to.deep.equal([true, true]);
  });

  it("takes every cell over the seeds, about as often as any other, and not the same ones for other names", () => {
    const list = Array.from({ length: 16 }, (_, i) => i);
    const counts = list.map(() => 0);
    let [same, all] = [0, 0];
    for (let seed = 0; seed < 4000; seed++) {
      const [one, two] = ["one", "two"].map((name) => {
        const { order, enough } = drawn(list, { share: 1 / 8, seed }, name);
        expect(order.toSorted((a, b) => a - b)).to.deep.equal(list);
        return order.slice(0, enough);
      }) as [number[], number[]];
      for (const i of one) counts[i] = (counts[i] as number) + 1;
      all += one.length;
      same += one.filter((i) => two.includes(i)).length;
    }
    // 500 each of standard deviation 21; an eighth of 8000 in common, of 30
    for (const count of counts) expect(Math.abs(count - 500)).to.be.below(5 * 21);
    expect(all).to.equal(8000);
    expect(Math.abs(same - 1000)).to.be.below(5 * 30);
  });
});

describe("checkOp of a sample", () => {
  const total = (report: Report): number => Object.values(report).reduce((a, b) => a + b, 0);

  it("runs every check in every dtype in which all cases would, whatever the seed and the share", async () => {
    // rows with options, with shapes of their own, with integers, of complex numbers alone
    for (const name of ["solve", "sum", "applyPivots", "real"]) {
      const op = registry.op(name) as Op;
      for (const dtype of DTYPES) {
        const options = { dtypes: [dtype], sizes: [0, 3] };
        const whole = await checkOp(op, options);
        for (const seed of [0, 2 ** 32 - 1]) {
          const part = await checkOp(op, { ...options, sample: { share: 1e-3, seed } });
          expect(Object.keys(part).sort(), `${name} ${dtype} ${seed}`).to.deep.equal(Object.keys(whole).sort());
          if (total(whole) > 0) expect(total(part)).to.be.below(total(whole) / 2);
        }
      }
    }
  });

  it("finds what fails in some cases alone, not with every seed, says which seed it was, and finds it again by it", async () => {
    const twice = defineOp({
      name: "gridTwice",
      inputs: ["x"],
      outputs: ["y"],
      kernel: ({ x }) => mul(x.shape.at(-1) === 9 ? 3 : 2, x),
      law: ({ x }, { y }) => [[mul(2, x as F64), y]],
    });
    const fault = (options: CheckOptions): Promise<string> =>
      checkOp(twice, { only: ["law"], dtypes: ["float64"], ...options }).then(
        () => "none",
        (error: CheckError) => error.message,
      );
    expect(await fault({})).to.match(/^gridTwice: 2 checks failed\n {2}law \(float64, n=9 batch=\[\] \{\}\): equation 1 /);
    const seen = new Set<string>();
    for (let seed = 0; seed < 40; seed++) {
      const sample = { share: 1 / 8, seed };
      const got = await fault({ sample });
      expect(await fault({ sample })).to.equal(got);
      seen.add(got.replace(/\(share 0\.125, seed (\d+)\)[\s\S]*/, (_, said) => (Number(said) === seed ? "with its seed" : "with another")));
    }
    expect([...seen].sort()).to.deep.equal(["gridTwice: 1 checks of a sample with its seed", "gridTwice: 2 checks of a sample with its seed", "none"]); // biome-ignore format: one line
  });

  it("is refused where it is none", async () => {
    for (const [sample, message] of [
      [3, /^checkOp: expected an object of options, got 3\.$/],
      [{ share: 0, seed: 1 }, /^checkOp: option sample: share must be a number above 0, at most 1, got 0\.$/],
      [{ share: 1.5, seed: 1 }, /at most 1, got 1\.5\.$/],
      [{ seed: 1 }, /share must be .*, got undefined\.$/],
      [{ share: 1, seed: -1 }, /^checkOp: option sample: seed must be an integer from 0 to 4294967295, got -1\.$/],
      [{ share: 1, seed: 2 ** 32 }, /got 4294967296\.$/],
      [{ share: 1 }, /seed must be .*, got undefined\.$/],
      [{ share: 1, seed: 1, size: 3 }, /^checkOp: unknown option "size"\. Options: share, seed\.$/],
    ] as const) {
      const error = await rejected(checkOp(registry.op("exp") as Op, { sample: sample as never }));
      expect(error).to.be.instanceOf(ArgumentError);
      expect(error.message).to.match(message);
    }
  });
  it("is of an op, or says so", async () => {
    for (const op of [undefined, "concat", () => 0])
      expect((await rejected(checkOp(op as never))).message).to.match(/^checkOp: expected an op, which has a row, got /);
  });
});

describe("the variables of the tests", () => {
  it("ask for a sample, for the same again, or for all", () => {
    const { sample } = planOf({});
    expect(sample?.share).to.equal(1 / 12);
    expect(planOf({})).to.deep.equal(planOf({ BACKSOLVE_TESTS: "", BACKSOLVE_TESTS_SEED: "" }));
    expect(planOf({ BACKSOLVE_TESTS_SEED: String(sample?.seed) }).sample).to.deep.equal(sample);
    expect(planOf({ BACKSOLVE_TESTS_SEED: "4294967295" }).text).to.match(
      /seed 4294967295 \(BACKSOLVE_TESTS_SEED\)\.\nBACKSOLVE_TESTS_SEED=4294967295 runs it again/,
    );
    const quarter = planOf({ BACKSOLVE_TESTS: "quarter" });
    expect(quarter.sample).to.deep.equal({ share: 1 / 4, seed: sample?.seed });
    expect(quarter.text).to.match(/1\/4 of[\s\S]*BACKSOLVE_TESTS_SEED=\d+ BACKSOLVE_TESTS=quarter runs it again/);
    expect(planOf({ BACKSOLVE_TESTS: "all" })).to.deep.equal({ sample: undefined, text: "the whole grids" });
  });
  it("that are wrong are errors that say what is expected", () => {
    for (const given of ["-1", "1e3", "4294967296", "0.5", "x"])
      expect(() => planOf({ BACKSOLVE_TESTS_SEED: given })).to.throw(
        `BACKSOLVE_TESTS_SEED is "${given}", expected an integer from 0 to 4294967295.`,
      );
    expect(() => planOf({ BACKSOLVE_TESTS: "ALL" })).to.throw('BACKSOLVE_TESTS is "ALL", expected "sample", "quarter", "all" or "every".');
  });
});
