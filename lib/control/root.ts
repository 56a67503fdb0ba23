import { apply } from "../core/apply";
import { optionsOf } from "../core/attrs";
import { type DType, isComplex, isFloat } from "../core/dtype";
import { ArgumentError, DtypeError, describe, ShapeError } from "../core/errors";
import { zerosLike } from "../core/evaluate";
import { once, primals } from "../core/levels";
import type { AnyRow, Attrs } from "../core/row";
import { sameShape } from "../core/signature";
import { shapeText, sizeOf, type Tensor } from "../core/tensor";
import { type Flat, flattenTensors } from "../core/tree";
import { neg } from "../ops/elementwise";
import { concat } from "../ops/joining";
import { solve as solveLinear } from "../ops/lu";
import { reshape, slice } from "../ops/structure";
import { replay } from "../program/replay";
import { type Arguments, asFunction } from "../transforms/arguments";
import { jvp } from "../transforms/jvp";
import { withPullback } from "../transforms/pullback";
import { jacfwd } from "./jacobian";
import type { Carried } from "./scan";
import { type Traced, traceTree, typeOfTensor } from "./trees";

export interface RootOptions<X> {
  /**
   * Solves A v = b for the linearisation A of f at the root, given as a function: by default its dense matrix is formed and solved by LU. In
   * reverse mode it is given the transpose.
   */
  readonly linearSolve?: (apply: (v: X) => X, b: X) => X;
}

interface Equation {
  readonly f: Traced; // reads the leaves of x, of the arguments, then what it took from outside
  readonly x: Flat<Tensor>;
  readonly linearSolve: RootOptions<unknown>["linearSolve"] | undefined;
}

const ravel = (list: readonly Tensor[]): Tensor => {
  const flat = list.map((t) => reshape(t, [t.size]));
  return flat.length === 1 ? (flat[0] as Tensor) : concat(flat as Tensor<"float64">[], { axis: 0 });
};
function unravel(v: Tensor, like: readonly Tensor[]): Tensor[] {
  let from = 0;
  return like.map(({ shape }) => {
    const size = sizeOf(shape);
    from += size;
    return reshape(like.length === 1 ? v : slice(v, [from - size], [size]), shape);
  });
}

/** x with A x = b, or of the transpose, where A is the derivative of f by its first arguments at `at`. */
function solved(equation: Equation, xs: readonly Tensor[], rest: readonly Tensor[], b: readonly Tensor[], transposed: boolean): Tensor[] {
  const { f, x, linearSolve } = equation;
  const of = (leaves: readonly Tensor[]): Tensor[] => replay(f.body, [...leaves, ...rest]);
  if (linearSolve) {
    const flat = { ...x, leaves: [...xs] };
    const operator = transposed
      ? (v: unknown) => {
          const { pullback } = withPullback("customRoot", flat, (tree) => of(flattenTensors("customRoot", tree).leaves));
          return x.rebuild(pullback(flattenTensors("customRoot", v).leaves));
        }
      : (v: unknown) => x.rebuild(jvp((...leaves: Tensor[]) => of(leaves), [...xs], flattenTensors("customRoot", v).leaves).tangent);
    return flattenTensors("customRoot", linearSolve(operator, x.rebuild(b))).leaves;
  }
  const dense = jacfwd((v: Tensor) => ravel(of(unravel(v, xs))))(ravel(xs)) as Tensor<"float64">;
  return unravel(solveLinear(dense, ravel(b) as Tensor<"float64">, { adjoint: transposed }), xs);
}

/** By the implicit function theorem, of f(x, a) = 0: f_x ẋ = -f_a ȧ, and ā = -f_aᵀ λ with f_xᵀ λ = x̄. */
function rootRow(equation: Equation, moves: readonly boolean[], run: (values: readonly Tensor[]) => Tensor[]): AnyRow {
  const n = equation.x.leaves.length;
  const [xs, ys] = [moves.map((_, i) => `x${i}`), equation.x.leaves.map((_, i) => `y${i}`)];
  const list = (names: readonly string[], from: Readonly<Record<string, Tensor | undefined>>) => names.map((name) => from[name] as Tensor);
  const zip = (names: readonly string[], values: readonly Tensor[]) =>
    Object.fromEntries(names.map((name, i) => [name, values[i] as Tensor]));
  const at = (values: Readonly<Record<string, Tensor>>) => ({ root: list(ys, values), rest: list(xs.slice(n), values) });
  return {
    name: "customRoot",
    inputs: xs,
    outputs: ys,
    saves: [...xs, ...ys],
    kernel: (values) => zip(ys, run(list(xs, values))),
    vjp: (saved, g, _attrs, { wanted }) => {
      const { root, rest } = at(saved);
      const asked = rest.map((_, i) => moves[n + i] === true && wanted[xs[n + i] as string] === true);
      const pulled = once(() => {
        const b = ys.map((y, i) => g[y] ?? zerosLike(root[i] as Tensor));
        const lambda = solved(equation, root, rest, b, true);
        const chosen = rest.filter((_, i) => asked[i]);
        const { pullback } = withPullback("customRoot", flattenTensors("customRoot", chosen), (tree) => {
          const moved = [...(tree as Tensor[])];
          return replay(equation.f.body, [...root, ...rest.map((t, i) => (asked[i] ? (moved.shift() as Tensor) : t))]);
        });
        return pullback(lambda.map((t) => neg(t as Tensor<"float64">)));
      });
      const names = xs.slice(n).filter((_, i) => asked[i]);
      return Object.fromEntries(names.map((name, j) => [name, () => pulled()[j] as Tensor]));
    },
    jvp: (values, tangents) => {
      const { root, rest } = at(values);
      const along = rest.map((_, i) => (moves[n + i] ? tangents[xs[n + i] as string] : undefined));
      if (!along.some((t) => t)) return {};
      const pushed = once(() => {
        const chosen = rest.filter((_, i) => along[i]);
        const f = (...moved: Tensor[]) =>
          replay(equation.f.body, [...root, ...rest.map((t, i) => (along[i] ? (moved.shift() as Tensor) : t))]);
        const b = jvp(
          f,
          chosen,
          along.filter((t) => t !== undefined),
        ).tangent;
        return solved(equation, root, rest, b, false).map((t) => neg(t as Tensor<"float64">));
      });
      return Object.fromEntries(ys.map((y, i) => [y, () => pushed()[i]]));
    },
  };
}

/** What the equation gives must be as many numbers as there are unknowns. */
function checkEquation(x: Flat<Tensor>, out: Flat<Tensor>): void {
  for (const t of [...x.leaves, ...out.leaves])
    if (!isFloat(t.dtype) || isComplex(t.dtype))
      throw new DtypeError("customRoot", `unknowns and equations must be real floating tensors, got ${t.dtype satisfies DType}.`);
  const count = (flat: Flat<Tensor>): number => flat.leaves.reduce((n, t) => n + t.size, 0);
  if (count(x) !== count(out) || x.leaves.length !== out.leaves.length || x.leaves.some((t, i) => t.size !== out.leaves[i]?.size))
    throw new ShapeError("customRoot", `f must give as many numbers as x0 has, ${count(x)}, leaf by leaf: it gives ${count(out)}.`);
}

/** A root is of the type of where the solver began. */
function checkRoot(found: Tensor, start: Tensor, path: string): void {
  const at = path === "" ? "" : ` at ${path}`;
  if (found.dtype !== start.dtype)
    throw new DtypeError("customRoot", `the solver must return ${start.dtype}${at}, as x0 is: it gave ${found.dtype}.`);
  if (!sameShape(found.shape, start.shape))
    throw new ShapeError(
      "customRoot",
      `the solver must return shape ${shapeText(start.shape)}${at}, that of x0: it gave ${shapeText(found.shape)}.`,
    );
}

/**
 * The x that `solve(x0, ...args)` finds with f(x, ...args) = 0, as a function of the arguments and of all that f takes from outside: its
 * derivatives, of any order and mode, are those of the equation, by one linear solve each, however the root was found. The start x0 has none.
 * Inside `compile`, `vmap` and `scan` the solver becomes a part of the program, so that it must not read values there: use `whileLoop`.
 */
export function customRoot<X, P extends readonly unknown[]>(
  f: (x: X, ...args: P) => unknown,
  solve: (x0: X, ...args: P) => NoInfer<Carried<X>>,
  options: RootOptions<X> = {},
): (x0: Carried<X>, ...args: Arguments<P>) => X {
  asFunction("customRoot", f);
  asFunction("customRoot", solve);
  const { linearSolve } = optionsOf("customRoot", options, ["linearSolve"]);
  if (linearSolve !== undefined) asFunction("customRoot", linearSolve);
  return (x0, ...args) => {
    const x = flattenTensors("customRoot", x0);
    const given = flattenTensors("customRoot", args);
    const n = x.leaves.length;
    const own = [...x.leaves, ...given.leaves];
    const treesOf = (leaves: readonly Tensor[]): [X, P] => [
      x.rebuild(leaves.slice(0, n)) as X,
      given.rebuild(leaves.slice(n, own.length)) as P,
    ];
    const traced = traceTree("customRoot", own.map(typeOfTensor), (leaves) => {
      const [at, rest] = treesOf(leaves);
      return flattenTensors("customRoot", f(at, ...rest));
    });
    checkEquation(x, traced.out);
    const run = (values: readonly Tensor[]): Tensor[] => {
      const [start, rest] = treesOf(values);
      const found = flattenTensors("customRoot", solve(start, ...rest));
      if (found.paths.length !== n || found.paths.some((p, i) => p !== x.paths[i]))
        throw new ArgumentError("customRoot", `the solver must return the tree of x0, got ${describe(found.rebuild(found.leaves))}.`);
      found.leaves.forEach((t, i) => checkRoot(t, x.leaves[i] as Tensor, x.paths[i] as string));
      return primals(found.leaves); // closures of the solver may reach what is differentiated outside: the rule stands for that
    };
    const inputs = [...own, ...traced.captures];
    const moves = inputs.map((t, i) => i >= n && isFloat(t.dtype));
    const row = rootRow({ f: traced, x, linearSolve: linearSolve as Equation["linearSolve"] }, moves, run);
    return x.rebuild(apply(row, inputs, {} as Attrs)) as X;
  };
}
