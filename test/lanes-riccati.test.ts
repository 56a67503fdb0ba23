// Riccati's equations in lanes, where checkOp's samples do not lead: lanes with nothing in common, and the digits of hard equations, in lanes and alone.
import { expect } from "chai";
import {
  add,
  adjoint,
  cast,
  compile,
  concat,
  diagEmbed,
  eye,
  type Float,
  info,
  linalg,
  matmul,
  mul,
  random,
  Spec,
  slice,
  type Tensor,
  tensor,
  zeros,
} from "../lib/index";
import { relativeError } from "../lib/testing/index";
import { cells } from "./grid";
import { DTYPES, epsOf } from "./spectra";
import { caught, fields } from "./support";

type T = Tensor<Float>;
type Args = [T, T, T, T];
const equations = { care: (...xs: Args) => linalg.care(...xs) as T, dare: (...xs: Args) => linalg.dare(...xs) as T };
type Name = keyof typeof equations;
const names: readonly Name[] = ["care", "dare"];

const widthOf = (dtype: Float) => info().lanes * (dtype === "float32" || dtype === "complex64" ? 2 : 1);
const normal = (key: number, shape: readonly number[], dtype: Float): T => random.normal(key, [...shape], { dtype }) as Tensor as T;
const definite = (x: T): T =>
  add(mul(1 / (x.shape.at(-1) as number), matmul(x, adjoint(x))), eye(x.shape.at(-1) as number, { dtype: x.dtype })) as T;
const drawn = (seed: number, count: number, n: number, k: number, dtype: Float): Args => [
  mul(1.5 / Math.sqrt(n), normal(seed, [count, n, n], dtype)) as T, // eigenvalues on both sides of the border
  normal(seed + 1, [count, n, k], dtype),
  definite(normal(seed + 2, [count, n, n], dtype)),
  definite(normal(seed + 3, [count, k, k], dtype)),
];
const run = (name: Name, xs: Args, layout: "lanes" | "single", onFailure: "throw" | "nan" = "throw"): T => {
  const specs = xs.map((x) => new Spec(x.dtype, x.shape.slice(1)));
  const f = (...all: Tensor[]) => equations[name](...(all as never as Args)) as Tensor;
  return compile(f, ...specs).runSync(xs as never, { layout, onFailure }) as never as T;
};
const part = (x: T, from: number, count: number): T =>
  slice(x, [from, ...x.shape.slice(1).map(() => 0)], [count, ...x.shape.slice(1)]) as T;

/** What is left of the equation over the size of its terms, both by their largest elements over the batch. */
function residual(name: Name, [a, b, q, r]: Args, x: T): number {
  const by = (p: T, s: T): T => matmul(p, s, { adjointA: true }) as T;
  const norm = (t: T): number => Math.max(...(Array.from((linalg.norm(t) as Tensor).data as ArrayLike<number>) as number[]));
  const xb = matmul(x, b) as T;
  let terms: T[];
  if (name === "care") terms = [by(a, x), matmul(x, a) as T, q, mul(-1, matmul(xb, linalg.solve(r, adjoint(xb)))) as T];
  else {
    const gain = linalg.solve(add(r, by(b, xb)), by(xb, a)) as T;
    terms = [by(a, matmul(x, a) as T), mul(-1, x) as T, q, mul(-1, matmul(by(a, xb), gain)) as T];
  }
  return norm(terms.reduce((p, t) => add(p, t) as T)) / Math.max(...terms.map(norm));
}

describe("Riccati's equations in lanes", () => {
  it("leave what rounding leaves, as the single kernel's answers do, and the same bits whatever the neighbours", function () {
    this.timeout(120_000);
    for (const [name, dtype, n, more] of cells("Riccati in lanes", [names, DTYPES, [1, 2, 3, 5, 8, 13, 29], [0, 1, 2, 3]])) {
      const w = widthOf(dtype);
      const count = [1, w - 1, w, 2 * w + 1][more] as number;
      const k = [n, Math.ceil(n / 3), Math.ceil(n / 2), n + 2][more] as number;
      if (count === 0) continue;
      const xs = drawn(100 * n + more, count, n, k, dtype);
      const x = run(name, xs, "lanes");
      const wide = dtype === "float32" ? "float64" : dtype === "complex64" ? "complex128" : dtype;
      const what = `${name} ${dtype} ${n} ${k}`;
      if (wide === dtype) {
        expect(residual(name, xs, x), what).to.be.below(32 * n * epsOf(dtype));
      } else {
        const exact = cast(run(name, xs.map((t) => cast(t as never, wide)) as never as Args, "single") as never, dtype) as never as T;
        for (const own of [x, run(name, xs, "single")]) expect(relativeError(own, exact), what).to.be.below(2 * epsOf(dtype));
      }
      expect(relativeError(x, adjoint(x)), "Hermitian").to.equal(0);
      if (count > 1) {
        const alone = run(name, xs.map((t) => part(t, 1, 1)) as Args, "lanes");
        expect(Array.from(part(x, 1, 1).data), "alone").to.deep.equal(Array.from(alone.data));
      }
    }
  });

  it("of an equation without an answer name the item, and leave the others as they are", () => {
    for (const [name, dtype] of cells("Riccati's failures", [names, DTYPES])) {
      const w = widthOf(dtype);
      const [n, k, bad] = [4, 2, w];
      const good = drawn(7, 2 * w + 1, n, k, dtype);
      const want = run(name, good, "lanes");
      const one = { dtype };
      // what no input reaches does not decay; likewise on the border, by a block of two
      const border = name === "care" ? [0, 0, 1, 0] : [1, 0, 1, 1];
      const block = cast(
        tensor([
          [border[0], border[1], 0, 0],
          [border[2], border[3], 0, 0],
          [0, 0, -0.5, 0],
          [0, 0, 0, 0.5],
        ] as never) as never,
        dtype,
      );
      for (const a of [mul(2, eye(n, one)) as T, block as never as T]) {
        const item: Args = [a, zeros([n, k], one) as never as T, eye(n, one) as never as T, eye(k, one) as never as T];
        const xs = good.map((t, i) =>
          concat([part(t, 0, bad), (item[i] as T).reshape([1, ...t.shape.slice(1)]), part(t, bad + 1, w)] as never, { axis: 0 }),
        ) as never as Args;
        const e = fields(caught(() => run(name, xs, "lanes")));
        expect(e).to.include({ code: "ERR_SINGULAR", op: name, item: bad });
        expect(e.message).to.match(/has no stabilising solution/);
        const x = run(name, xs, "lanes", "nan");
        for (const i of [0, bad - 1, bad + 1, 2 * w])
          expect(Array.from(part(x, i, 1).data), `item ${i}`).to.deep.equal(Array.from(part(want, i, 1).data));
        expect(Array.from(part(x, bad, 1).data).every(Number.isNaN)).to.equal(true);
      }
      const singular = good.map((t, i) =>
        i < 3 ? t : concat([part(t, 0, bad), zeros([1, k, k], one), part(t, bad + 1, w)] as never, { axis: 0 }),
      ) as never as Args;
      if (name === "care")
        expect(caught(() => run(name, singular, "lanes")).message).to.match(/^care: item \d+ .*is singular.*r must be invertible/);
      else expect(relativeError(part(run(name, singular, "lanes"), 0, bad), part(want, 0, bad))).to.equal(0);
    }
  });

  it("give all digits where costs of states and inputs are far apart, in lanes and alone", () => {
    const n = 4;
    const { q: u } = linalg.qr(normal(3, [n, n], "float64") as Tensor<"float64">);
    const turned = (d: readonly number[]) => matmul(u, matmul(diagEmbed(tensor(d)), adjoint(u))) as never as T;
    const a = [-1.5, 0.5, -0.25, 2];
    for (const [q, r] of [
      [1, 1e-10],
      [1e-10, 1],
      [1e-20, 1],
      [1, 1e10],
    ] as const) {
      const care = a.map((x) => r * (x > 0 ? x + Math.sqrt(x * x + q / r) : q / r / (Math.sqrt(x * x + q / r) - x)));
      // x² + (r - r a² - q) x - q r = 0
      const dare = a.map((x) => {
        const p = r * (1 - x * x) - q;
        const root = Math.sqrt(p * p + 4 * q * r);
        return p > 0 ? (2 * q * r) / (p + root) : (root - p) / 2;
      });
      const xs = [turned(a), turned([1, 1, 1, 1]), turned([q, q, q, q]), turned([r, r, r, r])].map((t) =>
        t.reshape([1, n, n]),
      ) as never as Args;
      for (const [name, d] of [
        ["care", care],
        ["dare", dare],
      ] as const)
        for (const layout of ["lanes", "single"] as const)
          expect(relativeError(run(name, xs, layout), turned(d).reshape([1, n, n]) as T), `${name} ${layout} q ${q} r ${r}`).to.be.below(
            2e-14,
          );
    }
  });

  it("leave to the single kernel what a round of Newton's method does not settle", () => {
    const hard: readonly [Name, r: number, q: number, a: number][] = [
      ["care", 1e-10, 1, 1],
      ["care", 1, 1e-12, 5],
      ["dare", 1e-10, 1, 1],
      ["dare", 1e8, 1, 3],
    ];
    for (const [name, weight, cost, size] of hard) {
      const [n, k, count] = [5, 2, 64];
      const c = normal(3, [count, n, 1], "float64");
      const xs: Args = [
        mul(size, normal(1, [count, n, n], "float64")) as T,
        normal(2, [count, n, k], "float64"),
        mul(cost, matmul(c, adjoint(c))) as T,
        mul(weight, add(eye(k), zeros([count, k, k]))) as T,
      ];
      const [lanes, single] = [run(name, xs, "lanes"), run(name, xs, "single")];
      for (let i = 0; i < count; i++)
        expect(relativeError(part(lanes, i, 1), part(single, i, 1)), `${name} ${weight} ${cost} ${size} item ${i}`).to.be.below(1e-9);
    }
  });
  it("take units of each state, of the inputs and of the costs that are far apart", () => {
    const [n, k] = [5, 2];
    for (const name of names) {
      const [a, b, q, r] = drawn(11, 3, n, k, "float64");
      const want = run(name, [a, b, q, r], "lanes");
      const d = [1e6, 1e-6, 1, 1e3, 1e-4].map((x) => 2 ** Math.round(Math.log2(x)));
      const [to, from] = [diagEmbed(tensor(d)), diagEmbed(tensor(d.map((x) => 1 / x)))] as never as [T, T];
      const e = diagEmbed(tensor([2 ** 30, 2 ** -30])) as never as T;
      const units: Args = [
        matmul(to, matmul(a, from)) as T,
        matmul(to, matmul(b, e)) as T,
        matmul(from, matmul(q, from)) as T,
        matmul(e, matmul(r, e)) as T,
      ];
      for (const layout of ["lanes", "single"] as const) {
        const x = matmul(to, matmul(run(name, units, layout), to)) as T;
        expect(relativeError(x, want), `${name} ${layout}`).to.be.below(1e-11);
      }
    }
  });
});
