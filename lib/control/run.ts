// Controls on data, body by body: the meaning of each, which native code is checked against.
import { call } from "../core/apply";
import { ArgumentError } from "../core/errors";
import { zerosLike } from "../core/evaluate";
import type { Cond, Loop, While } from "../core/ir";
import { blank, type Tensor } from "../core/tensor";
import { stack } from "../ops/joining";
import { reshape, slice } from "../ops/structure";
import { replay } from "../program/replay";
import { outputTypes, type Run } from "./types";

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
