// The checks that every row goes through, in the order of the numbers in their comments. Each throws with the numbers it saw; false: it does not
// apply to this case.
import * as d from "./derivatives";
import * as v from "./items";

export type { Trial as Checked } from "./common";

export const checks = {
  law: v.law,
  shapes: v.shapes,
  reverse: d.reverse,
  reverseSingle: d.reverseSingle,
  fusedEqualsComposed: d.fusedEqualsComposed,
  tangentSpace: d.tangentSpace,
  secondOrder: d.secondOrder,
  secondOrderSingle: d.secondOrderSingle,
  batching: v.batching,
  compiled: v.compiled,
  shared: v.shared,
  asynchronous: v.asynchronous,
  forward: d.forward,
  missing: d.missing,
  memory: v.memory,
  isolation: v.isolation,
};
