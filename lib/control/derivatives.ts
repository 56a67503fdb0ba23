// The derivatives of loops and conditions are loops and conditions: docs/derivations/control.md.
import { isFloat } from "../core/dtype";
import { ArgumentError } from "../core/errors";
import type { Code, Cond, Loop, ValueType, While } from "../core/ir";
import { ruleEpoch } from "../core/registry";
import { reshaped, trimLoop } from "../program/dead";
import { feeds, type Mask, maskText, pullbackOf, pushforwardOf, reaches } from "../program/derive";
import { internCode, internControl } from "../program/intern";
import { inputTypesOf, outputTypesOf, type Run } from "./types";

/** Where an input of a derived control comes from: input i, its tangent, the cotangent of output i, or the values that carry i had in all runs. */
export interface Source {
  readonly from: "input" | "tangent" | "cotangent" | "carried";
  readonly i: number;
}
/** A control that computes a derivative of another one, and what its outputs are for. */
export interface Derived<T> {
  readonly control: Run;
  readonly ins: readonly Source[];
  readonly outs: readonly T[];
}
/** A derivative of one control, made once per what was asked. */
const memos = new WeakMap<Run, { readonly epoch: number; readonly of: Map<string, Derived<unknown>> }>();
function once<T>(control: Run, key: string, make: () => Derived<T>): Derived<T> {
  let memo = memos.get(control);
  if (memo?.epoch !== ruleEpoch()) memos.set(control, (memo = { epoch: ruleEpoch(), of: new Map() }));
  let found = memo.of.get(key);
  if (!found) memo.of.set(key, (found = make()));
  return found as Derived<T>;
}

/** Reads inputs, what was carried, and cotangents of the `given` outputs; output j is the cotangent of input outs[j]. */
export const pullback = (control: Run, wanted: Mask, given: Mask): Derived<number> =>
  once(control, `vjp/${maskText(wanted)}/${maskText(given)}`, () => {
    if (control.kind === "loop") return pullbackOfLoop(control, wanted, given);
    if (control.kind === "cond") return pullbackOfCond(control, wanted, given);
    throw new ArgumentError(
      "whileLoop",
      "has no derivative in reverse mode, as how often its body runs is not known beforehand: use scan with a fixed length, customRoot where the " +
        "loop solves an equation, or forward mode (jvp, jacfwd).",
    );
  });

export interface Given {
  readonly of: "output" | "tangent";
  readonly i: number;
}
/** Reads inputs and tangents of the ones `along`; gives outputs and tangents. */
export const pushforward = (control: Run, along: Mask): Derived<Given> =>
  once(control, `jvp/${maskText(along)}`, () => {
    if (control.kind === "loop") return pushforwardOfLoop(control, along);
    return control.kind === "cond" ? pushforwardOfCond(control, along) : pushforwardOfWhile(control, along);
  });

const range = (from: number, to: number): number[] => Array.from({ length: Math.max(to - from, 0) }, (_, i) => from + i);
const positions = (mask: Mask): number[] => range(0, mask.length).filter((i) => mask[i]);
const source = (from: Source["from"], list: readonly number[]): Source[] => list.map((i) => ({ from, i }));

/** Which inputs of the body move with the wanted ones: a carry does when what becomes of it does, however many runs later. */
function moving(body: Code, carries: number, asked: Mask): boolean[] {
  const active = inputTypesOf(body).map((t, i) => isFloat(t.dtype) && asked[i] === true);
  for (;;) {
    const reached = reaches(body, active);
    const more = range(0, carries).filter((k) => reached[k] && !active[k]);
    if (more.length === 0) return active;
    for (const k of more) active[k] = true;
  }
}

/**
 * Which outputs of the body have a cotangent, and which inputs get one, where the `given` outputs of the loop have: a carry does when what it
 * goes into does, however many runs later. What is left out is zero, not computed as zero times whatever it meets.
 */
function arriving(body: Code, carries: number, active: Mask, given: Mask): { arrives: boolean[]; wanted: boolean[] } {
  const reached = reaches(body, active);
  const arrives = outputTypesOf(body).map((t, i) => given[i] === true && (i < carries ? active : reached)[i] === true && isFloat(t.dtype));
  for (;;) {
    const fed = feeds(body, arrives).map((is, i) => is && active[i] === true);
    const more = range(0, carries).filter((k) => fed[k] && !arrives[k]);
    if (more.length === 0) return { arrives, wanted: fed.map((is, i) => (i < carries ? arrives[i] === true : is)) };
    for (const k of more) arrives[k] = true;
  }
}

/**
 * Of y_t, c_(t+1) = f(c_t, x_t, s): with λ_(t+1) the cotangent of c_(t+1), run t gives λ_t, x̄_t and its part of s̄ = Σ s̄_t as the pullback
 * of f at (c_t, x_t, s) of (ȳ_t, λ_(t+1)); it starts from the last.
 */
function pullbackOfLoop(loop: Loop, asked: Mask, given: Mask): Derived<number> {
  const { body, carries, mapped, sums } = loop;
  const n = body.inputs.length;
  const { arrives, wanted } = arriving(body, carries, moving(body, carries, asked), given);
  const pulled = pullbackOf(body, wanted, arrives, loop.name);
  const g = positions(arrives);
  const at = (i: number): number => n + g.indexOf(i);
  const isSum = (i: number): boolean => sums[i - carries] === true;
  const [gCarries, gStacked, gSums] = [
    g.filter((i) => i < carries),
    g.filter((i) => i >= carries && !isSum(i)),
    g.filter((i) => i >= carries && isSum(i)),
  ];
  const [own, each, shared] = [range(0, carries), range(carries, carries + mapped), range(carries + mapped, n)];
  const outs = positions(wanted);
  const control: Loop = {
    ...loop,
    body: reshaped(
      pulled,
      [...gCarries.map(at), ...gStacked.map(at), ...own, ...each, ...shared, ...gSums.map(at)],
      range(0, pulled.outputs.length),
    ),
    reverse: gCarries.length > 0 && !loop.reverse, // with nothing to hand on the first item comes first, also for what fails
    carries: gCarries.length,
    mapped: gStacked.length + carries + mapped,
    sums: outs.filter((i) => i >= carries).map((i) => i >= carries + mapped),
  };
  const ins = [
    ...source("cotangent", [...gCarries, ...gStacked]),
    ...source("carried", own),
    ...source("input", [...each, ...shared]),
    ...source("cotangent", gSums),
  ];
  const left = trimLoop(
    internControl(control),
    outs.map((i) => asked[i] === true),
  );
  return { control: left.loop, ins: left.ins.map((i) => ins[i] as Source), outs: left.outs.map((j) => outs[j] as number) };
}

function pushforwardOfLoop(loop: Loop, along: Mask): Derived<Given> {
  const { body, carries, mapped, sums } = loop;
  const n = body.inputs.length;
  const active = moving(body, carries, along);
  const reached = reaches(body, active).map((is, i) => (i < carries ? active[i] === true : is));
  const dual = pushforwardOf(body, active, reached, true, loop.name);
  const t = positions(active);
  const part = (from: number, to: number): { ins: number[]; sources: Source[] } => {
    const [own, moved] = [range(from, to), t.filter((i) => i >= from && i < to)];
    return { ins: [...own, ...moved.map((i) => n + t.indexOf(i))], sources: [...source("input", own), ...source("tangent", moved)] };
  };
  const parts = [part(0, carries), part(carries, carries + mapped), part(carries + mapped, n)] as const;
  const all = body.outputs.length;
  const dy = positions(reached);
  const outs = (list: readonly number[], moved: readonly number[]): { at: number[]; given: Given[] } => ({
    at: [...list, ...moved.map((i) => all + dy.indexOf(i))],
    given: [...list.map((i) => ({ of: "output" as const, i })), ...moved.map((i) => ({ of: "tangent" as const, i }))],
  });
  const next = outs(
    range(0, carries),
    dy.filter((i) => i < carries),
  );
  const rest = outs(
    range(carries, all),
    dy.filter((i) => i >= carries),
  );
  const control: Loop = {
    ...loop,
    body: reshaped(
      dual,
      parts.flatMap((p) => p.ins),
      [...next.at, ...rest.at],
    ),
    carries: parts[0].ins.length,
    mapped: parts[1].ins.length,
    sums: rest.given.map(({ i }) => sums[i - carries] === true),
  };
  return { control: internControl(control), ins: parts.flatMap((p) => p.sources), outs: [...next.given, ...rest.given] };
}

/** Of the branch that was taken; what it does not depend on has cotangent zero. */
function pullbackOfCond(cond: Cond, wanted: Mask, given: Mask): Derived<number> {
  const n = cond.whenTrue.inputs.length;
  const active = inputTypesOf(cond.whenTrue).map((t, i) => isFloat(t.dtype) && wanted[i + 1] === true);
  const arrives = outputTypesOf(cond.whenTrue).map((t, i) => isFloat(t.dtype) && given[i] === true);
  return {
    control: internControl({
      ...cond,
      whenTrue: pullbackOf(cond.whenTrue, active, arrives, "cond"),
      whenFalse: pullbackOf(cond.whenFalse, active, arrives, "cond"),
    }),
    ins: [...source("input", range(0, n + 1)), ...source("cotangent", positions(arrives))],
    outs: positions(active).map((i) => i + 1),
  };
}

function pushforwardOfCond(cond: Cond, along: Mask): Derived<Given> {
  const n = cond.whenTrue.inputs.length;
  const active = inputTypesOf(cond.whenTrue).map((t, i) => isFloat(t.dtype) && along[i + 1] === true);
  const other = reaches(cond.whenFalse, active);
  const reached = reaches(cond.whenTrue, active).map((is, i) => is || other[i] === true);
  return {
    control: internControl({
      ...cond,
      whenTrue: pushforwardOf(cond.whenTrue, active, reached, true, "cond"),
      whenFalse: pushforwardOf(cond.whenFalse, active, reached, true, "cond"),
    }),
    ins: [
      ...source("input", range(0, n + 1)),
      ...source(
        "tangent",
        positions(active).map((i) => i + 1),
      ),
    ],
    outs: [
      ...range(0, reached.length).map((i) => ({ of: "output" as const, i })),
      ...positions(reached).map((i) => ({ of: "tangent" as const, i })),
    ],
  };
}

function pushforwardOfWhile(loop: While, along: Mask): Derived<Given> {
  const { body, test, carries } = loop;
  const n = body.inputs.length;
  const active = moving(body, carries, along);
  const t = positions(active);
  const [dc, ds] = [t.filter((i) => i < carries), t.filter((i) => i >= carries)];
  const dual = pushforwardOf(
    body,
    active,
    range(0, carries).map((k) => active[k] === true),
    true,
    "whileLoop",
  );
  const order = [...range(0, carries), ...dc.map((i) => n + t.indexOf(i)), ...range(carries, n), ...ds.map((i) => n + t.indexOf(i))];
  return {
    control: internControl({
      ...loop,
      test: widened(
        test,
        order.map((i) => (i < n ? i : (inputTypesOf(dual)[i] as ValueType))),
      ),
      body: reshaped(dual, order, range(0, carries + dc.length)),
      carries: carries + dc.length,
    }),
    ins: [...source("input", range(0, carries)), ...source("tangent", dc), ...source("input", range(carries, n)), ...source("tangent", ds)],
    outs: [...range(0, carries).map((i) => ({ of: "output" as const, i })), ...dc.map((i) => ({ of: "tangent" as const, i }))],
  };
}

/** The code with inputs in this order, of its own by position, or further ones that it does not read. */
function widened(code: Code, order: readonly (number | ValueType)[]): Code {
  const values = [...code.values];
  const inputs = order.map((i, j) => ({
    name: `x${j}`,
    id: typeof i === "number" ? (code.inputs[i] as { id: number }).id : values.push(i) - 1,
  }));
  const wide = { ...code, values, inputs };
  return internCode(reshaped(wide, range(0, inputs.length), [0]));
}
