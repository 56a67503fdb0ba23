// Memory of what nobody sees goes to other results; what anybody can see, never does. Every graph here is also run where nothing is put by,
// below an open level, and must give the same bits; and all that was ever to be seen is looked at again at the end.
import { expect } from "chai";
import fc from "fast-check";
import { ruleFor } from "../lib/core/registry";
import { Reverse } from "../lib/core/reverse";
import { dropSpare, takeSpare } from "../lib/core/spare";
import { primal, storageOf } from "../lib/core/tensor";
import {
  add,
  concat,
  customGrad,
  div,
  exp,
  grad,
  hvp,
  jvp,
  linalg,
  matmul,
  mul,
  registerGradient,
  reshape,
  sin,
  slice,
  square,
  sub,
  sum,
  type Tensor,
  tanh,
  tensor,
  transpose,
  valueAndGrad,
  vjp,
} from "../lib/index";
import { long } from "./grid";

type T = Tensor<"float64">;
const N = 16; // 2 KiB a matrix: its memory is worth putting by
const matrix = (seed: number): T =>
  tensor(
    Float64Array.from({ length: N * N }, (_, i) => Math.sin(seed + i) / N + (i % (N + 1) === 0 ? 1 : 0)),
    { shape: [N, N] },
  );
const spd = (x: T): T => add(matmul(x, x, { adjointB: true }), constant) as T;
const constant = matrix(5);
const bitsOf = (t: T): string => Buffer.from(storageOf(primal(t)).array.slice().buffer).toString("base64");

/** All that was to be seen, as it was then. */
class Witness {
  readonly #seen: { readonly t: T; readonly bits: string }[] = [];
  see<X extends T>(t: X): X {
    this.#seen.push({ t, bits: bitsOf(t) });
    return t;
  }
  check(): void {
    for (const { t, bits } of this.#seen) expect(bitsOf(t)).to.equal(bits);
  }
  get bits(): string[] {
    return this.#seen.map((s) => s.bits);
  }
}

const own = customGrad(
  (a: T) => mul(sin(a), 2) as T,
  ({ inputs: [a] }, [g]) => [g && (mul(mul(g as T, 2), sub(1, square(sin(a as T)))) as T)],
);
const UNARY: ((x: T) => T)[] = [
  exp,
  tanh,
  square,
  (x) => x,
  (x) => transpose(x),
  (x) => reshape(reshape(x, [N * N]), [N, N]),
  (x) => mul(x, constant) as T,
  (x) => slice(concat([x, constant, x], { axis: 0 }), [N - 3, 0], [N, N]) as T,
  (x) => own(x),
  (x) => linalg.cholesky(spd(x)) as T,
  (x) => linalg.inv(add(x, mul(constant, 20))) as T,
  (x) => linalg.solve(add(spd(x), mul(constant, 9)), x) as T,
  (x) => mul(x, linalg.logdet(spd(x))) as T,
  (x) => div(x, add(sum(square(x)), 1)) as T,
];
const BINARY: ((x: T, y: T) => T)[] = [
  (x, y) => add(x, y) as T,
  (x, y) => sub(x, y) as T,
  (x, y) => mul(x, y) as T,
  (x, y) => matmul(x, y) as T,
  (x, y) => mul(y, sum(x, { axis: 0 })) as T,
];

/** A random graph of ops: each step reads what steps before gave, some of it again and again. */
const graph =
  (steps: readonly (readonly [number, number, number])[], see: <X extends T>(t: X) => X) =>
  (x: T): T => {
    const made: T[] = [x];
    for (const [op, a, b] of steps) {
      const [y, z] = [made[a % made.length] as T, made[b % made.length] as T];
      const f = op % (UNARY.length + BINARY.length);
      const next = f < UNARY.length ? (UNARY[f] as (x: T) => T)(y) : (BINARY[f - UNARY.length] as (x: T, y: T) => T)(y, z);
      made.push(see(mul(next, 0.25) as T));
    }
    return sum(tanh(made.reduce((s, t) => add(s, t) as T))) as T;
  };
const steps = fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat()), { minLength: 1, maxLength: 7 });

function everything(list: readonly (readonly [number, number, number])[], witness: Witness): void {
  const see = <X extends T>(t: X): X => witness.see(t);
  const f = graph(list, see);
  const x = see(matrix(1));
  const { value, grad: g } = valueAndGrad(f)(x);
  see(value);
  see(g as T);
  const { value: v, pullback } = vjp(f, x);
  see(v);
  const first = see(pullback(tensor(1) as never)[0] as T);
  see(pullback(tensor(2) as never)[0] as T);
  const again = see(pullback(tensor(1) as never)[0] as T);
  expect(bitsOf(again)).to.equal(bitsOf(first));
  see(vjp((y: T) => mul(reshape(y, [N * N]), 0.5) as T, x).pullback(reshape(first, [N * N]) as T)[0] as T); // a gradient as a cotangent
  see(vjp((y: T) => reshape(y, [N * N]) as T, x).pullback(see(reshape(again, [N * N]) as T))[0] as T);
  see(hvp(f, x, first) as T);
  see(grad((y: T) => sum(mul(grad(f)(y), y)))(x) as T);
  see(jvp((y: T) => grad(f)(y) as T, [x], [g as T]).tangent);
}
/** The same with nothing put by: below a level that is open. */
function plainly(list: readonly (readonly [number, number, number])[]): string[] {
  const witness = new Witness();
  const level = new Reverse();
  try {
    everything(list, witness);
  } finally {
    level.close();
  }
  return witness.bits;
}

describe("memory that is used again", function () {
  this.timeout(120_000);
  afterEach(dropSpare);

  long("is nobody's, in random graphs: values, intermediates, gradients, pullbacks called again, second derivatives", () => {
    fc.assert(
      fc.property(steps, (list) => {
        const witness = new Witness();
        everything(list, witness);
        const bits = witness.bits;
        everything(list, new Witness()); // takes what was put by
        witness.check();
        expect(bits).to.deep.equal(plainly(list));
      }),
      { numRuns: 60 },
    );
  });
  it("nor where a user's rule was given cotangents, and gives them back or keeps them", () => {
    const kept: T[] = [];
    const given: string[] = [];
    const seeing = <X extends T | undefined>(g: X): X => {
      if (g) kept.push(g);
      if (g) given.push(bitsOf(g));
      return g;
    };
    const through = customGrad(
      (a: T) => mul(a, 1) as T,
      (_, [g]) => [seeing(g as T)],
    );
    const inner = customGrad(
      (a: T) => exp(a) as T,
      ({ inputs: [a] }, [g]) => {
        const tripled = seeing(mul(g as T, 3) as T);
        const pulled = vjp((y: T) => mul(exp(through(y)), tripled) as T, a as T).pullback(tripled)[0] as T;
        seeing(pulled);
        return [seeing(grad((y: T) => sum(mul(exp(reshape(y, [N * N])), reshape(g as T, [N * N]))))(a as T) as T)];
      },
    );
    const f = (x: T): T => sum(mul(inner(through(tanh(through(exp(x))))), add(through(x), x))) as T;
    const back = registerGradient("sin", ({ inputs: [a] }, [g]) => [seeing(g as T) && (mul(g as T, add(a as T, 1)) as T)]);
    try {
      const h = (x: T): T => add(f(x), sum(sin(mul(sin(x), x)))) as T;
      const x = matrix(3);
      const [a, b] = [grad(h)(x) as T, grad(h)(x) as T];
      expect(bitsOf(a)).to.equal(bitsOf(b));
      expect(kept.length).to.be.above(8);
      expect(kept.map(bitsOf)).to.deep.equal(given);
    } finally {
      back();
    }
    expect(ruleFor(sin.row)).to.equal(undefined);
  });
  it("nor where a job reads it", async () => {
    const f = (x: T): T => sum(mul(linalg.cholesky(spd(x)), exp(x))) as T;
    const x = matrix(2);
    const jobs: [T, Promise<unknown>][] = [];
    for (let i = 0; i < 20; i++) {
      const g = grad(f)(mul(x, 1 + i / 100) as T) as T;
      jobs.push([g, exp.async(g)]);
    }
    for (const [g, job] of jobs) expect(bitsOf((await job) as T)).to.equal(bitsOf(exp(g)));
  });
  it("nor where a rule fails half way", () => {
    const x = matrix(2);
    const failing = customGrad(
      (a: T) => mul(a, 1) as T,
      () => {
        throw new Error("no rule");
      },
    );
    const f = (t: T): T => sum(mul(linalg.logdet(spd(t)), mul(exp(t), failing(tanh(t))))) as T;
    const g = (t: T): T => sum(mul(linalg.logdet(spd(t)), mul(exp(t), tanh(t)))) as T;
    const before = bitsOf(grad(g)(x) as T);
    expect(() => grad(f)(x)).to.throw("no rule");
    expect(bitsOf(grad(g)(x) as T)).to.equal(before);
    expect(() => grad((t: T) => sum(linalg.cholesky(mul(exp(t), -1))))(x)).to.throw(/not positive definite/);
    expect(bitsOf(grad(g)(x) as T)).to.equal(before);
  });
  it("is put by, of cotangents and of what a function of ours makes on its way", () => {
    const put = (f: () => Tensor): number => {
      dropSpare();
      const result = f();
      const found: unknown[] = [];
      for (let a = takeSpare("float64", N * N); a; a = takeSpare("float64", N * N)) found.push(a);
      expect(found).not.to.include(storageOf(result).array);
      return new Set(found).size;
    };
    const x = matrix(4);
    expect(put(() => grad((t: T) => sum(mul(exp(t), tanh(t))))(x) as T)).to.be.above(1);
    expect(put(() => linalg.logdet(spd(x)))).to.be.above(0);
    expect(put(() => exp(x))).to.equal(0);
  });
});
