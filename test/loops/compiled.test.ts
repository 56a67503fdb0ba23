// Loops and their derivatives against JAX (tools/goldens/loops.py), compiled: alone and in batches, saved and loaded, for any threads and chunks.
import { expect } from "chai";
import { compile, Program, Spec, type Tensor } from "../../lib/index";
import { sameBits } from "../../lib/testing/index";
import { functions } from "./functions";
import { type Case, compareAll, derivatives, type Golden, golden, leavesOf, load, loadOne, type T, turns } from "./golden";

const specsOf = ({ args }: Golden) => args.map(({ dtype, shape }) => new Spec(dtype as "float64", shape));
const compiled = (f: Case, c: Golden) => compile(derivatives(f, c) as (...args: T[]) => Record<string, Tensor>, ...specsOf(c));
type Compiled = ReturnType<typeof compiled>;
const saved = (program: Compiled): Compiled => Program.from(JSON.parse(JSON.stringify(program))) as Program as unknown as Compiled;

function check(name: string, program: Compiled, c: Golden): void {
  const alone = program.runSync(c.args.map((a) => loadOne(a, 1)));
  compareAll(`${name}, one item`, alone, c, [1], false);
  for (const n of [1, 3, 17]) {
    const args = c.args.map((a) => load(a, turns(n)));
    for (const layout of ["lanes", "single"] as const)
      compareAll(`${name}, ${layout}, batch of ${n}`, program.runSync(args, { layout }), c, turns(n), true);
  }
}

/** Every leaf as it is for any number of threads and size of chunks. */
function checkBits(name: string, program: Compiled, c: Golden): void {
  const args = c.args.map((a) => load(a, turns(23)));
  for (const layout of ["lanes", "single"] as const) {
    const want = leavesOf(program.runSync(args, { layout }));
    for (const [threads, chunk] of [
      [1, 1],
      [2, 3],
    ] as const) {
      const got = leavesOf(program.runSync(args, { layout, threads, chunk }));
      got.forEach((y, i) =>
        expect(sameBits(y, want[i] as T), `${name}, ${layout}, ${threads} threads, chunk ${chunk}: ${i}`).to.equal(true),
      );
    }
  }
}

describe("compiled loops against JAX", () => {
  for (const c of golden) {
    it(c.name, () => {
      const program = compiled(functions[c.name] as Case, c);
      check(c.name, program, c);
      check(`${c.name}, saved`, saved(program), c);
      checkBits(c.name, program, c);
    });
  }
});
