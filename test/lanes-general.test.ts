// Schur and Hessenberg forms, eigenvalues and eigenvectors of general matrices in lanes that have nothing in common.
import { expect } from "chai";
import { cast, compile, type Float, float32, float64, info, linalg, random, type Tensor, tensor } from "../lib/index";
import { checkGeneral, GENERAL_SIZES, generalBatch, KINDS } from "./general-lanes";
import { cells } from "./grid";
import { DTYPES } from "./spectra";

type F64 = Tensor<"float64">;
const OPS = {
  schur: (x: F64) => Object.values(linalg.schur(x)) as Tensor[],
  hessenberg: (x: F64) => Object.values(linalg.hessenberg(x)) as Tensor[],
  eig: (x: F64) => Object.values(linalg.eig(x)) as Tensor[],
  eigvals: (x: F64) => [linalg.eigvals(x)] as Tensor[],
} as const;
type Name = keyof typeof OPS;
const widthOf = (dtype: Float) => info().lanes * (dtype === "float32" || dtype === "complex64" ? 2 : 1);
const inLanes = (name: Name, n: number) => {
  const program = compile(OPS[name] as (x: F64) => F64[], float64(n, n));
  return (a: F64, options = {}) => program.runSync([a], { layout: "lanes", ...options }) as Tensor[];
};
/** Bytes of item k. */
const bytes = (t: Tensor, k: number): string => {
  const size = t.data.length / (t.shape[0] as number);
  return Array.from(t.data.subarray(k * size, (k + 1) * size) as Float64Array, (x) => (Object.is(x, -0) ? "-0" : String(x))).join(" ");
};
const items = (t: F64, list: readonly number[]): F64 => {
  const size = t.data.length / (t.shape[0] as number);
  const data = list.flatMap((k) => Array.from(t.data.subarray(k * size, (k + 1) * size)));
  return tensor(Float64Array.from(data), { shape: [list.length, ...t.shape.slice(1)] });
};

describe("general matrices in lanes", () => {
  it("LAPACK's residuals whatever the neighbours: kinds, scales, sizes, batches", function () {
    this.timeout(120_000);
    for (const [dtype, n, more] of cells("general matrices in lanes", [DTYPES, GENERAL_SIZES, [0, 1, 2, 3, 4]])) {
      const w = widthOf(dtype);
      checkGeneral(dtype, n, [1, w - 1, w, w + 1, 0][more] as number, 1 + more);
    }
  });

  it("bits do not depend on neighbours, chunks or threads", () => {
    for (const [name, n] of cells("bits of general matrices", [Object.keys(OPS) as Name[], [1, 2, 3, 4, 7, 16, 33]])) {
      const run = inLanes(name, n);
      const count = 37;
      const a = generalBatch("float64", n, count) as unknown as F64;
      const order = Array.from({ length: count }, (_, k) => (k * 7 + 3) % count);
      const [whole, moved] = [run(a), run(items(a, order), { chunk: 1, threads: 2 })];
      for (const [port, t] of moved.entries())
        for (const [k, from] of order.entries())
          expect(bytes(t, k), `${name} of ${n}, item ${from}`).to.equal(bytes(whole[port] as Tensor, from));
    }
  });

  it("lanes come to an end by themselves: what LAPACK computes has other last digits", () => {
    const n = 8;
    const names = Object.keys(KINDS);
    const a = generalBatch("float64", n, names.length) as unknown as F64;
    const own = ["any", "companion", "graded", "symmetric", "skew", "cyclic", "tiny", "huge", "unbalanced", "frank", "blocks"];
    for (const name of ["schur", "eig", "eigvals"] as const) {
      const [lanes, single] = [inLanes(name, n)(a), inLanes(name, n)(a, { layout: "single" })];
      const last = lanes.length - 1;
      for (let k = 0; k < names.length; k++)
        if (own.includes(names[(k * 5 + 1) % names.length] as string))
          expect(bytes(lanes[last] as Tensor, k), `${name} of ${names[(k * 5 + 1) % names.length]}`).not.to.equal(
            bytes(single[last] as Tensor, k),
          );
    }
  });

  it("eigenvalues are those of matrices whose rows are in other units, far apart", () => {
    const general = [-1, 2, 1, 1, 1, -2, 2, 1, 0];
    for (const [dtype, powers, tolerance] of [
      ["float32", [10, 20, 24, 25, 30], 1e-6],
      ["float64", [100, 200, 250], 1e-14],
    ] as const) {
      const width = info().lanes * 2;
      for (const power of powers) {
        const one = general.map((x, k) => x * 2 ** (power * (Math.floor(k / 3) - (k % 3))));
        const a = tensor(Array.from({ length: width }, () => one).flat(), { shape: [width, 3, 3], dtype }) as Tensor as F64;
        const w = compile(
          (x: F64) => linalg.eigvals(x),
          (dtype === "float32" ? float32 : float64)(3, 3) as ReturnType<typeof float64>,
        ).runSync([a], { layout: "lanes" });
        const expected = [-2.668685090477746, 0, 1.334342545238873, 1.530166685071814, 1.334342545238873, -1.530166685071814];
        for (let k = 0; k < w.data.length; k++) expect(w.data[k], `2^${power}`).to.be.closeTo(expected[k % 6] as number, 4 * tolerance);
      }
    }
  });

  it("signs of zeros do not tell of neighbours", () => {
    // a matrix without a reflection, among others that have one
    const still = [1, -0, 0, 1, -0, -0, 1e-300, -0, -0];
    const width = info().lanes;
    const others = random.normal(3, [width - 1, 3, 3]).data;
    const run = inLanes("hessenberg", 3);
    const alone = run(tensor(Array.from({ length: width }, () => still).flat(), { shape: [width, 3, 3] }) as F64);
    const among = run(tensor([...still, ...others], { shape: [width, 3, 3] }) as F64);
    for (const port of [0, 1]) expect(bytes(among[port] as Tensor, 0)).to.equal(bytes(alone[port] as Tensor, 0));
  });

  it("vectors that LAPACK's substitution cannot give are an error, and no NaN", () => {
    const n = 12;
    const shift = tensor(
      Array.from({ length: n * n }, (_, k) => Number(k >= n && (Math.floor(k / n) + 3) % n === k % n)),
      { shape: [n, n] },
    );
    const { value, failures } = linalg.eig.checked(cast(shift, "complex64"));
    const finite = Array.from(value.v.data).every(Number.isFinite);
    expect(finite || failures[0]?.code === "ERR_NOT_FINITE").to.equal(true);
  });

  it("items with NaN or infinity are named, what is too large, too; the others stay", () => {
    for (const [name, n] of cells("general matrices that are not finite", [Object.keys(OPS) as Name[], [1, 2, 3, 5, 16]])) {
      const clean = random.normal(4, [19, n, n]);
      const data = clean.data.slice();
      data[(3 * n + n - 1) * n] = Number.NaN;
      data[(11 * n + n - 1) * n + n - 1] = Number.NEGATIVE_INFINITY;
      const over = n > (name === "hessenberg" ? 2 : 1); // of order 2 the form is the matrix
      if (over) data.fill(1.5e308, 7 * n * n, 8 * n * n);
      const spoilt = tensor(data, { shape: [19, n, n] });
      const { value, failures } = (
        linalg[name] as unknown as { checked(x: F64): { value: object; failures: { item: number; code: string }[] } }
      ).checked(spoilt);
      const bad = over ? [3, 7, 11] : [3, 11];
      expect(failures.map((f) => [f.item, f.code])).to.deep.equal(bad.map((i) => [i, "ERR_NOT_FINITE"]));
      const got = (name === "eigvals" ? [value] : Object.values(value)) as Tensor[];
      const want = OPS[name](clean);
      for (const [port, t] of got.entries())
        for (let k = 0; k < 19; k++)
          if (!bad.includes(k)) expect(bytes(t, k), `${name} of ${n}, item ${k}`).to.equal(bytes(want[port] as Tensor, k));
    }
  });

  it("conjugate pairs are exact, real eigenvalues have real vectors, and those of upper triangles stand on the diagonal", () => {
    for (const n of [2, 3, 5, 8, 17]) {
      const a = random.normal(7, [19, n, n]);
      const { w, v } = compile((x: F64) => linalg.eig(x), float64(n, n)).runSync([a], { layout: "lanes" });
      const [value, vector] = [w.data as Float64Array, v.data as Float64Array];
      let pairs = 0;
      for (let k = 0; k < 19; k++)
        for (let j = 0; j < n; j++) {
          const im = value[2 * (k * n + j) + 1] as number;
          const column = (c: number, part: number) =>
            Array.from({ length: n }, (_, i) => vector[2 * ((k * n + i) * n + c) + part] as number);
          if (im === 0) expect(column(j, 1), `vector ${j} of ${n}`).to.deep.equal(Array(n).fill(0));
          if (!(im > 0)) continue;
          pairs++;
          expect([value[2 * (k * n + j + 1)], value[2 * (k * n + j + 1) + 1]]).to.deep.equal([value[2 * (k * n + j)], -im]);
          expect(column(j + 1, 0)).to.deep.equal(column(j, 0));
          expect(column(j + 1, 1).map((x) => -x || 0)).to.deep.equal(column(j, 1).map((x) => x || 0));
        }
      expect(pairs, `${n}`).to.be.greaterThan(3);
      const triangle = linalg.qr(a).r;
      const [t] = inLanes("schur", n)(triangle);
      expect(Array.from((t as F64).data)).to.deep.equal(Array.from(triangle.data, (x) => x || 0));
    }
  });
});
