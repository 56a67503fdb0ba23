// Reverse mode: a level that records a graph, and the way back along it.
import { applyAll, call, inRuleOf } from "./apply";
import { type DType, isFloat } from "./dtype";
import { inputsByName, isVariadic, plainName } from "./form";
import { fused, fusedTypes, hasFused, residuals } from "./fused";
import type { ValueType } from "./ir";
import { boxOf, type Level, valuesAt } from "./levels";
import { nextId, noneOpen, Open } from "./open";
import { named, type RunContext } from "./outcome";
import { own, ruleFor } from "./registry";
import type { AnyRow, Attrs } from "./row";
import { applyRule, applyUserRule, unbroadcast } from "./rules";
import { sameShape } from "./signature";
import { anyUnseen, beginSeen, beginUnseen, endSeen, endUnseen } from "./storage";
import { boxOver, keep, type Shape, type Storage, storageOf, type Tensor, tracedOf } from "./tensor";

const NO_ATTRS: Attrs = {};
const NONE: readonly Tensor[] = [];

/** One recorded op of a reverse level; a leaf has no row. Values are one level down. */
export interface Node {
  readonly id: number; // increases: a node's parents have smaller ids
  readonly row: AnyRow | undefined;
  readonly attrs: Attrs;
  readonly parents: readonly (Edge | undefined)[]; // undefined: a constant
  saved: Readonly<Record<string, Tensor>>;
  readonly inputs: readonly { readonly shape: Shape; readonly dtype: DType }[];
  readonly outputs: readonly { readonly shape: Shape; readonly dtype: DType }[];
  readonly collected: boolean; // its rule makes NaN of items that fail
  met: number; // by which walk over the graph last
}
export interface Edge {
  readonly node: Node;
  readonly output: number;
}

/** A level that records a graph, to go back along. */
export class Reverse extends Open implements Level {
  readonly title = "reverse mode (grad, vjp, jacobian)";
  leaf(value: Tensor): Tensor {
    const node = {
      id: nextId(),
      row: undefined,
      attrs: NO_ATTRS,
      parents: [],
      saved: {},
      inputs: [],
      outputs: [typeOf(value)],
      collected: false,
      met: 0,
    };
    return this.#boxed(value, node, 0);
  }
  /** Where t hangs in the graph. */
  edgeOf(t: Tensor): Edge | undefined {
    return boxOf(t, this)?.payload as Edge | undefined;
  }
  /** Records the call, and keeps what the rule saves, one level down. */
  interpret(row: AnyRow, inputs: readonly Tensor[], attrs: Attrs, wantAux: boolean, options: RunContext): Tensor[] {
    const values = valuesAt(inputs, this);
    const rule = ruleFor(row);
    const results = applyAll(row.control?.saving?.() ?? row, values, attrs, wantAux || !rule, options);
    const some = results.length > row.outputs.length; // aux
    const outputs = some ? results.slice(0, row.outputs.length) : results;
    const aux = some ? results.slice(row.outputs.length) : NONE;
    const node: Node = {
      id: nextId(),
      row,
      attrs,
      parents: inputs.map((t) => this.edgeOf(t)),
      saved: savedOf(row, values, outputs, aux, rule !== undefined),
      inputs: values.map(typeOf),
      outputs: outputs.map(typeOf),
      collected: options.collect || options.lenient === true,
      met: 0,
    };
    const boxed = outputs.map((o, i) => this.#boxed(o, node, i));
    return some ? [...boxed, ...aux] : boxed;
  }
  #boxed(value: Tensor, node: Node, output: number): Tensor {
    return isFloat(value.dtype) ? boxOver(value, { level: this, value, payload: { node, output } satisfies Edge }) : value;
  }
}

/** What the rule reads; `whole`: a user's rule, which reads inputs and outputs. */
function savedOf(row: AnyRow, values: readonly Tensor[], outputs: readonly Tensor[], aux: readonly Tensor[], whole: boolean) {
  const saved: Record<string, Tensor> = {};
  if (whole) Object.assign(saved, inputsByName(row, values), named(row.outputs, outputs));
  for (const name of row.saves ?? []) {
    const i = row.inputs.indexOf(name);
    if (i < 0) saved[name] = outputs[row.outputs.indexOf(name)] as Tensor;
    else if (i < row.inputs.length - 1 || !isVariadic(row)) saved[name] = values[i] as Tensor;
    else saved[plainName(name)] = inputsByName(row, values)[plainName(name)] as Tensor;
  }
  if (row.aux && aux.length > 0) Object.assign(saved, named(Object.keys(row.aux), aux));
  if (row.control)
    Object.assign(
      saved,
      named(
        aux.map((_, i) => `saved${i}`),
        aux,
      ),
    );
  return saved;
}
const typeOf = (t: Tensor) => ({ shape: t.shape, dtype: t.dtype });

/** All nodes under these, children before parents. */
export function byDescendingId(from: readonly Node[]): Node[] {
  const walk = nextId();
  const found: Node[] = [];
  const meet = (node: Node) => {
    if (node.met === walk) return;
    node.met = walk;
    found.push(node);
  };
  for (const node of from) meet(node);
  for (let i = 0; i < found.length; i++) for (const parent of (found[i] as Node).parents) if (parent) meet(parent.node);
  return found.sort((a, b) => b.id - a.id);
}

/** Makes what is saved under these nodes independent of what others write to the memory that they see. */
export function keepSaved(from: readonly Node[]): void {
  const known = new Map<Storage, Storage>();
  for (const node of byDescendingId(from))
    node.saved = Object.fromEntries(Object.entries(node.saved).map(([name, t]) => [name, keep(t, known)]));
}

/** Cotangents of the leaves from cotangents of the roots; undefined where none arrives. */
export function backward(
  roots: readonly { edge: Edge; cotangent: Tensor }[],
  leaves: readonly (Node | undefined)[],
): (Tensor | undefined)[] {
  const cotangents = new Map<Node, (Tensor | undefined)[]>();
  const give = ({ node, output }: Edge, g: Tensor) => {
    let slots = cotangents.get(node);
    if (!slots) cotangents.set(node, (slots = new Array(node.outputs.length).fill(undefined)));
    const before = slots[output];
    slots[output] = before ? sumOf(before, g) : g;
  };
  for (const { edge, cotangent } of roots) give(edge, cotangent);
  for (const node of byDescendingId(roots.map((r) => r.edge.node))) {
    const g = cotangents.get(node);
    if (!node.row || !g) continue;
    cotangents.delete(node);
    const pulled = inRuleOf(node.collected, () => turned(node, g));
    for (let i = 0; i < pulled.length; i++) if (pulled[i]) give(node.parents[i] as Edge, pulled[i] as Tensor);
  }
  return leaves.map((l) => {
    const found = l && cotangents.get(l)?.[0];
    if (found && anyUnseen() && noneOpen()) storageOf(found).handOut();
    return found;
  });
}

// Memory of cotangents: what only this walk has is put by as soon as its last cotangent was used. Where levels are open or a user's rule runs,
// others may have it, too.

/** Cotangents of a node's inputs from those of its outputs, which nothing in this walk reads after it. */
function turned(node: Node, g: readonly (Tensor | undefined)[]): (Tensor | undefined)[] {
  if (!noneOpen() || !own.has(node.row as AnyRow) || ruleFor(node.row as AnyRow)) return turnedSeen(node, g);
  const before = beginUnseen();
  try {
    const pulled = pullback(node, g);
    if (anyUnseen()) pass(g, pulled);
    return pulled;
  } finally {
    endUnseen(before);
  }
}
function turnedSeen(node: Node, g: readonly (Tensor | undefined)[]): (Tensor | undefined)[] {
  if (anyUnseen()) for (const t of g) if (t && !tracedOf(t)) storageOf(t).show();
  const before = beginSeen();
  try {
    return pullback(node, g);
  } finally {
    endSeen(before);
  }
}
function pass(from: readonly (Tensor | undefined)[], to: readonly (Tensor | undefined)[]): void {
  for (const t of to) if (t) storageOf(t).hold();
  for (const t of from) if (t) storageOf(t).release();
}
function sumOf(a: Tensor, b: Tensor): Tensor {
  if (!noneOpen()) return call("add", [a, b]);
  const before = beginUnseen();
  try {
    const sum = call("add", [a, b]);
    if (anyUnseen()) pass([a, b], [sum]);
    return sum;
  } finally {
    endUnseen(before);
  }
}

/** The rule of one node: cotangents of the inputs that have a parent. */
function pullback(node: Node, g: readonly (Tensor | undefined)[]): (Tensor | undefined)[] {
  const row = node.row as AnyRow;
  const rule = ruleFor(row);
  const wanted = node.parents.map((p) => p !== undefined);
  const fitted = (list: readonly (Tensor | undefined)[]) =>
    list.map((t, i) => (wanted[i] && t ? unbroadcast(t, node.inputs[i] as ValueType, row, i) : undefined));
  if (rule) return fitted(applyUserRule(row, rule, node.saved, g, node.attrs, node.inputs.length));
  const read = residuals(row).map((n) => node.saved[n]);
  const isWhole = read.every((t) => t !== undefined); // not where a user's rule, which reads no aux, was there when the op ran
  const whole = hasFused(row, node.attrs) && isWhole ? fused(row, node.attrs, [...read, ...g], wanted, node.collected) : undefined;
  if (whole) return fitted(whole);
  return fitted(applyRule(row, node.saved, g, node.attrs, node.inputs, wanted).map((t, i) => (wanted[i] ? t?.() : undefined)));
}

/** @internal An instruction that is a fused rule: the kernel, or where somebody differentiates what it reads, the composed rule. */
export function applyFused(of: AnyRow, given: readonly (Tensor | undefined)[], attrs: Attrs, wanted: readonly boolean[]) {
  const own = residuals(of);
  const [saved, g] = [named(own, given.slice(0, own.length)), given.slice(own.length)];
  const whole = fused(of, attrs, given, wanted);
  if (whole) return whole;
  const types = fusedTypes(of, attrs, given);
  return applyRule(of, saved, g, attrs, types, wanted).map((t, i) => {
    const { shape } = types[i] as ValueType;
    const pulled = wanted[i] ? t?.() : undefined;
    return (
      pulled &&
      unbroadcast(sameShape(pulled.shape, shape) ? pulled : call("broadcastTo", [pulled], { shape }), types[i] as ValueType, of, i)
    );
  });
}
