// Loops as instructions, against the same work one op at a time.
import { expect } from "chai";
import { add, cast, eye, greater, linalg, matrixTranspose, mul, sub, sum, type Tensor, tanh, tensor, where } from "../lib/index";
import { body, built, differences, f64, type } from "./bodies";

const same = (wrong: string[]): void => {
  expect(wrong.slice(0, 5)).to.deep.equal([]);
};
type F64 = Tensor<"float64">;
const tensorOf = (x: number): F64 => tensor([x, -x]) as F64;
const eye3 = (): F64 => eye(3);

describe("loops with carries as instructions", () => {
  /** c, y = tanh(A c + x), c . x */
  const step = body([f64(3), f64(3), f64(3, 3)], (c, x, a) => [tanh(add(sum(mul(a, c), { axis: 1 }), x)), sum(mul(c, x))]);
  for (const length of [0, 1, 2, 3, 10])
    for (const reverse of [false, true])
      it(`${length} steps${reverse ? " in reverse" : ""}`, () => {
        const code = built([f64(3), f64(length, 3), f64(3, 3)], (b, c, x, a) =>
          b.loop(step, [c, x, a], { length, reverse, carries: 1, mapped: 1 }),
        );
        for (const shared of [[], [0], [1, 2], [0, 1, 2]]) same(differences(code, { shared }));
      });
  it("carries that are used before and after, results that others read, and both as outputs", () => {
    const code = built([f64(3), f64(4, 3), f64(3, 3)], (b, c, x, a) => {
      const [first] = b.call([c], (t) => mul(t, 2)) as [number];
      const [last, ys] = b.loop(step, [first, x, a], { length: 4, carries: 1, mapped: 1 }) as [number, number];
      const [z] = b.call([first, last, ys, x], (p, q, y, t) => add(add(p, q), add(sum(y), sum(t, { axis: 0 })))) as [number];
      const [again, more] = b.loop(step, [z, x, a], { length: 4, carries: 1, mapped: 1, reverse: true }) as [number, number];
      return [z, ys, ys, again, more, last, c, x, c];
    });
    for (const shared of [[], [0], [1, 2], [0, 1], [0, 1, 2]]) same(differences(code, { shared }));
  });
  it("outputs of a body that are its inputs, constants or the same value", () => {
    const odd = body([f64(2), f64(2), f64(2), f64(2)], (c, d, x, s) => [d, c, x, x, s, add(x, s), add(x, s), mul(s, 0), d]);
    const constant = body([f64(2)], () => [tensorOf(2), tensorOf(2)]);
    const code = built([f64(2), f64(2), f64(5, 2), f64(2)], (b, c, d, x, s) => [
      ...b.loop(odd, [c, d, x, s], { length: 5, carries: 2, mapped: 1 }),
      ...b.loop(constant, [c], { length: 5, carries: 1 }),
    ]);
    for (const shared of [[], [0, 1], [2, 3], [0, 1, 2, 3]]) same(differences(code, { shared }));
  });
  it("sums, in both directions, of no, one and many steps", () => {
    for (const length of [0, 1, 2, 7]) {
      for (const [dtype, reverse] of [
        ["float64", false],
        ["float32", true],
        ["complex128", true],
      ] as const) {
        const t = type(dtype, 3);
        const code = built([t, type(dtype, length, 3)], (b, c, x) =>
          b.loop(
            body([t, t], (p, q) => [mul(p, 0.5), mul(p, q), q, sub(q, p)]),
            [c, x],
            { length, reverse, carries: 1, mapped: 1, sums: [true, true, false] },
          ),
        );
        for (const shared of [[], [0], [1]]) same(differences(code, { shared }));
      }
    }
  });
  it("results that nobody wants", () => {
    const code = built([f64(3), f64(4, 3), f64(3, 3)], (b, c, x, a) => {
      const [, ys] = b.loop(step, [c, x, a], { length: 4, carries: 1, mapped: 1, unwanted: [0] });
      const [last] = b.loop(step, [c, x, a], { length: 4, carries: 1, mapped: 1, unwanted: [1] });
      const [, sumOf] = b.loop(step, [c, x, a], { length: 4, carries: 1, mapped: 1, sums: [true], unwanted: [0] });
      return [ys as number, last as number, sumOf as number];
    });
    same(differences(code));
  });
  it("every dtype", () => {
    const [i, m, z, r] = [type("int32", 2), type("bool", 2), type("complex64", 2), type("float32", 2)];
    const mixed = body([i, m, z, r, i, r], (n, on, c, x, dn, dx) => [
      add(n, dn),
      greater(x, dx),
      mul(c, 0.5),
      where(on, x, sub(dx, x)),
      where(on, n, dn),
      greater(x, dx),
      cast(on, "float32"),
    ]);
    const code = built([i, m, z, r, type("int32", 5, 2), type("float32", 5, 2)], (b, ...ids) =>
      b.loop(mixed, ids, { length: 5, carries: 4, mapped: 2 }),
    );
    for (const shared of [[], [0, 1], [4], [5, 3]]) same(differences(code, { shared }));
  });
  it("tensors without elements", () => {
    const empty = body([f64(0), f64(2, 0), f64(0)], (c, x, s) => [add(c, s), x, sum(x, { axis: 0 })]);
    const code = built([f64(0), f64(3, 2, 0), f64(0)], (b, c, x, s) =>
      b.loop(empty, [c, x, s], { length: 3, carries: 1, mapped: 1, sums: [false, true] }),
    );
    same(differences(code));
  });
  it("matrices: factors and solutions, with kernels for lanes and without", () => {
    const kalman = body([f64(3), f64(3, 3), f64(3), f64(3, 3)], (m, p, x, a) => {
      const q = add(linalg.matmul(linalg.matmul(a, p), matrixTranspose(a)), mul(linalg.inv(add(p, mul(a, 0.001))), 0.1));
      const l = linalg.cholesky(q);
      const next = add(m, linalg.solveTriangular(l, sub(x, m)));
      return [tanh(next), mul(q, 0.25), linalg.logdet(q) as F64, linalg.eigvalsh(q) as F64];
    });
    const code = built([f64(3), f64(3, 3), f64(6, 3), f64(3, 3)], (b, m, p, x, a) => {
      const [start] = b.call([p], (t) => add(mul(linalg.matmul(t, matrixTranspose(t)), 0.1), eye3())) as [number];
      return b.loop(kalman, [m, start, x, a], { length: 6, carries: 2, mapped: 1 });
    });
    for (const shared of [[], [3], [2]]) same(differences(code, { shared, tolerance: 1e-10 }));
  });
});
