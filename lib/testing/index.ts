// Published as "backsolve/testing": the checks that every op of this package passes, for the ops of others.
import "../methods"; // functions are given tensors, on which users call them
import { optionsOf } from "../core/attrs";
import type { Float } from "../core/dtype";
import { ArgumentError, describe } from "../core/errors";
import { isDefinedFor } from "../core/form";
import { MODES, type Mode, recordCapability } from "../core/registry";
import type { AnyRow } from "../core/row";
import type { Tensor } from "../core/tensor";
import { flattenTensors, type Given } from "../core/tree";
import { add, conj, mul, real } from "../ops/elementwise";
import { random } from "../ops/random";
import { sum } from "../ops/reductions";
import { adjoint } from "../ops/structure";
import { grad } from "../transforms/grad";
import { type Checked, checks } from "./checks";
import { inner, relativeError } from "./close";
import { casesOf, drawn, type Sample, sampleOf } from "./sample";

export { relativeError, sameBits } from "./close";
export type { Sample } from "./sample";

export type CheckName = keyof typeof checks;
export interface CheckOptions {
  readonly dtypes?: readonly Float[];
  readonly sizes?: readonly number[];
  readonly only?: readonly CheckName[];
  /** Instead of all cases a part of them, of each check in each dtype its own, and always one to which the check applies. */
  readonly sample?: Sample;
}
/** How many cases each check went through; a check that never applied is absent. */
export type Report = Readonly<Record<string, number>>;

const DTYPES: readonly Float[] = ["float32", "float64", "complex64", "complex128"];

/** Thrown by `checkOp`: every failed check with its case and numbers. */
export class CheckError extends Error {
  readonly failures: readonly { check: CheckName; dtype: Float; case: string; message: string }[];
  constructor(op: string, failures: CheckError["failures"], sample?: Sample) {
    const shown = failures.slice(0, 8).map((f) => `  ${f.check} (${f.dtype}, ${f.case}): ${f.message}`);
    const which = sample ? ` of a sample (share ${sample.share}, seed ${sample.seed})` : "";
    super(`${op}: ${failures.length} checks${which} failed\n${shown.join("\n")}${failures.length > 8 ? "\n  ..." : ""}`);
    this.name = "CheckError";
    this.failures = failures;
  }
}

/** What a row can do in a dtype, by the checks that ran. */
function capabilityOf(ran: ReadonlySet<CheckName>): Mode[] {
  const by: Record<Mode, readonly CheckName[]> = {
    value: ["shapes"],
    reverse: ["reverse", "reverseSingle"],
    forward: ["forward"],
    second: ["secondOrder", "secondOrderSingle"],
    batch: ["batching"],
    compiled: ["compiled"],
    async: ["asynchronous"],
  };
  return MODES.filter((mode) => by[mode].some((name) => ran.has(name)));
}

/**
 * Checks an op by what its row says: law, shapes and errors, derivatives of both modes and two orders against differences, fused against
 * composed rules, batches against loops, compiled programs in every layout, asynchronous calls, memory, isolation of items.
 * What passes is what `registry.capabilities()` says of the op from then on, unless `only` leaves checks out.
 * @throws CheckError with all failures.
 */
export async function checkOp(op: { readonly row: AnyRow }, options: CheckOptions = {}): Promise<Report> {
  const row = (op as Partial<typeof op> | null | undefined)?.row;
  if (!row) throw new ArgumentError("checkOp", `expected an op, which has a row, got ${describe(op)}.`);
  optionsOf("checkOp", options, ["dtypes", "sizes", "only", "sample"]);
  const sample = options.sample && sampleOf("checkOp", options.sample);
  const failures: { check: CheckName; dtype: Float; case: string; message: string }[] = [];
  const report: Record<string, number> = {};
  const all = new Map<Float, ReadonlySet<CheckName>>();
  const dtypes = (options.dtypes ?? DTYPES).filter((d) => isDefinedFor(row, d));
  const cases = casesOf(row, options.sizes);
  for (const dtype of dtypes) {
    const ran = new Set<CheckName>();
    for (const name of options.only ?? (Object.keys(checks) as CheckName[])) {
      const { order, enough } = drawn(cases, sample, `${row.name} ${dtype} ${name}`);
      for (const [i, c] of order.entries()) {
        if (i >= enough && ran.has(name)) break;
        const checked: Checked = { row, op: op as Checked["op"], dtype, c };
        try {
          if ((await checks[name](checked)) === false) continue;
          report[name] = (report[name] ?? 0) + 1;
          ran.add(name);
        } catch (error) {
          failures.push({ check: name, dtype, case: c.label, message: (error as Error).message });
        }
      }
    }
    all.set(dtype, ran);
  }
  if (failures.length > 0) throw new CheckError(row.name, failures, sample);
  if (!options.only) for (const [dtype, ran] of all) recordCapability(row, dtype, capabilityOf(ran));
  return report;
}

export interface GradOptions {
  /** 1: the gradient; 2: also the gradient of a directional derivative. */
  readonly order?: 1 | 2;
  readonly tolerance?: number;
}

/**
 * Compares the gradient of f, a real scalar function of trees of tensors in double precision, with central differences along a random direction.
 * Functions of Hermitian matrices that read one triangle (`cholesky`, `logdet`, `eigh`) have a Hermitian gradient, which says nothing of other
 * directions: check f of mul(0.5, add(x, adjoint(x))).
 * @throws Error with both numbers.
 */
export function checkGrads<A extends readonly unknown[]>(
  f: (...args: A) => Tensor,
  args: { readonly [K in keyof A]: Given<A[K]> },
  options: GradOptions = {},
): void {
  const { order = 1, tolerance = 1e-7 } = optionsOf("checkGrads", options, ["order", "tolerance"]);
  const { leaves, rebuild } = flattenTensors("checkGrads", args);
  if (leaves.some((t) => t.dtype !== "float64" && t.dtype !== "complex128"))
    throw new ArgumentError("checkGrads", "arguments must be float64 or complex128: single precision cannot be differenced.");
  checkLeaves((...xs) => f(...(rebuild(xs) as unknown as A)), leaves, order, tolerance);
}

type OfLeaves = (...xs: readonly Tensor[]) => Tensor;
const gradientOf = (f: OfLeaves, xs: readonly Tensor[]): Tensor[] =>
  grad(f as (...xs: Tensor[]) => Tensor, { argnums: xs.map((_, i) => i) })(...xs);

function checkLeaves(f: OfLeaves, leaves: readonly Tensor[], order: 1 | 2, tolerance: number): void {
  const v = leaves.map((t, i) => random.normal(500 + i, t.shape, { dtype: t.dtype as Float }));
  const { got, expected, agree } = alongDirection(f, leaves, v, tolerance);
  if (!agree) {
    const text = `checkGrads: the gradient gives ${got} along a random direction, differences give ${expected}.`;
    throw new Error(text + asHermitian(f, leaves, v, tolerance));
  }
  if (order === 1) return;
  const slope: OfLeaves = (...xs) => {
    const terms = gradientOf(f, xs).map((g, i): Tensor => real(sum(mul(conj(v[i] as Tensor), g)))); // Re Σ conj(v) g
    return terms.reduce((a, b) => add(a, b));
  };
  checkLeaves(slope, leaves, 1, 10 * tolerance);
}

/** The derivative of f along v, by its gradient and by differences of the fourth order. */
function alongDirection(f: OfLeaves, leaves: readonly Tensor[], v: readonly Tensor[], tolerance: number) {
  const h = 2 ** -12;
  const value = (t: number) => f(...leaves.map((x, i): Tensor => add(x, mul(t, v[i] as Tensor)))).item() as number;
  const expected = (8 * (value(h) - value(-h)) - (value(2 * h) - value(-2 * h))) / (12 * h);
  const got = gradientOf(f, leaves).reduce((s, g, i) => s + inner(g, v[i] as Tensor), 0);
  return { got, expected, agree: Math.abs(got - expected) <= tolerance * Math.max(1, Math.abs(expected)) };
}

/** Says so where both agree along the Hermitian part of the direction at the leaves that are Hermitian. */
function asHermitian(f: OfLeaves, leaves: readonly Tensor[], v: readonly Tensor[], tolerance: number): string {
  const isHermitian = (t: Tensor) => t.rank > 1 && (t.shape.at(-1) as number) > 1 && relativeError(t, adjoint(t)) === 0;
  if (!leaves.some(isHermitian)) return "";
  const within = v.map((d, i): Tensor => (isHermitian(leaves[i] as Tensor) ? mul(0.5, add(d, adjoint(d))) : d));
  const { got, agree } = alongDirection(f, leaves, within, tolerance);
  if (!agree) return "";
  return (
    ` Along a Hermitian direction both give ${got}: the random direction leaves the domain, the Hermitian (symmetric) matrices, of which f reads` +
    " one triangle. Check f of mul(0.5, add(x, adjoint(x)))."
  );
}
