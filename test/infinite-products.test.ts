// Complex products of infinite, huge and NaN elements are sums of products of real numbers, alone, in lanes and compiled: the loop of `product`
// below, element by element. (∞ + 0i) (1 + 0i) is ∞ + NaN i, as ∞ · 0 is NaN; it is no NaN throughout.
import { expect } from "chai";
import { allocate } from "../lib/core/dtype";
import { storageOf, wrap } from "../lib/core/tensor";
import * as b from "../lib/index";
import { epsOf } from "../lib/testing/close";
import { randoms } from "./hostile/randoms";

type C = b.Tensor<"complex128">; // or complex64, as the loops say
type Options = { readonly adjointA: boolean; readonly adjointB: boolean };
const SPECS = { complex64: b.complex64, complex128: b.complex128 } as const;
const DTYPES = Object.keys(SPECS) as (keyof typeof SPECS)[];
const KINDS = ["infinite", "huge", "NaN", "one"] as const;
const FORMS: readonly Options[] = [false, true].flatMap((adjointA) => [false, true].map((adjointB) => ({ adjointA, adjointB })));
/** m, k, n: single elements, dot and outer products, rows, columns, squares, and more than is summed at a time. */
const SIZES = [
  [1, 1, 1],
  [1, 5, 1],
  [5, 1, 4],
  [1, 17, 9],
  [17, 9, 1],
  [4, 4, 4],
  [7, 16, 3],
  [20, 20, 20],
] as const;
const lanesOf = (dtype: keyof typeof SPECS): number => b.info().lanes * (dtype === "complex64" ? 2 : 1);

/** Numbers of which some are not ordinary. Products that overflow are positive: what sums of infinities of both signs are is told by `infinite`. */
function matrix(dtype: keyof typeof SPECS, shape: readonly number[], kind: (typeof KINDS)[number], seed: number): C {
  const random = randoms(seed + 1);
  const array = allocate(
    dtype,
    shape.reduce((x, y) => x * y, 1),
  ) as Float64Array;
  const special = { infinite: Infinity, huge: dtype === "complex64" ? 2 ** 70 : 2 ** 600, NaN: Number.NaN, one: Infinity }[kind];
  array.forEach((_, i) => {
    array[i] = Math.floor(random() * 9 - 4) || 1;
    if (kind !== "one" && random() < 0.15 && (kind !== "huge" || i % 2 === 0))
      array[i] = kind === "infinite" && random() < 0.5 ? -special : special;
  });
  if (kind === "one") array[Math.floor(random() * array.length)] = special;
  return wrap(dtype, shape, array) as unknown as C;
}
const numbers = (t: b.Tensor): ArrayLike<number> => storageOf(t).array as Float64Array;

/** op(A) op(B), and what its elements' sums may be off by. */
function product(a: C, y: C, { adjointA, adjointB }: Options): { want: Float64Array; off: Float64Array } {
  const [p, q] = [numbers(a), numbers(y)];
  const [m, k] = adjointA ? [a.shape[1] as number, a.shape[0] as number] : [a.shape[0] as number, a.shape[1] as number];
  const n = y.shape[adjointB ? 0 : 1] as number;
  const want = new Float64Array(2 * m * n),
    off = new Float64Array(2 * m * n);
  const add =
    a.dtype === ("complex64" as string) ? (x: number, z: number) => Math.fround(x + Math.fround(z)) : (x: number, z: number) => x + z;
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++) {
      let [re, im] = [0, 0];
      const e = 2 * (i * n + j);
      for (let s = 0; s < k; s++) {
        const [u, v] = [2 * (adjointA ? s * m + i : i * k + s), 2 * (adjointB ? j * k + s : s * n + j)];
        const [ar, br] = [p[u] as number, q[v] as number];
        const [ai, bi] = [(p[u + 1] as number) * (adjointA ? -1 : 1), (q[v + 1] as number) * (adjointB ? -1 : 1)];
        re = add(add(re, ar * br), -(ai * bi));
        im = add(add(im, ar * bi), ai * br);
        off[e] = (off[e] as number) + Math.abs(ar * br) + Math.abs(ai * bi);
        off[e + 1] = (off[e + 1] as number) + Math.abs(ar * bi) + Math.abs(ai * br);
      }
      [want[e], want[e + 1]] = [re, im];
    }
  return { want, off: off.map((x) => 4 * (k + 1) * epsOf(a.dtype) * x) };
}
/** Every item of `got` is what was wanted. */
function same(got: b.Tensor, { want, off }: ReturnType<typeof product>, what: string): void {
  const x = numbers(got);
  expect(x.length % want.length, what).to.equal(0);
  for (let i = 0; i < x.length; i++) {
    const [g, w] = [x[i] as number, want[i % want.length] as number];
    const right = Number.isFinite(w) ? Math.abs(g - w) <= (off[i % want.length] as number) : Object.is(g, w);
    if (!right) expect.fail(`${what}: element ${i} is ${g}, not ${w}`);
  }
}
const repeated = (t: C, count: number): C => {
  const [from, to] = [storageOf(t).array as Float64Array, allocate(t.dtype, count * t.size) as Float64Array];
  for (let i = 0; i < count; i++) to.set(from, i * from.length);
  return wrap(t.dtype, [count, ...t.shape], to) as unknown as C;
};

describe("complex products of what is not finite", () => {
  for (const dtype of DTYPES) {
    const each = (f: (x: C, y: C, form: Options, what: string) => void, sizes: readonly (readonly [number, number, number])[] = SIZES) => {
      for (const [m, k, n] of sizes)
        for (const form of FORMS)
          for (const kind of KINDS) {
            const x = matrix(dtype, form.adjointA ? [k, m] : [m, k], kind, m + 3 * k + 7 * n);
            const y = matrix(dtype, form.adjointB ? [n, k] : [k, n], kind === "one" ? "one" : "huge", 5 * m + k + n);
            f(x, y, form, `${m} ${k} ${n} ${kind} ${form.adjointA ? "ᴴ" : ""} ${form.adjointB ? "ᴴ" : ""}`);
          }
    };
    it(`${dtype}: alone and in batches around a register's lanes`, () => {
      const w = lanesOf(dtype);
      each((x, y, form, what) => {
        const right = product(x, y, form);
        same(b.matmul(x, y, form), right, what);
        for (const count of [1, w - 1, w, w + 1])
          same(b.matmul(repeated(x, count), repeated(y, count), form), right, `${what}, ${count} of them`);
      });
    });
    it(`${dtype}: compiled, in both layouts`, () => {
      const count = lanesOf(dtype) + 1;
      each(
        (x, y, form, what) => {
          const program = b.compile(
            (p: C, q: C) => b.matmul(p, q, form),
            SPECS[dtype](...x.shape) as never,
            SPECS[dtype](...y.shape) as never,
          );
          for (const layout of ["lanes", "single"] as const)
            same(
              program.runSync([repeated(x, count), repeated(y, count)] as never, { layout }) as b.Tensor,
              product(x, y, form),
              `${what} ${layout}`,
            );
        },
        SIZES.filter(([m]) => m < 17),
      );
    });
    it(`${dtype}: larger than what is summed at a time, and cut for threads`, () => {
      const sizes = [
        [70, 140, 66],
        [2, 300, 3],
      ] as const;
      each((x, y, form, what) => same(b.matmul(x, y, form), product(x, y, form), what), sizes);
      const form = { adjointA: true, adjointB: false };
      const [x, y] = [matrix(dtype, [130, 260], "infinite", 1), matrix(dtype, [130, 270], "one", 2)];
      same(b.matmul(x, y, form), product(x, y, form), "cut");
    });
    it(`${dtype}: vectors`, () => {
      for (const kind of KINDS) {
        const [x, y, row, column] = [
          [4, 6],
          [6, 5],
          [1, 6],
          [6, 1],
        ].map((shape, i) => matrix(dtype, shape, kind, i)) as [C, C, C, C];
        const [plain, flat] = [{ adjointA: false, adjointB: false }, (t: C): C => b.reshape(t, [t.size]) as C];
        same(b.matvec(x, flat(column)), product(x, column, plain), `${kind} matvec`);
        same(b.matmul(x, flat(column)), product(x, column, plain), `${kind} matrix and vector`);
        same(b.matmul(flat(row), y), product(row, y, plain), `${kind} vector and matrix`);
        same(b.dot(flat(row), flat(column)), product(row, column, plain), `${kind} dot`);
        same(b.outer(column, row), product(column, row, plain), `${kind} outer`);
        same(b.einsum("ij,jk->ik", x, y), product(x, y, plain), `${kind} einsum`);
      }
    });
    it(`${dtype}: gradients are such products`, () => {
      const [x, y, g] = [
        [4, 6],
        [6, 5],
        [4, 5],
      ].map((shape, i) => matrix(dtype, shape, "infinite", i)) as [C, C, C];
      const pull = b.vjp((p: C, q: C) => b.matmul(p, q), x, y).pullback;
      const [ofX, ofY] = pull(g as never) as unknown as [C, C];
      same(ofX, product(g, y, { adjointA: false, adjointB: true }), "of A");
      same(ofY, product(x, g, { adjointA: true, adjointB: false }), "of B");
    });
  }

  it("powers and the gradient of an inverse are made of them", () => {
    const plain = { adjointA: false, adjointB: false };
    for (const dtype of DTYPES)
      for (const kind of ["infinite", "huge", "one"] as const)
        for (const n of [1, 4, 20]) {
          const a = matrix(dtype, [n, n], kind, n);
          const count = lanesOf(dtype) + 1;
          same(b.linalg.matrixPower(a, { n: 2 }), product(a, a, plain), `${dtype} ${kind} ${n} squared`);
          same(b.linalg.matrixPower(repeated(a, count), { n: 2 }), product(a, a, plain), `${dtype} ${kind} ${n} squared, batch`);
          // Ā = -A⁻ᴴ G A⁻ᴴ
          const x = b.add(b.random.normal(n, [n, n], { dtype }), b.mul(3, b.eye(n, { dtype }))) as C;
          const signs = (y: C, g: C): number[] =>
            Array.from(numbers(b.vjp((p: C) => b.linalg.inv(p) as C, y).pullback(g)[0]), (v) => (Number.isFinite(v) ? 0 : Math.sign(v)));
          const g = matrix(dtype, [n, n], "one", n);
          const alone = signs(x, g);
          expect(signs(repeated(x, count), repeated(g, count)).slice(0, 2 * n * n)).to.deep.equal(alone);
          expect(alone.every(Number.isNaN), `${dtype} ${n}`).to.equal(false);
        }
  });
  it("leave the bits of finite elements as they are without the others", () => {
    const x = b.random.normal(1, [30, 40], { dtype: "complex128" }),
      y = b.random.normal(2, [40, 50], { dtype: "complex128" });
    const spoilt = b.indexUpdate(x, [3, 4], b.complex(b.tensor(Infinity), b.tensor(0)) as never);
    const [one, other] = [numbers(b.matmul(x, y)), numbers(b.matmul(spoilt as C, y))];
    for (let i = 0; i < one.length; i++) if (Math.floor(i / 100) !== 3) expect(other[i]).to.equal(one[i]);
  });
});
