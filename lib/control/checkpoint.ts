// Loops that keep less: a loop over segments, each of which is a loop.
import type { Loop } from "../core/ir";
import type { Tensor } from "../core/tensor";
import { concat } from "../ops/joining";
import { reshape, slice } from "../ops/structure";
import { recordBody } from "../program/record";
import { inputTypesOf } from "./types";

/** `inside`: as an instruction of a body that is being recorded, which says nothing of how the whole runs. */
type Apply = (loop: Loop, inputs: readonly Tensor[], inside?: boolean) => Tensor[];

const part = (x: Tensor, from: number, count: number): Tensor =>
  count === x.shape[0] ? x : slice(x, [from, ...x.shape.slice(1).map(() => 0)], [count, ...x.shape.slice(1)]);

/** The loop in segments of k runs and one of what is left: the outer loop keeps the carries at its segments' ends, and a segment those of its runs. */
export function segmented(loop: Loop, k: number, inputs: readonly Tensor[], apply: Apply): Tensor[] {
  const { carries, mapped, length, reverse } = loop;
  const [count, rest] = [Math.floor(length / k), length % k];
  const [each, shared] = [inputs.slice(carries, carries + mapped), inputs.slice(carries + mapped)];
  const whole = count * k;
  const results = loop.sums.length;
  const remainder = (carry: readonly Tensor[]): Tensor[] =>
    apply({ ...loop, length: rest, from: whole }, [...carry, ...each.map((x) => part(x, whole, rest)), ...shared]);
  const middle = (carry: readonly Tensor[]): Tensor[] => {
    const cut = each.map((x) => reshape(part(x, 0, whole), [count, k, ...x.shape.slice(1)]));
    const out = apply(outer(loop, k, count, apply), [...carry, ...cut, ...shared]);
    return out.map((y, i) => (i < carries ? y : reshape(y, [whole, ...y.shape.slice(2)])));
  };
  if (rest === 0) return middle(inputs.slice(0, carries));
  // In reverse what is left comes first, as it stands at the end.
  const first = reverse ? remainder(inputs.slice(0, carries)) : middle(inputs.slice(0, carries));
  const second = (reverse ? middle : remainder)(first.slice(0, carries));
  const [head, tail] = reverse ? [second, first] : [first, second];
  const joined = Array.from({ length: results }, (_, i) => concat([head[carries + i] as Tensor, tail[carries + i] as Tensor], { axis: 0 }));
  return [...second.slice(0, carries), ...joined];
}

function outer(loop: Loop, k: number, count: number, apply: Apply): Loop {
  const types = inputTypesOf(loop.body).map((t, i) =>
    i < loop.carries || i >= loop.carries + loop.mapped ? t : { ...t, shape: [k, ...t.shape] },
  );
  const { body } = recordBody("scan", types, (args) => apply({ ...loop, length: k }, args, true));
  return { ...loop, name: "segments", body, length: count };
}
