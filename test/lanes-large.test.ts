// Lane kernels that work in blocks, at sizes around those of the blocks and beyond checkOp's: as the single kernels, lane for lane.
import { expect } from "chai";
import {
  add,
  compile,
  complex128,
  concat,
  float32,
  float64,
  grad,
  info,
  linalg,
  matmul,
  mul,
  random,
  real,
  slice,
  sum,
  type Tensor,
  tensor,
} from "../lib/index";
import { relativeError } from "../lib/testing/index";
import { cells } from "./grid";

type F64 = Tensor<"float64">;
const EPS = 2 ** -52;
const SPECS = { float64, complex128 } as const;
const SIZES = [1, 3, 4, 5, 27, 28, 29, 31, 32, 33, 63, 64, 65, 96, 128] as const;

/** Matrices with rows in another order in each lane, so that pivots differ, and of condition 10 or so. */
function shuffled(dtype: keyof typeof SPECS, n: number, count: number): F64 {
  const a = add(random.normal(n, [count, n, n], { dtype }) as F64, mul(3 * Math.sqrt(n), tensor(new Float64Array(n).fill(1)).diag()));
  const data = a.data.slice();
  const row = data.length / (count * n);
  for (let item = 0; item < count; item++)
    for (let i = 0; i < n; i++) {
      const from = (item * n + ((i * 17 + item * 3) % n)) * row; // no size has the factor 17
      data.set(a.data.subarray(from, from + row), (item * n + i) * row);
    }
  return tensor(data, { shape: [count, n, n], dtype }) as unknown as F64;
}
const layouts = ["lanes", "single"] as const;

describe("lanes in blocks", () => {
  const b = (x: F64, k: number) => {
    const n = x.shape.at(-1) as number;
    return random.normal(9, [n, k], { dtype: x.dtype as "float64" }) as F64;
  };
  const functions: Readonly<Record<string, (x: F64) => F64>> = {
    solve: (x) => linalg.solve(x, b(x, 3)),
    "solve, adjoint": (x) => linalg.solve(x, b(x, 5), { adjoint: true }),
    inv: (x) => linalg.inv(x),
    slogdet: (x) => linalg.slogdet(x).logabsdet as F64,
    det: (x) => linalg.det(mul(0.3, x)),
    matmul: (x) => matmul(x, x, { adjointA: true }),
  };
  it("LU with pivots of every lane's own, solves, inverses, determinants, products, and their gradients", function () {
    this.timeout(120_000);
    for (const [name, dtype, n] of cells("lanes in blocks", [Object.keys(functions), ["float64", "complex128"] as const, SIZES])) {
      const f = functions[name] as (x: F64) => F64;
      const a = shuffled(dtype, n, info().lanes + 1);
      const spec = SPECS[dtype](n, n) as ReturnType<typeof float64>;
      const size = (y: F64) => real(sum(mul(y, 0.3)));
      for (const program of [
        compile(f, spec),
        compile(
          grad((x: F64) => size(f(x))),
          spec,
        ),
      ]) {
        const [lanes, single] = layouts.map((layout) => program.runSync([a], { layout })) as [F64, F64];
        expect(relativeError(lanes, single), `${name}, ${dtype}, ${n}`).to.be.below(1e3 * n * EPS);
      }
    }
  });
  it("singular matrices are named with the column, others stay", () => {
    for (const n of [5, 29, 40, 64]) {
      const data = shuffled("float64", n, 11).data.slice();
      const zero = (item: number, column: number) => {
        for (let i = 0; i < n; i++) data[(item * n + i) * n + column] = 0;
      };
      zero(2, 4);
      zero(7, n - 1);
      const a = tensor(data, { shape: [11, n, n] });
      const { value, failures } = linalg.inv.checked(a);
      expect(failures.map((f) => [f.item, f.code, f.index])).to.deep.equal([
        [2, "ERR_SINGULAR", 5],
        [7, "ERR_SINGULAR", n],
      ]);
      const product = matmul(a, value);
      for (let k = 0; k < 11; k++)
        for (let i = 0; i < n && k !== 2 && k !== 7; i++)
          for (let j = 0; j < n; j++) expect(product.at(k, i, j)).to.be.closeTo(i === j ? 1 : 0, 1e-12);
    }
  });

  it("least squares of many columns: in doubt by the bound on the inverse, certain by the inverse; zero and equal columns are named", () => {
    for (const [dtype, m, n] of [
      ["float32", 240, 120],
      ["float64", 96, 64],
    ] as const) {
      const spec = dtype === "float32" ? float32 : float64;
      const a = random.normal(3, [9, m, n], { dtype }) as F64;
      for (let i = 0; i < m; i++) {
        a.data[i * n + 7] = 0; // item 0
        a.data[(2 * m + i) * n + 9] = a.data[(2 * m + i) * n + 50] as number; // item 2
      }
      const rhs = random.normal(4, [9, m, 2], { dtype }) as F64;
      const program = compile((x: F64, y: F64) => linalg.lstsq(x, y), spec(m, n) as never, spec(m, 2) as never) as unknown as {
        runSync(list: F64[], how: object): F64;
      };
      const [lanes, single] = layouts.map((layout) => {
        const failures: { item: number; code: string }[] = [];
        const value = program.runSync([a, rhs], { layout, onFailure: "nan", failures });
        expect(failures.map(({ item, code }) => [item, code])).to.deep.equal([0, 2].map((item) => [item, "ERR_RANK_DEFICIENT"]));
        return value;
      }) as [F64, F64];
      const good = (t: F64) => concat([slice(t, [1, 0, 0], [1, n, 2]), slice(t, [3, 0, 0], [6, n, 2])]) as F64;
      expect(relativeError(good(lanes), good(single)), dtype).to.be.below(dtype === "float32" ? 2e-4 : 1e-12);
    }
  });

  it("least squares, tall, square and wide, damped in some lanes: as the single kernel, bits as without the damped neighbours", function () {
    this.timeout(180_000);
    const shapes = [
      [1, 1],
      [7, 3],
      [3, 7],
      [16, 8],
      [9, 9],
      [33, 31],
      [31, 33],
      [64, 32],
      [130, 65],
      [40, 128],
    ] as const;
    for (const [[m, n], dtype, k] of cells("least squares in blocks", [shapes, ["float64", "complex128"] as const, [0, 1, 4, 6]])) {
      const count = 2 * info().lanes + 1;
      const draw = (key: number, shape: number[]) => random.normal(key, shape, { dtype }) as unknown as F64;
      const [a, rhs] = [draw(1, [count, m, n]), draw(2, [count, m, k])];
      const specs = [SPECS[dtype](m, n), SPECS[dtype](m, k), float64()] as unknown as ReturnType<typeof float64>[];
      const f = (x: F64, y: F64, l2Regularizer: F64) => linalg.lstsq(x, y, { l2Regularizer });
      const loss = (x: F64, y: F64, l: F64) => real(sum(mul(f(x, y, l), 0.3))) as F64;
      const damped = tensor(
        Float64Array.from({ length: count }, (_, i) => (i % 3 ? 0 : exp1(i))),
        { shape: [count] },
      );
      const programs = [compile(f, ...(specs as [never, never, never])), compile(grad(loss), ...(specs as [never, never, never]))];
      const what = `${m} x ${n}, ${k}, ${dtype}`;
      for (const program of programs as { runSync(list: F64[], how: object): F64 }[]) {
        const [lanes, single] = layouts.map((layout) => program.runSync([a, rhs, damped], { layout })) as [F64, F64];
        // the condition of a square matrix of normal numbers is about n, and gradients have its square
        expect(relativeError(lanes, single), what).to.be.below(1e5 * EPS * (m === n ? 1e4 : 1));
        const plain = program.runSync([a, rhs, mul(0, damped)], { layout: "lanes" });
        const size = lanes.data.length / count;
        for (let e = 0; e < lanes.data.length; e++)
          if (Math.floor(e / size) % 3) expect(Object.is(plain.data[e], lanes.data[e]), `${what}, element ${e}`).to.equal(true);
      }
    }
  });
});
const exp1 = (i: number) => 0.5 + i / 7;
