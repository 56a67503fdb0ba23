import { withoutOptions } from "./attrs";
import shipped from "./capabilities.json";
import type { Float } from "./dtype";
import { ArgumentError, describe } from "./errors";
import type { AnyRow } from "./row";
import type { Tensor } from "./tensor";

/** A rule given by `registerGradient`: cotangents of the inputs, in order; undefined for none. */
export type GradientRule = (
  call: { inputs: Tensor[]; outputs: Tensor[]; attrs: Record<string, unknown> },
  cotangents: (Tensor | undefined)[],
) => (Tensor | undefined)[];

const rows = new Map<string, AnyRow>();
const byTensorFlowName = new Map<string, AnyRow>();
const functions = new Map<string, unknown>();
const rules = new Map<AnyRow, GradientRule>();
let epoch = 0;

/** Rows that had another name once: the program format, whose files load for ever, says the former. No row takes such a name again. */
const RENAMED: ReadonlyMap<string, string> = new Map([["place", "padTo"]]);

/** The name of today, of a row or of its fused rule, for what a program file says. */
export function currentName(op: string): string {
  const [name, rule] = op.endsWith("_vjp") ? [op.slice(0, -4), "_vjp"] : [op, ""];
  return `${RENAMED.get(name) ?? name}${rule}`;
}

/** The package's own rows: their rules and kernels hand what they make to nobody. */
export const own = new WeakSet<AnyRow>();

export function addRow(row: AnyRow, op: unknown): void {
  const renamed = RENAMED.get(row.name);
  if (renamed)
    throw new ArgumentError("defineOp", `${JSON.stringify(row.name)} is what program files call the op ${renamed}: choose another name.`);
  if (rows.has(row.name)) throw new ArgumentError("defineOp", `an op named ${JSON.stringify(row.name)} exists already.`);
  const known = row.tf === undefined ? undefined : byTensorFlowName.get(row.tf);
  if (known) throw new ArgumentError("defineOp", `an op with TensorFlow's name ${JSON.stringify(row.tf)} exists already: ${known.name}.`);
  rows.set(row.name, row);
  functions.set(row.name, op);
  if (row.tf) byTensorFlowName.set(row.tf, row);
}

/** Names of all rows, the hidden ones, too. */
export const rowNames = (): string[] => [...rows.keys()];
const shown = (): AnyRow[] => [...rows.values()].filter((row) => !row.hidden);
/** The row of this name; the engine's own needs are always there. */
export function rowOf(name: string): AnyRow {
  const row = rows.get(name);
  if (!row) throw new ArgumentError("registry", `there is no op named ${describe(name)}.`);
  return row;
}
export const ruleFor = (row: AnyRow): GradientRule | undefined => (rules.size === 0 ? undefined : rules.get(row));
/** Changes with every rule that is registered or put back: what was derived before is out of date. */
export const ruleEpoch = (): number => epoch;

/** What an op was seen to do: give values; derivatives in reverse and forward mode, of second order; run over batches, compiled, off the loop. */
export const MODES = ["value", "reverse", "forward", "second", "batch", "compiled", "async"] as const;
export type Mode = (typeof MODES)[number];
export interface Capability {
  readonly op: string;
  /** TensorFlow's name. */
  readonly tf: string | undefined;
  readonly dtype: Float;
  readonly modes: readonly Mode[];
}

// by op, then by dtype; the shipped table is written by the tests (npm run capabilities), checkOp adds what it finds
const capabilities = new Map<string, Map<Float, readonly Mode[]>>();

/** @internal */
export function recordCapability(row: AnyRow, dtype: Float, modes: readonly Mode[]): void {
  const known = capabilities.get(row.name) ?? new Map<Float, readonly Mode[]>();
  capabilities.set(row.name, known.set(dtype, Object.freeze([...modes])));
}
for (const [op, groups] of Object.entries(shipped as Readonly<Record<string, Readonly<Record<string, string>>>>)) {
  const entries = Object.entries(groups).flatMap(([names, modes]) =>
    names.split(" ").map((d) => [d as Float, modes.split(" ") as Mode[]] as const),
  );
  capabilities.set(op, new Map(entries));
}

/** The table of ops. */
export const registry = {
  /** Names of the ops that are called, in the order of their definition; rows that are `hidden` serve these and are not among them. */
  list: withoutOptions("registry.list", 0, (): string[] => shown().map((row) => row.name)),
  /** The row of an op, by its own or its TensorFlow name; undefined when there is none. */
  get: withoutOptions("registry.get", 1, (name: string): AnyRow | undefined => rows.get(name) ?? byTensorFlowName.get(name)),
  /**
   * Which op works in which dtype and mode: found by the tests that ran before this version was published, and by every `checkOp` that ran in
   * this process since.
   */
  capabilities: withoutOptions("registry.capabilities", 0, (): Capability[] =>
    shown().flatMap((row) => [...(capabilities.get(row.name) ?? [])].map(([dtype, modes]) => ({ op: row.name, tf: row.tf, dtype, modes }))),
  ),
  /** The function that `defineOp` made for this row, with inputs in the row's order and its attrs as options. */
  op: withoutOptions("registry.op", 1, (name: string): unknown =>
    functions.get((rows.get(name) ?? byTensorFlowName.get(name))?.name ?? ""),
  ),
};

/**
 * Adds or replaces the gradient of an op, named as here or as in TensorFlow. The rule gets inputs, outputs and attrs, and the cotangents
 * of the outputs; what it computes with ops of this package is differentiable again. Replacing a rule emits a process warning.
 * @returns a function that puts the rule before it back.
 */
export const registerGradient = withoutOptions("registerGradient", 2, (name: string, rule: GradientRule): (() => void) => {
  const row = registry.get(name);
  if (!row) throw new ArgumentError("registerGradient", `there is no op named ${describe(name)}; registry.list() has the names.`);
  if (typeof rule !== "function") throw new ArgumentError("registerGradient", `the rule must be a function, got ${describe(rule)}.`);
  if (row.vjp || rules.has(row)) {
    process.emitWarning(`the gradient of ${row.name} is replaced.`, { type: "BacksolveWarning", code: "BACKSOLVE_GRADIENT_REPLACED" });
  }
  const before = rules.get(row);
  rules.set(row, rule);
  epoch++;
  return () => {
    if (before) rules.set(row, before);
    else rules.delete(row);
    epoch++;
  };
});
