// Loops that hand nothing on, conditions, whiles, and all of them in each other, against the same work one op at a time.
import { expect } from "chai";
import { add, eye, greater, less, linalg, matrixTranspose, mul, sub, sum, type Tensor, tanh } from "../lib/index";
import { type Builder, body, built, differences, f64, type } from "./bodies";

type F64 = Tensor<"float64">;
const same = (wrong: string[]): void => {
  expect(wrong.slice(0, 5)).to.deep.equal([]);
};
const SPD = (t: F64): F64 => add(mul(linalg.matmul(t, matrixTranspose(t)), 0.2), eye(3)) as F64;

describe("loops that hand nothing on", () => {
  const solve = body([f64(3, 3), f64(3), f64(3)], (a, x, s) => {
    const l = linalg.cholesky(SPD(a));
    return [linalg.solveTriangular(l, x), sum(mul(x, s)), mul(a, sum(s)), mul(x, s)];
  });
  for (const length of [0, 1, 3, 17, 130])
    it(`${length} items`, () => {
      const code = built([f64(length, 3, 3), f64(length, 3), f64(3)], (b, ...ids) =>
        b.loop(solve, ids, { length, mapped: 2, sums: [false, true, true, false] }),
      );
      for (const shared of [[], [0], [2], [0, 1, 2]]) same(differences(code, { shared, batches: [1, 2, 9], tolerance: 1e-12 }));
    });
  it("shared alone, unwanted results, results of inputs and constants", () => {
    const odd = body([f64(2), f64(2)], (x, s) => [x, s, x, add(s, s), mul(x, 0), add(x, s)]);
    const code = built([f64(5, 2), f64(2)], (b, x, s) => [
      ...b.loop(odd, [x, s], { length: 5, mapped: 1, sums: [false, false, true, true, false, true] }),
      ...b.loop(odd, [s, s], { length: 5, sums: [true, true, true, false, false, true] }),
      b.loop(odd, [x, s], { length: 5, mapped: 1, unwanted: [0, 1, 2, 3, 4] })[5] as number,
    ]);
    for (const shared of [[], [0], [1], [0, 1]]) same(differences(code, { shared }));
  });
});

describe("conditions as instructions", () => {
  const then = body([f64(3), f64(3)], (x, y) => [add(x, y), mul(x, 2), x]);
  const otherwise = body([f64(3), f64(3)], (x, y) => [mul(x, y), mul(x, 0), y]);
  const code = built([f64(3), f64(3)], (b, x, y) => {
    const [p] = b.call([x], (t) => greater(sum(t), 0)) as [number];
    const [u, v, w] = b.cond(then, otherwise, [p, x, y]) as [number, number, number];
    const [, only] = b.cond(then, otherwise, [p, y, x], [0, 2]) as [number, number, number];
    return [u, v, w, only, ...b.call([u, v], (s, t) => sub(s, t)), p];
  });
  it("items that agree and items that do not", () => {
    for (const shared of [[], [0], [1], [0, 1]]) same(differences(code, { shared }));
    for (const shift of [10, -10]) same(differences(code, { prepare: (t, i) => (i === 0 ? (add(t as F64, shift) as Tensor) : t) }));
  });
  it("every dtype", () => {
    const all = (["float32", "complex64", "int32", "bool"] as const).map((t) => type(t, 3));
    const types = [type("bool"), ...all, ...all];
    const choice = built(types, (b, p, ...ids) =>
      b.cond(
        body([...all, ...all], (...x) => x.slice(0, 4)),
        body([...all, ...all], (...x) => x.slice(4)),
        [p, ...ids],
      ),
    );
    for (const shared of [[], [1, 2, 3, 4], [0]]) same(differences(choice, { shared }));
  });
});

describe("whiles as instructions", () => {
  /** Doubles x until it is beyond the limit; counts. */
  const test = body([f64(2), type("int32"), f64()], (x, _n, limit) => less(sum(mul(x, x)), limit));
  const twice = body([f64(2), type("int32"), f64()], (x, n, _limit) => [mul(x, 1.5), add(n, 1)]);
  const code = (maxSteps: number) =>
    built([f64(2), type("int32"), f64()], (b, x, n, limit) => {
      const [last, count] = b.whileLoop(test, twice, [x, n, limit], maxSteps) as [number, number];
      return [last, count, ...b.call([last, x], (p, q) => add(p, q))];
    });
  it("each item as many steps as it takes", () => {
    for (const shared of [[], [1], [2], [0], [0, 1, 2]])
      same(differences(code(200), { shared, prepare: (t, i) => (i === 2 ? (mul(add(t as F64, 1), 100) as Tensor) : t) }));
  });
  it("no step at all", () => {
    same(differences(code(0), { prepare: (t, i) => (i === 2 ? (mul(t as F64, 0) as Tensor) : t) }));
  });
});

describe("bodies in bodies", () => {
  const n = 3;
  const inner = body([f64(n), f64(n), f64(n)], (c, x, s) => [tanh(add(mul(c, s), x)), sum(mul(c, x))]);
  /** One more loop around `code` of inputs [c, xs, s]: xs has one more axis of `length`. */
  const around = (code: ReturnType<typeof built>, length: number, xs: readonly number[], carries: number, reverse: boolean) =>
    built([f64(n), f64(length, ...xs), f64(n)], (b, c, x, s) => {
      const [half] = b.call([s], (t) => mul(t, 0.5)) as [number];
      const inside = built([f64(n), f64(...xs), f64(n)], (d, p, q, r) => {
        const out = d.inline(code, [p, q, r]);
        const [next] = d.call([p, out[0] as number], (u, v) => sub(mul(u, 0.25), sum(v)));
        return [next as number, out[1] as number];
      });
      return carries === 1
        ? b.loop(inside, [c, x, half], { length, carries, mapped: 1, reverse })
        : b.loop(mapped(inside), [x, c, half], { length, mapped: 1, sums: [true, false] });
    });
  /** The same code, its first two inputs the other way round. */
  const mapped = (code: ReturnType<typeof built>) => ({
    ...code,
    inputs: [1, 0, 2].map((i) => code.inputs[i] as { name: string; id: number }),
  });
  const scan = (length: number, reverse: boolean) =>
    built([f64(n), f64(length, n), f64(n)], (b, c, x, s) => b.loop(inner, [c, x, s], { length, carries: 1, mapped: 1, reverse }));
  for (const kinds of [
    [1, 1],
    [0, 1],
    [1, 0],
    [0, 0],
  ] as const)
    it(`loops three deep: ${kinds.map((k) => (k ? "scan" : "vmap")).join(" of ")} of scan`, () => {
      const two = around(scan(4, true), 3, [4, n], kinds[1], false);
      const three = around(two, 2, [3, 4, n], kinds[0], true);
      for (const shared of [[], [0], [1], [2]]) same(differences(three, { shared, batches: [1, 3, 9], tolerance: 1e-13 }));
    });
  it("loops in conditions in loops, whiles in loops in whiles", () => {
    const grow = body([f64(n), f64()], (x, limit) => less(sum(mul(x, x)), limit));
    const step = built([f64(n), f64()], (b, x, limit) => {
      const p = b.call([x], (t) => greater(sum(t), 0)) as [number];
      const looped = (reverse: boolean) =>
        built([f64(n), f64()], (d, c, t) => {
          const [xs] = d.call([c], (u: F64) => mul(eye(n), u)) as [number];
          const [last] = d.loop(inner, [c, xs, c], { length: n, carries: 1, mapped: 1, reverse }) as [number];
          return d.call([last, c, t], (u, v, _t) => add(mul(v, 2), u));
        });
      return b.cond(looped(false), looped(true), [...p, x, limit]);
    });
    const whole = built([f64(n), f64(4, n), f64()], (b, c, xs, limit) =>
      b.loop(
        built([f64(n), f64(n), f64()], (d: Builder, p, x, t) => {
          const [q] = d.call([p, x], (u, v) => mul(add(tanh(u), v), 0.5)) as [number];
          const [grown] = d.whileLoop(grow, step, [q, t], 100) as [number];
          return [...d.call([grown], (u) => tanh(u)), grown];
        }),
        [c, xs, limit],
        { length: 4, carries: 1, mapped: 1 },
      ),
    );
    const prepare = (t: Tensor, i: number) => (i === 2 ? (mul(add(t as F64, 1.2), 5) as Tensor) : t);
    for (const shared of [[], [0, 1], [2]]) same(differences(whole, { shared, prepare, tolerance: 1e-9 }));
  });
  it("a loop of what all share is run once", () => {
    const code = built([f64(n), f64(4, n), f64(n), f64(n)], (b, c, xs, s, y) => {
      const [last, ys] = b.inline(scan(4, false), [c, xs, s]) as [number, number];
      return [...b.call([last, y], (p, q) => add(p, q)), ys];
    });
    for (const shared of [[0, 1, 2], [0, 1, 2, 3], [3]]) same(differences(code, { shared }));
  });
});
