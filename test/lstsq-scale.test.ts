// Least squares at every scale. X(sA, tB, s²λ) = (t/s) X(A, B, λ), and so its derivatives; with powers of two this is exact, so that an answer at any
// scale is the answer at scale 1 with another exponent: by every method, alone, in lanes, compiled, in four dtypes.
import { expect } from "chai";
import { type Float, realOf } from "../lib/core/dtype";
import { storageOf, wrap } from "../lib/core/tensor";
import {
  abs,
  add,
  compile,
  div,
  eye,
  full,
  greater,
  hvp,
  jvp,
  linalg,
  matmul,
  max,
  mul,
  random,
  real,
  Spec,
  sub,
  sum,
  type Tensor,
  tensor,
  vjp,
  where,
  zeros,
} from "../lib/index";
import { epsOf } from "../lib/testing/close";
import { cells } from "./grid";

type F64 = Tensor<"float64">;
const DTYPES: readonly Float[] = ["float64", "float32", "complex128", "complex64"];
const METHODS = ["qr", "svd", "cholesky"] as const;
const SHAPES = [
  [5, 3],
  [3, 5],
  [4, 4],
] as const;
const PROBLEMS = [SHAPES, [[], [19]], [0, 0.25]] as const; // m x n, batch, λ
/** Exponents: entries subnormal, nearly so, usual, near the largest. */
const SCALES = { float64: [-1060, -1000, -500, 0, 500, 1000, 1020], float32: [-140, -122, -60, 0, 60, 122, 124] };
const LARGEST = { float64: 1020, float32: 124 };

const width = (dtype: Float): "float64" | "float32" => realOf(dtype) as "float64" | "float32";
/** t 2^e, without overflow on the way. */
function scaled(t: Tensor, e: number): F64 {
  const half = Math.trunc(e / 2);
  return wrap(t.dtype, t.shape, storageOf(t).array.map((x) => (x as number) * 2 ** half * 2 ** (e - half)) as Float64Array) as F64;
}
/** Multiples of 2^-6, so that the same matrix stays exact among subnormal numbers. */
const coarse = (t: Tensor): F64 =>
  wrap(t.dtype, t.shape, storageOf(t).array.map((x) => Math.round((x as number) * 64) / 64) as Float64Array) as F64;
const normal = (key: number, shape: readonly number[], dtype: Float): F64 => coarse(random.normal(key, shape, { dtype }) as Tensor);
const problem = (batch: readonly number[], m: number, n: number, dtype: Float) => ({
  a: add(mul(0.5, normal(1, [...batch, m, n], dtype)), mul(2, eye(m, { columns: n, dtype }))) as F64, // of condition number below 20
  b: normal(2, [...batch, m, 2], dtype),
  g: normal(3, [...batch, n, 2], dtype),
  v: normal(4, [...batch, m, n], dtype),
});

/** f() = want 2^e, to `factor` roundings of the largest element, or of the smallest number. Where numbers do not hold want 2^e, nothing is asked. */
function expectScaled(f: () => Tensor, want: Tensor, e: number, factor: number, what: string): void {
  const top = LARGEST[width(want.dtype as Float)];
  const largest = Math.max(...Array.from(storageOf(want).array, Math.abs));
  if (Math.log2(largest) + e > top || e < -top) return;
  const [x, y] = [storageOf(f()).array, storageOf(scaled(want, e)).array];
  const smallest = width(want.dtype as Float) === "float64" ? 2 ** -1074 : 2 ** -149;
  const tolerance = factor * (epsOf(want.dtype) * largest * 2 ** e + smallest);
  let worst = 0;
  x.forEach((v, i) => {
    const d = Math.abs((v as number) - (y[i] as number));
    worst = Number.isNaN(d) ? Number.POSITIVE_INFINITY : Math.max(worst, d);
  });
  expect(worst, what).to.be.at.most(tolerance);
}

type Solve = (a: F64, b: F64, l: F64) => F64;
/** The ways to call it. */
function* forms(method: (typeof METHODS)[number], a: F64, b: F64): Generator<[string, Solve]> {
  const solve: Solve = (p, q, l) => linalg.lstsq(p, q, { method, l2Regularizer: l });
  yield ["eager", solve];
  if (a.rank === 2) return;
  const item = (t: F64) => new Spec(t.dtype, t.shape.slice(1));
  const program = compile(solve, item(a), item(b), new Spec(realOf(a.dtype) as "float64", []));
  for (const layout of ["single", "lanes"] as const) yield [layout, (...args) => program.runSync(args, { layout }) as F64];
}

/** The cotangents "a lanes", "b lanes", ... of a compiled rule, where there is a batch. */
function compiled(pull: (...xs: F64[]) => F64[], batch: readonly number[], inputs: F64[]): Record<string, () => F64> {
  if (batch.length === 0) return {};
  const specs = inputs.map((t) => new Spec(t.dtype, t.rank === 0 ? [] : t.shape.slice(1)));
  const program = compile(pull as never, ...(specs as never[])) as unknown as { runSync(inputs: F64[], options: object): F64[] };
  const out: Record<string, () => F64> = {};
  for (const layout of ["single", "lanes"]) {
    const pulled = program.runSync(inputs, { layout });
    for (const [i, name] of ["a", "b", "l"].entries()) out[`${name} ${layout}`] = () => pulled[i] as F64;
  }
  return out;
}

describe("lstsq at every scale", () => {
  // n times the square of the condition number, which gradients and normal equations take
  const FACTOR = 5 * 400;
  for (const dtype of DTYPES) {
    for (const method of METHODS) {
      it(`${dtype}, ${method}: values, alone, in lanes, compiled`, () => {
        for (const [[m, n], batch, l] of cells(`values ${dtype} ${method}`, PROBLEMS)) {
          const { a, b } = problem(batch, m, n, dtype);
          const lambda = (e: number) => full([], l === 0 ? 0 : l * 2 ** e, { dtype: width(dtype) }) as F64;
          const all = [...forms(method, a, b)];
          const want = (all.find(([form]) => form === "single") ?? all[0])?.[1](a, b, lambda(0)) as F64; // lanes are to agree with it
          for (const [form, solve] of all) {
            for (const e of SCALES[width(dtype)]) {
              if (l > 0 && Math.abs(2 * e) > LARGEST[width(dtype)]) continue;
              for (const f of [e, 0, e >> 1, ...(l === 0 && e === 0 ? SCALES[width(dtype)] : [])]) {
                const got = () => solve(scaled(a, e), scaled(b, f), lambda(2 * e));
                expectScaled(got, want, f - e, FACTOR, `${form} ${m} x ${n} [${batch}] λ ${l}: A 2^${e}, B 2^${f}`);
              }
            }
          }
        }
      });

      it(`${dtype}, ${method}: gradients, jvp and Hessian-vector products`, () => {
        for (const [[m, n], batch, l] of cells(`gradients ${dtype} ${method}`, PROBLEMS)) {
          const { a, b, g, v } = problem(batch, m, n, dtype);
          const at = (e: number, f: number, h: number): Record<string, () => F64> => {
            const [p, q, s, w] = [scaled(a, e), scaled(b, f), scaled(g, h), scaled(v, e)];
            const lambda = full([], l === 0 ? 0 : l * 2 ** (2 * e), { dtype: width(dtype) }) as F64;
            const solve = (x: F64) => linalg.lstsq(x, q, { method, l2Regularizer: lambda });
            const loss = (x: F64) => sum(real(mul(solve(x), s.conj()))) as F64;
            const all = (...xs: F64[]) => linalg.lstsq(xs[0] as F64, xs[1] as F64, { method, l2Regularizer: xs[2] as F64 });
            const pull = (...xs: F64[]) => vjp(all, ...(xs.slice(0, 3) as [F64, F64, F64])).pullback(xs[3] as F64) as [F64, F64, F64];
            const pulled = pull(p, q, full(batch, lambda.item(), { dtype: width(dtype) }) as F64, s);
            return {
              a: () => pulled[0],
              b: () => pulled[1],
              l: () => pulled[2],
              ...compiled(pull, batch, [p, q, lambda, s]),
              jvp: () => jvp(solve, [p], [w]).tangent as F64,
              hvp: () => hvp(loss, p, w) as F64,
            };
          };
          const want = at(0, 0, 0);
          for (const e of SCALES[width(dtype)]) {
            if (Math.abs(2 * e) > LARGEST[width(dtype)] && l > 0) continue;
            // with cotangents of size 1, and with those that make Ā one of size 1
            for (const [f, h] of [
              [e, 0],
              [e, e],
              [0, 2 * e],
            ] as const) {
              // biome-ignore format: pairs
              if (Math.max(Math.abs(f), Math.abs(h)) > LARGEST[width(dtype)]) continue;
              const got = at(e, f, h);
              const powers: Record<string, number> = { a: f + h - 2 * e, b: h - e, l: f + h - 3 * e, jvp: f - e, hvp: f + h - 2 * e };
              for (const [name, result] of Object.entries(got)) {
                // beyond the first order cotangents meet the square of the condition number before they meet A⁻¹
                if (name === "hvp" && h > LARGEST[width(dtype)] - 20) continue;
                const what = `${name}, ${m} x ${n} [${batch}] λ ${l}: A 2^${e}, B 2^${f}, X̄ 2^${h}`;
                const plain = name.replace(/ .*/, "");
                const first = (want[`${plain} single`] ?? want[plain]) as () => F64; // lanes are to agree with it
                expectScaled(result, first(), powers[plain] as number, 20 * FACTOR, what);
              }
            }
          }
        }
      });
    }
  }

  it("columns of B and of the cotangent that have nothing to do with each other, in one call", () => {
    for (const dtype of DTYPES) {
      const most = width(dtype) === "float64" ? 900 : 100;
      const powers = [-most, 0, most];
      for (const [m, n] of SHAPES) {
        for (const batch of [[], [19]]) {
          const { a } = problem(batch, m, n, dtype);
          const [b, g] = [normal(5, [...batch, m, 3], dtype), normal(6, [...batch, n, 3], dtype)];
          /** Column j times 2^(sign powers[j]). */
          const columns = (t: F64, sign: number): F64 =>
            wrap(t.dtype, t.shape, storageOf(t).array.map((x, i) => {
              const width = storageOf(t).array.length / t.size;
              return (x as number) * 2 ** (sign * (powers[Math.floor(i / width) % 3] as number));
            }) as Float64Array) as F64; // biome-ignore format: one function
          for (const method of METHODS) {
            const at = (sign: number) => {
              const { value, pullback } = vjp((p: F64, q: F64) => linalg.lstsq(p, q, { method }), a, columns(b, sign));
              const [ga, gb] = pullback(columns(g, -sign)) as [F64, F64];
              return [columns(value as F64, -sign), ga, columns(gb, sign)] as const;
            };
            const want = at(0);
            at(1).forEach((got, i) => {
              expectScaled(() => got, want[i] as F64, 0, FACTOR * 20, `${["x", "a", "b"][i]} ${method} ${dtype} ${m} x ${n} [${batch}]`);
            });
          }
        }
      }
    }
  });

  it("a λ that leaves nothing of AᴴA: X = AᴴB/λ and its gradients", () => {
    const cases = { float64: [[-1000, 0, 0], [-300, 600, 700], [-1000, 1000, 1000], [0, 1000, 500], [-1060, -60, 0]], float32: [[-122, 0, 0], [-60, 60, 70], [-122, 100, 120], [0, 120, 60]] }; // biome-ignore format: tables
    for (const dtype of DTYPES) {
      for (const [m, n] of SHAPES) {
        for (const batch of [[], [19]]) {
          const { a, b, g } = problem(batch, m, n, dtype);
          const x = matmul(a, b, { adjointA: true });
          const want = { x, a: matmul(b, g, { adjointB: true }), b: matmul(a, g) };
          const inner = sum(real(mul(x, g.conj())), { axis: [-2, -1] }) as F64;
          for (const [e, l, f] of cases[width(dtype)] as [number, number, number][]) {
            for (const method of METHODS) {
              const lambda = full(batch, 2 ** l, { dtype: width(dtype) }) as F64;
              const solve = (...xs: F64[]) => linalg.lstsq(xs[0] as F64, xs[1] as F64, { method, l2Regularizer: xs[2] as F64 });
              const { value, pullback } = vjp(solve, scaled(a, e), scaled(b, f), lambda);
              const [ga, gb, gl] = pullback(g) as [F64, F64, F64];
              const what = `${method} ${dtype} ${m} x ${n} [${batch}]: A 2^${e}, λ 2^${l}, B 2^${f}`;
              for (const [
                got,
                ideal,
                power,
              ] of [[value, want.x, e + f - l], [ga, want.a, f - l], [gb, want.b, e - l], [gl, inner.neg(), e + f - 2 * l]] as const) // biome-ignore format: rows
                expectScaled(() => got as F64, ideal, power, FACTOR, what);
            }
          }
        }
      }
    }
  });

  it("a λ of any size costs no digits: qr and cholesky agree with singular values", () => {
    for (const dtype of DTYPES) {
      for (const [m, n] of SHAPES) {
        for (const batch of [[], [19]]) {
          const { a, b } = problem(batch, m, n, dtype);
          for (const l of [1e-4, 1, 1e2, 1e4, 1e6, 1e12, 1e16, 1e24]) {
            const want = linalg.lstsq(a, b, { method: "svd", l2Regularizer: l });
            for (const method of ["qr", "cholesky"] as const)
              expectScaled(
                () => linalg.lstsq(a, b, { method, l2Regularizer: l }),
                want,
                0,
                FACTOR,
                `${method} ${dtype} ${m} x ${n} [${batch}], λ ${l}`,
              );
          }
        }
      }
    }
  });

  it("a λ that is nothing beside AᴴA", () => {
    const { a, b } = problem([19], 5, 3, "float64");
    for (const method of METHODS) {
      const got = linalg.lstsq(scaled(a, 500), scaled(b, 500), { method, l2Regularizer: 2 ** -1000 });
      expectScaled(() => got, linalg.lstsq(a, b, { method }), 0, FACTOR, method);
    }
  });

  it("near the largest numbers, and down to the smallest", () => {
    const near = (t: Tensor, want: number[][], dtype: Float) =>
      storageOf(t).array.forEach((v, i) => {
        const width = storageOf(t).array.length / want.flat().length;
        const ideal = i % width === 0 ? (want.flat()[i / width] as number) : 0;
        expect(v, `${dtype} ${i}`).to.be.closeTo(ideal, 400 * epsOf(dtype));
      });
    const to = (rows: number[][], dtype: Float, copies: number) =>
      tensor(
        Array.from({ length: copies }, () => rows),
        { dtype: width(dtype) },
      ).add(zeros([], { dtype })) as F64;
    for (const method of METHODS) {
      for (const copies of [1, 16]) {
        for (const dtype of DTYPES) {
          const single = width(dtype) === "float32";
          const repeated = (rows: number[][]) => Array.from({ length: copies }, () => rows).flat();
          for (const s of single ? [1e38, 1.5e38] : [6e307, 8e307]) {
            const a = to([[2 * s, s], [s, s]], dtype, copies); // biome-ignore format: a matrix
            near(linalg.lstsq(a, a, { method }), repeated([[1, 0], [0, 1]]), dtype); // biome-ignore format: a matrix
          }
          for (const s of single ? [2.1e38, 3.4e38] : [1.2e308, 1.79e308]) {
            const a = to([[s, 0], [s, 0], [0, s]], dtype, copies); // biome-ignore format: a matrix
            near(linalg.lstsq(a, to([[s], [s], [s]], dtype, copies), { method }), repeated([[1], [1]]), dtype);
            const ones = to([[1], [1], [1], [1]], dtype, copies);
            const x = linalg.lstsq(ones, mul(ones, s), { method });
            near(scaled(x, single ? -127 : -1023), repeated([[s / 2 ** (single ? 127 : 1023)]]), dtype);
          }
          const tiny = to([[single ? 1e-39 : 1e-310]], dtype, copies);
          near(linalg.lstsq(tiny, tiny, { method }), repeated([[1]]), dtype);
        }
      }
    }
  });

  it("right-hand sides and cotangents whose columns are of sizes of their own, alone and in lanes", () => {
    for (const dtype of DTYPES) {
      const single = realOf(dtype) === "float32";
      const powers = (single ? [0, -60, -102, 80] : [0, -500, -960, 900]).map((e) => 2 ** e);
      const d = tensor(powers, { dtype }) as unknown as F64;
      for (const [m, n] of SHAPES)
        for (const items of [1, 7, 9]) {
          const draw = (key: number, ...shape: number[]): F64 => random.normal(key, [items, ...shape], { dtype }) as F64;
          // of a moderate size: not scaled
          const [a, b, g] = [mul(draw(1, m, n), 2 ** (single ? -15 : -90)), draw(2, m, 4), draw(3, n, 4)] as [F64, F64, F64];
          const apart = (x: F64, y: F64): number =>
            Math.max(...Array.from(div(abs(sub(x, y) as F64), max(abs(y), { axis: -2, keepDims: true })).data, Number));
          const { value: plain, pullback: back } = vjp((b: F64) => linalg.lstsq(a, b) as F64, b);
          const { value: graded, pullback: backOfGraded } = vjp((b: F64) => linalg.lstsq(a, b) as F64, mul(b, d) as F64);
          const bound = 2000 * epsOf(dtype);
          expect(apart(graded as F64, mul(plain as F64, d) as F64), `${dtype} ${m} ${n} ${items}`).to.be.at.most(bound);
          const small = mul(g, where(greater(abs(d), 1), 1, d)) as F64;
          const one = (back as (g: F64) => F64[])(g)[0] as F64;
          const other = (backOfGraded as (g: F64) => F64[])(small)[0] as F64;
          expect(apart(other, mul(one, where(greater(abs(d), 1), 1, d)) as F64), `${dtype} ${m} ${n} ${items}: B̄`).to.be.at.most(bound);
        }
    }
  });

  it("by the normal equations as precise as their condition number allows", () => {
    for (const [dtype, scales] of [
      ["float32", [1e-19, 1e-20, 1e-21, 1e-22, 3e-23, 1e-36, 1e19, 1e37]],
      ["float64", [3e-161, 1e-161, 3e-162, 1e155, 1e300]],
    ] as const) {
      // biome-ignore format: rows
      for (const s of scales) {
        const a = mul(s, tensor([[2, 1], [1, 1], [1, 3]], { dtype })); // biome-ignore format: a matrix
        const x = linalg.lstsq(a as F64, mul(s, tensor([[1], [2], [3]], { dtype })) as F64, { method: "cholesky" });
        expect(x.at(0, 0), `${dtype} ${s}`).to.be.closeTo(1 / 6, 40 * epsOf(dtype));
        expect(x.at(1, 0), `${dtype} ${s}`).to.be.closeTo(1, 40 * epsOf(dtype));
      }
    }
  });

  it("an answer beyond the largest number is an error that names the item, or NaN", () => {
    for (const method of METHODS) {
      for (const batch of [1, 3, 16]) {
        const [a, b] = [full([batch, 1, 1], 1), full([batch, 1, 1], 1)].map((t) => t.data.slice()) as [Float64Array, Float64Array];
        a[batch - 1] = 1e-300;
        b[batch - 1] = 1e300;
        const [p, q] = [tensor(a, { shape: [batch, 1, 1] }), tensor(b, { shape: [batch, 1, 1] })];
        expect(() => linalg.lstsq(p, q, { method })).to.throw(
          `lstsq: matrix ${batch - 1} of the batch (shape [${batch}, 1, 1]) has an answer beyond the largest number of its dtype.`,
        );
        const { value, failures } = linalg.lstsq.checked(p, q, { method });
        expect(failures.map((f) => [f.item, f.code])).to.deep.equal([[batch - 1, "ERR_NOT_FINITE"]]);
        expect(Array.from(value.data, Number.isNaN)).to.deep.equal(Array.from({ length: batch }, (_, i) => i === batch - 1));
      }
    }
  });
});
