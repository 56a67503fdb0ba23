// Items that have no answer: which, why, and in what words.
import { type Code, LinalgError } from "./errors";
import { type Shape, shapeText } from "./tensor";

/** What failures are told of: the batch, and the shape of one matrix, [] of one number. */
export interface BatchContext {
  readonly batch: Shape;
  readonly item: Shape | undefined;
}

/** One item that has no answer. */
export interface Failure {
  readonly item: number;
  readonly code: Code;
  readonly index: number;
  readonly op: string;
  readonly message: string;
  /** Where the loops around the op were, from the outside in: "scan, step 412", "vmap, item 17". */
  readonly path?: readonly string[];
}

/**
 * What a kind of failure, by the addon's name for it (native/base/fails.def), is to users: what is said of an item, and `alone` the whole sentence
 * where there is no batch. What helps is said by `hints` of the row.
 */
const KINDS: { readonly [kind: string]: { code: Code; text(index: number): string; alone?(index: number): string } } = {
  notPositiveDefinite: {
    code: "ERR_NOT_POSITIVE_DEFINITE",
    text: (i) => `is not positive definite: its leading minor of order ${i} is not positive`,
  },
  singular: { code: "ERR_SINGULAR", text: (i) => `is singular: the pivot in column ${i} is exactly zero` },
  notFinite: { code: "ERR_NOT_FINITE", text: () => "contains NaN or infinity" },
  maxSteps: { code: "ERR_NO_CONVERGENCE", text: (i) => `is not done after ${i === 0 ? "option maxSteps" : i} steps: the test still holds` },
  noConvergence: { code: "ERR_NO_CONVERGENCE", text: (i) => `did not converge (LAPACK's info ${i})` },
  rankDeficient: { code: "ERR_RANK_DEFICIENT", text: () => "is rank-deficient" },
  outOfMemory: { code: "ERR_OUT_OF_MEMORY", text: () => "needs more workspace than there is" },
  degenerate: {
    code: "ERR_DEGENERATE",
    text: (i) => `has equal eigenvalues (${i} and ${i + 1}), whose eigenvectors have no derivative`,
  },
  phase: {
    code: "ERR_DEGENERATE",
    text: (i) => `has a loss that depends on the arbitrary phase of eigenvector ${i}: only what does not change with it has a derivative`,
  },
  equalSingular: {
    code: "ERR_DEGENERATE",
    text: (i) => `has equal singular values (${i} and ${i + 1}), whose vectors have no derivative`,
  },
  singularPhase: {
    code: "ERR_DEGENERATE",
    text: (i) =>
      `has a loss that depends on the arbitrary phase of singular vectors ${i}: only what does not change with it has a derivative`,
  },
  zeroSingular: {
    code: "ERR_DEGENERATE",
    text: (i) => `has singular value ${i} equal to zero, whose vectors have no derivative`,
  },
  freeColumns: {
    code: "ERR_DEGENERATE",
    text: () => "has a loss that changes as the columns that only complete the basis are turned among themselves: it has no derivative",
  },
  equalComplex: {
    code: "ERR_DEGENERATE",
    text: (i) => `has eigenvalue ${i} equal to another one, where eigenvectors have no derivative`,
  },
  commonValues: { code: "ERR_SINGULAR", text: () => "has no unique solution: the two sides have eigenvalues in common" },
  noStabilizing: { code: "ERR_SINGULAR", text: () => "has no stabilising solution" },
  noFunction: { code: "ERR_SINGULAR", text: (i) => `has eigenvalue ${i} where the function is not defined` },
  negativeAxis: {
    code: "ERR_ARGUMENT",
    text: (i) => `has eigenvalue ${i} negative, where the function is complex: cast the matrix to a complex dtype`,
  },
  notDefinite: { code: "ERR_NOT_POSITIVE_DEFINITE", text: (i) => `has eigenvalue ${i} outside the domain of the function` },
  negative: { code: "ERR_ARGUMENT", text: () => "has a negative regularizer" },
  badPivot: { code: "ERR_ARGUMENT", text: (i) => `has pivot ${i} out of range` },
  empty: { code: "ERR_ARGUMENT", text: () => "has no elements along the axis" },
  badIndex: {
    code: "ERR_ARGUMENT",
    text: (i) => `has entry ${i} of its indices out of range`,
    alone: (i) => `entry ${i} of the indices is out of range`,
  },
  badRate: { code: "ERR_ARGUMENT", text: (i) => `has a rate out of range, at place ${i}: it must be from 0 to 2³¹ - 2²⁰` },
  tooLarge: { code: "ERR_ARGUMENT", text: () => "is too large: its workspace does not fit LAPACK's 32-bit integers" },
  degenerateValues: {
    code: "ERR_DEGENERATE",
    text: (i) =>
      `has equal eigenvalues (${i} and ${i + 1}), whose derivatives beyond the first, and in forward mode, they do not determine`,
  },
  overflow: {
    code: "ERR_NOT_FINITE",
    text: (i) => `has ${i === 0 ? "an answer" : `eigenvalue ${i}`} beyond the largest number of its dtype`,
  },
  outOfRange: { code: "ERR_ARGUMENT", text: () => "is beyond int32" },
  sumOverflow: { code: "ERR_ARGUMENT", text: () => "has a sum beyond int32" },
  cut: {
    code: "ERR_DEGENERATE",
    text: (i) => `has singular value ${i} at the cut of option rcond, where the truncated solution jumps and has no derivative`,
  },
};
const unknown = (kind: string | undefined) => ({
  code: "ERR_INTERNAL" as const,
  text: () => `failed for an unknown reason (${kind})`,
  alone: undefined,
});

/** Who reports a failure. */
export interface Site {
  readonly op: string;
  /** Where the loops around it were, from the outside in: "scan, step 412". */
  readonly path?: readonly string[];
  /** What helps, by kind. */
  readonly hints: { readonly [kind: string]: string } | undefined;
  /** Arguments besides the first whose numbers are looked at, too. */
  readonly beside?: readonly string[];
}

/**
 * `[item, site, kind, index, steps.., ...]` as failures; `names`: of the kinds; `siteOf` an instruction, where the loops around it were; `depth`:
 * of how many loops in each other steps are told.
 */
export function readFailures(
  flat: Float64Array | undefined,
  names: () => readonly string[],
  siteOf: (instruction: number, steps: readonly number[]) => Site,
  batch: Shape,
  item: Shape | undefined,
  reportBatch: Shape = batch,
  depth = 0,
): Failure[] {
  const out: Failure[] = [];
  if (!flat || flat.length === 0) return out;
  const items = spread(batch, reportBatch);
  const kinds = names();
  for (let i = 0; i < flat.length; i += 4 + depth) {
    const [at, instruction, kind, index] = [flat[i] as number, flat[i + 1] as number, flat[i + 2] as number, flat[i + 3] as number];
    const name = kinds[kind];
    const { code, text, alone } = (name !== undefined && Object.hasOwn(KINDS, name) && KINDS[name]) || unknown(name);
    const { op, hints, beside = [], path = [] } = siteOf(instruction, [...flat.subarray(i + 4, i + 4 + depth)]);
    const hint = name !== undefined && hints && Object.hasOwn(hints, name) ? `: ${hints[name]}` : "";
    for (const n of items(at)) {
      const who = `${subject(n, reportBatch, item)}${name === "notFinite" && item ? alternatives(beside) : ""}`;
      const said = alone && reportBatch.length === 0 ? alone(index) : `${who} ${text(index)}`;
      const message = `${said}${hint}.`;
      out.push(path.length > 0 ? { item: n, code, index, op, message, path } : { item: n, code, index, op, message });
    }
  }
  return out;
}

/** Kernels say that numbers are not finite, not whose: beside a matrix, " or b", ", b or lambda". */
const alternatives = (names: readonly string[]): string =>
  names.map((name, i) => `${i === names.length - 1 ? " or" : ","} ${name}`).join("");

/** Item n of a batch in words. */
function subject(n: number, batch: Shape, item: Shape | undefined): string {
  if (item?.length === 0) return batch.length === 0 ? "the value" : `element ${n} (shape ${shapeText(batch)})`;
  const shape = item ? ` (shape ${shapeText([...batch, ...item])})` : "";
  if (batch.length === 0) return item ? `the matrix${shape}` : "the input";
  return item ? `matrix ${n} of the batch${shape}` : `item ${n} of the batch (batch shape ${shapeText(batch)})`;
}

/** Which items of the batch `into` an item of a batch that broadcasts to it stands for, in order. */
function spread(batch: Shape, reportBatch: Shape): (item: number) => number[] {
  const shift = reportBatch.length - batch.length;
  if (
    shift < 0 ||
    batch.some((d, i) => d !== 1 && d !== reportBatch[shift + i]) ||
    reportBatch.every((d, i) => d === (batch[i - shift] ?? 1))
  )
    return (item) => [item];
  return (item) => {
    let found = [0];
    let [rest, step] = [item, 1];
    for (let i = reportBatch.length - 1; i >= 0; i--) {
      const [d, n] = [batch[i - shift] ?? 1, reportBatch[i] as number];
      const at = d === n ? [rest % d] : Array.from({ length: n }, (_, k) => k);
      found = at.flatMap((k) => found.map((f) => f + k * step));
      rest = Math.floor(rest / d);
      step *= n;
    }
    return found.sort((a, b) => a - b);
  };
}

export const failureOf = (f: Failure): LinalgError => new LinalgError(f.code, f.op, f.message, f.item, f.index, f.path);
