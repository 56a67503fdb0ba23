// A function of one tensor in all the ways that it may be computed: derivatives, batches, loops, programs, files.
import { expect } from "chai";
import { compile, float64, grad, hvp, jvp, mul, Program, random, real, scan, sin, sum, type Tensor, tensor, vjp, vmap } from "../lib/index";
import { checkGrads, relativeError } from "../lib/testing/index";

type F64 = Tensor<"float64">;
export type Way = (x: F64) => Tensor;

/** Σ w y, w fixed numbers of either sign. */
const weighed = (y: F64): F64 =>
  sum(
    mul(
      y,
      sin(
        tensor(
          Float64Array.from({ length: y.size }, (_, i) => i + 1),
          { shape: y.shape },
        ),
      ),
    ),
  );

const LANES = [1, 3, 5, 7, 8, 9]; // 1, and one fewer and more than a register holds, of either width

function same(what: string, got: Tensor, want: Tensor, tolerance: number): void {
  expect([got.dtype, got.shape], what).to.deep.equal([want.dtype, want.shape]);
  if (want.size === 0) return;
  if (want.dtype !== "float64")
    expect(Array.from(got.data as ArrayLike<number>), what).to.deep.equal(Array.from(want.data as ArrayLike<number>));
  else expect(relativeError(got, want), what).to.be.at.most(tolerance);
}

/** Derivatives of both modes and two orders against differences and each other. */
function derivatives(f: (x: F64) => F64, x: F64): void {
  checkGrads((t: F64) => weighed(f(t)) as Tensor, [x], { order: 2, tolerance: 1e-6 });
  const t = random.normal(7, x.shape) as F64;
  const forward = weighed(jvp(f, [x], [t]).tangent as F64).item() as number;
  const { pullback } = vjp((u: F64) => weighed(f(u)), x);
  const back = sum(mul((pullback as (g: F64) => F64[])(tensor(1) as F64)[0] as F64, t)).item() as number;
  expect(Math.abs(forward - back)).to.be.at.most(1e-11 * Math.max(1, Math.abs(back)), "jvp is the transpose of vjp");
  const loss = (u: F64): F64 => weighed(mul(f(u), f(u)));
  const reverse = grad((u: F64) => sum(mul(grad(loss)(u), t)))(x);
  same("hvp is the gradient of the gradient", hvp(loss, x, t) as F64, reverse, 1e-11);
}

/**
 * Checks that f of x gives in vmap, in scan, and in a compiled program, in each layout, for several batches, off the event loop and from a file,
 * what it gives eagerly, and, of what has some, that its derivatives are right and the same in programs.
 */
export async function inEveryWay(f: Way, x: F64): Promise<void> {
  const eps = 2 ** -52 * 64 * Math.max(1, x.size);
  const items = LANES.at(-1) as number;
  const all = tensor(
    Float64Array.from({ length: items * x.size }, (_, i) => (x.data[i % x.size] as number) * (1 + Math.floor(i / x.size) / 16)),
    { shape: [items, ...x.shape] },
  ) as F64;
  const item = (i: number): F64 => tensor(all.data.slice(i * x.size, (i + 1) * x.size), { shape: x.shape }) as F64;
  const want = Array.from({ length: items }, (_, i) => f(item(i)));
  const stacked = (n: number, of: readonly Tensor[] = want): Tensor => {
    const first = of[0] as Tensor;
    const data = of.slice(0, n).flatMap((t) => Array.from(t.data as ArrayLike<number>));
    return tensor(data as never, { dtype: first.dtype, shape: undefined } as never).reshape([n, ...first.shape]);
  };
  same("vmap", vmap(f as (x: F64) => F64)(all), stacked(items), eps);
  const ys = scan((c: F64, t: F64) => ({ carry: c, y: f(t) }), tensor(0) as F64, all as never).ys as unknown as Tensor;
  same("scan", ys, stacked(items), eps);
  const program = compile(f as (x: F64) => F64, float64(...x.shape));
  const loaded = Program.from(JSON.parse(JSON.stringify(program))) as unknown as typeof program;
  for (const n of LANES) {
    const some = tensor(all.data.slice(0, n * x.size), { shape: [n, ...x.shape] }) as F64;
    for (const layout of ["lanes", "single"] as const) same(`${n} items, ${layout}`, program.runSync([some], { layout }), stacked(n), eps);
    if (n === 3) same("a file", loaded.runSync([some] as never) as Tensor, stacked(n), eps);
    if (n === 3) same("off the event loop", await program.run([some]), stacked(n), eps);
  }
  if (want[0]?.dtype !== "float64" || x.size === 0) return;
  derivatives(f as (x: F64) => F64, x);
  const slope = grad((t: F64) => weighed(mul(f(t) as F64, f(t) as F64)));
  const slopes = Array.from({ length: 3 }, (_, i) => slope(item(i)));
  const three = tensor(all.data.slice(0, 3 * x.size), { shape: [3, ...x.shape] }) as F64;
  for (const layout of ["lanes", "single"] as const)
    same(`gradient, ${layout}`, compile(slope, float64(...x.shape)).runSync([three], { layout }), stacked(3, slopes), eps * 64);
  same("gradient in vmap", vmap(slope)(three), stacked(3, slopes), eps * 64);
  expect(real(three).size).to.equal(three.size);
}
