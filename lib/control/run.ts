// Controls on data: natively, and body by body, which says what each means.
import { call } from "../core/apply";
import { ArgumentError } from "../core/errors";
import { zerosLike } from "../core/evaluate";
import type { Cond, Loop, While } from "../core/ir";
import type { RunContext } from "../core/outcome";
import { blank, type Tensor } from "../core/tensor";
import { stack } from "../ops/joining";
import { reshape, slice } from "../ops/structure";
import { Executable, type How, type Later } from "../program/executable";
import { optimize } from "../program/passes";
import { replay } from "../program/replay";
import { inputTypes, outputTypes, type Run } from "./types";

const executables = new WeakMap<Run, Executable>();
/** What runs a control: a loop that hands nothing on is its body over a batch of its length, anything else a program of one instruction. */
function executableOf(control: Run): Executable {
  let made = executables.get(control);
  if (!made) executables.set(control, (made = makeExecutable(control)));
  return made;
}
/** Whether the runs of a loop are items of a batch. */
const isBatch = (control: Run): control is Loop => control.kind === "loop" && control.carries === 0 && control.mapped > 0;

function makeExecutable(control: Run): Executable {
  const said = { op: control.name, inputName: (i: number) => `input ${i}` };
  if (isBatch(control)) return new Executable(control.body, { ...said, itemName: (i) => `${control.name}, item ${i}` }, control.sums);
  const types = inputTypes(control);
  const values = [...types, ...outputTypes(control)];
  const ids = values.map((_, i) => i);
  const [ins, out] = [ids.slice(0, types.length), ids.slice(types.length)];
  const named = (list: readonly number[]) => list.map((id) => ({ name: "", id }));
  const code = [{ op: control.name, attrs: {}, in: ins, out, control }];
  return new Executable(optimize({ values, inputs: named(ins), constants: [], code, outputs: named(out), opaque: [] }), said);
}

const howOf = (options: RunContext | undefined): How => {
  const collect = options?.collect === true;
  return { collect, failures: collect ? options.failures : undefined, layout: 0, chunk: 0, threads: 0 };
};
/** Outputs of a control. */
export const run = (control: Run, inputs: readonly Tensor[], options?: RunContext): Tensor[] =>
  executableOf(control).run(inputs, howOf(options));
/** The same off the event loop. */
export const runLater = (control: Run, inputs: readonly Tensor[], later: Later): Promise<Tensor[]> =>
  executableOf(control).later(inputs, howOf(undefined), later);

/** Outputs of a control, one op after the other. */
export function interpret(control: Run, inputs: readonly Tensor[]): Tensor[] {
  if (control.kind === "loop") return interpretLoop(control, inputs);
  return control.kind === "cond" ? interpretCond(control, inputs) : interpretWhile(control, inputs);
}

const element = (x: Tensor, t: number): Tensor => {
  const item = x.shape.slice(1);
  return reshape(slice(x, [t, ...item.map(() => 0)], [1, ...item]), item);
};

function interpretLoop(loop: Loop, inputs: readonly Tensor[]): Tensor[] {
  const { body, carries, mapped, length, reverse, sums } = loop;
  let carry = inputs.slice(0, carries);
  const [each, shared] = [inputs.slice(carries, carries + mapped), inputs.slice(carries + mapped)];
  const runs: Tensor[][] = [];
  for (let k = 0; k < length; k++) {
    const t = reverse ? length - 1 - k : k;
    const out = replay(body, [...carry, ...each.map((x) => element(x, t)), ...shared]);
    carry = out.slice(0, carries);
    runs[t] = out.slice(carries);
  }
  const order = reverse ? [...runs].reverse() : runs;
  const types = outputTypes(loop).slice(carries);
  const results = types.map((type, i) => {
    const list = (sums[i] ? order : runs).map((r) => r[i] as Tensor);
    if (list.length === 0) return sums[i] ? zerosLike(type) : blank(type.dtype, type.shape);
    return sums[i] ? list.reduce((a, b) => call("add", [a, b])) : stacked(list);
  });
  return [...carry, ...results];
}

/** Along a new leading axis. */
function stacked(list: readonly Tensor[]): Tensor {
  return stack(list as Tensor[]);
}

const interpretCond = (cond: Cond, [pred, ...operands]: readonly Tensor[]): Tensor[] =>
  replay((pred as Tensor<"bool">).item() ? cond.whenTrue : cond.whenFalse, operands);

function interpretWhile({ test, body, carries, maxSteps }: While, inputs: readonly Tensor[]): Tensor[] {
  let carry = inputs.slice(0, carries);
  const shared = inputs.slice(carries);
  const holds = (): boolean => (replay(test, [...carry, ...shared])[0] as Tensor<"bool">).item();
  for (let k = 0; holds(); k++) {
    if (k === maxSteps) throw new ArgumentError("whileLoop", `the test still holds after ${maxSteps} steps.`);
    carry = replay(body, [...carry, ...shared]);
  }
  return carry;
}
