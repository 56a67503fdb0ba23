// Loops as plain JavaScript has them: what one instruction of a program does is compared with these.
import {
  cond,
  type DType,
  reshape,
  type Shape,
  scan,
  slice,
  stack,
  stopGradient,
  type Tensor,
  vmap,
  where,
  whileLoop,
  zeros,
} from "../../lib/index";

export type Body = (...args: Tensor[]) => Tensor[];
/** Loops over lists of tensors. */
export interface Loops {
  /** step(carries, elements) gives the next carries, and results. */
  scan(
    step: (carry: Tensor[], x: Tensor[]) => { carry: Tensor[]; y: Tensor[] },
    carry: Tensor[],
    xs: Tensor[],
    options: { length: number; reverse: boolean; checkpoint?: number },
  ): { carry: Tensor[]; ys: Tensor[] };
  vmap(f: Body, mapped: Tensor[], shared: Tensor[]): Tensor[];
  cond(pred: Tensor<"bool">, then: Body, otherwise: Body, args: Tensor[]): Tensor[];
  whileLoop(test: (c: Tensor[]) => Tensor<"bool">, body: (c: Tensor[]) => Tensor[], carry: Tensor[]): Tensor[];
}

/** The package's. */
export const asInstructions: Loops = {
  scan: (step, carry, xs, options) => scan(step, carry, xs, options),
  vmap: (f, mapped, shared) => vmap(f, { in: [...mapped.map(() => 0), ...shared.map(() => null)] })(...mapped, ...shared),
  cond: (pred, then, otherwise, args) => cond(pred, then, otherwise, ...args),
  whileLoop: (test, body, carry) => whileLoop(test, body, carry, { maxSteps: 50 }),
};

const element = (x: Tensor, i: number): Tensor => {
  const shape: Shape = x.shape.slice(1);
  return reshape(slice(x, [i, ...shape.map(() => 0)], [1, ...shape]), shape);
};
const stacked = (rows: readonly Tensor[][]): Tensor[] => (rows[0] as Tensor[]).map((_, j) => stack(rows.map((r) => r[j] as Tensor)));
/** The test of a traced value has none: both branches are taken, as lanes do. */
const known = (p: Tensor<"bool">): boolean | undefined => (p.traced ? undefined : stopGradient(p).item());

/** The same without any loop. */
export const unrolled: Loops = {
  scan(step, carry, xs, { length, reverse }) {
    const steps = Array.from({ length }, (_, i) => (reverse ? length - 1 - i : i));
    let last = carry;
    const rows: Tensor[][] = [];
    for (const t of steps) {
      const { carry: next, y } = step(
        last,
        xs.map((x) => element(x, t)),
      );
      [last, rows[t]] = [next, y];
    }
    if (length > 0) return { carry: last, ys: stacked(rows) };
    const { y } = step(
      carry,
      xs.map((x) => zeros(x.shape.slice(1), { dtype: x.dtype as DType })),
    );
    return { carry, ys: y.map(({ shape, dtype }) => zeros([0, ...shape], { dtype })) };
  },
  vmap(f, mapped, shared) {
    const n = mapped[0]?.shape[0] as number;
    return stacked(Array.from({ length: n }, (_, i) => f(...mapped.map((x) => element(x, i)), ...shared)));
  },
  cond(pred, then, otherwise, args) {
    const holds = known(pred);
    if (holds !== undefined) return (holds ? then : otherwise)(...args);
    const [a, b] = [then(...args), otherwise(...args)];
    return a.map((x, i) => where(pred, x, b[i] as Tensor));
  },
  whileLoop(test, body, carry) {
    let c = carry;
    while (known(test(c))) c = body(c);
    return c;
  },
};
