// The same inside compile: over batches, in both layouts, in any threads and chunks.
import { expect } from "chai";
import { isFloat } from "../../lib/core/dtype";
import { sizeOf, storageOf, wrap } from "../../lib/core/tensor";
import { compile, Program, Spec, stack, type Tensor } from "../../lib/index";
import { sameBits } from "../../lib/testing/close";
import { agree, back, directions, floats, type Of, push, reversible, smooth, tolerances } from "./checks";
import { type Controls, element, real, written } from "./reference";
import type { Problem } from "./words";

type Whole = (l: Controls, inputs: readonly Tensor[]) => Tensor[];

/** What is compiled of a problem: outputs, and derivatives of them. */
function functions(p: Problem): Readonly<Record<string, Whole>> {
  const inputs = p.inputs(0);
  const outs = p.run(written, inputs).filter((t) => isFloat(t.dtype));
  const v = directions(
    floats(inputs).map((i) => inputs[i] as Tensor),
    10,
  );
  const g = directions(outs, 50);
  const of = (f: (smooth: Of, xs: Tensor[]) => Tensor[]): Whole => {
    return (l, given) => {
      const { f: run, xs } = smooth(p, l, given);
      return f(run, xs);
    };
  };
  return {
    value: p.run,
    tangent: of((f, xs) => push(f, xs, v)),
    ...(reversible(p) && {
      cotangents: of((f, xs) => back(f, xs, g)),
      second: of((f, xs) => push((ys) => back(f, ys, g), xs, v)),
    }),
  };
}

const SIZES = [undefined, 1, 3, 7, 9] as const; // undefined: one item that is no batch; 7 = W - 1
const RUNS = (["single", "lanes"] as const).flatMap((layout) => [
  { layout, threads: 1 },
  { layout, threads: 2 },
  { layout, threads: 1, chunk: 1 },
  { layout, threads: 2, chunk: 1 },
]);

/** The inputs of `count` items side by side; those at `shared` are the first one's for all. */
const batchOf = (items: readonly (readonly Tensor[])[], shared: readonly number[]): Tensor[] =>
  (items[0] as Tensor[]).map((t, i) => (shared.includes(i) ? t : stack(items.map((list) => list[i] as Tensor))));

/** Every layout gives what is wanted, and in it every setting the same bits. */
function everywhere(
  what: string,
  program: Program<never, Tensor[]>,
  inputs: readonly Tensor[],
  want: readonly Tensor[],
  tolerance: number,
): void {
  let base: Tensor[] = [];
  for (const options of RUNS) {
    const got = program.runSync(inputs as never, options);
    const text = `${what}, ${JSON.stringify(options)}`;
    if (options.threads === 1 && options.chunk === undefined) agree(text, (base = got), want, tolerance);
    else got.forEach((t, i) => expect(sameBits(t, base[i] as Tensor), `${text}, ${i}: the same bits`).to.equal(true));
  }
}

const specsOf = (inputs: readonly Tensor[]): Spec[] => inputs.map((t) => new Spec(t.dtype, t.shape));

export const programs = {
  compiled(p: Problem): void {
    const tolerance = 8 * (tolerances[p.dtype] as number);
    const three = [0, 1, 2].map((item) => p.inputs(item));
    const given = Array.from({ length: 9 }, (_, i) => three[i % 3] as Tensor[]); // items beside each other differ
    for (const [name, f] of Object.entries(functions(p))) {
      const program = compile((...xs: Tensor[]) => f(real, xs), ...specsOf(given[0] as Tensor[])) as unknown as Program<never, Tensor[]>;
      const each = three.map((inputs) => f(written, inputs));
      const want = given.map((_, i) => each[i % 3] as Tensor[]);
      for (const size of name === "second" ? [9] : SIZES) {
        if (size === undefined) everywhere(`${name}, one item`, program, given[0] as Tensor[], want[0] as Tensor[], tolerance);
        else
          everywhere(`${name}, batch of ${size}`, program, batchOf(given.slice(0, size), []), batchOf(want.slice(0, size), []), tolerance);
      }
      const loaded = Program.from(JSON.parse(JSON.stringify(program))) as Program<never, unknown>;
      const again = Object.values(loaded.runSync(given[0] as never) as Record<string, Tensor>);
      const here = program.runSync(given[0] as never);
      again.forEach((t, i) => expect(sameBits(t, here[i] as Tensor), `${name}, loaded: output ${i}`).to.equal(true));
    }
  },

  /** Inputs that all items of a batch have in common. */
  shared(p: Problem): void {
    const tolerance = 8 * (tolerances[p.dtype] as number);
    const own = [0, 1, 2].map((item) => p.inputs(item));
    for (const [name, f] of Object.entries(functions(p))) {
      if (name === "second") continue;
      const program = compile((...xs: Tensor[]) => f(real, xs), ...specsOf(own[0] as Tensor[])) as unknown as Program<never, Tensor[]>;
      const all = (own[0] as Tensor[]).map((_, i) => i);
      for (const i of all) {
        const shared = all.filter((j) => (j + i) % 2 === 0);
        if (shared.length === all.length) continue;
        const items = own.map((list) => list.map((t, j) => (shared.includes(j) ? ((own[0] as Tensor[])[j] as Tensor) : t)));
        const want = batchOf(
          items.map((inputs) => f(written, inputs)),
          [],
        );
        everywhere(`${name}, inputs [${shared}] shared`, program, batchOf(own, shared), want, tolerance);
      }
    }
  },

  /** A program with loops is an op: derivatives of its run over a batch. */
  differentiated(p: Problem): void {
    const tolerance = 8 * (tolerances[p.dtype] as number);
    const items = [0, 1, 2].map((item) => p.inputs(item));
    const program = compile((...xs: Tensor[]) => p.run(real, xs), ...specsOf(items[0] as Tensor[])) as unknown as Program<never, Tensor[]>;
    const batched: Problem = { ...p, run: (_l, xs) => program.runSync(xs as never) };
    const each: Problem = {
      ...p,
      run: (_l, xs) =>
        batchOf(
          items.map((_, b) =>
            p.run(
              written,
              xs.map((x) => element(x, b)),
            ),
          ),
          [],
        ),
    };
    const inputs = batchOf(items, []);
    const [a, b] = [smooth(batched, real, inputs), smooth(each, real, inputs)];
    const v = directions(a.xs, 10);
    agree("tangent", push(a.f, a.xs, v), push(b.f, b.xs, v), tolerance);
    if (!reversible(p)) return;
    const g = directions(a.f(a.xs), 50);
    agree("cotangents", back(a.f, a.xs, g), back(b.f, b.xs, g), tolerance);
    const second = (f: Of): Tensor[] => push((ys) => back(f, ys, g), a.xs, v);
    agree("forward of reverse", second(a.f), second(b.f), tolerance);
  },

  /** NaN in one item stays there, also where it fails. */
  isolation(p: Problem): void {
    const items = [0, 1, 2].map((item) => p.inputs(item));
    const bad = items.map((list, b) =>
      b === 1 ? list.map((t) => (isFloat(t.dtype) ? wrap(t.dtype, t.shape, storageOf(t).array.slice().fill(Number.NaN)) : t)) : list,
    );
    for (const [name, f] of Object.entries(functions(p))) {
      const program = compile((...xs: Tensor[]) => f(real, xs), ...specsOf(items[0] as Tensor[])) as unknown as Program<never, Tensor[]>;
      for (const layout of ["single", "lanes"] as const) {
        const clean = program.runSync(batchOf(items, []) as never, { layout });
        const failures: { item: number }[] = [];
        const got = program.runSync(batchOf(bad, []) as never, { layout, onFailure: "nan", failures: failures as never });
        for (const { item } of failures) expect(item, `${name}: the item that fails`).to.equal(1);
        got.forEach((t, i) => {
          for (const b of [0, 2])
            expect(
              sameBits(element(t, b), element(clean[i] as Tensor, b)),
              `${name}, ${layout}: NaN in item 1 changes output ${i} of item ${b}`,
            ).to.equal(true);
          if (failures.length > 0 && isFloat(t.dtype) && sizeOf(t.shape) > 0)
            expect(
              [...(storageOf(element(t, 1)).array as Float64Array)].every(Number.isNaN),
              `${name}: output ${i} of the item that fails`,
            ).to.equal(true);
        });
      }
    }
  },
};
