// Items that have no answer: which, why, and in what words.
import { type Code, LinalgError } from "./errors";
import { type Shape, shapeText } from "./tensor";

/** What failures are told of: the batch, and the shape of one matrix. */
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
}

const KINDS: readonly { code: Code; text(index: number): string }[] = [
  { code: "ERR_INTERNAL", text: () => "failed" },
  { code: "ERR_NOT_POSITIVE_DEFINITE", text: (i) => `is not positive definite: its leading minor of order ${i} is not positive` },
  { code: "ERR_SINGULAR", text: (i) => `is singular: the pivot in column ${i} is exactly zero` },
  { code: "ERR_NOT_FINITE", text: () => "contains NaN or infinity" },
  { code: "ERR_NO_CONVERGENCE", text: (i) => `did not converge (LAPACK's info ${i})` },
  { code: "ERR_RANK_DEFICIENT", text: () => 'is rank-deficient: use method "svd", or a positive l2Regularizer' },
  { code: "ERR_OUT_OF_MEMORY", text: () => "needs more workspace than there is" },
  {
    code: "ERR_DEGENERATE",
    text: (i) =>
      `has equal eigenvalues (${i} and ${i + 1}), whose eigenvectors have no derivative: use funmHermitian, expmHermitian and their like for functions of the matrix, eigvalsh for symmetric functions of the eigenvalues, or the option degenerate: "nan" or "mask"`,
  },
  {
    code: "ERR_DEGENERATE",
    text: (i) => `has a loss that depends on the arbitrary phase of eigenvector ${i}: only what does not change with it has a derivative`,
  },
  { code: "ERR_NOT_POSITIVE_DEFINITE", text: (i) => `has eigenvalue ${i} outside the domain of the function` },
  { code: "ERR_ARGUMENT", text: () => "has a negative regularizer" },
  { code: "ERR_ARGUMENT", text: (i) => `has pivot ${i} out of range` },
  { code: "ERR_ARGUMENT", text: () => "is too large: its workspace does not fit LAPACK's 32-bit integers" },
  {
    code: "ERR_DEGENERATE",
    text: (i) =>
      `has equal eigenvalues (${i} and ${i + 1}), whose derivatives beyond the first, and in forward mode, they do not determine: use funmHermitian, expmHermitian and their like for functions of the matrix, or the option degenerate: "nan" or "mask"`,
  },
  {
    code: "ERR_NOT_FINITE",
    text: (i) => `has ${i === 0 ? "an answer" : `eigenvalue ${i}`} beyond the largest number of its dtype`,
  },
  { code: "ERR_INTERNAL", text: () => "was declined" },
  {
    code: "ERR_DEGENERATE",
    text: (i) =>
      `has singular value ${i} at the cut of option rcond, where the truncated solution jumps and has no derivative: use another rcond, or an l2Regularizer without one`,
  },
];

/** `[item, instruction, kind, index, ...]` as failures; `opOf` names the op of an instruction. */
export function readFailures(
  flat: Float64Array | undefined,
  opOf: (instruction: number) => string,
  batch: Shape,
  item: Shape | undefined,
  reportBatch: Shape = batch,
): Failure[] {
  const out: Failure[] = [];
  const items = spread(batch, reportBatch);
  for (let i = 0; flat && i < flat.length; i += 4) {
    const [at, instruction, kind, index] = [flat[i] as number, flat[i + 1] as number, flat[i + 2] as number, flat[i + 3] as number];
    const { code, text } = KINDS[kind] ?? (KINDS[0] as (typeof KINDS)[0]);
    const shape = item ? ` (shape ${shapeText([...reportBatch, ...item])})` : "";
    for (const n of items(at)) {
      const which =
        reportBatch.length === 0
          ? `the matrix${shape}`
          : item
            ? `matrix ${n} of the batch${shape}`
            : `item ${n} of the batch (batch shape ${shapeText(reportBatch)})`;
      out.push({ item: n, code, index, op: opOf(instruction), message: `${which} ${text(index)}.` });
    }
  }
  return out;
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

export const failureOf = (f: Failure): LinalgError => new LinalgError(f.code, f.op, f.message, f.item, f.index);
