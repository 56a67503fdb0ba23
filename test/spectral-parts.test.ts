// Projectors, low-rank parts and functions of the singular values, where eigenvalues or singular values are equal, and as gaps close. They are compared with
// what has no spectra in it: matrix sign functions by Newton's method, exponentials and products, of block matrices whose corners are derivatives (Higham 2008,
// "Functions of matrices", theorem 3.6).
import { expect } from "chai";
import {
  abs,
  add,
  adjoint,
  block,
  complex,
  diagEmbed,
  div,
  exp,
  eye,
  grad,
  greater,
  hvp,
  jvp,
  linalg,
  matmul,
  mul,
  neg,
  real,
  sign as sign1,
  sub,
  sum,
  type Tensor,
  tanh,
  tensor,
  vmap,
  where,
  zeros,
} from "../lib/index";
import { sampled } from "./grid";
import { close, type T, weights } from "./structured";
import { caught } from "./support";

const ALL = [1e-1, 1e-2, 1e-4, 1e-6, 1e-8, 1e-10, 1e-12, 1e-14, 1e-16, 1e-18, 0];
const GAPS = sampled.sample ? [1e-1, 1e-13, 0] : ALL;
const like = (a: Tensor): T => zeros(a.shape, { dtype: a.dtype as "float64" }) as T;
/** sign(X) by Newton's iteration. */
function sign(x: T): T {
  let y = x;
  for (let i = 0; i < 40; i++) y = mul(0.5, add(y, linalg.inv(y))) as T;
  return y;
}
const corner = (x: T, m: number, n: number): T => x.index(`0:${m}`, `${n}:`) as T;
/** Df(A)[E] and D²f(A)[E, H], of f by a function of matrices. */
function derivatives(f: (x: T) => T, a: T, e: T, h: T): { first: T; second: T } {
  const [n, o] = [a.shape[0] as number, like(a)];
  const first = corner(f(block([[a, e], [o, a]]) as T), n, n); // biome-ignore format: a matrix
  const second = corner(f(block([[a, e, h, o], [o, a, o, h], [o, o, a, e], [o, o, o, a]]) as T), n, 3 * n); // biome-ignore format: a matrix
  return { first, second };
}
const identity = (a: T): T => add(eye(a.shape.at(-1) as number), like(a)) as T;
const shifted = (a: T, c: number): T => sub(a, mul(c, identity(a))) as T;

/** Q diag(w) Qᴴ of a reflection, complex or not. */
const unitary = (n: number, isComplex: boolean): T => {
  const v = add(weights([n, 1]), isComplex ? complex(zeros([n, 1]), weights([1, n]).reshape([n, 1])) : 0) as T;
  return sub(
    identity(matmul(v, v, { adjointB: true }) as T),
    mul(div(2, real(sum(mul(v, v.conj())))), matmul(v, v, { adjointB: true })),
  ) as T;
};
const direction = (m: number, n: number, isComplex: boolean, k: number): T =>
  add(weights([m * k, n]).index(`${m * (k - 1)}:`), isComplex ? complex(zeros([m, n]), weights([m, n]).mul(k)) : 0) as T;
const half = (x: T): T => mul(0.5, add(x, adjoint(x))) as T;
const inner = (x: T, y: T): T => real(sum(mul(x.conj(), y))) as T;

describe("projectors", () => {
  for (const isComplex of [false, true])
    it(`are exact to the second derivative however close eigenvalues inside a group are, ${isComplex ? "complex" : "real"}`, () => {
      const q = unitary(5, isComplex);
      const [e, h] = [half(direction(5, 5, isComplex, 2)), half(direction(5, 5, isComplex, 3))];
      for (const gap of GAPS) {
        const a = matmul(mul(q, tensor([0.5, 0.5 + gap, 2, 2 + gap, 2 - gap])), q, { adjointB: true }) as T;
        const f = (x: T): T => mul(0.5, add(identity(x), sign(shifted(x, 1.2)))) as T;
        const want = derivatives(f, a, e, h);
        const p = (x: T): T => linalg.projector(x, { rank: 3 }) as T;
        close(`P, gap ${gap}`, p(a), f(a), 1e-13);
        close(`DP, gap ${gap}`, jvp(p, [a], [e]).tangent, want.first, 1e-13);
        const loss = (x: T): T => inner(h, p(x));
        close(`reverse, gap ${gap}`, grad(loss)(a), derivatives(f, a, h, h).first, 1e-13); // it is its own adjoint
        close(`D²P, gap ${gap}`, hvp(loss, a, e) as T, want.second, 1e-12);
        close(`reverse twice, gap ${gap}`, grad((x: T) => inner(e, grad(loss)(x) as T))(a), want.second, 1e-12);
      }
    });
  it("jump where the cut is between equal eigenvalues, and end with the second derivative", () => {
    const a = diagEmbed(tensor([3, 1, 1, 0])) as T;
    const slope = (rank: number) => grad((x: T) => sum(mul(weights([4, 4]), linalg.projector(x, { rank }))))(a);
    expect(caught(() => slope(2)).message).to.match(/^projector: .*equal eigenvalues \(2 and 3\).*option rank cuts between them/);
    for (const rank of [0, 1, 3, 4, 9]) expect(slope(rank).data.every(Number.isFinite)).to.equal(true);
    close("none", linalg.projector(a, { rank: 0 }), like(a));
    close("all", linalg.projector(a, { rank: 7 }), eye(4));
    const third = () => grad((x: T) => sum(grad((y: T) => sum(grad((z: T) => sum(mul(weights([4, 4]), linalg.projector(z))))(y)))(x)))(a);
    expect(caught(third).message).to.match(/^projector: has derivatives up to the second order only/);
    expect(caught(() => linalg.projector(tensor([[Number.NaN]]))).message).to.match(/^projector: .*contains NaN/);
    expect(linalg.projector(tensor(new Float64Array(0), { shape: [2, 0, 0] })).shape).to.deep.equal([2, 0, 0]);
  });
});

describe("low-rank parts", () => {
  for (const isComplex of [false, true])
    for (const [m, n] of [[4, 4], [5, 3], [3, 5]] as const) // biome-ignore format: pairs
      it(`of ${m} x ${n}, ${isComplex ? "complex" : "real"}, are exact to the second derivative however close singular values on either side are`, () => {
        const [u, v] = [unitary(m, isComplex), unitary(n, isComplex)];
        const [e, h] = [direction(m, n, isComplex, 2), direction(m, n, isComplex, 3)];
        for (const gap of GAPS) {
          const s = diagEmbed(tensor([2, 2 + gap, 0.5, 0.5 - gap].slice(0, Math.min(m, n)))) as T;
          const padded = block([[s, zeros([s.shape[0] as number, n - Math.min(m, n)])], [zeros([m - Math.min(m, n), n])]].filter((row) => row[0]?.size !== 0 || m === n)) as T; // biome-ignore format: a matrix
          const a = matmul(matmul(u, padded), v, { adjointB: true }) as T;
          const double = (x: T): T => block([[zeros([m, m]).add(like(matmul(x, x, { adjointB: true }) as T)), x], [adjoint(x), like(matmul(x, x, { adjointA: true }) as T)]]) as T; // biome-ignore format: a matrix
          // x where x² > 1, else 0
          const f = (x: T): T => mul(0.5, matmul(x, add(identity(x), sign(shifted(matmul(x, x) as T, 1))))) as T;
          const part = (x: T): T => x.index(`0:${m}`, `${m}:`) as T;
          const want = derivatives(f, double(a), double(e), double(h));
          const low = (x: T): T => linalg.lowRank(x, { rank: 2 }) as T;
          close(`value, gap ${gap}`, low(a), part(f(double(a))), 1e-13);
          close(`first, gap ${gap}`, jvp(low, [a], [e]).tangent, part(want.first), 1e-13);
          const loss = (x: T): T => inner(h, low(x));
          close(`reverse, gap ${gap}`, grad(loss)(a), part(derivatives(f, double(a), double(h), double(h)).first), 1e-13);
          close(`second, gap ${gap}`, hvp(loss, a, e) as T, part(want.second), 1e-12);
        }
      });
  it("jump where the cut is between equal singular values; of full rank are the matrix itself", () => {
    const a = diagEmbed(tensor([2, 1, 1])) as T;
    const slope = (rank: number) => grad((x: T) => sum(mul(weights([3, 3]), linalg.lowRank(x, { rank }))))(a);
    expect(caught(() => slope(2)).message).to.match(/^lowRank: .*equal singular values \(2 and 3\).*option rank cuts between them/);
    close("all", slope(3), weights([3, 3]));
    close("none", slope(0), like(a));
    expect(caught(() => linalg.lowRank(tensor([[Number.POSITIVE_INFINITY]]))).message).to.match(/^lowRank: .*contains NaN/);
    for (const scale of [1e-290, 1e290])
      close(`${scale}`, linalg.lowRank(mul(scale, a) as T, { rank: 1 }), mul(scale, diagEmbed(tensor([2, 0, 0]))));
  });
});

describe("functions of the singular values", () => {
  const cube = (x: T): T => mul(x, mul(x, x)) as T;
  for (const isComplex of [false, true])
    for (const [m, n] of [[3, 3], [4, 2], [2, 4]] as const) // biome-ignore format: pairs
      it(`of ${m} x ${n}, ${isComplex ? "complex" : "real"}, are exact at equal and at zero ones, and as gaps close`, () => {
        const [u, v, k] = [unitary(m, isComplex), unitary(n, isComplex), Math.min(m, n)];
        const [e, h] = [direction(m, n, isComplex, 2), direction(m, n, isComplex, 3)];
        // A Aᴴ A, and tanh of [0 A; Aᴴ 0] by exponentials
        const products = (x: T): T => matmul(matmul(x, x, { adjointB: true }), x) as T;
        const hyperbolic = (x: T): T => {
          const whole = block([[like(matmul(x, x, { adjointB: true }) as T), x], [adjoint(x), like(matmul(x, x, { adjointA: true }) as T)]]) as T; // biome-ignore format: a matrix
          const twice = linalg.expm(mul(2, whole)) as T;
          return linalg.solve(add(twice, identity(twice)), sub(twice, identity(twice))).index(`0:${m}`, `${m}:`) as T;
        };
        for (const [f, by] of [[cube, products], [tanh as never, hyperbolic]] as [(x: T) => T, (x: T) => T][]) // biome-ignore format: pairs
          for (const last of [1, 0])
            for (const gap of GAPS) {
              const s = mul(0.8, tensor([last + gap, last, last].slice(0, k)));
              const a = matmul(mul(u.index(":", `0:${k}`), s), v.index(":", `0:${k}`), { adjointB: true }) as T;
              const what = `${f === cube ? "cube" : "tanh"}, at ${last}, gap ${gap}`;
              const own = (x: T): T => linalg.funmSvd(x, f as never) as T;
              const floor = last === 0 && gap < 1e-2 ? 1e-14 : 0; // near zero the values themselves are small
              const near = (name: string, got: Tensor, want: Tensor) => close(`${what}: ${name}`, add(got, floor), add(want, floor), 1e-11);
              const loss = (g: (x: T) => T) => (x: T) => inner(h, g(x));
              near("first", jvp(own, [a], [e]).tangent, jvp(by, [a], [e]).tangent);
              near("reverse", grad(loss(own))(a), grad(loss(by))(a));
              const [got, want] = [hvp(loss(own), a, e) as T, hvp(loss(by), a, e) as T];
              const size = Math.max(1, ...abs(want).data);
              expect(Math.max(...abs(sub(got, want)).data) / size, `${what}: second`).to.be.below(1e-11);
            }
      });
  it("have the derivatives of what f closes over; take the odd part of f; soft thresholds", () => {
    const a = matmul(unitary(3, false), diagEmbed(tensor([3, 2, 0.5]))) as T;
    const shrink = (x: T): T => where(greater(abs(x), 1), sub(x, mul(sign1(x), 1)), 0) as T; // the proximal map of the nuclear norm
    close("shrink", linalg.funmSvd(a, shrink as never), matmul(unitary(3, false), diagEmbed(tensor([2, 1, 0]))), 1e-14);
    close(
      "exp",
      linalg.funmSvd(a, exp as never),
      mul(0.5, sub(linalg.funmSvd(a, exp as never), linalg.funmSvd(a, ((x: T) => exp(neg(x))) as never))),
    );
    const scaled = (t: T): T => sum(mul(weights([3, 3]), linalg.funmSvd(a, ((x: T) => tanh(mul(t, x))) as never))) as T;
    const h = 1e-5;
    close("closed over", grad(scaled)(tensor(0.7)), div(sub(scaled(tensor(0.7 + h)), scaled(tensor(0.7 - h))), 2 * h), 1e-9);
  });
  it("in all forms; say what is wrong", async () => {
    const a = weights([2, 4, 3]);
    const f = (x: T): T => tanh(x) as T;
    const want = linalg.funmSvd(a, f as never);
    close("async", await linalg.funmSvd.async(a, f as never), want);
    close("vmap", vmap((x: T) => linalg.funmSvd(x, f as never) as T)(a) as T, want);
    close("empty", linalg.funmSvd(tensor(new Float64Array(0), { shape: [0, 3] }), f as never), zeros([0, 3]));
    const bad = weights([2, 1, 1]).mul(tensor([[[1]], [[Number.NaN]]])) as T;
    const { value, failures } = linalg.funmSvd.checked(bad, f as never);
    expect([failures.map((x) => [x.item, x.op, x.code]), Number.isFinite(value.data[0]), Number.isNaN(value.data[1])]).to.deep.equal([
      [[1, "funmSvd", "ERR_NOT_FINITE"]],
      true,
      true,
    ]);
    expect(caught(() => linalg.funmSvd(bad, f as never)).message).to.match(/^funmSvd: matrix 1 of the batch/);
    expect(caught(() => linalg.funmSvd(a, 3 as never)).message).to.match(/^funmSvd: f must be a function of a tensor, got 3/);
    expect(caught(() => linalg.funmSvd(a, (() => tensor(1)) as never)).message).to.match(
      /^funmSvd: f must map a float64 tensor of shape \[2, 3\]/,
    );
    const third = () => grad((x: T) => sum(grad((y: T) => sum(grad((z: T) => sum(linalg.funmSvd(z, f as never)))(y)))(x)))(weights([2, 2]));
    expect(caught(third).message).to.match(/^funmSvd: has derivatives up to the second order only/);
  });
});
