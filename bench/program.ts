// A compiled row as a program.
import type { Program } from "../lib/index";
import { asked, type Way } from "./cells";
import { type Backsolve, type Row, shapeOf, type T } from "./table/row";

/** Of one item: outputs, then gradients to the first `wrt` arguments; cotangents follow these, but where a compiled row has one scalar, whose own is 1. */
export function itemOf(b: Backsolve, row: Row, way: Way): (...given: T[]) => T[] {
  const count = row.inputs.length;
  const { wrt = count } = row.compiled ?? {};
  if (asked(way) === "forward") return (...args) => row.call(b, ...args);
  return (...given) => {
    const fixed = given.slice(wrt, count);
    const of = given.slice(0, wrt);
    if (ownCotangent(row)) {
      const argnums = of.map((_, i) => i);
      const { value, grad } = b.valueAndGrad((...args: T[]) => row.call(b, ...args, ...fixed)[0] as T, { argnums })(...of);
      return [value, ...(grad as readonly T[])];
    }
    const { value, pullback } = b.vjp((...args: T[]) => row.call(b, ...args, ...fixed), ...of);
    return [...value, ...pullback(given.slice(count))];
  };
}
const ownCotangent = ({ compiled, outputs }: Row): boolean => compiled !== undefined && outputs.length === 1 && outputs[0] === "";

/** What a call takes as cotangents. */
export const cotangentsOf = (row: Row, way: Way): readonly string[] => (asked(way) === "forward" || ownCotangent(row) ? [] : row.outputs);

export function programOf(b: Backsolve, row: Row, n: number, dtype: "float64" | "float32", way: Way): Program<readonly T[], T[]> {
  const shapes = [...row.inputs.map(([, sizes]) => sizes), ...cotangentsOf(row, way)].map((sizes) => shapeOf(sizes, n));
  return b.compile(itemOf(b, row, way) as never, ...shapes.map((shape) => b[dtype](...shape))) as never;
}
