import { BacksolveError, guard } from "../core/errors";
import type { Code, ValueType } from "../core/ir";
import { readable, storageOf, type Tensor, wrap } from "../core/tensor";
import { Trace } from "../core/trace";
import { optimize } from "./passes";

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

/** The code of f, from one call with traced tensors of the inputs' types. */
export function record(inputs: readonly Named<ValueType>[], f: (args: Tensor[]) => readonly Named<Tensor>[]): Code {
  const trace = new Trace(held);
  const args = inputs.map(({ value }) => trace.value(value.dtype, value.shape));
  let results: readonly Named<Tensor>[];
  try {
    results = f(args);
  } finally {
    trace.live = false;
  }
  const outputs = results.map(({ name, value }) => ({ name, id: trace.idOf(value) }));
  return optimize({
    values: trace.values,
    inputs: inputs.map(({ name }, i) => ({ name, id: trace.idOf(args[i] as Tensor) })),
    constants: trace.captures.map(({ id, tensor }) => ({ id, array: storageOf(tensor).array })),
    code: trace.code,
    outputs,
    opaque: [...trace.opaque],
  });
}
