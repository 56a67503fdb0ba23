// The files of version 2, which has bodies; see write.ts.
//   npx tsx tools/programs/write2.ts <folder>
import * as b from "../../lib/index";
import { write } from "./file";

type T = b.Tensor<"float64">;
const { add, cond, exp, less, linalg, matmul, mul, random, scan, sin, sub, sum, vmap, whileLoop } = b;
const normal = (seed: number, shape: number[]): T => random.normal(seed, shape);

const filtered = (a: T, xs: T): T => {
  const step = (c: T, x: T) => {
    const next = sin(add(matmul(a, c), b.reshape(x, [3, 1])));
    return { carry: next, y: sum(mul(next, next)) };
  };
  const { carry, ys } = scan(step, b.zeros([3, 1]), xs, { reverse: true, checkpoint: 2 });
  return add(sum(carry), sum(ys));
};
write(
  "scan",
  "a scan in reverse, in segments: value, gradient and Hessian-vector product; the matrix is shared by the batch",
  b.compile(
    (a: T, xs: T) => ({ all: b.valueAndGrad(filtered)(a, xs), hvp: b.hvp((m: T) => filtered(m, xs), a, a) }),
    b.float64(3, 3),
    b.float64(5, 3),
  ) as never,
  [mul(0.3, normal(1, [3, 3])), normal(2, [9, 5, 3])],
);

const likelihood = (theta: T, points: T): T =>
  sum(
    vmap((x: T) => {
      const d = sub(b.reshape(x, [4, 1]), b.reshape(x, [1, 4]));
      const l = linalg.cholesky(add(exp(mul(mul(d, d), mul(-1, theta))), mul(0.1, b.eye(4))));
      return cond(less(sum(x), 0), () => sum(b.log(b.diag(l))), (y: T) => mul(theta, sum(y)), x); // biome-ignore format: one line
    })(points),
  );
write(
  "vmap",
  "a sum over a vmap with a condition per item: value, gradient to what is shared and to what is not",
  b.compile(b.valueAndGrad(likelihood, { argnums: [0, 1] }), b.float64(), b.float64(6, 4)) as never,
  [b.tensor([0.5, 0.7]), normal(3, [2, 6, 4])],
);

const walk = (key: b.Key, far: T) => {
  const step = ({ k, x }: { k: b.Key; x: T }) => {
    const [next, own] = random.split(k) as [b.Key, b.Key];
    const moved = add(x, random.normal(own, []));
    return { carry: { k: next, x: moved }, y: moved };
  };
  const { ys } = scan(step, { k: key, x: 0 }, undefined, { length: 7 });
  const { steps } = whileLoop(
    ({ x }) => less(x, far),
    ({ x, steps }) => ({ x: mul(2, x), steps: add(steps, 1) }),
    { x: 1, steps: 0 },
    { maxSteps: 100 },
  );
  return { ys, steps };
};
write("random", "a random walk with keys split in a scan, and a while", b.compile(walk, b.int32(2), b.float64()) as never, [
  b.stack(random.split(5, 5)),
  b.tensor([1, 3, 10, 100, 1000]),
]);
