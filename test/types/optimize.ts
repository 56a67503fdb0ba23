// What users write with optimisers: types are inferred, without casts. Compiled by test/types.test.ts.
import { add, matvec, mean, mul, square, sub, sum, type Tensor, tensor } from "../../lib";
import { adam, type Bound, type LeastSquares, lbfgs, levenbergMarquardt, type Minimum, newton } from "../../lib/optimize";

type T = Tensor<"float64">;
type F32 = Tensor<"float32">;
interface Point {
  readonly x: T;
  readonly y: T;
}
const rosenbrock = ({ x, y }: Point): T => add(square(sub(1, x)), mul(100, square(sub(y, square(x)))));

// numbers become tensors; a tree keeps its form
const point: { x: T; y: T } = lbfgs(rosenbrock, { x: -1.2, y: 1 }).x;
const inline: { a: T; w: T } = lbfgs((p) => add(square(p.a), sum(square(p.w))), { a: 1, w: tensor([1, 2]) }).x;
const one: T = newton((x) => square(sub(x, 3)), 0).x;
const vector: T = lbfgs((x: T) => sum(square(x)), tensor([1, 2]), { bounds: [0, null] }).x;
const single: F32 = adam((x) => sum(square(x)), tensor([1], { dtype: "float32" })).x;
const list: readonly [T, T] = lbfgs(([a, b]) => add(square(a), square(b)), [1, tensor([2])]).x;
const gradient: T = lbfgs(rosenbrock, { x: 1, y: 1 }).jac.x;
const hessian: T = newton(rosenbrock, { x: 1, y: 1 }).hess;

// of a function whose parameters are written out, x0 still may have numbers
const written: { l: T; b: T } = lbfgs((p: { l: T; b: T }) => sum(mul(p.l, p.b)), { l: 0.5, b: tensor([1]) }).x;
lbfgs((p: [T, T]) => sum(mul(...p)), [0.5, tensor([1])]);
levenbergMarquardt((p: { layers: { w: T; b: T }[] }) => p.layers.map(({ w, b }) => mul(w, b)), { layers: [{ w: tensor([1]), b: 0 }] });
newton((x: T, d: { x: T; y: T }) => sum(mul(x, sub(d.x, d.y))), 0, { args: [{ x: 1, y: tensor([1]) }] });
// @ts-expect-error: x0 has no b
lbfgs((p: { l: T; b: T }) => sum(mul(p.l, p.b)), { l: 0.5 });

// further arguments
const [xs, ys] = [tensor([[1, 2]]), tensor([1])];
const fitted: T = adam((w, x, y) => mean(square(sub(matvec(x, w), y))), tensor([0, 0]), { args: [xs, ys] }).x;
const batches: T = adam((w: T, x: T, y: T) => mean(square(sub(matvec(x, w), y))), tensor([0, 0]), { args: () => [xs, ys] as const }).x;
const curve: LeastSquares<{ a: T }> = levenbergMarquardt((p, x: T) => sub(mul(p.a, x), 1), { a: 1 }, { args: [ys] });
const trees: T = levenbergMarquardt((p, d) => ({ left: sub(p, d.x), right: [sub(p, d.y)] }), 0, { args: [{ x: xs, y: ys }] }).x;

// bounds
const bound: Bound<{ a: number; w: T }> = { a: 0, w: tensor([1, 2]) };
const within: T = lbfgs((p) => add(square(p.a), sum(square(p.w))), { a: 1, w: tensor([1, 2]) }, { bounds: [bound, { a: null }] }).x.a;
// @ts-expect-error: x0 has no b
lbfgs((p) => square(p.a), { a: 1 }, { bounds: [{ b: 1 }, null] });
// @ts-expect-error: f gives no tensor
lbfgs((x) => String(x), 1);
// @ts-expect-error: unknown option
lbfgs(rosenbrock, { x: 1, y: 1 }, { maxiter: 3 });
// @ts-expect-error: of another tree
lbfgs(rosenbrock, { x: 1 });

// progress and twins
const promised: Promise<Minimum<{ x: T; y: T }>> = lbfgs.async(
  rosenbrock,
  { x: -1.2, y: 1 },
  { callback: ({ nit, fun, x }) => nit > 3 && fun < 1 && x.x.item() > 0, signal: new AbortController().signal },
);

export { batches, curve, fitted, gradient, hessian, inline, list, one, point, promised, single, trees, vector, within, written };
