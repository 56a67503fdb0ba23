import { type Failure, run as runNative } from "../boundary/descriptor";
import { type DType, isComplex, isFloat, realOf } from "./dtype";
import { ArgumentError, BacksolveError, DtypeError, describe, ShapeError } from "./errors";
import { kernelCall, zerosLike } from "./evaluate";
import { fusedRow, fusedTypes, reads } from "./fused";
import { inferAll } from "./infer";
import type { ValueType } from "./ir";
import { boxAt, type Level, nextId, once, strip, topLevel, valuesAt } from "./levels";
import { checkOut, composed, named, output, RUN, type RunOptions } from "./outcome";
import { type GradientRule, rowOf, ruleFor } from "./registry";
import { type AnyRow, type Attrs, type Native, nameOf, type Pass, type Tangent } from "./row";
import { broadcast, sameShape } from "./signature";
import { boxOver, innermost, isTensor, keep, keepAll, type Shape, type Storage, shapeText, share, type Tensor } from "./tensor";

export { output, RUN, type RunOptions } from "./outcome";

const PLAIN: RunOptions = { collect: false, failures: [], out: undefined };
const NO_ATTRS: Attrs = {};
/** The options that make errors of an op carry another's name; with a list, failing items become NaN and are put into it. */
export const as = (op: string, failures?: Failure[]): Pass => ({
  [RUN]: { ...PLAIN, collect: failures !== undefined, failures: failures ?? [], op } satisfies RunOptions,
});

/**
 * Runs an op on whatever its inputs are: the highest live level among them says what becomes of it; where there is none it is computed.
 */
export const apply = (row: AnyRow, given: readonly Tensor[], attrs: Attrs, options: RunOptions = PLAIN): Tensor[] =>
  applyAll(row, given, attrs, false, options).slice(0, row.outputs.length);

/** Outputs, then aux where they are wanted. Aux has no derivative, so that it is never boxed. */
export function applyAll(row: AnyRow, given: readonly Tensor[], attrs: Attrs, wantAux: boolean, options: RunOptions = PLAIN): Tensor[] {
  const inputs = given.map(strip);
  const level = topLevel(inputs);
  if (options.out && level)
    throw new ArgumentError(
      row.name,
      "option out cannot be used inside a transform or a compiled function: others may still need what is there.",
    );
  if (typeof row.kernel === "function" && !row.vjp && !ruleFor(row)) return composed(row, inputs, attrs, options);
  return level ? level.interpret(row, inputs, attrs, wantAux, options) : base(row, inputs, attrs, options, wantAux);
}

/** One output of a one-output op. */
export const call = (name: string, inputs: readonly Tensor[], attrs: Attrs = NO_ATTRS): Tensor =>
  apply(rowOf(name), inputs, attrs)[0] as Tensor;

// ---- Data ----

function base(row: AnyRow, inputs: readonly Tensor[], attrs: Attrs, options: RunOptions, wantAux: boolean): Tensor[] {
  if (typeof row.kernel === "function") return composed(row, inputs, attrs, options);
  const types = inferAll(row, inputs, attrs);
  if (row.kernel.alias && !options.out) {
    return [share(inputs[0] as Tensor, (types[0] as ValueType).shape)];
  }
  if (options.out) checkOut(row, options.out, types[0], inputs);
  const wanted = types.map((t, i) => (i < row.outputs.length || wantAux ? t : undefined));
  const outputs = wanted.map((t, i) => t && ((i === 0 && options.out) || output(nameOf(row), t)));
  for (const f of runNative(kernelCall(row, row.kernel, inputs, types, outputs, attrs, options))) options.failures.push(f);
  return outputs.filter((t) => t !== undefined);
}

// ---- Reverse mode ----

/** One recorded op of a reverse level; a leaf has no row. Values are one level down. */
export interface Node {
  readonly id: number; // increases: a node's parents have smaller ids
  readonly row: AnyRow | undefined;
  readonly attrs: Attrs;
  readonly parents: readonly (Edge | undefined)[]; // undefined: a constant
  saved: Readonly<Record<string, Tensor>>;
  readonly inputs: readonly { readonly shape: Shape; readonly dtype: DType }[];
  readonly outputs: readonly { readonly shape: Shape; readonly dtype: DType }[];
}
export interface Edge {
  readonly node: Node;
  readonly output: number;
}

/** A level that records a graph, to go back along. */
export class Reverse implements Level {
  readonly id = nextId();
  readonly title = "reverse mode (grad, vjp, jacobian)";
  live = true;

  leaf(value: Tensor): Tensor {
    const node = { id: nextId(), row: undefined, attrs: NO_ATTRS, parents: [], saved: {}, inputs: [], outputs: [typeOf(value)] };
    return this.#boxed(value, node, 0);
  }
  /** Where t hangs in the graph. */
  edgeOf(t: Tensor): Edge | undefined {
    return boxAt(t, this)?.payload as Edge | undefined;
  }
  /** Records the call, and keeps what the rule saves, one level down. */
  interpret(row: AnyRow, inputs: readonly Tensor[], attrs: Attrs, wantAux: boolean, options: RunOptions): Tensor[] {
    const values = valuesAt(inputs, this);
    const rule = ruleFor(row);
    const results = applyAll(row, values, attrs, wantAux || !rule, options);
    const outputs = results.slice(0, row.outputs.length);
    const aux = results.slice(row.outputs.length);
    const node: Node = {
      id: nextId(),
      row,
      attrs,
      parents: inputs.map((t) => this.edgeOf(t)),
      saved: savedOf(row, values, outputs, aux, rule !== undefined),
      inputs: values.map(typeOf),
      outputs: outputs.map(typeOf),
    };
    return [...outputs.map((o, i) => this.#boxed(o, node, i)), ...aux];
  }
  #boxed(value: Tensor, node: Node, output: number): Tensor {
    return isFloat(value.dtype) ? boxOver(value, { level: this, value, payload: { node, output } satisfies Edge }) : value;
  }
}

/** What the rule reads; `all`: a user's rule, which reads inputs and outputs. */
function savedOf(row: AnyRow, values: readonly Tensor[], outputs: readonly Tensor[], aux: readonly Tensor[], all: boolean) {
  const saved: Record<string, Tensor> = {};
  const keep = all ? [...row.inputs, ...row.outputs] : (row.saves ?? []);
  for (const name of keep) {
    const i = row.inputs.indexOf(name);
    saved[name] = (i >= 0 ? values[i] : outputs[row.outputs.indexOf(name)]) as Tensor;
  }
  Object.keys(row.aux ?? {}).forEach((name, i) => {
    const t = aux[i];
    if (t) saved[name] = t;
  });
  return saved;
}
const typeOf = (t: Tensor) => ({ shape: t.shape, dtype: t.dtype });

/** All nodes under these, children before parents. */
export function byDescendingId(from: readonly Node[]): Node[] {
  const seen = new Set<Node>(from);
  const stack = [...seen];
  for (let node = stack.pop(); node; node = stack.pop()) {
    for (const parent of node.parents) {
      if (!parent || seen.has(parent.node)) continue;
      seen.add(parent.node);
      stack.push(parent.node);
    }
  }
  return [...seen].sort((a, b) => b.id - a.id);
}

/** Makes what is saved under these nodes independent of what others write to the memory that they see. */
export function keepSaved(from: readonly Node[]): void {
  const known = new Map<Storage, Storage>();
  for (const node of byDescendingId(from))
    node.saved = Object.fromEntries(Object.entries(node.saved).map(([name, t]) => [name, keep(t, known)]));
}

/** Cotangents of the leaves from cotangents of the roots; undefined where none arrives. */
export function backward(roots: readonly { edge: Edge; cotangent: Tensor }[], leaves: readonly Node[]): (Tensor | undefined)[] {
  const cotangents = new Map<Node, (Tensor | undefined)[]>();
  const give = ({ node, output }: Edge, g: Tensor) => {
    let slots = cotangents.get(node);
    if (!slots) cotangents.set(node, (slots = new Array(node.outputs.length).fill(undefined)));
    const before = slots[output];
    slots[output] = before ? call("add", [before, g]) : g;
  };
  for (const { edge, cotangent } of roots) give(edge, cotangent);
  for (const node of byDescendingId(roots.map((r) => r.edge.node))) {
    const g = cotangents.get(node);
    if (!node.row || !g) continue;
    cotangents.delete(node);
    pull(node, g).forEach((h, i) => h && give(node.parents[i] as Edge, h));
  }
  return leaves.map((l) => cotangents.get(l)?.[0]);
}

/** The rule of one node: cotangents of the inputs that have a parent. */
function pull(node: Node, g: readonly (Tensor | undefined)[]): (Tensor | undefined)[] {
  const row = node.row as AnyRow;
  const rule = ruleFor(row);
  const wanted = node.parents.map((p) => p !== undefined);
  const fitted = (list: readonly (Tensor | undefined)[]) =>
    list.map((t, i) => (wanted[i] && t ? fit(t, node.inputs[i] as ValueType, row, i) : undefined));
  if (rule) return fitted(obey(row, rule, node.saved, g, node.attrs));
  const read = reads(row).map((n) => node.saved[n]);
  const isWhole = read.every((t) => t !== undefined); // not where a user's rule, which reads no aux, was there when the op ran
  const whole = row.fused && isWhole ? fused(row, row.fused, node.attrs, [...read, ...g], wanted) : undefined;
  if (whole) return fitted(whole);
  return fitted(thunks(row, node.saved, g, node.attrs, node.inputs, wanted).map((t, i) => (wanted[i] ? t?.() : undefined)));
}

function thunks(
  row: AnyRow,
  saved: Readonly<Record<string, Tensor>>,
  g: readonly (Tensor | undefined)[],
  attrs: Attrs,
  inputs: readonly ValueType[],
  asked: readonly boolean[],
) {
  if (!row.vjp) {
    throw new BacksolveError("ERR_ARGUMENT", nameOf(row), `has no gradient: registerGradient("${row.name}", rule) adds one.`);
  }
  const shapes: Record<string, Shape> = {};
  const wanted: Record<string, boolean> = {};
  row.inputs.forEach((n, i) => {
    shapes[n] = (inputs[i] as ValueType).shape;
    wanted[n] = asked[i] as boolean;
  });
  const rules = row.vjp(saved, named(row.outputs, g), attrs, { shapes, wanted });
  return row.inputs.map((n) => rules[n]);
}

/** @internal An instruction that is a fused rule: the kernel, or where somebody differentiates what it reads, the composed rule. */
export function applyFused(of: AnyRow, given: readonly (Tensor | undefined)[], attrs: Attrs, wanted: readonly boolean[]) {
  const own = reads(of);
  const [saved, g] = [named(own, given.slice(0, own.length)), given.slice(own.length)];
  const whole = fused(of, of.fused as Native, attrs, given, wanted);
  if (whole) return whole;
  const types = fusedTypes(of, attrs, given);
  return thunks(of, saved, g, attrs, types, wanted).map((t, i) => {
    const { shape } = types[i] as ValueType;
    const pulled = wanted[i] ? t?.() : undefined;
    return pulled && fit(sameShape(pulled.shape, shape) ? pulled : call("broadcastTo", [pulled], { shape }), types[i] as ValueType, of, i);
  });
}

/** A fused rule as one call or instruction, from what it reads; undefined where somebody differentiates that. */
function fused(
  row: AnyRow,
  kernel: Native,
  attrs: Attrs,
  given: readonly (Tensor | undefined)[],
  wanted: readonly boolean[],
): (Tensor | undefined)[] | undefined {
  const inputs = given.map((t) => t && strip(t));
  const level = topLevel(inputs);
  if (level && !level.emit) return undefined;
  const rule = fusedRow(row);
  const types = fusedTypes(row, attrs, inputs);
  const asked = types.map((t, i) => (wanted[i] ? t : undefined));
  if (level?.emit) return level.emit(rule.name, attrs, inputs, asked);
  const op = nameOf(row);
  const outputs = asked.map((t) => t && output(op, t));
  runNative(kernelCall(rule, kernel, inputs, types, outputs, attrs, { collect: false, op }));
  return outputs;
}

/** What a user's rule gives, if it is what rules give. */
function obey(row: AnyRow, rule: GradientRule, saved: Readonly<Record<string, Tensor>>, g: readonly (Tensor | undefined)[], attrs: Attrs) {
  const of = (names: readonly string[]) => keepAll(names.map((n) => saved[n] as Tensor));
  const list: unknown = rule({ inputs: of(row.inputs), outputs: of(row.outputs), attrs }, [...g]);
  if (!Array.isArray(list) || list.length > row.inputs.length) {
    const got = Array.isArray(list) ? `${list.length} entries` : describe(list);
    throw new ArgumentError(
      row.name,
      `its gradient rule must return an array with an entry per input (${row.inputs.join(", ")}), got ${got}.`,
    );
  }
  return row.inputs.map((_, i) => list[i] as Tensor | undefined);
}

/** Un-broadcasts a cotangent, and takes its real part where the input is real; says which rule gave a wrong shape. */
function fit(g: unknown, input: ValueType, row: AnyRow, i: number): Tensor {
  if (!isTensor(g)) throw new ArgumentError(nameOf(row), `its gradient rule must give a tensor for ${row.inputs[i]}, got ${describe(g)}.`);
  if (!sameShape(broadcast([g.shape, input.shape]) ?? [], g.shape)) {
    const want = shapeText(input.shape);
    throw new ShapeError(
      nameOf(row),
      `its gradient rule gave shape ${shapeText(g.shape)} for ${row.inputs[i]}, expected ${want} or one that it broadcasts to.`,
    );
  }
  if (realOf(g.dtype) !== realOf(input.dtype)) {
    throw new DtypeError(nameOf(row), `its gradient rule gave dtype ${g.dtype} for ${row.inputs[i]}, expected ${input.dtype}.`);
  }
  const typed = isComplex(g.dtype) === isComplex(input.dtype) ? g : call(isComplex(g.dtype) ? "real" : "toComplex", [g]);
  if (sameShape(typed.shape, input.shape)) return typed;
  const extra = typed.shape.length - input.shape.length;
  const axes: number[] = [];
  typed.shape.forEach((d, i) => {
    if (i < extra || (input.shape[i - extra] === 1 && d !== 1)) axes.push(i);
  });
  const sum = call("sum", [typed], { axis: axes, keepDims: false });
  return sameShape(sum.shape, input.shape) ? sum : call("reshape", [sum], { shape: input.shape });
}

// ---- Forward mode ----

/** A level that carries tangents along. */
export class Forward implements Level {
  readonly id = nextId();
  readonly title = "forward mode (jvp, hvp)";
  live = true;

  dual(value: Tensor, tangent: Tangent): Tensor {
    return boxOver(value, { level: this, value, payload: tangent });
  }
  /** The tangent of t; undefined: zero. Those of ops with several outputs are computed when they are asked for. */
  tangentOf(t: Tensor): Tensor | undefined {
    const tangent = boxAt(t, this)?.payload as Tangent;
    return typeof tangent === "function" ? tangent() : tangent;
  }
  interpret(row: AnyRow, inputs: readonly Tensor[], attrs: Attrs, wantAux: boolean, options: RunOptions): Tensor[] {
    const values = valuesAt(inputs, this);
    const outputs = applyAll(row, values, attrs, wantAux, options);
    const along = inputs.map((t) => this.tangentOf(t));
    if (!along.some((t) => t)) return outputs;
    const tangents = push(row, attrs, values, outputs.slice(0, row.outputs.length), along);
    return outputs.map((o, i) => (tangents[i] ? this.dual(o, tangents[i]) : o));
  }
}

/** Tangents of the outputs. */
function push(
  row: AnyRow,
  attrs: Attrs,
  values: readonly Tensor[],
  outputs: readonly Tensor[],
  tangents: readonly (Tensor | undefined)[],
): Tangent[] {
  const rule = ruleFor(row);
  if (row.jvp && !rule) {
    const pushed = row.jvp(named([...row.inputs, ...row.outputs], [...values, ...outputs]), named(row.inputs, tangents), attrs);
    return row.outputs.map((n) => pushed[n]);
  }
  if (!row.vjp && !rule) return [];
  const one = (i: number) => transposed(row, attrs, values, outputs, tangents, i);
  const moves = outputs.map((o) => isFloat(o.dtype));
  if (outputs.length === 1) return [moves[0] ? one(0) : undefined];
  // Each by itself, and only if somebody asks: one may have no derivative where another has, as the vectors and values of a spectrum.
  return moves.map((is, i) => (is ? once(() => one(i)) : undefined));
}

/**
 * The tangent of one output. The rule pulls a cotangent g back to the inputs by a map linear in g; its transpose, pulled back through the same
 * rule at a zero g, pushes tangents forward. So one rule per op gives both modes, and a symmetrised cotangent a symmetrised tangent.
 */
function transposed(
  row: AnyRow,
  attrs: Attrs,
  values: readonly Tensor[],
  outputs: readonly Tensor[],
  tangents: readonly (Tensor | undefined)[],
  output: number,
): Tensor | undefined {
  const level = new Reverse();
  try {
    const zero = level.leaf(zerosLike(outputs[output] as Tensor));
    const saved = named([...row.inputs, ...row.outputs], [...values, ...outputs]);
    const g = outputs.map((_, i) => (i === output ? zero : undefined));
    const pulled = pullOpen(row, saved, g, attrs, values, tangents);
    const roots = pulled.flatMap((make, i) => {
      const tangent = tangents[i];
      if (!make || !tangent) return [];
      const result = fit(make(), values[i] as Tensor, row, i);
      const edge = level.edgeOf(result);
      return edge ? [{ edge, cotangent: tangent }] : [];
    });
    level.live = false;
    return backward(roots, [(level.edgeOf(zero) as Edge).node])[0];
  } finally {
    level.live = false;
  }
}

function pullOpen(
  row: AnyRow,
  saved: Record<string, Tensor>,
  g: readonly (Tensor | undefined)[],
  attrs: Attrs,
  values: readonly Tensor[],
  tangents: readonly (Tensor | undefined)[],
) {
  const rule = ruleFor(row);
  const asked = tangents.map((t) => t !== undefined);
  if (!rule) return thunks(row, saved, g, attrs, values, asked);
  return obey(row, rule, saved, g, attrs).map((t) => t && (() => t));
}

/** The value under all boxes: a constant to every level. */
export const constant = (t: Tensor): Tensor => innermost(t);
