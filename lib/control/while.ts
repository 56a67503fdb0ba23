import { optionsOf } from "../core/attrs";
import { ArgumentError, DtypeError, describe, ShapeError } from "../core/errors";
import type { ValueType } from "../core/ir";
import { scalar } from "../core/op";
import { isTensor, shapeText, type Tensor } from "../core/tensor";
import { type Flat, flattenTensors, inOrderOf } from "../core/tree";
import { internControl } from "../program/intern";
import { asFunction } from "../transforms/arguments";
import { applyControl } from "./rows";
import type { Carried, Carry, Trees } from "./scan";
import { checkCarry, dtypesAt, flattenGiven, flattenLike, type Traced, together, traceTree, typeOfTensor, withNumbers } from "./trees";

export interface WhileOptions {
  /** The body runs at most so often; where the test still holds then, the item fails with ERR_NO_CONVERGENCE. */
  readonly maxSteps?: number;
}
const MAX_STEPS = 2 ** 31 - 1;

function truth(t: unknown): Tensor {
  if (!isTensor(t)) throw new ArgumentError("whileLoop", `the test must return a bool tensor of shape [], got ${describe(t)}.`);
  if (t.dtype !== "bool") throw new DtypeError("whileLoop", `the test must return bool, got ${t.dtype}: compare, less(x, 0).`);
  if (t.rank !== 0) throw new ShapeError("whileLoop", `the test must return shape [], got ${shapeText(t.shape)}.`);
  return t;
}

/**
 * Carries body(carry) along while test(carry) holds. The carry keeps its tree, shapes and dtypes. In forward mode it is differentiated like any op;
 * in reverse mode not, as the number of runs is not known beforehand: `scan` of a fixed length, or `customRoot`, is.
 */
export function whileLoop<C extends Trees>(
  test: (carry: Carry<C>) => Tensor<"bool">,
  body: (carry: Carry<C>) => NoInfer<Carried<Carry<C>>>,
  carry0: C,
  options?: WhileOptions,
): Carry<C>;
export function whileLoop<C>(
  test: (carry: C) => Tensor<"bool">,
  body: (carry: C) => NoInfer<Carried<C>>,
  carry0: Carried<C>,
  options?: WhileOptions,
): C;
export function whileLoop(
  test: (carry: never) => unknown,
  body: (carry: never) => unknown,
  carry0: unknown,
  options: WhileOptions = {},
): unknown {
  asFunction("whileLoop", test);
  asFunction("whileLoop", body);
  const { maxSteps = 1_000_000 } = optionsOf("whileLoop", options, ["maxSteps"]);
  if (!Number.isSafeInteger(maxSteps) || maxSteps < 1 || maxSteps > MAX_STEPS)
    throw new ArgumentError("whileLoop", `option maxSteps must be an integer from 1 to ${MAX_STEPS}, got ${describe(maxSteps)}.`);
  const carry = flattenGiven("whileLoop", carry0);
  const typesWith = (dtypeOf: (i: number) => ValueType["dtype"]): ValueType[] =>
    carry.leaves.map((t, i) => (typeof t === "number" ? { dtype: dtypeOf(i), shape: [] } : typeOfTensor(t)));
  const runs = (types: readonly ValueType[]): Traced =>
    traceTree("whileLoop", types, (leaves) =>
      inOrderOf(flattenLike("whileLoop", body(carry.rebuild(leaves) as never), dtypesAt(carry.paths, types)), carry.paths),
    );
  const first = withNumbers(carry.leaves, (dtype) => runs(typesWith(() => dtype)));
  const { leaves: given } = first.run.out;
  const isNew = (t: Tensor, i: number): boolean => typeof carry.leaves[i] === "number" && t.dtype !== first.guess;
  const isOther = given.length === carry.leaves.length && given.some(isNew);
  const types = typesWith((i) => (isOther ? (given[i] as Tensor).dtype : first.guess));
  const run = isOther ? runs(types) : first.run;
  checkCarry("whileLoop", carry, types, run.out);
  const asked = traceTree(
    "whileLoop",
    types,
    (leaves): Flat<Tensor> => flattenTensors("whileLoop", truth(test(carry.rebuild(leaves) as never))),
  );
  const { bodies, captures } = together(types.length, asked, run);
  const control = internControl({ kind: "while", name: "whileLoop", test: bodies[0], body: bodies[1], carries: types.length, maxSteps });
  const start = carry.leaves.map((t, i) => (typeof t === "number" ? scalar((types[i] as ValueType).dtype, t) : t));
  return carry.rebuild(applyControl(control, [...start, ...captures]));
}
