// One large matrix is cut into tiles by its sizes: the same bits for any number of threads, alone, in a batch, compiled or not; and right.
import { expect } from "chai";
import {
  add,
  adjoint,
  broadcastTo,
  compile,
  complex64,
  expandDims,
  eye,
  float64,
  info,
  type LinalgError,
  linalg,
  matmul,
  matrixTranspose,
  mul,
  random,
  setThreads,
  slice,
  type Tensor,
  tensor,
} from "../lib/index";
import { cells, long } from "./grid";

type F64 = Tensor<"float64">; // or complex64
type Dtype = "float64" | "complex64";
const normal = (seed: number, shape: number[], dtype: Dtype): F64 => random.normal(random.key(seed), shape, { dtype }) as F64;
const well = (n: number, dtype: Dtype): F64 => add(normal(1, [n, n], dtype), mul(eye(n, { dtype }), 3 * Math.sqrt(n)));
const definite = (n: number, dtype: Dtype): F64 => {
  const g = normal(2, [n, n], dtype);
  return add(matmul(g, g, { adjointB: true }), mul(eye(n, { dtype }), n));
};
const eps = { float64: 2 ** -52, complex64: 2 ** -23 };
const bytes = (t: F64): Buffer => Buffer.from(Uint8Array.from(new Uint8Array(t.data.buffer, t.data.byteOffset, t.data.byteLength)));
/** Products of n terms of size about 1, and what solves make of them: 8 n ε of the largest. */
function close(got: F64, want: F64, n: number, dtype: Dtype, what: string): void {
  expect(got.shape, what).to.deep.equal(want.shape);
  let worst = 0;
  let most = 1;
  got.data.forEach((x, i) => {
    worst = Math.max(worst, Math.abs(Number(x) - Number(want.data[i])));
    most = Math.max(most, Math.abs(Number(want.data[i])));
  });
  expect(worst, what).to.be.at.most(8 * n * eps[dtype] * most);
}
/** The columns [j, j + count) of a matrix. */
const columns = (a: F64, j: number, count: number): F64 => slice(a, [0, j], [a.shape[0] as number, count]);

type Call = [name: string, f: (...args: F64[]) => F64, args: F64[]];
function calls(n: number, dtype: Dtype): Call[] {
  const [a, b, spd] = [well(n, dtype), normal(3, [n, n], dtype), definite(n, dtype)];
  const l = linalg.cholesky(spd);
  const [tall, y] = [normal(4, [n + 200, n], dtype), normal(5, [n + 200, 3], dtype)];
  return [
    ["matmul", (x, z) => matmul(x, z), [a, b]],
    ["matmul, adjoints", (x, z) => matmul(x, z, { adjointA: true, adjointB: true }), [a, b]],
    ["cholesky", (x) => linalg.cholesky(x), [spd]],
    ["inv", (x) => linalg.inv(x), [a]],
    ["solve", (x, z) => linalg.solve(x, z), [a, b]],
    ["solveTriangular", (x, z) => linalg.solveTriangular(x, z), [l, b]],
    ["solveTriangular, right", (x, z) => linalg.solveTriangular(x, z, { side: "right", adjoint: true }), [l, b]],
    ["lstsq", (x, z) => linalg.lstsq(x, z, { method: "cholesky", rcond: 1e-6 }), [tall, y]],
    ["lstsq, QR", (x, z) => linalg.lstsq(x, z), [tall, y]],
    ["qr", (x) => linalg.qr(x).q, [tall]],
    ["qr, wide", (x) => linalg.qr(matrixTranspose(x), { mode: "r" }) as F64, [tall]],
    ["eigvalsh", (x) => linalg.eigvalsh(x), [spd]],
  ];
}

type Way = (f: Call[1], args: F64[], dtype: Dtype) => F64[] | Promise<F64[]>;
const compiled = (f: Call[1], args: F64[], dtype: Dtype) => {
  const spec = dtype === "float64" ? float64 : complex64;
  return compile((...x: unknown[]) => f(...(x as F64[])), ...args.map((x) => spec(...x.shape))) as unknown as {
    runSync(args: F64[], options?: object): F64;
    run(args: F64[]): Promise<F64>;
  };
};
const onThreads =
  (n: number): Way =>
  (f, args) => {
    setThreads(n);
    return [f(...args)];
  };
/** Ways to the same numbers as a call on one thread. */
const WAYS: Readonly<Record<string, Way>> = {
  "two threads": onThreads(2),
  "three threads": onThreads(3),
  "in a batch": (f, args) => {
    const batch = f(...args.map((x) => broadcastTo(expandDims(x, 0), [2, ...x.shape])));
    const item = batch.shape.slice(1);
    return [0, 1].map((i) => slice(batch, [i, ...item.map(() => 0)], [1, ...item]));
  },
  compiled: (f, args, dtype) => [compiled(f, args, dtype).runSync(args)],
  "compiled, one thread": (f, args, dtype) => [compiled(f, args, dtype).runSync(args, { threads: 1 })],
  "compiled, asynchronous": async (f, args, dtype) => [await compiled(f, args, dtype).run(args)],
};

describe("one large matrix", function () {
  this.timeout(120_000);
  const threads = info().threads;
  afterEach(() => setThreads(threads));

  for (const [n, dtype] of [
    [512, "float64"],
    [645, "complex64"],
  ] as const) {
    it(`${dtype}, n = ${n}: the same bits for any threads, in a batch, compiled, asynchronous`, async () => {
      const all = calls(n, dtype);
      for (const [name, how] of cells(`tiles ${dtype}`, [all.map(([called]) => called), Object.keys(WAYS)])) {
        const [, f, args] = all.find(([called]) => called === name) as Call;
        setThreads(1);
        const one = f(...args);
        setThreads(threads);
        for (const got of await (WAYS[how] as Way)(f, args, dtype)) expect(bytes(got).equals(bytes(one)), `${name}, ${how}`).to.equal(true);
      }
    });
  }

  it("products are those of their columns, whatever the operands", () => {
    for (const dtype of ["float64", "complex64"] as const) {
      for (const [m, k, n] of [
        [530, 100, 790],
        [1100, 20, 600],
        [3, 3000, 1000],
      ] as const) {
        const [a, b] = [normal(1, [m, k], dtype), normal(2, [k, n], dtype)];
        for (const adjointA of [false, true])
          for (const adjointB of [false, true]) {
            const left = adjointA ? adjoint(a) : a;
            const got = matmul(left, adjointB ? adjoint(b) : b, { adjointA, adjointB });
            for (let j = 0; j < n; j += 131) {
              const count = Math.min(4, n - j);
              const what = `${dtype} ${m} ${k} ${n} ${adjointA} ${adjointB}, column ${j}`;
              close(columns(got, j, count), matmul(left, columns(b, j, count), { adjointA }), k, dtype, what);
            }
          }
      }
    }
  });
  it("triangular solves are those of their columns or rows, on all sides", () => {
    const n = 531;
    for (const dtype of ["float64", "complex64"] as const) {
      const [a, b] = [well(n, dtype), normal(6, [n, n + 60], dtype)];
      for (const lower of [true, false])
        for (const options of [{}, { adjoint: true }, { transpose: true }] as const) {
          const all = { lower, ...options };
          const got = linalg.solveTriangular(a, b, all);
          const fromRight = linalg.solveTriangular(a, matrixTranspose(b), { ...all, side: "right" });
          for (const j of [0, 255, 270, 400, n + 56]) {
            const what = `${dtype} ${JSON.stringify(all)} column ${j}`;
            const part = columns(b, j, 4);
            close(columns(got, j, 4), linalg.solveTriangular(a, part, all), n, dtype, what);
            const rows = slice(fromRight, [j, 0], [4, n]);
            close(rows, linalg.solveTriangular(a, matrixTranspose(part), { ...all, side: "right" }), n, dtype, `${what}, right`);
          }
        }
    }
  });
  long("factors make the matrix again; least squares agree with QR", () => {
    for (const dtype of ["float64", "complex64"] as const) {
      for (const n of [512, 777]) {
        const spd = definite(n, dtype);
        const l = linalg.cholesky(spd);
        close(matmul(l, l, { adjointB: true }), spd, n, dtype, `cholesky ${dtype} ${n}`);
        const a = well(n, dtype);
        close(matmul(a, linalg.inv(a)), eye(n, { dtype }) as F64, n, dtype, `inv ${dtype} ${n}`);
      }
      const [tall, y] = [normal(7, [2000, 540], dtype), normal(8, [2000, 2], dtype)];
      const options = { rcond: 1e-6 }; // LAPACK's estimate is in another norm, far from ours at this size
      const [qr, normalEquations] = [linalg.lstsq(tall, y, options), linalg.lstsq(tall, y, { ...options, method: "cholesky" })];
      close(normalEquations, qr, 540, dtype, `lstsq ${dtype}`);
    }
  });
  it("a matrix that is not positive definite names the same minor as a small one", () => {
    const n = 800;
    for (const order of [1, 250, 399, 400, 401, 777, 800]) {
      const entry = (i: number) => (i % (n + 1) !== 0 ? 0.25 : i / (n + 1) === order - 1 ? -1 : n);
      const a = tensor(
        Float64Array.from({ length: n * n }, (_, i) => entry(i)),
        { shape: [n, n] },
      );
      try {
        linalg.cholesky(a);
        expect.fail("no error");
      } catch (error) {
        expect((error as LinalgError).code).to.equal("ERR_NOT_POSITIVE_DEFINITE");
        expect((error as LinalgError).index).to.equal(order);
      }
    }
  });
});
