// What npm test runs of the grids: those that checkOp derives from a row, and those that tests span themselves. All of them take minutes, so it
// is a sample, drawn by a seed; CI takes a quarter (BACKSOLVE_TESTS=quarter), and all is BACKSOLVE_TESTS=all.
//
// Without BACKSOLVE_TESTS_SEED the seed is that of the commit: whoever runs the tests of a commit again, today or next month, here or in CI, runs
// the same cells, so that a failure comes back and a pass was no luck of the day; and with every commit others have their turn.
import { execFileSync } from "node:child_process";
import { drawn, type Sample } from "../lib/testing/sample";

const SHARES: Readonly<Record<string, number>> = { sample: 1 / 12, quarter: 1 / 4 };

function seedOf(env: NodeJS.ProcessEnv): { seed: number; from: string } {
  const { BACKSOLVE_TESTS_SEED: given } = env;
  if (given) {
    const seed = Number(given);
    if (!/^\d+$/.test(given) || seed >= 2 ** 32)
      throw new Error(`BACKSOLVE_TESTS_SEED is "${given}", expected an integer from 0 to ${2 ** 32 - 1}.`);
    return { seed, from: "BACKSOLVE_TESTS_SEED" };
  }
  try {
    const commit = execFileSync("git", ["rev-parse", "HEAD"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return { seed: Number.parseInt(commit.slice(0, 8), 16), from: `commit ${commit.slice(0, 8)}` };
  } catch {
    return { seed: 0, from: "no commit: git or its history is not here" };
  }
}

/** What to run by these variables, undefined for all of it, and words for it. */
export function planOf(env: NodeJS.ProcessEnv): { sample: Sample | undefined; text: string } {
  const which = env.BACKSOLVE_TESTS || "sample";
  if (which === "every" || which === "all") return { sample: undefined, text: "the whole grids" };
  const share = SHARES[which];
  if (share === undefined) throw new Error(`BACKSOLVE_TESTS is "${which}", expected "sample", "quarter", "all" or "every".`);
  const { seed, from } = seedOf(env);
  return {
    sample: { share, seed },
    text:
      `a sample of the grids: 1/${1 / share} of their cells, every kind at least once${which === "sample" ? ", and one in three of the long tests (others are pending)" : ""}; seed ${seed} (${from}).\n` +
      `BACKSOLVE_TESTS_SEED=${seed}${which === "sample" ? "" : ` BACKSOLVE_TESTS=${which}`} runs it again, BACKSOLVE_TESTS=all runs the whole grids`,
  };
}
/**
 * What to run of a grid that is too large to be run whole: that part of `share` which is run of other grids, all of it by BACKSOLVE_TESTS=every: the
 * sample, or undefined for all of it.
 */
export function partOf(share: number, env: NodeJS.ProcessEnv = process.env): Sample | undefined {
  if (env.BACKSOLVE_TESTS === "every") return undefined;
  return { share: share * (planOf(env).sample?.share ?? 1), seed: seedOf(env).seed };
}
const plan = planOf(process.env);
export const { text } = plan;
/** Option of checkOp and of `cells`. */
export const sampled: { readonly sample?: Sample } = plan.sample ? { sample: plan.sample } : {};

/** Whether a long test runs: in CI, and one in three of a sample. */
export const hasTurn = (title: string, sample: Sample | undefined): boolean =>
  sample === undefined || sample.share > 1 / 12 || drawn([0, 1, 2], sample, title).order[0] === 0;
const named = process.argv.some((word) => word.endsWith(".test.ts"));
/** `it`, of a test that takes seconds: pending where others have their turn and its file is not named. */
export const long = (title: string, test: Mocha.Func | Mocha.AsyncFunc): void => {
  (named || hasTurn(title, plan.sample) ? it : it.skip)(title, test as Mocha.Func);
};

/** How many random cases: of `all`, the share that is run of the grids, `least` in any case. */
export const many = (all: number, least: number): number => Math.max(least, Math.round(all * (plan.sample?.share ?? 1)));

type Axes = readonly (readonly unknown[])[];
type Cell<A extends Axes> = { -readonly [I in keyof A]: A[I][number] };

/** The cells of a grid that are to run: a share of them, and as many more as it takes until every value of every axis has its turn. */
export function cells<const A extends Axes>(name: string, axes: A, { sample }: { readonly sample?: Sample } = sampled): Cell<A>[] {
  const all = axes.reduce<unknown[][]>((grid, axis) => grid.flatMap((cell) => axis.map((value) => [...cell, value])), [[]]);
  const { order, enough } = drawn(all, sample, name);
  const waiting = axes.map((axis) => new Set(axis));
  const isNew = (cell: readonly unknown[]) => cell.filter((value, i) => waiting[i]?.delete(value)).length > 0;
  const first = order.filter(isNew);
  return [...first, ...order.filter((cell) => !first.includes(cell)).slice(0, Math.max(0, enough - first.length))] as Cell<A>[];
}
