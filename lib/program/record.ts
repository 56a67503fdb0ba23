import type { ValueType } from "../core/ir";
import { storageOf, type Tensor } from "../core/tensor";
import { Trace } from "../core/trace";
import type { Code } from "./code";
import { optimize } from "./passes";

export interface Named<V> {
  readonly name: string;
  readonly value: V;
}

/** The code of f, from one call with traced tensors of the inputs' types. */
export function record(inputs: readonly Named<ValueType>[], f: (args: Tensor[]) => readonly Named<Tensor>[]): Code {
  const trace = new Trace();
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
    constants: [...trace.constants].map(([id, t]) => ({ id, array: storageOf(t).array })),
    code: trace.code,
    outputs,
    opaque: [...trace.opaque],
  });
}
