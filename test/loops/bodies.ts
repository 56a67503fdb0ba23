// Random functions with loops in loops, for comparing two ways to run these.
import {
  abs,
  add,
  adjoint,
  cast,
  complex,
  conj,
  div,
  exp,
  eye,
  grad,
  greater,
  imag,
  jvp,
  less,
  linalg,
  logsumexp,
  matmul,
  max,
  mul,
  real,
  reshape,
  sin,
  slice,
  square,
  stack,
  stopGradient,
  sub,
  sum,
  type Tensor,
  tanh,
  tensor,
  transpose,
  where,
} from "../../lib/index";
import type { T } from "./golden";
import type { Loops } from "./unrolled";

/** Values: a number, a vector of two, a 2 x 2 matrix, the same of complex numbers, an int32 and a bool. */
export type Kind = "s" | "v" | "m" | "z" | "w" | "y" | "i" | "b";
const FLOATS = ["s", "v", "m", "z", "w", "y"];
const isFloat = (k: Kind | undefined): boolean => FLOATS.includes(k as string);
const isComplex = ({ dtype }: Tensor): boolean => dtype === "complex128";
/** Keeps values small. */
export const squashed = (x: T): T => (isComplex(x) ? div(x, add(1, square(abs(x) as T))) : tanh(x));
/** A real number of a tensor of any kind. */
export const total = (x: T): T => sum(isComplex(x) ? sub(real(squashed(x)), mul(0.7, imag(x) as T)) : tanh(x)) as T;

/** Numbers in [0, 1): a linear congruential generator (Numerical Recipes, section 7.1). */
export class Draws {
  #state: number;
  constructor(seed: number) {
    this.#state = Math.imul(seed, 2654435761) >>> 0;
    for (let i = 0; i < 9; i++) this.next();
  }
  next(): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return (this.#state >>> 8) / 2 ** 24;
  }
  below = (n: number): number => Math.floor(this.next() * n);
  one = <X>(list: readonly X[]): X => list[this.below(list.length)] as X;
}

type Op = readonly [ins: string, out: Kind, f: (...args: never[]) => Tensor];
const spd = (a: T): T => add(eye(2), matmul(a, a, { adjointB: true }));
type Z = Tensor<"complex128">;
const hpd = (a: Z): Z => add(eye(2), matmul(a, a, { adjointB: true })) as Tensor as Z;
// What is equal on paper must not be where an op has a kink or a jump: it may differ by rounding.
const APART = tensor([0, 0.013]);
const OPS: readonly Op[] = [
  ["ss", "s", (a: T, b: T) => tanh(add(a, b))],
  ["vv", "v", (a: T, b: T) => tanh(add(a, b))],
  ["mm", "m", (a: T, b: T) => tanh(add(a, b))],
  ["mv", "m", (a: T, b: T) => tanh(sub(a, b))],
  ["sm", "m", (a: T, b: T) => tanh(sub(a, b))],
  ["ss", "s", (a: T, b: T) => mul(a, b)],
  ["sv", "v", (a: T, b: T) => mul(a, b)],
  ["mm", "m", (a: T, b: T) => mul(a, b)],
  ["s", "s", (a: T) => sin(mul(1.3, a))],
  ["v", "v", (a: T) => sin(mul(1.3, a))],
  ["v", "s", (a: T) => tanh(sum(a))],
  ["m", "v", (a: T) => tanh(sum(a, { axis: 0 }))],
  ["mm", "m", (a: T, b: T) => tanh(matmul(a, b))],
  ["mv", "v", (a: T, b: T) => tanh(matmul(a, b))],
  ["mv", "v", (a: T, b: T) => linalg.solve(add(mul(3, eye(2)), tanh(a)), b)],
  ["m", "m", (a: T) => linalg.cholesky(spd(a))],
  ["m", "s", (a: T) => linalg.logdet(spd(a))],
  ["m", "m", (a: T) => transpose(a)],
  ["m", "v", (a: T) => reshape(slice(a, [1, 0], [1, 2]), [2])],
  ["v", "s", (a: T) => reshape(slice(a, [0], [1]), [])],
  ["ss", "v", (a: T, b: T) => stack([a, b])],
  ["vv", "m", (a: T, b: T) => stack([a, b])],
  ["v", "s", (a: T) => logsumexp(a)],
  ["s", "s", (a: T) => stopGradient(a)],
  ["v", "v", (a: T) => abs(add(a, 0.013)) as T],
  ["v", "s", (a: T) => max(add(a, APART))],
  ["ss", "b", (a: T, b: T) => greater(a, add(b, 0.013))],
  ["bvv", "v", (p: Tensor<"bool">, a: T, b: T) => where(p, a, b)],
  ["i", "s", (a: Tensor<"int32">) => tanh(cast(a, "float64"))],
  ["b", "s", (a: Tensor<"bool">) => cast(a, "float64")],
  ["bi", "i", (b: Tensor<"bool">, a: Tensor<"int32">) => add(cast(b, "int32"), a)],
  ["ii", "i", (a: Tensor<"int32">, b: Tensor<"int32">) => add(a, b)],
  ["i", "b", (a: Tensor<"int32">) => less(a, 3)],
  ["s", "s", () => tensor(0.7)],
  ["ss", "z", (a: T, b: T) => complex(a, b)],
  ["vv", "w", (a: T, b: T) => complex(a, b)],
  ["mm", "y", (a: T, b: T) => complex(a, b)],
  ["z", "s", (a: Z) => add(tanh(real(a)), imag(a))],
  ["w", "v", (a: Z) => abs(add(a, 0.013))],
  ["y", "s", (a: Z) => linalg.logdet(hpd(a))],
  ["zw", "w", (a: Z, b: Z) => mul(a, conj(b))],
  ["wv", "w", (a: Z, b: T) => mul(sin(a), b)],
  ["yw", "w", (a: T, b: T) => squashed(matmul(a, b))],
  ["yw", "w", (a: T, b: T) => linalg.solve(add(mul(3, eye(2)) as T, squashed(a)), b)],
  ["y", "y", (a: Z) => linalg.cholesky(hpd(a))],
  ["ym", "y", (a: Z, b: T) => squashed(add(adjoint(a), b) as Tensor as T)],
  ["z", "z", (a: Z) => exp(mul(0.5, a))],
];

type Run = (values: readonly Tensor[], loops: Loops) => Tensor[];
/** A function of the values before it that gives more of them. Every statement reads values by position. */
export interface Body {
  readonly kinds: readonly Kind[]; // of what it is given, then of what it makes
  readonly run: Run; // all of these
}
type Statement = { readonly makes: readonly Kind[]; readonly run: Run };
type Make = (d: Draws, kinds: readonly Kind[], depth: number) => Statement | undefined;

const pick = (values: readonly Tensor[], at: readonly number[]): Tensor[] => at.map((i) => values[i] as Tensor);
const kindsAt = (kinds: readonly Kind[], at: readonly number[]): Kind[] => at.map((i) => kinds[i] as Kind);
const some = (d: Draws, kinds: readonly Kind[], n: number, ok: (k: Kind | undefined) => boolean = () => true): number[] =>
  Array.from({ length: n }, () => d.below(kinds.length)).filter((i) => ok(kinds[i]));
const lastOf = (kinds: readonly Kind[], k: Kind): number => kinds.lastIndexOf(k);
const lastFloat = (kinds: readonly Kind[]): number => kinds.findLastIndex(isFloat);

/** n variants of a value along a new first axis. */
const variants = (x: Tensor, n: number): Tensor => {
  const all = stack(Array.from({ length: Math.max(n, 1) }, (_, i) => squashed(mul(1 - 0.6 * i, x as T))));
  return n > 0
    ? all
    : slice(
        all,
        all.shape.map(() => 0),
        [0, ...x.shape],
      );
};
/** A weighted sum over the first axis. */
function gathered(y: Tensor): Tensor {
  const n = y.shape[0] as number;
  const weights = tensor(Array.from({ length: n }, (_, i) => Math.cos(i + 1)));
  return squashed(sum(mul(y as T, reshape(weights, [n, ...y.shape.slice(1).map(() => 1)])), { axis: 0 }));
}

const op: Make = (d, kinds) => {
  const [ins, out, f] = d.one(OPS);
  const at = [...ins].map((k) => {
    const all = kinds.flatMap((x, i) => (x === k ? [i] : []));
    return d.next() < 0.5 ? lastOf(kinds, k as Kind) : (d.one(all) ?? -1);
  });
  if (at.includes(-1)) return undefined;
  return { makes: [out], run: (values) => [(f as (...a: Tensor[]) => Tensor)(...pick(values, at))] };
};
const scan: Make = (d, kinds, depth) => {
  const [carries, xs] = [some(d, kinds, 1 + d.below(3)), some(d, kinds, d.below(3), isFloat)];
  const own = kindsAt(kinds, carries);
  const body = bodyOf(d, [...kinds, ...own, ...kindsAt(kinds, xs)], depth - 1, 2 + d.below(4));
  const next = own.map((k) => lastOf(body.kinds, k));
  const ys = some(d, body.kinds, d.below(3), isFloat);
  const [length, reverse, keeps] = [d.one([0, 1, 3, 3, 3]), d.next() < 0.3, d.next() < 0.2];
  const options = { length, reverse, ...(keeps && { checkpoint: 2 }) };
  return {
    makes: [...own, ...kindsAt(body.kinds, ys)],
    run: (values, loops) => {
      const step = (c: Tensor[], x: Tensor[]) => {
        const all = body.run([...values, ...c, ...x], loops);
        return { carry: pick(all, next), y: pick(all, ys) };
      };
      const elements = pick(values, xs).map((x) => variants(x, length));
      const out = loops.scan(step, pick(values, carries), elements, options);
      return [...out.carry, ...out.ys.map(gathered)];
    },
  };
};
const vmap: Make = (d, kinds, depth) => {
  const [xs, shared] = [some(d, kinds, 1 + d.below(3), isFloat), some(d, kinds, d.below(2))];
  if (xs.length === 0) return undefined;
  const body = bodyOf(d, [...kinds, ...kindsAt(kinds, xs), ...kindsAt(kinds, shared)], depth - 1, 2 + d.below(4));
  const outs = [lastFloat(body.kinds), ...some(d, body.kinds, 1, isFloat)];
  const n = d.one([1, 2, 3, 5]);
  return {
    makes: kindsAt(body.kinds, outs),
    run: (values, loops) => {
      const mapped = pick(values, xs).map((x) => variants(x, n));
      const f = (...args: Tensor[]) => pick(body.run([...values, ...args], loops), outs);
      return loops.vmap(f, mapped, pick(values, shared)).map(gathered);
    },
  };
};
const cond: Make = (d, kinds, depth) => {
  const p = lastOf(kinds, "b");
  const args = some(d, kinds, d.below(3));
  const [a, b] = [0, 1].map(() => bodyOf(d, [...kinds, ...kindsAt(kinds, args)], depth - 1, 1 + d.below(3))) as [Body, Body];
  const makes = Array.from({ length: 1 + d.below(2) }, () => d.one(["s", "v", "m"] as const));
  const branch =
    (body: Body, values: readonly Tensor[], loops: Loops) =>
    (...x: Tensor[]) =>
      pick(
        body.run([...values, ...x], loops),
        makes.map((k) => lastOf(body.kinds, k)),
      );
  return {
    makes,
    run: (values, loops) => loops.cond(values[p] as Tensor<"bool">, branch(a, values, loops), branch(b, values, loops), pick(values, args)),
  };
};
/** A loop that nothing is differentiated through. */
const whileLoop: Make = (d, kinds, depth) => {
  const carries = some(d, kinds, 1 + d.below(2));
  const own = kindsAt(kinds, carries);
  const body = bodyOf(d, [...kinds, ...own], depth - 1, 1 + d.below(3));
  const steps = 1 + d.below(3);
  return {
    makes: own,
    run: (values, loops) => {
      const stopped = values.map((x) => stopGradient(x));
      const [zero, one] = [0, 1].map((v) => tensor(v, { dtype: "int32" })) as [Tensor, Tensor];
      const count = (c: Tensor[]) => less(c.at(-1) as Tensor<"int32">, steps);
      const next = (c: Tensor[]) => {
        const all = body.run([...stopped, ...c.slice(0, -1)], loops);
        return [...own.map((k) => all[lastOf(body.kinds, k)] as Tensor), add(c.at(-1) as Tensor<"int32">, one as Tensor<"int32">)];
      };
      return loops.whileLoop(count, next, [...pick(stopped, carries), zero]).slice(0, -1);
    },
  };
};
const derivative =
  (forward: boolean): Make =>
  (d, kinds, depth) => {
    const at = some(d, kinds, 1 + d.below(2), isFloat);
    if (at.length === 0) return undefined;
    const body = bodyOf(d, [...kinds, ...kindsAt(kinds, at)], depth - 1, 2 + d.below(4));
    const out = lastFloat(body.kinds);
    return {
      makes: forward ? kindsAt(body.kinds, [out]) : kindsAt(kinds, at),
      run: (values, loops) => {
        const x = pick(values, at) as T[];
        const f = (...args: T[]): T => body.run([...values, ...args], loops)[out] as T;
        if (!forward) return grad((args: T[]) => total(f(...args)))(x).map(squashed);
        const { value, tangent } = jvp(
          f,
          x,
          x.map((v) => sin(v)),
        );
        return [squashed(add(value, tangent))];
      },
    };
  };
const NESTED: readonly Make[] = [scan, scan, vmap, vmap, cond, cond, whileLoop, derivative(false), derivative(true)];

/** A body of up to n statements, with loops in it up to `depth` deep. */
export function bodyOf(d: Draws, given: readonly Kind[], depth: number, n: number): Body {
  const kinds = [...given];
  const statements: Statement[] = [];
  for (let i = 0; i < n; i++) {
    const make = depth > 0 && d.next() < 0.45 ? d.one(NESTED) : op;
    const statement = make(d, kinds, depth);
    if (!statement) continue;
    statements.push(statement);
    kinds.push(...statement.makes);
  }
  const run: Run = (values, loops) => {
    const all = [...values];
    for (const s of statements) all.push(...s.run(all, loops));
    return all;
  };
  return { kinds, run };
}
