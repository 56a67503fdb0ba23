import { type Failure, settle, startKernel } from "../boundary/descriptor";
import { runJob } from "../boundary/jobs";
import { apply } from "./apply";
import { type AttrSchema, type AttrsOf, checkSignal, parseAttrs } from "./attrs";
import { type ComplexOf, type DType, dtypes, type Float, isComplex, isFloat, type RealOf, realOf } from "./dtype";
import { ArgumentError, BacksolveError, DtypeError, describe, ShapeError } from "./errors";
import { kernelCall } from "./evaluate";
import { infer } from "./infer";
import { unwrapIfDead } from "./levels";
import { batchContextOf, RUN, type RunContext, scalar } from "./outcome";
import { addRow, rowOf } from "./registry";
import { type AnyRow, type Attrs, nameOf, type Port, type Row } from "./row";
import { rulesOf } from "./slopes";
import { adopt, isTensor, memoryOf, type Operand, shapeText, storageOf, type Tensor, tracedOf } from "./tensor";

export { scalar } from "./outcome";

export interface CallOptions {
  /** "nan": items that have no answer become NaN, the others are computed. Default "throw". */
  readonly onFailure?: "throw" | "nan";
  /** A tensor whose memory the result is written to. */
  readonly out?: Tensor;
}
export interface AsyncOptions {
  readonly onFailure?: "throw" | "nan";
  readonly signal?: AbortSignal;
}
export interface Checked<R> {
  readonly value: R;
  readonly failures: readonly Failure[];
}

type PortOf<P, K extends string> = P extends { readonly [k in K]: infer V } ? V : "T";
type Ported<P, D extends DType> = P extends "real"
  ? RealOf<D>
  : P extends "complex"
    ? ComplexOf<D>
    : P extends "bool"
      ? "bool"
      : P extends "int32"
        ? "int32"
        : D;
type Arguments<I extends readonly string[], P, D extends DType> = {
  -readonly [k in keyof I]: I[k] extends string ? Operand<Ported<PortOf<P, I[k]>, D>> : never;
};
type Result<O extends readonly string[], P, D extends DType> = O extends readonly [infer Only extends string]
  ? Tensor<Ported<PortOf<P, Only>, D>>
  : { readonly [k in O[number]]: Tensor<Ported<PortOf<P, k>, D>> };

/** A function made from a row. */
export interface Op<I extends readonly string[], O extends readonly string[], P, S extends AttrSchema> {
  <D extends Float>(...args: [...inputs: Arguments<I, P, D>, options?: Partial<AttrsOf<S>> & CallOptions]): Result<O, P, D>;
  /**
   * The same, off the event loop. Inputs whose `data` somebody holds are copied first, which takes the time of one memcpy; `tensor(array,
   * { transfer: true })` needs none. An aborted signal rejects at once with its reason; inputs stay in use until the call has left them.
   */
  async<D extends Float>(...args: [...inputs: Arguments<I, P, D>, options?: Partial<AttrsOf<S>> & AsyncOptions]): Promise<Result<O, P, D>>;
  /** The same with failing items as NaN, and the list of them. */
  checked<D extends Float>(...args: [...inputs: Arguments<I, P, D>, options?: Partial<AttrsOf<S>>]): Checked<Result<O, P, D>>;
  readonly row: AnyRow;
}

const COMMON = ["onFailure", "out"] as const;
const ASYNC = ["onFailure", "signal"] as const;

/**
 * Defines an op from its row and registers it under its name. The result is a function of the inputs, in the row's order, and one object of
 * options; it works in every transform, and in `compile` when its kernel is native or composed of ops.
 * @throws ArgumentError when the name is taken or the row contradicts itself.
 */
export function defineOp<
  const I extends readonly string[],
  const O extends readonly string[],
  const S extends AttrSchema = Record<never, never>,
  const P extends { readonly [k: string]: Port } = Record<never, never>,
>(row: Omit<Row<I[number], O[number], S>, "inputs" | "outputs" | "dtypes"> & { inputs: I; outputs: O; dtypes?: P }): Op<I, O, P, S> {
  const given = row as unknown as AnyRow;
  checkRow(given);
  const plain = { ...given, ...rulesOf(given) };
  const op = opOf(plain);
  addRow(plain, op);
  return op as unknown as Op<I, O, P, S>;
}

function checkRow(row: AnyRow): void {
  const bad = (text: string) => new ArgumentError("defineOp", text);
  if (typeof row.name !== "string" || !/^[a-zA-Z][a-zA-Z0-9]*$/.test(row.name))
    throw bad(`name must be an identifier, got ${describe(row.name)}.`);
  if (!Array.isArray(row.inputs) || row.inputs.length === 0) throw bad(`${row.name}: inputs must name at least one input.`);
  if (!Array.isArray(row.outputs) || row.outputs.length === 0) throw bad(`${row.name}: outputs must name at least one output.`);
  if (row.signature !== undefined && row.infer) throw bad(`${row.name}: a row has a signature or infer, not both.`);
  if ((row.fused || row.aux) && row.signature === undefined) throw bad(`${row.name}: a fused rule and aux need a signature.`);
  if (row.slopes && (row.vjp || row.outputs.length !== 1)) throw bad(`${row.name}: slopes stand for the vjp of one output.`);
  for (const name of row.saves ?? []) {
    if (!row.inputs.includes(name) && !row.outputs.includes(name))
      throw bad(`${row.name}: saves names ${name}, which is no input or output.`);
  }
}

type Loose = ((...args: unknown[]) => unknown) & { row: AnyRow };

function opOf(row: AnyRow): Loose {
  const arity = row.inputs.length;
  const split = (args: unknown[], common: readonly string[]) => {
    if (args.length < arity || args.length > arity + 1)
      throw new ArgumentError(nameOf(row), `expected ${row.inputs.join(", ")} and options, got ${args.length} arguments.`);
    const options = args[arity] as Record<string, unknown> | undefined;
    const attrs = parseAttrs(nameOf(row), row, options, common) as Attrs;
    return { inputs: operands(row, args.slice(0, arity)), attrs, options: options ?? {} };
  };
  const shape = (out: Tensor[]): unknown =>
    row.outputs.length === 1 ? out[0] : Object.fromEntries(row.outputs.map((n, i) => [n, out[i]]));
  const op = (...args: unknown[]) => {
    if ((args[arity] as AsyncOptions | null | undefined)?.signal !== undefined)
      throw new ArgumentError(nameOf(row), `a signal needs ${nameOf(row)}.async: a synchronous call cannot be aborted.`);
    const { inputs, attrs, options } = split(args, COMMON);
    const passed = (options as { [RUN]?: RunContext })[RUN];
    const out = outOption(row, options.out);
    return shape(apply(row, inputs, attrs, passed ?? { collect: collects(nameOf(row), options), failures: [], out }));
  };
  const checked = (...args: unknown[]) => {
    const { inputs, attrs } = split(args, []);
    const run: RunContext = { collect: true, failures: [], out: undefined };
    return { value: shape(apply(row, inputs, attrs, run)), failures: run.failures };
  };
  const asynchronous = async (...args: unknown[]) => {
    const { inputs, attrs, options } = split(args, ASYNC);
    const called = (options as { [RUN]?: RunContext })[RUN]?.op ?? nameOf(row);
    return shape(await applyAsync(row, inputs, attrs, { op: called, collect: collects(called, options), signal: options.signal }));
  };
  Object.defineProperty(op, "name", { value: row.name });
  return Object.assign(op, { async: asynchronous, checked, row });
}

/** Whether failing items are to become NaN. @throws ArgumentError for an option onFailure that is neither. */
export function collects(op: string, { onFailure }: { readonly onFailure?: unknown }): boolean {
  if (onFailure === undefined || onFailure === "throw") return false;
  if (onFailure === "nan") return true;
  throw new ArgumentError(op, `option onFailure must be "throw" or "nan", got ${describe(onFailure)}.`);
}

/** @throws BacksolveError ERR_TRACED: asynchronous calls have no place where others record. */
export function refuseRecorded(op: string, inputs: readonly Tensor[], called = `${op}.async`, instead = "compile(...).run"): void {
  if (!inputs.some((t) => unwrapIfDead(t).box ?? tracedOf(t))) return;
  throw new BacksolveError("ERR_TRACED", op, `${called} cannot run inside a transform or a trace; use ${instead} instead.`);
}

function outOption(row: AnyRow, out: unknown): Tensor | undefined {
  if (out === undefined) return undefined;
  if (row.outputs.length !== 1)
    throw new ArgumentError(nameOf(row), `option out is for functions of one result, this one has ${row.outputs.join(", ")}.`);
  const to = adopt(nameOf(row), out);
  if (!to) throw new ArgumentError(nameOf(row), `option out must be a tensor, got ${describe(out)}.`);
  return to;
}

interface AsyncRun {
  readonly op: string;
  readonly collect: boolean;
  readonly signal: unknown;
}

async function applyAsync(row: AnyRow, given: readonly Tensor[], attrs: Attrs, { op, collect, ...how }: AsyncRun): Promise<Tensor[]> {
  const signal = checkSignal(op, how.signal);
  refuseRecorded(op, given);
  const inputs = given.map(unwrapIfDead);
  const kernel = row.kernel;
  if (typeof kernel === "function" || kernel.alias) {
    signal?.throwIfAborted();
    return apply(row, inputs, attrs, { collect, failures: [], out: undefined });
  }
  const types = infer(row, inputs, attrs);
  const noAux = Object.keys(row.aux ?? {}).map(() => undefined);
  const results = [...types.map((t) => ({ ...t, name: undefined, array: undefined })), ...noAux]; // yet to be made
  const quiet = inputs.map((t) => !storageOf(t).exposed);
  const begin = () => startKernel({ ...kernelCall(row, kernel, inputs, types, [], attrs, { collect, op }), outputs: results }, quiet);
  const nameOf = (i: number) => memoryOf(row.inputs[i], inputs[i] as Tensor);
  const { flat, outputs } = await runJob({ op, inputs, outputs: types, begin, nameOf, signal });
  settle({ op, collect, batchContext: () => batchContextOf(row, attrs, inputs, types), reportBatch: undefined }, flat);
  return outputs;
}

// ---- Inputs: numbers, dtypes, promotion ----

function operands(row: AnyRow, given: readonly unknown[]): Tensor[] {
  const args = given.map((a, i) => (typeof a === "number" ? a : asTensor(nameOf(row), row.inputs[i] as string, a)));
  const port = (i: number): Port => row.dtypes?.[row.inputs[i] as string] ?? "T";
  const t = dtypeOfOperands(row, args, port);
  return args.map((a, i) => {
    const p = port(i);
    const want: DType = p === "T" ? t : p === "real" ? realOf(t) : p === "complex" ? (dtypes[t].complex as DType) : p;
    if (typeof a === "number") return scalar(want, checkNumber(nameOf(row), row.inputs[i] as string, want, a));
    if (a.dtype === want) return a;
    if (p === "T" && !isComplex(a.dtype)) return apply(rowOf("toComplex"), [a], {})[0] as Tensor;
    throw new DtypeError(nameOf(row), `${row.inputs[i]} must have dtype ${want}, got ${a.dtype}.`);
  });
}

/** x, if it is a number of the dtype. */
function checkNumber(op: string, name: string, dtype: DType, x: number): number {
  if (isFloat(dtype) || (dtype === "int32" ? x === (x | 0) : x === 0 || x === 1)) return x;
  throw new DtypeError(op, `${name} must be ${dtype}, got ${x}.`);
}

/** What a user gives where a tensor is wanted; a number is a float64 scalar. */
export function asTensor(op: string, name: string, x: unknown): Tensor {
  if (isTensor(x)) return x;
  if (typeof x === "number") return scalar("float64", x);
  const foreign = adopt(op, x);
  if (foreign) return foreign;
  const hint = Array.isArray(x) ? " Wrap it: tensor([...])." : "";
  throw new ArgumentError(op, `${name} must be a tensor or a number, got ${describe(x)}.${hint}`);
}

export const needMatrix = <D extends DType>(op: string, x: Tensor<D>): Tensor<D> => {
  const t = asTensor(op, "x", x) as Tensor<D>;
  if (t.rank < 2) throw new ShapeError(op, `x must be a matrix or a batch of them, got shape ${shapeText(t.shape)}.`);
  return t;
};

/** T: the dtype of the inputs that carry it; real with complex of one precision promotes, other mixtures are errors. */
function dtypeOfOperands(row: AnyRow, args: readonly Operand[], port: (i: number) => Port): DType {
  let t: DType | undefined;
  args.forEach((a, i) => {
    if (typeof a === "number" || port(i) !== "T") return;
    if (!isFloat(a.dtype) && row.kernel && !acceptsAny(row)) {
      throw new DtypeError(nameOf(row), `${row.inputs[i]} must be float32, float64, complex64 or complex128, got ${a.dtype}.`);
    }
    if (t === undefined || t === a.dtype) t = a.dtype;
    else if (isFloat(t) && isFloat(a.dtype) && realOf(t) === realOf(a.dtype)) t = dtypes[t].complex;
    else
      throw new DtypeError(
        nameOf(row),
        `${row.inputs[i]} is ${a.dtype}, the inputs before it are ${t}: convert one of them, precisions do not mix.`,
      );
  });
  t ??= "float64";
  if (row.only && isFloat(t) && (row.only === "complex") !== isComplex(t)) {
    throw new DtypeError(nameOf(row), `is defined for ${row.only} tensors, got ${t}.`);
  }
  return t;
}

const ANY = new Set(["view", "scatter", "band"]);
const acceptsAny = (row: AnyRow): boolean => typeof row.kernel !== "function" && ANY.has(row.kernel.name);
