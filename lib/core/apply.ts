// Every op goes through here.

import { ArgumentError } from "./errors";
import { evaluate } from "./evaluate";
import type { Failure } from "./failures";
import { mayLeave, orLeft } from "./left";
import { areData, type Level, topLevel, unwrapIfDead } from "./levels";
import { composed, RUN, type RunContext } from "./outcome";
import { rowOf, ruleFor } from "./registry";
import type { AnyRow, Attrs, Pass } from "./row";
import type { Tensor } from "./tensor";

const PLAIN: RunContext = { collect: false, failures: [], out: undefined };
const NO_ATTRS: Attrs = {};
/** The options that make errors of an op carry another's name; with a list, failing items become NaN and are put into it. */
export const within = (op: string, failures?: Failure[]): Pass => ({
  [RUN]: { ...PLAIN, collect: failures !== undefined, failures: failures ?? [], op } satisfies RunContext,
});

let repeating = false;
/**
 * Runs the rule of a call. Of one that took NaN for items that fail (`collected`), every op in the rule does, too: these items fail there again.
 * Rules are synchronous, so that the flag is put back before anybody else runs.
 */
export function inRuleOf<R>(collected: boolean, rule: () => R): R {
  if (collected === repeating) return rule();
  const before = repeating;
  repeating = collected;
  try {
    return rule();
  } finally {
    repeating = before;
  }
}

/**
 * Runs an op on whatever its inputs are: the highest live level among them says what becomes of it; where there is none it is computed.
 */
export const apply = (row: AnyRow, given: readonly Tensor[], attrs: Attrs, options: RunContext = PLAIN): Tensor[] => {
  const all = applyAll(row, given, attrs, false, options);
  return all.length === row.outputs.length ? all : all.slice(0, row.outputs.length);
};

/** Outputs, then aux where they are wanted. Aux has no derivative, so that it is never boxed. */
export function applyAll(row: AnyRow, given: readonly Tensor[], attrs: Attrs, wantAux: boolean, asked: RunContext = PLAIN): Tensor[] {
  const options = repeating && !asked.collect ? { ...asked, collect: true, failures: [], again: true } : asked;
  if (typeof row.kernel !== "function" && areData(given) && !mayLeave(undefined)) return evaluate(row, given, attrs, wantAux, options);
  const inputs = given.map(unwrapIfDead);
  const level = topLevel(inputs);
  if (options.out && level)
    throw new ArgumentError(
      row.name,
      "option out cannot be used inside a transform or a compiled function: others may still need what is there.",
    );
  if (options.out || !mayLeave(level)) return applyAt(level, row, inputs, attrs, wantAux, options);
  const how = level ? { ...options, lenient: true } : options;
  return orLeft(
    () => applyAt(level, row, inputs, attrs, wantAux, how),
    (trace) => applyAt(trace, row, inputs, attrs, wantAux, options),
  );
}

function applyAt(level: Level | undefined, row: AnyRow, inputs: readonly Tensor[], attrs: Attrs, wantAux: boolean, options: RunContext) {
  if (level && typeof row.kernel === "function" && !row.vjp && !ruleFor(row)) return composed(row, inputs, attrs, options);
  return level ? level.interpret(row, inputs, attrs, wantAux, options) : evaluate(row, inputs, attrs, wantAux, options);
}

/** One output of a one-output op. */
export const call = (name: string, inputs: readonly Tensor[], attrs: Attrs = NO_ATTRS): Tensor =>
  apply(rowOf(name), inputs, attrs)[0] as Tensor;
