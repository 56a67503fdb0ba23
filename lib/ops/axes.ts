// Axes as users name them.
import { ArgumentError, describe } from "../core/errors";
import { checkAxis } from "../core/tensor";

/** The axes that option axis names: a number, an array of different ones, or all. */
export function listedAxes(op: string, rank: number, axis: unknown): number[] {
  const list = axis === undefined ? [...Array(rank).keys()] : typeof axis === "number" ? [axis] : axis;
  if (!Array.isArray(list)) throw new ArgumentError(op, `option axis must be a number or an array of numbers, got ${describe(axis)}.`);
  const axes = list.map((a: unknown) => checkAxis(op, a, rank));
  if (new Set(axes).size !== axes.length) throw new ArgumentError(op, `option axis names an axis twice: [${list.join(", ")}].`);
  return axes;
}
