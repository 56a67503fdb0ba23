// Random functions with loops in loops (bodies.ts), compiled, saved and loaded, for one item and for several, against the same without any loop.
import { compile, float64, mul, Program, stack } from "../../lib/index";
import { type Args, compare, everything, functionOf, seeds } from "./agree";
import type { T } from "./golden";
import { asInstructions, unrolled } from "./unrolled";

const ITEMS = 5;
type Three = readonly [T, T, T];
function checkCompiled(seed: number): void {
  const { at, outputs } = functionOf(seed);
  const [mine, plain] = [outputs(asInstructions), outputs(unrolled)];
  const made = compile((x: Args) => everything(mine, x), [float64(), float64(2), float64(2, 2)] as const);
  const loaded = Program.from(JSON.parse(JSON.stringify(made))) as unknown as typeof made;
  const items = Array.from({ length: ITEMS }, (_, i) => at.map((x) => mul(1 + (i - 2) / 7, x)) as Args);
  const want = items.map((x) => everything(plain, x));
  compare(`seed ${seed}, compiled`, made.runSync([items[1] as unknown as Three]), want[1] as Record<string, readonly T[]>);
  const batch = at.map((_, j) => stack(items.map((x) => x[j] as T))) as unknown as Three;
  const joined = Object.fromEntries(
    Object.entries(want[0] as Record<string, readonly T[]>).map(([k, list]) => [
      k,
      list.map((_, j) => stack(want.map((w) => w[k]?.[j] as T))),
    ]),
  );
  for (const program of [made, loaded])
    for (const layout of ["lanes", "single"] as const) compare(`seed ${seed}, ${layout}`, program.runSync([batch], { layout }), joined);
}

describe("compiled random functions with loops against the same without", () => {
  it(`${seeds.length} of them`, () => seeds.forEach(checkCompiled)).timeout(300_000);
});
