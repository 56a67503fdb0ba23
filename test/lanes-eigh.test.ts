// Lane kernels of Hermitian eigenproblems and what hangs on them, where checkOp's samples do not lead: lanes with nothing in common.
import { expect } from "chai";
import {
  abs,
  add,
  cast,
  compile,
  complex128,
  exp,
  eye,
  type Float,
  float64,
  grad,
  info,
  type LinalgError,
  linalg,
  matmul,
  mul,
  random,
  square,
  stack,
  sub,
  sum,
  type Tensor,
  tensor,
} from "../lib/index";
import { relativeError } from "../lib/testing/index";
import { cells } from "./grid";
import { batchOf, checkSpectra, DTYPES, epsOf, SIZES } from "./spectra";

type F64 = Tensor<"float64">;
const widthOf = (dtype: Float) => info().lanes * (dtype === "float32" || dtype === "complex64" ? 2 : 1);
const items = (t: F64, list: readonly number[]) => {
  const rest = t.shape.slice(1);
  const size = rest.reduce((p, q) => p * q, 1);
  const data = list.flatMap((k) => Array.from(t.data.subarray(k * size, (k + 1) * size)));
  return tensor(Float64Array.from(data), { shape: [list.length, ...rest] });
};
const symmetric = (n: number, count: number, key: number): F64 => {
  const a = random.normal(key, [count, n, n]);
  return add(a, a.adjoint());
};

describe("spectra in lanes", () => {
  it("LAPACK's residuals and the single kernel's values, whatever the neighbours: spectra, scales, sizes, batches", function () {
    this.timeout(120_000);
    for (const [dtype, n, more] of cells("spectra in lanes", [DTYPES, SIZES, [0, 1, 2, 3, 4]])) {
      const w = widthOf(dtype);
      checkSpectra(dtype, n, [1, w - 1, w, w + 1, 0][more] as number, 1 + more);
    }
  });

  it("vectors are unitary where what is left of a matrix of low rank has squares without digits", () => {
    for (const n of [5, 17, 19, 33])
      for (const ratio of [1, 1e-2, 1e-3]) {
        const x = Float64Array.from({ length: n * n }, (_, k) => ratio ** Math.floor(k / n));
        const a = cast(tensor(x, { shape: [n, n] }), "complex128");
        const many = stack(Array.from({ length: info().lanes }, () => matmul(a, a, { adjointA: true })));
        const { v } = compile((h: typeof a) => linalg.eigh(h), complex128(n, n)).runSync([many], { layout: "lanes" });
        const { u, vh } = compile((h: typeof a) => linalg.svd(h), complex128(n, n)).runSync([stack([a, a, a, a])], { layout: "lanes" });
        for (const [name, q] of Object.entries({ v, u, vh })) {
          const off = Math.max(...abs(sub(matmul(q, q, { adjointA: true }), cast(eye(n), "complex128"))).data);
          expect(off, `${name}, n ${n}, ratio ${ratio}`).to.be.lessThan(1e-13);
        }
      }
  });

  it("bits do not depend on neighbours, chunks or threads", () => {
    for (const n of [1, 2, 3, 4, 7, 16, 33]) {
      const a = batchOf("float64", n, 19).a as F64;
      const order = Array.from({ length: 19 }, (_, k) => (k * 7 + 3) % 19);
      const p = compile((x: F64) => linalg.eigh(x), float64(n, n));
      const q = compile((x: F64) => linalg.eigvalsh(x), float64(n, n));
      const whole = { ...p.runSync([a], { layout: "lanes" }), only: q.runSync([a], { layout: "lanes" }) };
      const moved = {
        ...p.runSync([items(a, order)], { layout: "lanes", chunk: 1, threads: 2 }),
        only: q.runSync([items(a, order)], { layout: "lanes" }),
      };
      for (const name of ["w", "v", "only"] as const) {
        const want = items(whole[name], order);
        for (let e = 0; e < want.data.length; e++)
          expect(Object.is(moved[name].data[e], want.data[e]), `${name} of ${n}, element ${e}`).to.equal(true);
      }
    }
  });

  it("diagonal matrices and their vectors are exact", () => {
    const rows = [3, -1, 0, 2, 1e-200, 5, -7, 4];
    const a = tensor(Array.from({ length: 9 }, (_, k) => rows.map((_r, i) => rows.map((x, j) => (i === j ? x * (k + 1) : 0)))) as never);
    const { w, v } = compile((x: F64) => linalg.eigh(x), float64(8, 8)).runSync([a as unknown as F64], { layout: "lanes" });
    const sorted = [...rows].sort((p, q) => p - q);
    for (let k = 0; k < 9; k++)
      for (let j = 0; j < 8; j++) {
        expect(w.at(k, j)).to.equal((sorted[j] as number) * (k + 1));
        for (let i = 0; i < 8; i++) expect(v.at(k, i, j)).to.equal(rows[i] === sorted[j] ? 1 : 0);
      }
  });

  it("items with NaN or infinity are named, eigenvalues beyond the largest number, too; the others stay", () => {
    for (const n of [1, 2, 3, 5, 16]) {
      const a = symmetric(n, 19, 4);
      const data = a.data.slice();
      data[(3 * n + n - 1) * n] = Number.NaN;
      data[(11 * n + n - 1) * n + n - 1] = Number.NEGATIVE_INFINITY;
      if (n > 1) data.fill(1.5e308, 7 * n * n, 8 * n * n);
      const { value, failures } = linalg.eigh.checked(tensor(data, { shape: [19, n, n] }));
      expect(failures.map((f) => [f.item, f.code])).to.deep.equal((n > 1 ? [3, 7, 11] : [3, 11]).map((i) => [i, "ERR_NOT_FINITE"]));
      const clean = linalg.eigh(a);
      for (let k = 0; k < 19; k++) {
        if (k === 3 || k === 7 || k === 11) continue;
        expect(items(value.w, [k]).toArray()).to.deep.equal(items(clean.w, [k]).toArray());
        expect(items(value.v, [k]).toArray()).to.deep.equal(items(clean.v, [k]).toArray());
      }
    }
  });
});

describe("their adjoints in lanes", () => {
  const ofVectors = (x: F64, options: { triangle?: "lower" }) => {
    const { w, v } = linalg.eigh(x, options);
    const n = x.shape.at(-1) as number;
    const weights = tensor(
      Float64Array.from({ length: n * n }, (_, e) => Math.sin(e)),
      { shape: [n, n] },
    );
    return add(sum(mul(w, w)), sum(mul(square(v), weights)));
  };
  const losses: Readonly<Record<string, (x: F64) => F64>> = {
    eigh: (x) => ofVectors(x, {}),
    lower: (x) => ofVectors(x, { triangle: "lower" }),
    eigvalsh: (x) => sum(exp(mul(0.1, linalg.eigvalsh(x)))),
    funmHermitian: (x) => sum(linalg.funmHermitian(x, (t) => exp(mul(0.1, t)))),
    expmHermitian: (x) => sum(linalg.expmHermitian(mul(0.1, x))),
  };
  it("nothing falls out of lanes, forward or backward, to order 64; answers are those of one matrix at a time", function () {
    this.timeout(180_000);
    for (const [name, n] of cells("adjoints in lanes", [Object.keys(losses), [1, 2, 3, 5, 8, 16, 17, 33, 64]])) {
      const program = compile(grad(losses[name] as (x: F64) => F64), float64(n, n));
      const a = symmetric(n, info().lanes + 1, n);
      const plan = program.explain([a], { layout: "lanes" });
      expect(plan)
        .to.match(/"layout": "lanes"/)
        .and.not.match(/adapted/);
      const [lanes, single] = (["lanes", "single"] as const).map((layout) => program.runSync([a], { layout }));
      // differences of eigenvalues divide: the smallest is about 1/n² of the norm
      expect(relativeError(lanes as F64, single as F64), `${name} of ${n}`).to.be.below(1e3 * n * n * epsOf("float64"));
    }
  });
  it("equal eigenvalues in some lanes: every policy, in lanes as alone", () => {
    const n = 5;
    const data = symmetric(n, 19, 8).data.slice();
    for (const item of [2, 9, 18]) {
      data.fill(0, item * n * n, (item + 1) * n * n);
      [1, 4, 1, 4, 7].forEach((x, i) => {
        data[item * n * n + i * n + i] = x;
      });
    }
    const batch = tensor(data, { shape: [19, n, n] });
    const weights = random.normal(5, [n, n]);
    for (const degenerate of ["throw", "nan", "mask"] as const) {
      const loss = (x: F64) => {
        const { w, v } = linalg.eigh(x, { degenerate });
        return sum(mul(weights, matmul(mul(v, square(w)), v, { adjointB: true })));
      };
      const program = compile(grad(loss), float64(n, n));
      if (degenerate === "throw") {
        for (const layout of ["lanes", "single"] as const)
          expect(() => program.runSync([batch], { layout }))
            .to.throw()
            .and.satisfy((e: LinalgError) => e.code === "ERR_DEGENERATE" && e.item === 2 && e.index === 1);
        continue;
      }
      const [lanes, single] = (["lanes", "single"] as const).map((layout) => program.runSync([batch], { layout })) as [F64, F64];
      for (let e = 0; e < lanes.data.length; e++) {
        const [p, q] = [lanes.data[e] as number, single.data[e] as number];
        if (Number.isNaN(q)) expect(p).to.be.NaN;
        else expect(p).to.be.closeTo(q, 1e-10);
      }
      expect(Array.from(items(lanes, [2]).data).some(Number.isNaN)).to.equal(degenerate === "nan");
      expect(Array.from(items(lanes, [3]).data).some(Number.isNaN)).to.equal(false);
    }
  });
});

describe("functions of Hermitian matrices in lanes", () => {
  const functions = {
    exp: linalg.expmHermitian,
    log: linalg.logmHermitian,
    sqrt: linalg.sqrtmHermitian,
    inverseSqrt: linalg.inverseSqrtmHermitian,
    power: (x: F64) => linalg.powmHermitian(x, 0.3),
    whole: (x: F64) => linalg.powmHermitian(x, -2),
  } as const;
  /** Positive definite: gaps from 1e-16 to 10, one lane with equal eigenvalues, some of extreme size. */
  const definite = (n: number, scales: readonly number[]): F64 => {
    const { v } = linalg.eigh(symmetric(n, scales.length, 3));
    const w = scales.map((s, k) => Array.from({ length: n }, (_, i) => s * (2 + (k === 1 ? 0 : 10 ** -k * i))));
    const a = matmul(mul(v, tensor(w).reshape([scales.length, 1, n])), v, { adjointB: true });
    return mul(0.5, add(a, a.adjoint()));
  };
  it("values and gradients are those of one matrix at a time, at equal and close eigenvalues, at any scale", () => {
    for (const [name, n] of cells("functions in lanes", [Object.keys(functions) as (keyof typeof functions)[], [1, 2, 3, 6, 17]])) {
      const f = functions[name] as (x: F64) => F64;
      const scales = Array.from({ length: 17 }, (_, k) => (name === "exp" || k % 4 ? 1 : k % 8 ? 1e-60 : 1e60));
      const a = definite(n, scales);
      const weights = random.normal(7, [n, n]);
      const loss = (x: F64) => sum(mul(weights, f(x)));
      for (const program of [compile(f, float64(n, n)), compile(grad(loss), float64(n, n))]) {
        const [lanes, single] = (["lanes", "single"] as const).map((layout) => program.runSync([a], { layout })) as [F64, F64];
        for (let k = 0; k < 17; k++)
          expect(relativeError(items(lanes, [k]), items(single, [k]), 0), `${name} of ${n}, item ${k}`).to.be.below(
            200 * n * epsOf("float64"),
          );
      }
    }
  });
  it("eigenvalues outside the domain are named in lanes, too", () => {
    const data = definite(4, new Array(17).fill(1)).data.slice();
    for (let i = 0; i < 4; i++) data[5 * 16 + i * 5] = -1 - i;
    const { failures } = linalg.logmHermitian.checked(tensor(data, { shape: [17, 4, 4] }));
    expect(failures.map((f) => [f.item, f.code])).to.deep.equal([[5, "ERR_NOT_POSITIVE_DEFINITE"]]);
  });
});
