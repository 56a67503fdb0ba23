// Codes from functions: of compile, which holds what it takes from outside, and of bodies, which have it as further inputs.
import { ArgumentError, BacksolveError, guard } from "../core/errors";
import type { Code, ValueType } from "../core/ir";
import { leaving } from "../core/left";
import { readable, storageOf, type Tensor, wrap } from "../core/tensor";
import { Trace } from "../core/trace";
import { MAX_DEPTH } from "./control-json";
import { compact } from "./dead";
import { internCode } from "./intern";
import { optimize } from "./passes";
import { uniform } from "./uniform";

export interface Named<V> {
  readonly name: string;
  readonly value: V;
}

/** What a compiled program takes from outside, as a constant: a copy, as what is exposed can change before the program runs. */
function held(t: Tensor): Tensor {
  if (t.box)
    throw new BacksolveError(
      "ERR_TRACED",
      "compile",
      "a tensor that a transform outside differentiates is used inside: give it to the program as an input, and run the program in the transform.",
    );
  if (t.traced)
    throw new BacksolveError(
      "ERR_TRACED",
      "compile",
      "a tensor of another compile call was used: traced tensors live only inside their own function.",
    );
  const array = readable("compile", t);
  return wrap(
    t.dtype,
    t.shape,
    guard("compile", () => array.slice()),
  );
}

/** Runs f once, on traced tensors of these types. */
function traced(trace: Trace, types: readonly ValueType[], f: (args: Tensor[]) => readonly Tensor[]): { ins: number[]; outs: number[] } {
  const args = types.map(({ dtype, shape }) => trace.value(dtype, shape));
  let results: readonly Tensor[];
  try {
    results = f(args);
  } finally {
    trace.close();
  }
  return { ins: args.map((t) => trace.idOf(t)), outs: results.map((t) => trace.idOf(t)) };
}

/** The code of f, from one call with traced tensors of the inputs' types. */
export function record(inputs: readonly Named<ValueType>[], f: (args: Tensor[]) => readonly Named<Tensor>[]): Code {
  const trace = new Trace("compile", held);
  let names: string[] = [];
  const { ins, outs } = traced(
    trace,
    inputs.map((i) => i.value),
    (args) => {
      const results = f(args);
      names = results.map((r) => r.name);
      return results.map((r) => r.value);
    },
  );
  return optimize({
    values: trace.values,
    inputs: inputs.map(({ name }, i) => ({ name, id: ins[i] as number })),
    constants: trace.captures.map(({ id, tensor }) => ({ id, array: storageOf(tensor).array })),
    code: trace.code,
    outputs: names.map((name, i) => ({ name, id: outs[i] as number })),
    opaque: [...trace.opaque],
  });
}

/** A body, and the tensors from outside that it reads after its arguments. */
export interface Recorded {
  readonly body: Code;
  readonly captures: readonly Tensor[];
}

const isLiteral = (t: Tensor): boolean => !t.box && !t.traced && storageOf(t).literal;

const MOST_OPEN = 4 * MAX_DEPTH; // a body may vanish while it is recorded, as a branch that is known
let open = 0; // bodies that are being recorded, one in another

/**
 * The body of f. Tensors from outside are captured whole, with their boxes, and become its last inputs; only what the text of the function says,
 * numbers, is a constant: so the same function gives the same body, and the plans made for it are found again. `collects`: the body is for a run
 * that collects, to which what fails meanwhile is left.
 */
export function recordBody(
  title: string,
  types: readonly ValueType[],
  f: (args: Tensor[]) => readonly Tensor[],
  collects = false,
): Recorded {
  if (open >= MOST_OPEN)
    throw new ArgumentError(title, `bodies may stand ${MAX_DEPTH} deep in one another: does this function call itself without an end?`);
  const trace = new Trace(title, (t) => t);
  open++;
  let ids: ReturnType<typeof traced>;
  try {
    ids = traced(trace, types, collects ? (args) => leaving(trace, () => f(args)) : f);
  } finally {
    open--;
  }
  const { ins, outs } = ids;
  const used = new Set([...outs, ...trace.code.flatMap((i) => i.in)]);
  const outside = trace.captures.filter((c) => used.has(c.id));
  const shared = outside.filter((c) => !isLiteral(c.tensor));
  const code = optimize(
    uniform({
      values: trace.values,
      inputs: [...ins, ...shared.map((c) => c.id)].map((id, i) => ({ name: `x${i}`, id })),
      constants: outside.filter((c) => isLiteral(c.tensor)).map(({ id, tensor }) => ({ id, array: storageOf(tensor).array.slice() })),
      code: trace.code,
      outputs: outs.map((id, i) => ({ name: `y${i}`, id })),
      opaque: [...trace.opaque],
    }),
  );
  const read = new Set([...code.outputs.map((o) => o.id), ...code.code.flatMap((i) => i.in)]);
  const live = shared.map((_, i) => read.has((code.inputs[ins.length + i] as { id: number }).id));
  const inputs = code.inputs.filter((_, i) => i < ins.length || live[i - ins.length]);
  return { body: internCode(compact({ ...code, inputs })), captures: shared.filter((_, i) => live[i]).map((c) => c.tensor) };
}
