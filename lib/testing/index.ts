// Published as "backsolve/testing": the checks that every op of this package passes, for the ops of others.
import { type Float, isComplex } from "../core/dtype";
import { ArgumentError } from "../core/errors";
import { MODES, type Mode, recordCapability } from "../core/registry";
import type { AnyRow } from "../core/row";
import type { Tensor } from "../core/tensor";
import { flattenTensors } from "../core/tree";
import { add, conj, mul, real } from "../ops/elementwise";
import { random } from "../ops/random";
import { sum } from "../ops/reductions";
import { grad } from "../transforms";
import { type Checked, checks } from "./checks";
import { inner } from "./close";
import { casesOf } from "./sample";

export { relativeError, sameBits } from "./close";

export type CheckName = keyof typeof checks;
export interface CheckOptions {
  readonly dtypes?: readonly Float[];
  readonly sizes?: readonly number[];
  readonly only?: readonly CheckName[];
}
/** How many cases each check went through; a check that never applied is absent. */
export type Report = Readonly<Record<string, number>>;

const DTYPES: readonly Float[] = ["float32", "float64", "complex64", "complex128"];

/** Thrown by `checkOp`: every failed check with its case and numbers. */
export class CheckError extends Error {
  readonly failures: readonly { check: CheckName; dtype: Float; case: string; message: string }[];
  constructor(op: string, failures: CheckError["failures"]) {
    const shown = failures.slice(0, 8).map((f) => `  ${f.check} (${f.dtype}, ${f.case}): ${f.message}`);
    super(`${op}: ${failures.length} checks failed\n${shown.join("\n")}${failures.length > 8 ? "\n  ..." : ""}`);
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
  const { row } = op;
  const failures: { check: CheckName; dtype: Float; case: string; message: string }[] = [];
  const report: Record<string, number> = {};
  const all = new Map<Float, ReadonlySet<CheckName>>();
  const dtypes = (options.dtypes ?? DTYPES).filter((d) => !row.only || (row.only === "complex") === isComplex(d));
  for (const dtype of dtypes) {
    const ran = new Set<CheckName>();
    for (const c of casesOf(row, options.sizes)) {
      for (const name of options.only ?? (Object.keys(checks) as CheckName[])) {
        const checked: Checked = { row, op: op as unknown as Checked["op"], dtype, c };
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
  if (failures.length > 0) throw new CheckError(row.name, failures);
  if (!options.only) for (const [dtype, ran] of all) recordCapability(row, dtype, capabilityOf(ran));
  return report;
}

export interface GradOptions {
  /** 1: the gradient; 2: also the gradient of a directional derivative. */
  readonly order?: 1 | 2;
  readonly tolerance?: number;
}

/**
 * Compares the gradient of f, a real scalar function of tensors in double precision, with central differences along random directions.
 * @throws Error with both numbers.
 */
export function checkGrads(f: (...args: never[]) => Tensor, args: readonly (Tensor | number)[], options: GradOptions = {}): void {
  const { order = 1, tolerance = 1e-7 } = options;
  const { leaves } = flattenTensors("checkGrads", args);
  if (leaves.some((t) => t.dtype !== "float64" && t.dtype !== "complex128"))
    throw new ArgumentError("checkGrads", "arguments must be float64 or complex128: single precision cannot be differenced.");
  const argnums = leaves.map((_, i) => i);
  const v = leaves.map((t, i) => random.normal(500 + i, t.shape, { dtype: t.dtype as Float }) as Tensor<never>);
  const at = (t: number) => leaves.map((x, i) => add(x as Tensor<never>, mul(t, v[i] as Tensor<never>)));
  const h = 2 ** -12;
  const value = (t: number) => f(...(at(t) as never[])).item() as number;
  const expected = (8 * (value(h) - value(-h)) - (value(2 * h) - value(-2 * h))) / (12 * h);
  const gradient = grad(f as (...a: unknown[]) => Tensor, { argnums })(...(leaves as never[])) as unknown as Tensor[];
  const got = gradient.reduce((s, g, i) => s + inner(g, v[i] as Tensor), 0);
  if (!(Math.abs(got - expected) <= tolerance * Math.max(1, Math.abs(expected)))) {
    throw new Error(`checkGrads: the gradient gives ${got} along a random direction, differences give ${expected}.`);
  }
  if (order === 2) {
    const slope = (...xs: Tensor[]): Tensor => {
      const gs = grad(f as (...a: unknown[]) => Tensor, { argnums })(...(xs as never[])) as unknown as Tensor[];
      return gs.map((g, i) => realInner(v[i] as Tensor<never>, g as Tensor<never>)).reduce((a, b) => add(a, b) as Tensor);
    };
    checkGrads(slope as never, leaves, { order: 1, tolerance: 10 * tolerance });
  }
}

// Re Σ conj(a) b as a tensor
const realInner = (a: Tensor<never>, b: Tensor<never>): Tensor => real(sum(mul(conj(a), b)) as Tensor<never>);
