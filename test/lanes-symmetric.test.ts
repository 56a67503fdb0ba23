// Factors of symmetric matrices and powers in lanes, where checkOp's samples do not lead: lanes with nothing in common, next to what the single
// kernel gives.
import { expect } from "chai";
import * as b from "../lib/index";
import { relativeError, sameBits } from "../lib/testing/index";
import { cells } from "./grid";
import { DTYPES, epsOf } from "./spectra";
import { caught, fields } from "./support";

type F = b.Float;
type T = b.Tensor<F>;
type I = b.Tensor<"int32">;
type Named = { readonly [name: string]: T };
type Run = (args: readonly b.Tensor[], options?: object) => Named;
const SPECS = { float32: b.float32, float64: b.float64, complex64: b.complex64, complex128: b.complex128 } as const;
const { choleskyDowndate, choleskyUpdate, ldlFactor, ldlSolve, matrixPower } = b.linalg;
const LANES = { layout: "lanes", onFailure: "nan" } as const;
const SINGLE = { layout: "single", onFailure: "nan" } as const;

const drawn = (dtype: F, key: number, shape: readonly number[]): T => b.random.normal(key, [...shape], { dtype }) as unknown as T;
const programOf = (f: (...xs: never[]) => object, ...specs: object[]): Run => {
  const program = b.compile(f as never, ...(specs as never[])) as unknown as { runSync: Run };
  return (args, options) => program.runSync(args, options);
};
const item = (t: b.Tensor, i: number): T => (t as T).index(i) as T;
const stacked = (list: readonly T[]): T => b.stack(list as never) as unknown as T;

/** Hermitian matrices: which exchanges and blocks they have differs. `free`: their choices are not those of rounding. */
const KINDS: readonly { readonly free: boolean; of(dtype: F, key: number, n: number): T }[] = [
  { free: true, of: (dtype, key, n) => hermitian(drawn(dtype, key, [n, n])) },
  { free: true, of: (dtype, key, n) => hermitian(b.mul(drawn(dtype, key, [n, n]), off(n, dtype)) as T) }, // nothing on the diagonal
  { free: true, of: (dtype, key, n) => b.add(hermitian(drawn(dtype, key, [n, n])), b.mul(4 * n, b.eye(n, { dtype }))) as T },
  { free: true, of: (dtype, _key, n) => b.zeros([n, n], { dtype }) as T },
  { free: false, of: (dtype, key, n) => outer(drawn(dtype, key, [n, 1])) },
  { free: true, of: (dtype, key, n) => b.mul(2 ** 40, grades(hermitian(drawn(dtype, key, [n, n])), n)) as T },
  { free: true, of: (dtype, key, n) => b.mul(2 ** -40, hermitian(drawn(dtype, key, [n, n]))) as T },
];
const hermitian = (x: T): T => b.mul(0.5, b.add(x, b.adjoint(x))) as T;
const outer = (x: T): T => b.matmul(x, b.adjoint(x)) as T;
const off = (n: number, dtype: F): T => b.sub(b.ones([n, n], { dtype }), b.eye(n, { dtype })) as T;
const graded = (n: number, dtype: F): T =>
  b.cast(b.tensor(Float64Array.from({ length: n }, (_, i) => 1.2 ** -i)), dtype as never) as unknown as T;
const grades = (x: T, n: number): T => b.mul(b.mul(x, graded(n, x.dtype)), b.expandDims(graded(n, x.dtype), -1)) as T;
const exchanged = (pivots: I, a: T): T => {
  const rows = b.linalg.applyPivots(pivots, a as never) as unknown as T;
  return b.adjoint(b.linalg.applyPivots(pivots, b.adjoint(rows) as never) as never) as unknown as T;
};
const factorsOf = (dtype: F, n: number): Run => programOf((a: never) => ({ ...ldlFactor(a) }), SPECS[dtype](n, n));
const SIZES = [1, 2, 3, 4, 7, 8, 13, 16, 32, 40];

describe("Bunch-Kaufman factors in lanes", () => {
  it("have the pivots of LAPACK, and L D Lᴴ = P A Pᵀ, whatever the neighbours", () => {
    let [pairs, exchanges] = [0, 0];
    for (const [dtype, n, count] of cells("ldl in lanes", [DTYPES, SIZES, [1, 7, 19]])) {
      const a = stacked(Array.from({ length: count }, (_, i) => (KINDS[i % KINDS.length] as (typeof KINDS)[0]).of(dtype, 10 * i + n, n)));
      const run = factorsOf(dtype, n);
      const [lanes, single] = [run([a], LANES), run([a], SINGLE)] as const;
      for (let i = 0; i < count; i++) {
        const what = `${dtype} ${n}, item ${i} of ${count}`;
        const [l, d, pivots] = [item(lanes.l as T, i), item(lanes.d as T, i), item(lanes.pivots as T, i) as unknown as I];
        const whole = exchanged(pivots, item(a, i));
        const residual = b.linalg.norm(b.sub(b.matmul(b.matmul(l, d), l, { adjointB: true }), whole) as never).item() as number;
        expect(residual, what).to.be.at.most(30 * n * epsOf(dtype) * (b.linalg.norm(whole as never).item() as number));
        exchanges += pivots.data.reduce((sum, p, j) => sum + Number(p !== j), 0);
        for (let j = 1; j < n; j++) pairs += Number(b.abs(d as never).at(j, j - 1) !== 0);
        if (!(KINDS[i % KINDS.length] as (typeof KINDS)[0]).free) continue;
        expect([...pivots.data], what).to.deep.equal([...item(single.pivots as T, i).data]);
        for (const part of ["l", "d"] as const)
          expect(relativeError(item(lanes[part] as T, i), item(single[part] as T, i)), `${part}, ${what}`).to.be.below(
            1e4 * n * epsOf(dtype),
          );
      }
    }
    expect(pairs, "blocks of two").to.be.above(20);
    expect(exchanges, "exchanges").to.be.above(20);
  });
  it("leave neighbours as they are beside NaN, infinity and sizes without digits, and name those", () => {
    for (const [dtype, n] of cells("ldl extremes", [["float64", "complex128"] as const, [2, 5, 9]])) {
      const clean = stacked(Array.from({ length: 19 }, (_, i) => (KINDS[i % 3] as (typeof KINDS)[0]).of(dtype, i, n)));
      const scales = [Number.NaN, Number.POSITIVE_INFINITY, 1e300, 1e-300, 1e-310, 2 ** -1070];
      const bad = stacked(
        Array.from({ length: 19 }, (_, i) => (i % 3 === 1 ? (b.mul(scales[(i - 1) / 3] as number, item(clean, i)) as T) : item(clean, i))),
      );
      const run = factorsOf(dtype, n);
      const [want, lanes, single] = [run([clean], LANES), run([bad], LANES), run([bad], SINGLE)];
      for (let i = 0; i < 19; i++)
        for (const part of ["l", "d", "pivots"]) {
          const got = item(lanes[part] as T, i);
          if (i % 3 !== 1) expect(sameBits(got, item(want[part] as T, i)), `${part} of ${i}`).to.equal(true);
          else if (i > 6) expect(relativeError(got, item(single[part] as T, i)), `${part} of ${i}`).to.be.below(1e-11);
          else if (part !== "pivots") expect(got.data.every(Number.isNaN), `${part} of ${i}`).to.equal(true);
        }
      const strict = caught(() => run([bad], { layout: "lanes" }));
      expect(fields(strict)).to.include({ code: "ERR_NOT_FINITE", op: "ldlFactor", item: 1 });
    }
  });
  it("solve as the single kernel does, of singular blocks and pivots out of order or out of range, too", () => {
    for (const [dtype, n, k, count] of cells("ldlSolve in lanes", [DTYPES, [1, 2, 3, 8, 16, 33], [1, 3], [1, 7, 19]])) {
      const a = stacked(Array.from({ length: count }, (_, i) => (KINDS[n > 1 ? i % 3 : 0] as (typeof KINDS)[0]).of(dtype, 10 * i + n, n)));
      const { l, d, pivots } = ldlFactor(a as never) as unknown as { l: T; d: T; pivots: I };
      const x = drawn(dtype, 5, [count, n, k]);
      const any = b.tensor(
        Int32Array.from(pivots.data, (p, i) => (i % 5 === 0 ? (p + i) % n : p)),
        { shape: pivots.shape },
      );
      const run = programOf(
        (...xs: never[]) => ({ x: ldlSolve(...(xs as unknown as [never, never, never, never])) }),
        ...[SPECS[dtype](n, n), SPECS[dtype](n, n), b.int32(n), SPECS[dtype](n, k)],
      );
      for (const p of [pivots, any]) {
        const [lanes, single] = [run([l, d, p, x], LANES), run([l, d, p, x], SINGLE)];
        expect(relativeError(lanes.x as T, single.x as T), `${dtype} ${n} ${k} ${count}`).to.be.below(1e5 * n * epsOf(dtype));
      }
      const solved = run([l, d, pivots, x], LANES).x as T;
      const back = b.matmul(hermitian(b.add(b.tril(a as never), b.adjoint(b.tril(a as never, { k: -1 }))) as T), solved) as T;
      for (let i = 0; i < count; i++) {
        const size = (b.linalg.norm(item(a, i) as never).item() as number) * (b.linalg.norm(item(solved, i) as never).item() as number);
        const residual = b.linalg.norm(b.sub(item(back, i), item(x, i)) as never).item() as number;
        expect(residual, `residual ${dtype} ${n} ${i}`).to.be.at.most(40 * n * epsOf(dtype) * size);
      }
    }
    const one = [0, 1, 2, 3, 4].map(() => b.eye(2) as unknown as T);
    const ds = [
      [1, 0, 0, 1],
      [49, 49, 49, 49],
      [1, 0, 0, 0],
      [1, 0, 0, Number.NaN],
      [3, 1, 1, 3],
    ].map((x) => b.tensor(Float64Array.from(x), { shape: [2, 2] }) as unknown as T);
    const pivots = b.tensor(Int32Array.of(0, 1, 0, 1, 0, 1, 0, 1, 0, 2), { shape: [5, 2] });
    const run = programOf(
      (...xs: never[]) => ({ x: ldlSolve(...(xs as unknown as [never, never, never, never])) }),
      b.float64(2, 2),
      b.float64(2, 2),
      b.int32(2),
      b.float64(2, 2),
    );
    for (const layout of ["lanes", "single"] as const) {
      const failures: { item: number; code: string; index: number }[] = [];
      run([stacked(one), stacked(ds), pivots, stacked(one)], { layout, onFailure: "nan", failures });
      const told = failures.map((f) => [f.item, f.code, f.index]);
      expect(told, layout).to.deep.equal([
        [1, "ERR_SINGULAR", 1],
        [2, "ERR_SINGULAR", 2],
        [3, "ERR_NOT_FINITE", 0],
        [4, "ERR_ARGUMENT", 1],
      ]);
    }
  });
});

describe("updates of Cholesky factors in lanes", () => {
  const both = (dtype: F, n: number, k: number): Run =>
    programOf(
      (l: never, x: never) => {
        const up = choleskyUpdate(l, x);
        return { up, back: choleskyDowndate(up as never, x) };
      },
      SPECS[dtype](n, n),
      SPECS[dtype](n, k),
    );
  const lower = (dtype: F, key: number, n: number): T =>
    b.linalg.cholesky(b.add(outer(drawn(dtype, key, [n, n])), b.eye(n, { dtype })) as never) as unknown as T;

  it("are those of the changed matrices, and of the single kernel, of diagonals of any phase", () => {
    for (const [dtype, n, k, count] of cells("updates in lanes", [DTYPES, [1, 2, 4, 7, 8, 9, 16, 33], [0, 1, 3], [1, 7, 19]])) {
      const phase = (i: number): T =>
        (i % 3 === 0 ? b.eye(n, { dtype }) : b.diagEmbed(b.sign(drawn(dtype, i, [n]) as never) as never)) as unknown as T;
      const l = stacked(Array.from({ length: count }, (_, i) => b.matmul(lower(dtype, i + 1, n), phase(i)) as T));
      const x = drawn(dtype, 99, [count, n, k]);
      const [lanes, single] = [LANES, SINGLE].map((o) => both(dtype, n, k)([l, x], o)) as [Named, Named];
      const what = `${dtype} ${n} ${k} ${count}`;
      const whole = b.add(outer(l), outer(x)) as T;
      expect(relativeError(outer(lanes.up as T), whole), what).to.be.below(10 * n * epsOf(dtype));
      expect(relativeError(lanes.up as T, single.up as T), what).to.be.below(1e3 * n * epsOf(dtype));
      expect(relativeError(outer(lanes.back as T), outer(l)), `${what} back`).to.be.below(1e3 * n * epsOf(dtype));
      expect(sameBits(b.tril(lanes.up as never) as T, lanes.up as T), what).to.equal(true);
    }
  });
  it("name items without a factor, and leave their neighbours as they are", () => {
    const n = 4;
    for (const dtype of ["float64", "complex128"] as const) {
      const clean = Array.from({ length: 19 }, (_, i) => lower(dtype, i + 1, n));
      const x = drawn(dtype, 7, [n, 1]);
      const scales = [Number.NaN, 0, 1e200, 1e-200, 1e-310, -1];
      const bad = clean.map((l, i) => (i % 3 === 1 ? (b.mul(scales[(i - 1) / 3] as number, l) as T) : l));
      const xs = bad.map((_, i) => (i === 10 ? (b.mul(1e-200, x) as T) : i === 13 ? (b.mul(1e-310, x) as T) : (b.mul(0.1, x) as T)));
      for (const down of [false, true]) {
        const run = programOf(
          (l: never, v: never) => ({ y: (down ? choleskyDowndate : choleskyUpdate)(l, v) }),
          SPECS[dtype](n, n),
          SPECS[dtype](n, 1),
        );
        const want = run([stacked(clean), stacked(xs)], LANES).y as T;
        const told = (["lanes", "single"] as const).map((layout) => {
          const failures: { item: number; code: string; index: number }[] = [];
          const y = run([stacked(bad), stacked(xs)], { layout, onFailure: "nan", failures }).y as T;
          return { y, failures: failures.map((f) => [f.item, f.code, f.index]) };
        });
        const [lanes, single] = told as [(typeof told)[0], (typeof told)[0]];
        expect(lanes.failures).to.deep.equal(single.failures);
        expect(lanes.failures.map(([i]) => i)).to.include.members([1, 4]);
        bad.forEach((_, i) => {
          if (i % 3 !== 1) expect(sameBits(item(lanes.y, i), item(want, i)), `item ${i}`).to.equal(true);
          else if (!lanes.failures.some(([f]) => f === i))
            expect(relativeError(item(lanes.y, i), item(single.y, i)), `item ${i}, ${down}`).to.be.below(i === 13 ? 1e-3 : 1e-12);
        });
      }
    }
  });
});

describe("matrixPower", () => {
  /** By products one after the other. */
  const product = (a: T, n: number): T => {
    const base = (n < 0 ? b.linalg.inv(a as never) : a) as unknown as T;
    let y = b.add(b.eye(a.shape.at(-1) as number, { dtype: a.dtype }), b.mul(0, a)) as T;
    for (let i = 0; i < Math.abs(n); i++) y = b.matmul(y, base) as T;
    return y;
  };
  const moderate = (dtype: F, key: number, shape: readonly number[]): T =>
    b.add(b.mul(0.4 / Math.sqrt(shape.at(-1) as number), drawn(dtype, key, shape)), b.eye(shape.at(-1) as number, { dtype })) as T;
  const POWERS = [-7, -2, -1, 0, 1, 2, 3, 5, 6, 12];

  it("is the product, one by one and in lanes, and so are its derivatives of both modes and the second order", () => {
    for (const [dtype, n, p, count] of cells("powers", [DTYPES, [1, 2, 3, 4, 8, 17], POWERS, [1, 7, 19]])) {
      const [a, e, w] = [1, 2, 3].map((key) => (key === 1 ? moderate : drawn)(dtype, key, [count, n, n])) as [T, T, T];
      const bound = 1e4 * n * epsOf(dtype);
      const all = (power: (x: T) => T) => (x: T, v: T, g: T) => {
        const loss = (y: T): T => b.sum(b.real(b.mul(g, b.mul(power(y), power(y)))) as never) as unknown as T;
        const slope = (y: T): T => b.grad(loss as never)(y as never) as unknown as T;
        const { value, tangent } = b.jvp(power as never, [x] as never, [v] as never) as unknown as { value: T; tangent: T };
        return { value, tangent, slope: slope(x), second: b.jvp(slope as never, [x] as never, [v] as never).tangent as unknown as T };
      };
      const own = (x: T): T => matrixPower(x as never, { n: p }) as unknown as T;
      const want = all((x) => product(x, p))(a, e, w) as Named;
      const spec = SPECS[dtype](n, n);
      const run = programOf(all(own) as never, spec, spec, spec);
      for (const got of [all(own)(a, e, w) as Named, run([a, e, w], LANES), run([a, e, w], SINGLE)])
        for (const part of Object.keys(want))
          expect(relativeError(got[part] as T, want[part] as T), `${part} of ${dtype} ${n} ^ ${p} ${count}`).to.be.below(bound);
    }
  });
  it("is the same under vmap, later, and of huge exponents", async () => {
    const a = drawn("float64", 1, [3, 5, 5]);
    const power = (x: never) => matrixPower(x, { n: 5 });
    expect(sameBits(b.vmap(power as never)(a as never) as never, power(a as never) as never)).to.equal(true);
    expect(sameBits((await matrixPower.async(a as never, { n: 5 })) as never, power(a as never) as never)).to.equal(true);
    const turn = b.tensor([
      [0, 1, 0],
      [0, 0, 1],
      [1, 0, 0],
    ]);
    const most = Number.MAX_SAFE_INTEGER; // 1 more than a multiple of 3, as 2^53 = 2 (mod 3)
    for (const [n, k] of [
      [most, 1],
      [-most, 2],
      [most - 1, 0],
    ] as const)
      expect(matrixPower(turn, { n }).toArray()).to.deep.equal(matrixPower(turn, { n: k }).toArray());
    expect(matrixPower(b.tensor([[0.5]]), { n: most }).item()).to.equal(0);
    const angles = Array.from({ length: 19 }, (_, i) => 0.1 * i);
    const turns = (by: number): T =>
      b.tensor(
        angles.map((t) => [
          [Math.cos(by * t), -Math.sin(by * t)],
          [Math.sin(by * t), Math.cos(by * t)],
        ]),
      ) as T;
    for (const n of [100, 1023, -1024]) expect(relativeError(matrixPower(turns(1) as never, { n }) as T, turns(n))).to.be.below(1e-12);
    expect(matrixPower(b.zeros([2, 0, 0]), { n: -3 }).shape).to.deep.equal([2, 0, 0]);
    expect(matrixPower(b.zeros([0, 3, 3]), { n: 3 }).shape).to.deep.equal([0, 3, 3]);
    for (const n of [0.5, Number.NaN, 2 ** 53, "2"])
      expect(caught(() => matrixPower(turn, { n: n as never })).message).to.match(/option n must be an integer/);
  });
  it("of real items has the bits that each has alone, whatever the neighbours; a square those of the product", () => {
    for (const [dtype, n, p, count] of cells("real powers", [
      ["float64", "float32"],
      [1, 2, 3, 4, 5, 8, 13, 18, 19, 33],
      [0, 1, 2, 7, 12],
      [3, 131],
    ])) {
      const a = drawn(dtype, 4, [count, n, n]);
      const spoilt = b.where(b.equal(b.reshape(b.arange(count), [count, 1, 1]), 1), Number.NaN as never, a as never) as unknown as T;
      const [all, beside] = [a, spoilt].map((x) => matrixPower(x as never, { n: p }) as unknown as T) as [T, T];
      for (const i of [0, 1, 2, count - 1]) {
        const alone = matrixPower(item(a, i) as never, { n: p }) as unknown as T;
        expect(sameBits(item(all, i), alone), `${dtype} ${n} ^ ${p}, ${i} of ${count}`).to.equal(true);
        if (i !== 1) expect(sameBits(item(beside, i), alone), `beside NaN, ${dtype} ${n} ^ ${p}`).to.equal(true);
      }
      expect(item(beside, 1).data.every(Number.isNaN)).to.equal(p > 0);
      if (p === 2 && n > 1 && n < 19) expect(sameBits(all, b.matmul(a, a) as T), `the product, ${dtype} ${n}`).to.equal(true);
    }
  });
  it("names singular items of negative powers, and lets NaN through elsewhere", () => {
    const a = b.stack([b.eye(2), b.ones([2, 2]), b.mul(Number.NaN, b.eye(2)), b.mul(2, b.eye(2))]) as unknown as T;
    for (const layout of ["lanes", "single", undefined] as const) {
      const run = (n: number) => {
        if (layout === undefined) {
          const { value, failures } = matrixPower.checked(a as never, { n });
          return { y: value as unknown as T, told: failures.map((f) => [f.item, f.code, f.op]) };
        }
        const failures: { item: number; code: string; op: string }[] = [];
        const { y } = programOf((x: never) => ({ y: matrixPower(x, { n }) }), b.float64(2, 2))([a], { onFailure: "nan", failures, layout });
        return { y: y as T, told: failures.map((f) => [f.item, f.code, f.op]) };
      };
      expect(run(-3).told).to.deep.equal([
        [1, "ERR_SINGULAR", "matrixPower"],
        [2, "ERR_NOT_FINITE", "matrixPower"],
      ]);
      expect(relativeError(item(run(-3).y, 3), b.mul(0.125, b.eye(2)) as never)).to.equal(0);
      expect(run(3).told).to.deep.equal([]);
      expect(item(run(3).y, 2).data.every(Number.isNaN)).to.equal(true);
      expect(item(run(0).y, 2).toArray()).to.deep.equal(b.eye(2).toArray());
    }
  });
});
