// Loops over complex numbers and bools against the same work one op at a time.
import { expect } from "chai";
import { storageOf } from "../lib/core/tensor";
import * as b from "../lib/index";
import { difference, itemOf, plan, type T } from "./fused";
import { many } from "./grid";
import { randoms } from "./hostile/randoms";

type C = "complex64" | "complex128";
type M = b.Tensor<"bool">;
const { complex, real, imag, conj, where } = b;

/** What a random function may do with complex tensors that fit each other, x the largest, and bools that fit x. */
function steps(x: T, y: T, z: T, p: M, q: M, axis: number): (() => T)[] {
  const half = b.cast(b.complex(0.5, -0.25), x.dtype as "complex128") as unknown as T;
  return [
    () => b.add(x, b.mul(y, half)),
    () => b.mul(x, b.conj(z)),
    () => b.sub(y, b.square(x)),
    () => complex(imag(x), real(y)),
    () => b.cast(b.tanh(real(x)), x.dtype as "complex128"),
    () => where(p, y, b.neg(x)),
    () => (x.shape.length > 0 ? b.sum(b.mul(x, y), { axis }) : b.square(x)),
    () => (x.shape.length > 1 ? b.transpose(x) : b.conj(x)),
    () => (x.shape.length === 2 && x.shape[0] === x.shape[1] ? b.diag(x) : b.div(x, b.add(b.square(y), 2))),
    () => (x.shape.length === 1 ? b.sub(b.reshape(x, [x.size, 1]), b.reshape(conj(x), [1, x.size])) : b.mul(x, x)),
    () => (x.shape.length > 1 ? b.sum(b.mul(conj(x), x), { axis: -1 }) : b.exp(b.mul(x, half))),
    () => complex(b.cast(p, real(x).dtype as "float64"), real(x)),
    () => where(b.logicalAnd(p, q), x, y),
    () => where(b.logicalOr(p, b.logicalNot(q)), x, z),
    () => where(b.logicalXor(p, q), z, x),
    () => where(b.equal(x, y), x, conj(x)),
    () => where(b.isFinite(x), b.add(x, y), y),
    () => where(where(p, q, b.notEqual(x, z)), x, y),
    () => b.sqrt(complex(b.abs(x), imag(y))), // away from the branch cut, at which a last bit decides
    () => b.log(complex(b.add(b.abs(x), 0.5), imag(x))),
    () => b.div(b.tanh(x), b.exp(b.mul(x, half))),
    () => b.mul(b.sin(b.sign(x)), b.cosh(b.sign(y))),
    () => b.add(b.expm1(b.mul(b.sign(x), half)), b.log1p(b.mul(b.sign(z), half))),
    () => where(b.logicalAnd(b.cast(x, "bool"), b.logicalNot(y)), x, z),
    () => complex(b.cast(q, real(x).dtype as "float64"), b.abs(z)),
    () => b.div(x, x),
  ] as never;
}

/** Complex tensors and bools of them, out of what loops compute by parts. */
function randomFunction(random: () => number): (...xs: T[]) => T[] {
  const pick = (count: number) => Math.floor(random() * count);
  const seeds = Array.from({ length: 4 + pick(14) }, () => [pick(26), pick(100), pick(100), pick(100)] as const);
  return (...xs) => {
    const known = [...xs];
    const masks: M[] = [];
    const fitting = <U extends b.Tensor>(x: T, of: U[]): U[] =>
      of.filter((y) => y.shape.length <= x.shape.length && y.shape.every((s, d) => s === x.shape[x.shape.length - y.shape.length + d]));
    for (const [kind, i, j, l] of seeds) {
      const x = known[i % known.length] as T;
      const like = fitting(x, known);
      const mask = (n: number): M => {
        const fit = fitting(x, masks);
        return (fit.length > 0 ? fit[n % fit.length] : b.greater(real(x), imag(like[j % like.length] as T))) as M;
      };
      const p = mask(j);
      const axis = x.shape.length > 0 ? j % x.shape.length : 0;
      const next = (steps(x, like[j % like.length] as T, like[l % like.length] as T, p, mask(l), axis)[kind] as () => T)();
      masks.push((kind % 2 === 0 ? b.greater(real(next), imag(next)) : b.isNaN(next)) as M, b.logicalNot(p));
      if (next.size <= 4000) known.push(next);
    }
    return [...known.slice(-3), ...(masks.slice(-2) as never[])];
  };
}

describe("fused loops of complex numbers and bools", () => {
  const sizes = [
    [2, 3, 3],
    [3, 8, 4],
    [1, 5, 2],
    [4, 17, 3],
    [2, 9, 9],
    [1, 1, 1],
    [1, 43, 2],
    [2, 19, 18],
  ] as const;
  const count = many(400, 40);
  for (let seed = 1; seed <= count; seed++)
    it(`random functions, seed ${seed}`, () => {
      const random = randoms(seed * 7907);
      const [m, n, k] = sizes[seed % sizes.length] as (typeof sizes)[number];
      const f = randomFunction(random);
      const dtype: C = seed % 3 === 0 ? "complex64" : "complex128";
      const shapes = [[], [n], [n, k], [m, n, k], [n, n]];
      const spec = dtype === "complex64" ? b.complex64 : b.complex128;
      const program = b.compile(f as never, ...shapes.map((s) => spec(...s))) as unknown as {
        runSync(args: readonly T[], options?: object): T[];
      };
      for (const items of [1, 7, 9]) {
        const shared = shapes.map(() => random() < (seed % 4 === 0 ? 0.7 : 0.2));
        const args = shapes.map((s, i) => {
          const draw = (at: number) =>
            b.random.normal(b.random.key(seed * 100 + at), [...(shared[i] ? [] : [items]), ...s], {
              dtype: dtype === "complex64" ? "float32" : "float64",
            });
          return b.complex(draw(i), draw(i + 50)) as unknown as T;
        });
        if (seed % 5 === 0)
          for (const t of args) storageOf(t).array[seed % 2] = [Number.NaN, Infinity, -Infinity, -0, 5e-324][(seed / 5) % 5] as number;
        const batched = !shared.every((s) => s);
        const want = Array.from({ length: items }, (_, item) => f(...args.map((t, i) => (shared[i] ? t : itemOf(t, item)))));
        for (const options of [{ layout: "lanes" }, { layout: "lanes", chunk: 1 }, { layout: "single" }, {}])
          program.runSync(args, options).forEach((t, o) => {
            for (let item = 0; item < (batched ? items : 1); item++)
              expect(
                difference((batched ? itemOf(t, item) : t) as T, want[item]?.[o] as T),
                `${JSON.stringify(options)} items ${items} item ${item} output ${o}`,
              ).to.be.lessThan(dtype === "complex64" ? 2e-4 : 1e-12);
          });
      }
    });

  it("one loop in the place of many instructions", () => {
    const f = (x: T, y: T) => {
      const z = b.add(b.mul(x, conj(y) as T), x) as T;
      const near = b.logicalAnd(b.less(b.abs(real(z)), 1), b.logicalNot(b.less(imag(z), 0)));
      return [where(near, z, b.square(z)), b.sum(b.mul(z, z))] as T[];
    };
    const program = b.compile(f as never, b.complex128(5, 4), b.complex128(4)) as never;
    const x = b.complex(b.random.normal(1, [16, 5, 4]), b.random.normal(2, [16, 5, 4]));
    const y = b.complex(b.random.normal(3, [16, 4]), b.random.normal(4, [16, 4]));
    for (const layout of ["lanes", "single"] as const) expect(plan(program, [x, y], layout).length).to.equal(1);
  });
});
