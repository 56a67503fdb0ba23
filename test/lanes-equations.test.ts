// Lane kernels of matrix equations and of functions of general matrices, where checkOp's samples do not lead: lanes with nothing in common.
import { expect } from "chai";
import {
  add,
  cast,
  compile,
  type Failure,
  type Float,
  grad,
  info,
  linalg,
  matmul,
  mul,
  random,
  real,
  Spec,
  sum,
  type Tensor,
  tensor,
} from "../lib/index";
import { relativeError } from "../lib/testing/index";
import { cells } from "./grid";
import type { T } from "./stored";

const widthOf = (dtype: Float): number => info().lanes * (dtype === "float32" || dtype === "complex64" ? 2 : 1);
const epsOf = (dtype: Float): number => (dtype === "float32" || dtype === "complex64" ? 2 ** -23 : 2 ** -52);
const draw = (seed: number, shape: readonly number[], dtype: Float): T => random.normal(seed, [...shape], { dtype }) as Tensor as T;
/** Matrices with eigenvalues around `middle`, or on both sides of the imaginary axis. */
const around = (middle: number, seed: number, count: number, n: number, dtype: Float): T => {
  const noise = mul(0.6 / Math.sqrt(n), draw(seed, [count, n, n], dtype));
  const diagonal = tensor(
    Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_x, j) => (i === j ? middle || 2 * Math.cos(2 * i) : 0))),
  );
  return add(noise, cast(diagonal, dtype)) as T;
};
const DTYPES = ["float32", "float64", "complex64", "complex128"] as const;

interface Case {
  readonly f: (...xs: T[]) => T;
  readonly of: (count: number, n: number, dtype: Float) => T[];
}
const one = (f: (a: T) => T, middle = 2): Case => ({ f, of: (count, n, dtype) => [around(middle, 3, count, n, dtype)] });
const two = (f: (a: T, q: T) => T, middle = 2): Case => ({
  f,
  of: (count, n, dtype) => [mul(middle === 0 ? 0.3 : 1, around(middle, 4, count, n, dtype)) as T, draw(5, [count, n, n], dtype)],
});
const CASES: { readonly [name: string]: Case } = {
  sylvester: {
    f: (a, b, c) => linalg.sylvester(a, b, c) as T,
    of: (count, n, dtype) => [around(2, 1, count, n, dtype), around(2, 2, count, n + 2, dtype), draw(6, [count, n, n + 2], dtype)],
  },
  sylvesterAdjoint: {
    f: (a, b, c) => linalg.sylvester(a, b, c, { adjoint: true }) as T,
    of: (count, n, dtype) => [around(2, 1, count, n + 1, dtype), around(2, 2, count, n, dtype), draw(6, [count, n + 1, n], dtype)],
  },
  lyapunov: two((a, q) => linalg.lyapunov(a, q) as T),
  lyapunovAdjoint: two((a, q) => linalg.lyapunov(a, q, { adjoint: true }) as T),
  stein: two((a, q) => linalg.discreteLyapunov(a, q) as T, 0),
  steinAdjoint: two((a, q) => linalg.discreteLyapunov(a, q, { adjoint: true }) as T, 0),
  sqrtm: one((a) => linalg.sqrtm(a) as T),
  logm: one((a) => linalg.logm(a) as T),
  power: one((a) => linalg.fractionalMatrixPower(a, { p: 0.3 }) as T),
  largePower: one((a) => linalg.fractionalMatrixPower(a, { p: -2.7 }) as T),
  signm: one((a) => linalg.signm(a) as T, 0),
};
const NAMES = Object.keys(CASES);
/** The program of f, or of its gradient by all arguments. */
const programOf = (name: string, xs: readonly T[], gradient: boolean) => {
  const { f } = CASES[name] as Case;
  const loss = (...args: T[]): T => real(sum(mul(f(...args), f(...args)))) as T;
  const all = (args: readonly T[]): readonly T[] => grad((list: readonly T[]) => loss(...list))(args) as readonly T[];
  const specs = xs.map((x) => new Spec(x.dtype as Float, x.shape.slice(1)));
  return compile(gradient ? all : (args: readonly T[]): readonly T[] => [f(...args)], specs as never);
};
const run = (name: string, xs: readonly T[], gradient: boolean, layout: "lanes" | "single", more = {}): readonly T[] =>
  programOf(name, xs, gradient).runSync([xs] as never, { layout, ...more }) as readonly T[];
const items = (t: T, list: readonly number[]): T => {
  const { data } = t as unknown as { data: Float64Array };
  const size = data.length / (t.shape[0] as number);
  const taken = list.flatMap((k) => Array.from(data.subarray(k * size, (k + 1) * size)));
  return tensor(Float64Array.from(taken), { shape: [list.length, ...t.shape.slice(1)] }) as T;
};

describe("equations and functions of general matrices in lanes", () => {
  it("give what one matrix at a time gives, forward and backward: dtypes, sizes, batches", function () {
    this.timeout(120_000);
    for (const [name, dtype, n, gradient, more] of cells("equations in lanes", [
      NAMES,
      DTYPES,
      [1, 2, 3, 5, 8, 17, 33],
      [false, true],
      [0, 1, 2, 3],
    ])) {
      const w = widthOf(dtype);
      const xs = (CASES[name] as Case).of([w + 1, w, w - 1, 1][more] as number, n, dtype);
      const [lanes, single] = (["lanes", "single"] as const).map((layout) => run(name, xs, gradient, layout)) as [
        readonly T[],
        readonly T[],
      ];
      lanes.forEach((x, i) => {
        expect(relativeError(x, single[i] as T), `${name} ${dtype} ${n} ${gradient ? "gradient" : "value"} ${i}`).to.be.below(
          300 * n * epsOf(dtype),
        );
      });
    }
  });
  it("bits do not depend on neighbours, chunks or threads", () => {
    for (const [name, n, gradient] of cells("neighbours", [NAMES, [1, 3, 6, 17], [false, true]])) {
      const xs = (CASES[name] as Case).of(19, n, "float64");
      const order = Array.from({ length: 19 }, (_, k) => (k * 7 + 3) % 19);
      const whole = run(name, xs, gradient, "lanes");
      const moved = run(
        name,
        xs.map((x) => items(x, order)),
        gradient,
        "lanes",
        { chunk: 1, threads: 2 },
      );
      whole.forEach((x, i) => {
        const want = items(x, order).data;
        for (let e = 0; e < want.length; e++)
          expect(Object.is((moved[i] as T).data[e], want[e]), `${name} ${n} ${gradient} ${e}`).to.equal(true);
      });
    }
  });
  it("items that are not finite, of extreme size, triangular or without a solution are computed or named as alone; the others stay", () => {
    const n = 5;
    for (const name of NAMES) {
      const xs = (CASES[name] as Case).of(19, n, "float64");
      const a = xs[0] as T;
      const m = a.shape[1] as number;
      const data = Float64Array.from(a.data as Float64Array);
      const put = (item: number, f: (x: number, i: number, j: number) => number): void => {
        for (let i = 0; i < m; i++)
          for (let j = 0; j < m; j++) {
            const at = (item * m + i) * m + j;
            data[at] = f(data[at] as number, i, j);
          }
      };
      put(2, (x, i, j) => (i === 1 && j === 0 ? Number.NaN : x));
      put(4, (x) => x * (name.startsWith("stein") ? 2 ** -300 : 2 ** 300));
      put(7, (x, i, j) => (i <= j ? x : 0));
      put(9, (x, i, j) => (i >= j ? x : 0));
      put(11, () => 0);
      put(13, (x) => -x);
      const given = [tensor(data, { shape: a.shape }) as T, ...xs.slice(1)];
      const { f } = CASES[name] as Case;
      const program = compile((args: readonly T[]) => f(...args), given.map((x) => new Spec("float64", x.shape.slice(1))) as never);
      const checked = (layout: "lanes" | "single") => {
        const failures: Failure[] = [];
        const value = program.runSync([given] as never, { layout, onFailure: "nan", failures }) as unknown as T;
        return { value, told: failures.map((e) => [e.item, e.code] as const) };
      };
      const [lanes, single] = [checked("lanes"), checked("single")];
      expect(lanes.told, name).to.deep.equal(single.told);
      expect(lanes.told.map(([i]) => i)).to.include(2);
      const clean = run(name, xs, false, "lanes")[0] as T;
      const failed = new Set(lanes.told.map(([i]) => i));
      for (let k = 0; k < 19; k++) {
        const [x, y] = [lanes, single].map((r) => items(r.value, [k])) as [T, T];
        if (![2, 4, 7, 9, 11, 13].includes(k)) expect(x.toArray(), `${name} ${k}`).to.deep.equal(items(clean, [k]).toArray());
        else if (!failed.has(k)) expect(relativeError(x, y), `${name} ${k}`).to.be.below(1e-12);
      }
    }
  });
  it("gradients take the forms of the call: one instruction each, which computes none", () => {
    for (const name of ["sqrtm", "logm", "power", "signm"]) {
      const xs = (CASES[name] as Case).of(2, 3, "float64");
      const said = programOf(name, xs, true).explain([xs] as never, { layout: "lanes" });
      expect(said, name)
        .to.match(/_vjp/)
        .and.not.match(/Along|adapted/);
    }
  });
  it("of defective matrices and equal eigenvalues are what they are", () => {
    const block = [
      [4, 1, 0],
      [0, 4, 1],
      [0, 0, 4],
    ];
    const { q } = linalg.qr(random.normal(1, [3, 3]));
    const a = tensor(Array.from({ length: 9 }, () => block) as never) as unknown as T;
    const turned = matmul(matmul(q, a), q, { adjointB: true }) as T;
    const want = matmul(
      matmul(
        q,
        tensor([
          [2, 1 / 4, -1 / 64],
          [0, 2, 1 / 4],
          [0, 0, 2],
        ]),
      ),
      q,
      { adjointB: true },
    ) as T;
    for (let k = 0; k < 9; k++)
      expect(relativeError(items(run("sqrtm", [turned], false, "lanes")[0] as T, [k]).reshape([3, 3]), want)).to.be.below(1e-10);
  });

  it("pairs of eigenvalues beside the negative axis lose nothing", () => {
    for (const angle of [1e-2, 1e-6, 1e-12, 1e-16, 1e-30]) {
      const a = tensor(Array.from({ length: 9 }, () => [-1, -angle, angle, -1]).flat(), { shape: [9, 2, 2] }) as T;
      const root = linalg.sqrtm(a) as T;
      expect(relativeError(matmul(root, root) as T, a), `sqrtm, ${angle}`).to.be.below(1e-13);
      expect(relativeError(linalg.expm(linalg.logm(a)) as T, a), `logm, ${angle}`).to.be.below(1e-13);
    }
  });
  it("a Stein equation without a single solution says so, whatever the basis", () => {
    let named = 0;
    for (let seed = 0; seed < 20; seed++) {
      const { q } = linalg.qr(random.normal(seed, [4, 4]));
      const a = matmul(mul(q, tensor([-1, 0.4, 2, 3])), q, { adjointB: true }) as T;
      const { failures } = linalg.discreteLyapunov.checked(a, mul(1, matmul(a, a, { adjointB: true })) as T);
      if (failures[0]?.code === "ERR_SINGULAR") named++;
    }
    expect(named).to.be.above(17);
  });
});
