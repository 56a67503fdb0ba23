// A level is an interpreter: one call of a transform or of compile, which says what becomes of every op on its tensors. docs/adr/0013-levels.md
import type { Control, ValueType } from "./ir";
import type { RunContext } from "./outcome";
import type { AnyRow, Attrs } from "./row";
import { type Box, type LevelTag, type Tensor, tracedOf } from "./tensor";

/** Whoever opens a level closes it in a `finally`. */
export interface Level extends LevelTag {
  close(): void;
  /** Runs an op whose inputs' highest level this is: its outputs, then aux where they are wanted. */
  interpret(row: AnyRow, inputs: readonly Tensor[], attrs: Attrs, wantAux: boolean, options: RunContext): Tensor[];
  /** Takes a fused rule as one instruction, where the level records and does not differentiate; others need the composed rule. */
  emit?(
    op: string,
    attrs: Attrs,
    inputs: readonly (Tensor | undefined)[],
    outputs: readonly (ValueType | undefined)[],
    within?: string,
    control?: Control,
  ): (Tensor | undefined)[];
}

/** Whether no level has to do with any of these. */
export function areData(tensors: readonly Tensor[]): boolean {
  for (let i = 0; i < tensors.length; i++) {
    const t = tensors[i] as Tensor;
    if (t.box !== undefined || t.traced !== undefined) return false;
  }
  return true;
}

/** The tensor without boxes of finished levels on top: those are constants. */
export function unwrapIfDead(t: Tensor): Tensor {
  let u = t;
  while (u.box && !u.box.level.live) u = u.box.value;
  return u;
}

/** The highest level among tensors that unwrapIfDead() went over: of their boxes, and of the traces that they are values of. */
export function topLevel(tensors: readonly (Tensor | undefined)[]): Level | undefined {
  let top: LevelTag | undefined;
  for (const t of tensors) {
    const level = t && (t.box?.level ?? t.traced?.trace);
    if (level && (!top || level.id > top.id)) top = level;
  }
  return top as Level | undefined; // a tag is the level itself
}

/** The box of t at this level, if it has one. */
export const boxOf = (t: Tensor, level: LevelTag): Box | undefined => (t.box?.level === level ? t.box : undefined);
/** What a call one level down reads. */
export const valuesAt = (tensors: readonly Tensor[], level: LevelTag): Tensor[] => tensors.map((t) => boxOf(t, level)?.value ?? t);

/**
 * The values under the boxes, for a function that stands for itself at every level. Boxes below an open trace stay: what the trace captures,
 * it captures with these.
 */
export function primals(tensors: readonly Tensor[]): Tensor[] {
  const ids = tensors.map((t) => tracedOf(t)?.trace.id ?? 0);
  const floor = Math.max(0, ...ids);
  return tensors.map((t) => {
    let u = t;
    while (u.box && u.box.level.id > floor) u = u.box.value;
    return u;
  });
}

/** f, run once, when first called. */
export function once<R>(f: () => R): () => R {
  let result: { readonly value: R } | undefined;
  return () => {
    result ??= { value: f() };
    return result.value;
  };
}
