// Runs of programs with loops: what fails and how it is told, sums over a batch, threads, progress and ends.
import { expect } from "chai";
import { storageOf } from "../lib/core/tensor";
import { add, eye, type Failure, type LinalgError, less, linalg, mul, reshape, sum, type Tensor, tanh, tensor } from "../lib/index";
import { type Program, programOf } from "../lib/program/program";
import { relativeError, sameBits } from "../lib/testing/close";
import { body, built, f64, LAYOUTS, numbers, type Options, type } from "./bodies";
import { caught, fields, rejected } from "./support";

type F64 = Tensor<"float64">;
type Runs = Program<Record<string, Tensor>, Record<string, Tensor>>;
const program = (code: ReturnType<typeof built>, sums?: boolean[]): Runs => programOf(code, undefined, sums);
const named = (...ts: Tensor[]): Record<string, Tensor> => Object.fromEntries(ts.map((t, i) => [`x${i}`, t]));
/** 2 x 2 matrices, one after the other: d times the unit matrix, and indefinite where d is -1. */
const matrices = (...ds: number[]): F64 => {
  const t = numbers(f64(ds.length, 2, 2), 1) as F64;
  ds.forEach((d, i) => storageOf(t).array.set([d, 0, 0, d], 4 * i));
  return t;
};
const reshaped = (t: F64, ...shape: number[]): F64 => reshape(t, shape) as F64;

describe("failures inside bodies", () => {
  const factor = body([f64(2), f64(2, 2)], (c, a) => [add(c, sum(linalg.cholesky(a))), c]);
  const scan = (reverse: boolean) =>
    built([f64(2), f64(4, 2, 2)], (b, c, xs) => b.loop(factor, [c, xs], { length: 4, carries: 1, mapped: 1, reverse }));
  const data = reshaped(matrices(1, 2, 3, 4, 1, -1, -1, 1, 1, 1, 1, 1), 3, 4, 2, 2);

  it("name the item and the step, in order of the steps", () => {
    for (const options of LAYOUTS)
      for (const [reverse, step] of [
        [false, 1],
        [true, 2],
      ] as const) {
        const run = () => program(scan(reverse)).runSync(named(numbers(f64(2), 1), data), options);
        expect(fields(caught(run)), JSON.stringify(options)).to.deep.equal({
          code: "ERR_NOT_POSITIVE_DEFINITE",
          op: "cholesky",
          item: 1,
          index: 1,
          message: `scan, step ${step}: cholesky: item 1 of the batch (batch shape [3]) is not positive definite: its leading minor of order 1 is not positive.`,
        });
        expect((caught(run) as LinalgError).item).to.equal(1);
      }
  });
  it("fill failing items with NaN and list them", () => {
    for (const options of LAYOUTS) {
      const failures: Failure[] = [];
      const out = program(scan(false)).runSync(named(numbers(f64(2), 1), data), { ...options, onFailure: "nan", failures });
      expect(failures.map(({ item, path }) => [item, path])).to.deep.equal([[1, ["scan, step 1"]]]);
      const clean = [0, 2].map((i) => program(scan(false)).runSync(named(numbers(f64(2), 1), sliceOf(data, i))));
      for (const [name, t] of Object.entries(out)) {
        const each = storageOf(t).array.length / 3;
        const parts = [0, 1, 2].map((i) => [...(storageOf(t).array.slice(i * each, (i + 1) * each) as Float64Array)]);
        expect(parts[1]!.every(Number.isNaN)).to.equal(true);
        expect([parts[0], parts[2]]).to.deep.equal(clean.map((c) => [...(storageOf(c[name] as Tensor).array as Float64Array)]));
      }
    }
  });
  const sliceOf = (t: F64, i: number): F64 =>
    reshaped(tensor(storageOf(t).array.slice(16 * i, 16 * (i + 1)) as Float64Array) as F64, 4, 2, 2);

  it("name every loop around, from the outside in, and instructions behind bodies by their own numbers", () => {
    const items = built([f64(3, 2, 2), f64(2)], (b, a, s) => {
      const [, y] = b.loop(
        factor,
        [
          s,
          b.loop(
            body([f64(2, 2)], (x) => mul(x, 1)),
            [a],
            { length: 3, mapped: 1 },
          )[0] as number,
        ],
        {
          length: 3,
          carries: 1,
          mapped: 1,
        },
      ) as [number, number];
      return b.call([a, y], (x, t) => add(sum(linalg.inv(x)), sum(t)));
    });
    const outer = built([f64(2, 3, 2, 2), f64(2)], (b, x, s) => [
      ...b.loop(items, [x, s], { length: 2, mapped: 1 }),
      ...b.call([x], (t) => linalg.det(t)),
    ]);
    const whole = built([f64(2), f64(5, 2, 3, 2, 2)], (b, c, xs) =>
      b.loop(
        built([f64(2), f64(2, 3, 2, 2)], (d, p, x) => {
          const [r] = d.inline(outer, [x, p]) as [number];
          return d.call([p, r], (u, v) => [tanh(add(u, sum(v))), v]);
        }),
        [c, xs],
        { length: 5, carries: 1, mapped: 1 },
      ),
    );
    const at = (bad: number, value: number) =>
      reshaped(matrices(...Array.from({ length: 60 }, (_, i) => (i === bad + 30 ? value : 1))), 2, 5, 2, 3, 2, 2);
    for (const options of LAYOUTS) {
      const run = (x: F64) => caught(() => program(whole).runSync(named(numbers(f64(2), 1), x), options)).message;
      expect(run(at(6 * 3 + 3 + 2, -1)), JSON.stringify(options)).to.match(
        /^scan, step 3: vmap, item 1: scan, step 2: cholesky: item 1 of/,
      );
      expect(run(at(6 * 4 + 1, 0))).to.match(/^scan, step 4: vmap, item 0: scan, step 1: cholesky: /);
    }
  });
  it("of the branch that an item does not take are dropped", () => {
    const code = built([type("bool"), f64(2, 2)], (b, p, a) =>
      b.cond(
        body([f64(2, 2)], (x) => linalg.cholesky(x)),
        body([f64(2, 2)], (x) => linalg.inv(x)),
        [p, a],
      ),
    );
    const pick = tensor(Uint8Array.from([1, 0, 1, 0, 1, 0, 1, 0]), { dtype: "bool" } as never) as Tensor;
    for (const options of LAYOUTS) {
      const run = (a: F64) => program(code).runSync(named(pick, a), options);
      const out = run(matrices(1, -1, 1, -1, 4, -1, 1, -1)).y0 as Tensor;
      expect([...(storageOf(out).array as Float64Array)].filter((_, i) => i % 4 === 0)).to.deep.equal([1, -1, 1, -1, 2, -1, 1, -1]);
      expect(fields(caught(() => run(matrices(1, -1, 1, 0, 0, -1, -1, -1))))).to.include({ op: "inv", item: 3 });
      const failures: Failure[] = [];
      program(code).runSync(named(pick, matrices(1, 0, 1, 0, 0, -1, -1, -1)), { ...options, onFailure: "nan", failures });
      expect(failures.map(({ item, op }) => `${item} ${op}`)).to.deep.equal(["1 inv", "3 inv", "4 cholesky", "6 cholesky"]);
    }
  });
  it("of a while that does not end, of its test and of its body", () => {
    const test = body([f64(2, 2)], (a) => less(sum(linalg.cholesky(a)), 100));
    const grow = body([f64(2, 2)], (a) => add(a, mul(eye(2), sum(linalg.inv(a)))));
    const code = built([f64(2, 2)], (b, a) => b.whileLoop(test, grow, [a], 9));
    for (const options of LAYOUTS) {
      const run = (...ds: number[]) => caught(() => program(code).runSync(named(matrices(...ds)), options));
      expect(fields(run(1e6, 1e6, 1))).to.deep.equal({
        code: "ERR_NO_CONVERGENCE",
        op: "whileLoop",
        item: 2,
        index: 9,
        message: "whileLoop: item 2 of the batch (batch shape [3]) is not done after 9 steps: the test still holds.",
      });
      expect(run(1e6, 1e6, -1).message).to.match(/^whileLoop, step 0: cholesky: item 2/);
      const failures: Failure[] = [];
      const out = program(code).runSync(named(matrices(1e6, 2, -3, 9e9)), { ...options, onFailure: "nan", failures }).y0 as Tensor;
      expect(failures.map(({ item, code: c }) => `${item} ${c}`)).to.deep.equal(["1 ERR_NO_CONVERGENCE", "2 ERR_NOT_POSITIVE_DEFINITE"]);
      expect([...(storageOf(out).array as Float64Array)].map(Number.isNaN)).to.deep.equal(
        [0, 1, 1, 0].flatMap((x) => new Array(4).fill(x === 1)),
      );
    }
  });
  it("of what all items share fail every item, where they are", () => {
    for (const options of LAYOUTS) {
      const run = () => program(scan(true)).runSync(named(numbers(f64(2), 1, [5]), sliceOf(data, 1)), options);
      expect(caught(run).message).to.match(/^scan, step 2: cholesky: item 0/);
      const shared = built([f64(4, 2, 2), f64(2), f64(2)], (b, xs, c, y) => {
        const [last] = b.loop(factor, [c, xs], { length: 4, carries: 1, mapped: 1 }) as [number];
        return b.call([last, y], (p, q) => add(p, q));
      });
      const failures: Failure[] = [];
      program(shared).runSync(named(sliceOf(data, 1), numbers(f64(2), 1), numbers(f64(2), 1, [3])), {
        ...options,
        onFailure: "nan",
        failures,
      });
      expect(failures.map(({ item, path }) => `${item} ${path}`)).to.deep.equal([0, 1, 2].map((i) => `${i} scan, step 1`));
    }
  });
});

describe("outputs summed over the batch", () => {
  const code = built([f64(3), f64(2), type("complex64", 2)], (b, x, s, z) => {
    const [p, q] = b.call([x, s], (u, v) => [mul(u, sum(v)), tanh(u)]) as [number, number];
    return [p, q, p, x, s, z, q];
  });
  const sums = [true, false, false, true, true, true, true];
  it("are what adding the items up gives, with the same bits for any threads and chunks", () => {
    for (const n of [0, 1, 5, 8, 9, 64, 1000, 5001]) {
      const inputs = named(numbers(f64(3), 1, [n]), numbers(f64(2), 2), numbers(type("complex64", 2), 3, [n]));
      const whole = program(code).runSync(inputs);
      for (const layout of ["single", "lanes", "auto"] as const) {
        let first: Record<string, Tensor> | undefined;
        for (const options of [{}, { chunk: 1 }, { threads: 1 }, { threads: 2, chunk: 3 }] as Options[]) {
          const out = program(code, sums).runSync(inputs, { ...options, layout });
          first ??= out;
          Object.entries(out).forEach(([name, t], i) => {
            const all = whole[name] as Tensor;
            expect(sameBits(t, first?.[name] as Tensor), `${n} ${layout} ${name}`).to.equal(true);
            const want = sums[i] ? (sum(all as F64, { axis: 0 }) as Tensor) : all;
            const eps = t.dtype === "complex64" ? 1e-7 : 1e-16;
            expect(relativeError(t, want), `${n} ${layout} ${JSON.stringify(options)} ${name}`).to.be.lessThan(100 * eps * Math.max(n, 1));
          });
        }
      }
    }
  });
  it("are NaN where an item failed, which is listed", async () => {
    const factors = program(
      body([f64(2, 2)], (a) => [linalg.cholesky(a), mul(a, 2)]),
      [true, false],
    );
    for (const options of LAYOUTS) {
      const failures: Failure[] = [];
      const given = matrices(...Array.from({ length: 40 }, (_, i) => (i === 30 || i === 7 ? -1 : 1)));
      const out = factors.runSync(named(given), { ...options, onFailure: "nan", failures });
      expect(failures.map((f) => f.item)).to.deep.equal([7, 30]);
      expect([...(storageOf(out.y0 as Tensor).array as Float64Array)].every(Number.isNaN)).to.equal(true);
      expect((out.y0 as Tensor).shape).to.deep.equal([2, 2]);
      expect(caught(() => factors.runSync(named(given), options))).to.include({ item: 7 });
      const job = await factors.run(named(given), { ...options, onFailure: "nan" });
      expect((job.y0 as Tensor).shape).to.deep.equal([2, 2]);
    }
  });
});

describe("loops of one item", () => {
  const heavy = (length: number, n: number) =>
    built([f64(length, n, n), f64(n)], (b, a, s) =>
      b.loop(
        body([f64(n, n), f64(n)], (x, t) => [linalg.solve(add(x, mul(eye(n), 4)), t), sum(x)]),
        [a, s],
        { length, mapped: 1, sums: [false, true] },
      ),
    );
  it("have the same bits for any threads and chunks", () => {
    const p = program(heavy(500, 6));
    const inputs = named(numbers(f64(500, 6, 6), 1), numbers(f64(6), 2));
    for (const layout of ["auto", "single"] as const) {
      const want = p.runSync(inputs, { threads: 1, layout });
      for (const options of [{}, { threads: 2 }, { chunk: 1 }, { chunk: 7, threads: 2 }]) {
        const got = p.runSync(inputs, { ...options, layout });
        for (const name of ["y0", "y1"]) expect(sameBits(got[name] as Tensor, want[name] as Tensor)).to.equal(true);
      }
    }
  });
  it("count their own items as progress, and stop where they are", async () => {
    const p = program(heavy(3000, 12));
    const inputs = named(numbers(f64(3000, 12, 12), 1), numbers(f64(12), 2));
    const seen: [number, number][] = [];
    await p.run(inputs, { onProgress: (done, total) => seen.push([done, total]) });
    expect(seen.at(-1)).to.deep.equal([3000, 3000]);
    for (const [done, total] of seen) expect(done <= total && total === 3000).to.equal(true);
  });
  for (const layout of ["single", "lanes"] as const)
    for (const kind of ["scan", "vmap", "while"] as const)
      it(`are left when aborted: ${kind}, ${layout}`, async () => {
        const length = 2 ** 31;
        const step = body([f64(2)], (x) => tanh(add(x, 0.25)));
        const code =
          kind === "while"
            ? built([f64(2)], (b, x) =>
                b.whileLoop(
                  body([f64(2)], (t) => less(sum(t), 1e9)),
                  step,
                  [x],
                  2 ** 50,
                ),
              )
            : built([f64(2)], (b, x) =>
                b.loop(step, [x], { length, carries: kind === "scan" ? 1 : 0, sums: kind === "scan" ? [] : [true] }),
              );
        const batch = layout === "lanes" ? [9] : [];
        const stop = new AbortController();
        const x = numbers(f64(2), 1, batch);
        const run = program(code).run(named(x), { layout, signal: stop.signal });
        setTimeout(() => stop.abort(new Error("enough")), 30);
        expect((await rejected(run)).message).to.equal("enough");
        while (storageOf(x).busy > 0) await new Promise((later) => setTimeout(later, 1)); // until the job has left it
      });
});
