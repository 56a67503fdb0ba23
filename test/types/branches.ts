// Branches, elements in tuples and roots, as docs/loops.md writes them. Compiled by test/types.test.ts.
import {
  add,
  cond,
  customRoot,
  div,
  exp,
  grad,
  less,
  mul,
  scan,
  sqrt,
  sub,
  sum,
  type Tensor,
  tensor,
  vmap,
  whileLoop,
} from "../../lib/index";

type F64 = Tensor<"float64">;
type F32 = Tensor<"float32">;
declare const x64: F64;
declare const x32: F32;
type Same<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false;
const is = <T>() => ({ the: <X>(_x: X, _same: Same<X, T>): void => undefined });
const truth = less(x64, 1);

// branches: numbers beside tensors, fewer parameters than arguments, trees
is<F64>().the(
  cond(
    truth,
    (x) => exp(x),
    (x) => x,
    2,
  ),
  true,
);
export const safe = (x: F64): F64 =>
  cond(
    less(x, 0),
    () => 0,
    (y: F64) => sqrt(y),
    x,
  );
is<F64>().the(
  cond(
    truth,
    (x) => x,
    () => 0,
    x64,
  ),
  true,
);
is<F64>().the(
  cond(
    truth,
    () => 1,
    () => 2,
  ),
  true,
);
is<F32>().the(
  cond(
    true,
    (x) => x,
    (x) => mul(x, 2),
    x32,
  ),
  true,
);
is<[F64, F64]>().the(
  cond(
    truth,
    (x: F64, y: F64) => [x, y],
    (_x: F64, y: F64) => [y, 0],
    1,
    x64,
  ),
  true,
);
is<{ a: F64; b: F64 }>().the(
  cond(
    truth,
    (s) => ({ a: s.a, b: s.b }),
    (s) => ({ a: 0, b: s.b }),
    { a: x64, b: 3 },
  ),
  true,
);
export const generic = <D extends "float32" | "float64">(x: Tensor<D>): Tensor<D> =>
  cond(
    true,
    (y: Tensor<D>) => y,
    (y: Tensor<D>) => y,
    x,
  );
// @ts-expect-error the branches differ
cond(
  truth,
  () => x64,
  () => ({ a: x64 }),
);
// @ts-expect-error an argument too few
cond(truth, (x: F64) => x, (x: F64) => x); // biome-ignore format: one line

// elements in tuples, and results
const pairs = scan((c, [x, y]) => ({ carry: add(c, mul(x, y)), y: [x, c] }), 0, [x64, x64]);
is<F64>().the(pairs.carry, true);
export const two: [F64, F64] = pairs.ys;
const carried = scan(([a, b], x) => ({ carry: [add(a, x), b] }), [0, 1], x64).carry;
export const both: [F64, F64] = carried;
is<{ i: F64; s: F64 }>().the(
  whileLoop(
    ({ i }) => less(i, 10),
    ({ i, s }) => ({ i: add(i, 1), s: mul(s, 2) }),
    { i: 0, s: x64 },
  ),
  true,
);

// numbers where a root begins, and for its arguments
const root = customRoot(
  (y: F64, a: F64) => sub(mul(y, y), a),
  (y0: F64, a: F64) =>
    whileLoop(
      (y) => less(1e-12, mul(sub(mul(y, y), a), sub(mul(y, y), a))),
      (y) => mul(0.5, add(y, div(a, y))),
      y0,
    ),
);
is<F64>().the(root(1, 2), true);
export const slope: F64 = grad((a: F64) => root(1, a))(tensor(2));
export const slopes: F64 = grad((x: F64) => sum(vmap(safe)(x)))(x64);
