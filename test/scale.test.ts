// Answers do not depend on the scale of what is given. Every op of linear algebra is homogeneous, f(c^p x) = c^q f(x); with c a power of two the
// law is exact, so that an answer at any scale is the answer at scale 1 with other exponents: alone, in lanes, compiled, with derivatives.
import { expect } from "chai";
import { apply } from "../lib/core/apply";
import { type Float, isFloat, realOf } from "../lib/core/dtype";
import { signatureOf } from "../lib/core/form";
import { rowOf } from "../lib/core/registry";
import type { Shape, Tensor } from "../lib/core/tensor";
import { add, compile, type Domain, domains, jvp, linalg, log, random, Spec, sqrt, tril, triu, vjp } from "../lib/index";
import { epsOf } from "../lib/testing/close";
import { attrGrid, type Case, domainOf, inputsOf, tangent } from "../lib/testing/sample";
import { cells } from "./grid";
import { coarse, largest, numbers, raised, scaled } from "./powers";
import { packageOps } from "./support";

type T = Tensor<never>;
type Args = readonly Tensor[];

/** f(c^p x) = c^q f(x), of one power per input and output; an output with `log` gains that many times log c besides (on a diagonal). */
interface Law {
  readonly row: string;
  readonly attrs?: Readonly<Record<string, unknown>>;
  readonly p: readonly (number | undefined)[]; // undefined: not a float
  readonly q: readonly number[];
  readonly log?: readonly (number | "diagonal" | undefined)[];
  readonly run?: (...xs: Tensor[]) => Tensor[]; // where it is not the row itself
  /** Values, too, have only the digits of their subnormal inputs; or none at all are asked for there, as f' of the user's f overflows. */
  readonly subnormal?: "digits" | "none";
  /** Not with cotangents of the outputs' own size, as `run` multiplies outputs. */
  readonly own?: false;
}

const N = 4;
const calls = (row: string, attrs: Law["attrs"], xs: Args): Tensor[] => {
  const r = rowOf(row);
  const usual = Object.fromEntries(Object.entries(r.attrs ?? {}).map(([k, a]) => [k, a.fallback]));
  const out = apply(r, xs, { ...usual, ...attrs } as never);
  if (!r.gauge) return out.filter((t) => isFloat(t.dtype));
  const fixed = r.gauge(Object.fromEntries(r.outputs.map((name, i) => [name, out[i] as Tensor])) as never) as Record<string, Tensor>;
  return r.outputs.map((name) => fixed[name] as Tensor);
};

const packed = (f: Tensor): Tensor[] => [tril(f as T, { k: -1 }) as Tensor, triu(f as T) as Tensor];
const solves = (row: string, attrs: Law["attrs"] = {}): Law[] => [
  { row, attrs, p: [1, 1], q: [0] },
  { row, attrs, p: [1, 0], q: [-1] },
  { row, attrs, p: [0, 1], q: [1] },
];
const POWERS = { sqrt: 0.5, inverseSqrt: -0.5, log: 0 } as const;
const funm =
  (f: never) =>
  (a?: Tensor): Tensor[] => [linalg.funmHermitian(a as T, f) as Tensor];

/** One output alone. */
const only = (row: string, at: number, attrs: Law["attrs"] = {}): Law => {
  return { row, attrs, p: [1], q: [1], run: (a) => [calls(row, attrs, [a as Tensor])[at] as Tensor] };
};

const LAWS: readonly Law[] = [
  ...[only("qr", 1), only("qr", 1, { mode: "complete" }), only("lq", 0), only("qrPivoted", 1), only("lu", 2), only("polar", 1)],
  { row: "luFactor", p: [1], q: [1], run: (a) => packed(calls("luFactor", {}, [a as Tensor])[0] as Tensor).slice(1) },
  { row: "cholesky", p: [1], q: [0.5] },
  { row: "logdet", p: [1], q: [0], log: [N] },
  { row: "choleskyUpdate", p: [1, 1], q: [1] },
  { row: "choleskyDowndate", p: [1, 1], q: [1] },
  { row: "choleskySolve", p: [0.5, 1], q: [0], subnormal: "digits" },
  { row: "choleskySolve", p: [1, 1], q: [-1] },
  ...attrGrid(rowOf("solveTriangular")).flatMap((attrs) =>
    solves("solveTriangular", attrs as Law["attrs"]).slice(0, attrs.unitDiagonal ? 0 : 2),
  ),
  ...solves("solve"),
  ...solves("solve", { adjoint: true }),
  { row: "inv", p: [1], q: [-1] },
  { row: "inv", attrs: { adjoint: true }, p: [1], q: [-1] },
  { row: "luFactor", p: [1], q: [0, 1], run: (a) => packed(calls("luFactor", {}, [a as Tensor])[0] as Tensor) },
  { row: "lu", p: [1], q: [0, 0, 1] },
  ...[false, true].map(
    (adjoint): Law => ({
      row: "luSolve",
      attrs: { adjoint },
      p: [0, undefined, 1, 1],
      q: [0],
      subnormal: "digits",
      run: (l, pivots, b, u) =>
        calls("luSolve", { adjoint }, [add(tril(l as T, { k: -1 }), triu(u as T)) as Tensor, pivots as Tensor, b as Tensor]),
    }),
  ),
  { row: "ldlFactor", p: [1], q: [0, 1] },
  ...solves("ldlDivide").slice(0, 2),
  { row: "ldlSolve", p: [0, 1, undefined, 1], q: [0], subnormal: "digits" },
  { row: "ldlSolve", p: [0, 0, undefined, 1], q: [1] },
  { row: "applyPivots", p: [undefined, 1], q: [1] },
  { row: "det", p: [1], q: [N] },
  { row: "slogdet", p: [1], q: [0, 0], log: [undefined, N] },
  { row: "adjugate", p: [1], q: [N - 1] },
  { row: "adjugateDerivative", p: [1, 0], q: [N - 2] },
  { row: "adjugateSecond", p: [1, 0, 0], q: [N - 3] },
  { row: "eig", p: [1], q: [1], run: (a) => calls("eig", {}, [a as Tensor]).slice(1), own: false }, // V diag(w) Vᴴ
  ...Object.entries({ eigInverse: -1, sqrtm: 0.5, sqrtmHermitian: 0.5, signm: 0 }).map(([row, q]): Law => ({ row, p: [1], q: [q] })),
  ...Object.entries({ eigGaps: [1, 0, 0, 1, 0], eigBasis: [1, 0, 0, 0] }).map(([row, p]): Law => ({ row, p, q: [1] })),
  ...[0.5, -1.7].map((p): Law => ({ row: p > 0 ? "fractionalMatrixPower" : "realPower", attrs: { p }, p: [1], q: [p] })),
  ...Object.entries({ sqrtm: 0.5, logm: 0, signm: 0 }).flatMap(([f, q]): Law[] =>
    [0, 1].map((e) => ({ row: "functionAlong", attrs: { f }, p: [1, e], q: [q - 1 + e] })),
  ),
  { row: "eigh", p: [1], q: [1, 0] },
  { row: "eighStrict", p: [1], q: [1, 0] },
  { row: "eigvalsh", p: [1], q: [1] },
  ...["eighPair", "eighPairStrict"].flatMap((row): Law[] => [
    { row, p: [1, 0], q: [1, 0], subnormal: "digits" },
    { row, p: [0, 1], q: [-1, -1] }, // v as its gauge leaves it, squared
  ]),
  { row: "eigvalshPair", p: [1, 0], q: [1], subnormal: "digits" },
  { row: "eigvalshPair", p: [1, 1], q: [0], subnormal: "digits" },
  { row: "gapQuotient", p: [1, 0], q: [-1] },
  { row: "gapQuotient", p: [1, 1], q: [0] },
  { row: "qr", p: [1], q: [0, 1] },
  { row: "qr", attrs: { mode: "complete" }, p: [1], q: [0, 1] },
  { row: "lq", p: [1], q: [1, 0] },
  { row: "qrPivoted", p: [1], q: [0, 1] },
  ...["projector", "projectorBoth"].map((row): Law => ({ row, p: [1], q: [0] })),
  ...[false, true].flatMap((both): Law[] => [
    { row: "projectorDerivative", attrs: { both }, p: [1, 0], q: [-1], subnormal: "digits" },
    { row: "projectorDerivative", attrs: { both }, p: [1, 1], q: [0], subnormal: "digits" },
    { row: "projectorSecond", attrs: { both }, p: [1, 1, 1], q: [0], subnormal: "digits" },
    { row: "projectorSecond", attrs: { both }, p: [1, 0, 1], q: [-1], subnormal: "digits" },
  ]),
  { row: "lowRank", p: [1], q: [1] },
  ...[false, true].flatMap((adjoint): Law[] => [
    { row: "tridiagonalSolve", attrs: { adjoint }, p: [1, 1, 1, 1], q: [0] },
    { row: "tridiagonalSolve", attrs: { adjoint }, p: [1, 1, 1, 0], q: [-1] },
    ...solves("solveBanded", { lower: 1, upper: 2, adjoint }),
    ...[false, true].flatMap((lower) => solves("bandedSolveTriangular", { lower, adjoint }).slice(0, 2)),
  ]),
  { row: "levinson", p: [1, 1, 1], q: [0] },
  { row: "levinson", p: [1, 1, 0], q: [-1] },
  { row: "levinson", p: [0, 0, 1], q: [1] },
  ...[false, true].map((lower): Law => ({ row: "choleskyBanded", attrs: { lower }, p: [1], q: [0.5] })),
  ...["eighTridiagonal", "eighTridiagonalStrict"].map((row): Law => ({ row, p: [1, 1], q: [1, 0] })),
  { row: "eigvalshTridiagonal", p: [1, 1], q: [1] },
  ...["svd", "svdStrict"].map((row): Law => ({ row, p: [1], q: [1, 0, 0] })),
  { row: "svd", attrs: { fullMatrices: true }, p: [1], q: [1, 0, 0] },
  ...["svdvals", "mirrored", "qrTriangle"].map((row): Law => ({ row, p: [1], q: [1] })),
  { row: "polar", p: [1], q: [0, 1] },
  { row: "halves", p: [1, 0], q: [-1] },
  { row: "halves", p: [1, 1], q: [0], subnormal: "digits" },
  { row: "nuclearNorm", p: [1], q: [1] },
  ...["pinv", "pseudoinverse", "pinvHermitian", "eigenPseudoinverse"].map((row): Law => ({ row, p: [1], q: [-1] })),
  { row: "choleskyInverse", p: [0.5], q: [-1] },
  ...[false, true].flatMap((adjoint): Law[] => [
    { row: "sylvester", attrs: { adjoint }, p: [1, 1, 0], q: [-1] },
    { row: "sylvester", attrs: { adjoint }, p: [1, 1, 1], q: [0] },
    { row: "lyapunov", attrs: { adjoint }, p: [1, 0], q: [-1] },
    { row: "lyapunov", attrs: { adjoint }, p: [1, 1], q: [0] },
    { row: "discreteLyapunov", attrs: { adjoint }, p: [0, 1], q: [1] },
  ]),
  ...["care", "dare"].flatMap((row): Law[] => [
    { row, p: [0, 0, 1, 1], q: [1] },
    { row, p: [0, 0.5, 0, 1], q: [0] },
    { row, p: [0, -0.5, 1, 0], q: [1] },
  ]),
  { row: "care", p: [1, 0, 1, -1], q: [0] },
  { row: "singularGaps", p: [0, 1, 0], q: [-1] },
  { row: "singularGaps", p: [1, 1, 1], q: [0] },
  ...["logm", "logmHermitian"].map((row): Law => ({ row, p: [1], q: [0], log: ["diagonal"] })),
  { row: "inverseSqrtmHermitian", p: [1], q: [-0.5] },
  ...[1.5, -0.5, 2, -1].map((p): Law => ({ row: "powmHermitian", attrs: { p }, p: [1], q: [p] })),
  ...Object.entries(POWERS).flatMap(([f, p]): Law[] => [
    { row: "spectralDerivative", attrs: { f }, p: [1, 0], q: [p - 1] },
    { row: "spectralDerivative", attrs: { f }, p: [1, 1], q: [p] },
    { row: "spectralSecond", attrs: { f }, p: [1, 1, 1], q: [p] },
    { row: "spectralSecond", attrs: { f }, p: [1, 0, 1], q: [p - 1] },
  ]),
  { row: "sqrtmHermitian", p: [1], q: [0.5], subnormal: "none", run: funm(sqrt as never) },
  { row: "logmHermitian", p: [1], q: [0], log: ["diagonal"], subnormal: "none", run: funm(log as never) },
];

// ---- numbers ----

/** Roundings of sums of N terms or so, in the eps of the dtype or, where inputs were subnormal, in their spacing. */
interface Tolerance {
  readonly eps: number;
  readonly spacing: number;
}
function expectClose(got: Tensor, want: Tensor, what: string, { eps, spacing }: Tolerance): void {
  const [x, y] = [numbers(got), numbers(want)];
  expect(got.shape, what).to.deep.equal(want.shape);
  const tolerance = (256 * N * eps + 8 * N * spacing) * largest(want) + 64 * N * 2 ** (TINY[realOf(got.dtype as Float)] as number);
  let worst = 0;
  x.forEach((v, i) => {
    const d = Math.abs(v - (y[i] as number));
    worst = d <= worst ? worst : Number.isNaN(d) ? Number.POSITIVE_INFINITY : d;
  });
  expect(worst, what).to.be.at.most(tolerance);
}

// ---- one law at one scale ----

/** Exponents of scales: down to where entries are subnormal, up to 1e300 and 1e37. */
const SCALES: Readonly<Record<string, readonly number[]>> = {
  float64: [-1060, -1036, -996, -664, -332, 332, 664, 996],
  float32: [-140, -128, -122, -80, -40, 40, 80, 122],
};
const TINY: Readonly<Record<string, number>> = { float64: -1074, float32: -149 }; // of the smallest number
const LEAST: Readonly<Record<string, number>> = { float64: -1022, float32: -126 }; // of normal numbers
const TOP: Readonly<Record<string, number>> = { float64: 1010, float32: 118 };
const BOTTOM: Readonly<Record<string, number>> = { float64: -1060, float32: -136 };

/** Of results at scale 2^k. */
function toleranceAt(law: Law, k: number, dtype: Float, derivative: boolean): Tolerance {
  const real = realOf(dtype);
  const exact = k >= (LEAST[real] as number) || (!derivative && law.subnormal === undefined);
  return { eps: epsOf(dtype), spacing: exact ? 0 : 2 ** ((TINY[real] as number) - k) };
}
const scalesOf = (law: Law, dtype: Float): number[] => {
  const real = realOf(dtype);
  return (SCALES[real] as number[]).filter((k) => law.subnormal !== "none" || k >= (LEAST[real] as number));
};

const functionOf = ({ row, attrs, run }: Law) => run ?? ((...xs: Tensor[]) => calls(row, attrs, xs));

function baseOf(law: Law, dtype: Float, batch: Shape): Tensor[] {
  const row = rowOf(law.row);
  const usual = Object.fromEntries(Object.entries(row.attrs ?? {}).map(([k, a]) => [k, a.fallback]));
  const attrs = { ...usual, ...law.attrs } as Case["attrs"];
  const shapes = (signatureOf(row, attrs)?.inputs ?? []).map((letters) => [...batch, ...letters.map(() => N)]);
  const inputs = inputsOf(row, { label: "", attrs, batch, shapes }, dtype).map(coarse);
  return law.row === "luSolve" ? [...inputs, inputs[0] as Tensor] : inputs;
}

/** Values, then pulled-back cotangents of the float inputs where `g` is given. */
const everything = (f: (...xs: Tensor[]) => Tensor[], xs: Args, g: Args): Tensor[] => {
  if (g.length === 0) return f(...xs);
  const floats = xs.flatMap((x, i) => (isFloat(x.dtype) ? [i] : []));
  const { value, pullback } = vjp(
    (...moving: Tensor[]) => f(...xs.map((x, i) => (floats.includes(i) ? (moving[floats.indexOf(i)] as Tensor) : x))),
    ...(floats.map((i) => xs[i]) as never[]),
  );
  return [...(value as Tensor[]), ...(pullback(g as never) as Tensor[])];
};

interface Scale {
  readonly k: number;
  readonly cotangent: "balanced" | "plain" | "own" | undefined; // so that the loss is of order 1, of order 1 themselves, or of the outputs' order
}
/** Exponents of everything: inputs, cotangents, results. Undefined where one of them is out of range. */
function exponents(law: Law, { k, cotangent }: Scale, dtype: Float) {
  const real = realOf(dtype);
  const inputs = law.p.map((p) => (p ?? 0) * k);
  const values = law.q.map((q) => q * k);
  const power = { balanced: -1, plain: 0, own: 1 };
  const g = cotangent ? values.map((e) => power[cotangent] * e) : [];
  const loss = cotangent ? (1 + power[cotangent]) * (values[0] as number) : 0;
  const pulled = cotangent ? inputs.filter((_, i) => law.p[i] !== undefined).map((e) => loss - e) : [];
  const given = [...inputs, ...g];
  const whole = given.every((e) => e >= (BOTTOM[real] as number) && e <= (TOP[real] as number));
  return whole && [...values, ...pulled].every((e) => e <= (TOP[real] as number))
    ? { inputs, g, results: [...values, ...pulled] }
    : undefined;
}

const coarseCotangents = (outputs: Args) =>
  outputs.map((o, i) => coarse(random.normal(500 + i, o.shape, { dtype: o.dtype as Float }) as Tensor));

type Check = (what: string, xs: Tensor[], g: Tensor[], want: Tensor[], tolerance: Tolerance) => void;
/** Runs `check` for every scale that the law allows; says how many. */
function atScales(law: Law, dtype: Float, batch: Shape, check: Check): number {
  const f = functionOf(law);
  const base = baseOf(law, dtype, batch);
  const order = rowOf(law.row).order;
  const kinds: Scale["cotangent"][] = [undefined];
  if (order !== 0) kinds.push("balanced");
  if (order !== 0 && law.q.every((q) => q === law.q[0])) kinds.push("plain", ...(law.own === false ? [] : (["own"] as const)));
  const values = f(...base);
  let count = 0;
  for (const cotangent of kinds) {
    const g = cotangent ? coarseCotangents(values) : [];
    const at1 = everything(f, base, g);
    for (const k of scalesOf(law, dtype)) {
      const e = exponents(law, { k, cotangent }, dtype);
      if (!e) continue;
      count++;
      const want = at1.map((t, i) => {
        const gain = i < values.length ? law.log?.[i] : undefined;
        const moved = scaled(t, e.results[i] as number);
        return gain === undefined ? moved : raised(moved, k * Math.LN2, gain);
      });
      const given = [base.map((t, i) => scaled(t, e.inputs[i] as number)), g.map((t, i) => scaled(t, e.g[i] as number))] as const;
      check(
        `${law.row} ${JSON.stringify(law.attrs ?? {})} ${law.p} ${dtype} 2^${k} ${cotangent ?? ""}`,
        ...given,
        want,
        toleranceAt(law, k, dtype, cotangent !== undefined),
      );
    }
  }
  return count;
}
const same = (got: Args, want: Args, what: string, tolerance: Tolerance): void =>
  got.forEach((t, i) => expectClose(t, want[i] as Tensor, `${what}, ${i}`, tolerance));

const LANES = 19; // more than a register of float32 holds, and an incomplete group
const DTYPES: readonly Float[] = ["float64", "float32", "complex128", "complex64"];

/** The cells of a grid that are of this dtype: over all dtypes every law has its turn. */
const mine = (name: string, dtype: Float, batches: readonly (readonly number[])[] = [[]]) =>
  cells(`scale ${name}`, [LAWS, DTYPES, batches]).filter(([, d]) => d === dtype);

describe("scale", () => {
  for (const dtype of DTYPES) {
    it(`values and gradients at any scale, alone and in lanes, ${dtype}`, () => {
      for (const [law, , batch] of mine("values", dtype, [[], [LANES]])) {
        const f = functionOf(law);
        const count = atScales(law, dtype, batch, (what, xs, g, want, tolerance) =>
          same(everything(f, xs, g), want, `${what} [${batch}]`, tolerance),
        );
        expect(count, law.row).to.be.above(1);
      }
    });

    it(`tangents at any scale, ${dtype}`, () => {
      for (const [law] of mine("tangents", dtype)) {
        const row = rowOf(law.row);
        if (row.order === 0) continue;
        const [f, base] = [functionOf(law), baseOf(law, dtype, [])];
        const floats = base.flatMap((x, i) => (isFloat(x.dtype) ? [i] : []));
        const along = floats.map((i) =>
          coarse(tangent(domainOf(row, Math.min(i, row.inputs.length - 1)), base[i] as Tensor, random.key(i + 7))),
        );
        const pushed = (xs: Args, v: Args) => {
          const g = (...moving: Tensor[]) => f(...xs.map((x, i) => (floats.includes(i) ? (moving[floats.indexOf(i)] as Tensor) : x)));
          return jvp(g, floats.map((i) => xs[i] as Tensor) as never, v as never).tangent as unknown as Tensor[];
        };
        const at1 = pushed(base, along);
        for (const k of scalesOf(law, dtype)) {
          const e = exponents(law, { k, cotangent: undefined }, dtype);
          if (!e) continue;
          const got = pushed(
            base.map((t, i) => scaled(t, e.inputs[i] as number)),
            along.map((t, i) => scaled(t, e.inputs[floats[i] as number] as number)),
          );
          const want = at1.map((t, i) => scaled(t, e.results[i] as number));
          same(got, want, `${law.row} ${JSON.stringify(law.attrs ?? {})} ${dtype} 2^${k}`, toleranceAt(law, k, dtype, true));
        }
      }
    });

    it(`compiled, in lanes and one by one, ${dtype}`, () => {
      for (const [law] of mine("compiled", dtype)) {
        const f = functionOf(law);
        const base = baseOf(law, dtype, []);
        const [inputs, outputs] = [base, f(...base)].map((list) => list.map((t) => new Spec(t.dtype as Float, t.shape)));
        const programs = new Map<boolean, ReturnType<typeof compile>>();
        atScales(law, dtype, [LANES], (what, xs, g, want, tolerance) => {
          const specs = g.length > 0 ? [...(inputs as Spec[]), ...(outputs as Spec[])] : (inputs as Spec[]);
          const program =
            programs.get(g.length > 0) ??
            compile((...all: Tensor[]) => everything(f, all.slice(0, base.length), all.slice(base.length)) as never, ...(specs as never[]));
          programs.set(g.length > 0, program as never);
          for (const layout of ["lanes", "single"] as const)
            same(
              (program as never as { runSync(xs: Args, o: object): Tensor[] }).runSync([...xs, ...g], { layout }),
              want,
              `${what} ${layout}`,
              tolerance,
            );
        });
      }
    });
  }

  it("every row that takes a matrix has a law here", () => {
    const known = new Set(LAWS.map(({ row }) => row));
    const matrices = new Set<Domain>([
      domains.positiveDefinite,
      domains.hermitian,
      domains.indefinite,
      domains.invertible,
      domains.triangular,
      domains.ascending,
      domains.separated,
      domains.leading,
      domains.columnsApart,
    ]);
    const missing = packageOps.filter(
      (name) =>
        !/lstsq|normalSolve|truncation|searchSorted|independent/.test(name) &&
        Object.values(rowOf(name).domain ?? {}).some((d) => d && matrices.has(d)) &&
        !known.has(name),
    );
    expect(missing).to.deep.equal(["expmHermitian", "householderColumns", "householderProduct"]); // not homogeneous: the first below
  });
});
