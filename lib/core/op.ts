import { settle, startKernel } from "../boundary/descriptor";
import { runJob } from "../boundary/jobs";
import { apply } from "./apply";
import { type AttrSchema, type AttrsOf, checkSignal, parseAttrs } from "./attrs";
import { checkRow } from "./check-row";
import type { ComplexOf, DType, Fits, RealOf, Takes } from "./dtype";
import { ArgumentError, BacksolveError, describe } from "./errors";
import { kernelCall } from "./evaluate";
import type { Failure } from "./failures";
import { infer } from "./infer";
import { unwrapIfDead } from "./levels";
import { operands } from "./operands";
import { batchContextOf, RUN, type RunContext } from "./outcome";
import { addRow } from "./registry";
import { type AnyRow, type Attrs, type NamedTensors, nameOf, type Port, type PortOf, type Row } from "./row";
import { rulesOf } from "./slopes";
import { adopt, type DTypeOf, memoryOf, type Operand, type Promote, storageOf, type Tensor, tracedOf } from "./tensor";

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

type Ported<P, D extends DType> = P extends "T" ? D : P extends "real" ? RealOf<D> : P extends "complex" ? ComplexOf<D> : P & DType;
type Result<O extends readonly string[], P, D extends DType> = O extends readonly [infer Only extends string]
  ? Tensor<Ported<PortOf<P, Only>, D>>
  : { readonly [k in O[number]]: Tensor<Ported<PortOf<P, k>, D>> };

/** The operands of port T together, one after the other: a number, or a tensor of their dtype. */
type Together<I extends readonly string[], P, X extends readonly unknown[], So = number> = X extends readonly [infer A, ...infer Xs]
  ? I extends readonly [infer N extends string, ...infer Is extends readonly string[]]
    ? Together<Is, P, Xs, PortOf<P, N> extends "T" ? (So extends number ? A : A extends number ? So : Tensor<Promote<So, A>>) : So>
    : So
  : So;
/** The input N, given as A after those that are `Before` together; all of port T together are `All`. */
type Input<N extends string, P, A, Before, All> = PortOf<P, N> extends "T"
  ? A & Fits<DTypeOf<Before>, DTypeOf<A>> & (A extends number ? unknown : Takes[DTypeOf<A>])
  : Operand<Ported<PortOf<P, N>, Promote<All, number>>>;
type Inputs<I extends readonly string[], P, D extends DType> = {
  -readonly [k in keyof I]: Operand<Ported<PortOf<P, I[k]>, D>> & Takes[D];
};
type Options<S extends AttrSchema, More = unknown> = Partial<AttrsOf<S>> & More;

/** What every function made from a row has, whatever its inputs. */
interface Made {
  readonly row: AnyRow;
}
/** A function made from a row of one input. The twins: see `Op`. */
export interface Unary<I extends readonly string[], O extends readonly string[], P, S extends AttrSchema> extends Made {
  <D extends DType = "float64">(x: Inputs<I, P, D>[0], options?: Options<S, CallOptions>): Result<O, P, D>;
  async<D extends DType = "float64">(x: Inputs<I, P, D>[0], options?: Options<S, AsyncOptions>): Promise<Result<O, P, D>>;
  checked<D extends DType = "float64">(x: Inputs<I, P, D>[0], options?: Options<S>): Checked<Result<O, P, D>>;
}
/** A function made from a row of two inputs. */
export interface Binary<I extends readonly string[], O extends readonly string[], P, S extends AttrSchema> extends Made {
  <A extends Operand, B extends Operand>(
    a: Input<I[0], P, A, number, Together<I, P, [A, B]>>,
    b: Input<I[1], P, B, Together<I, P, [A]>, Together<I, P, [A, B]>>,
    options?: Options<S, CallOptions>,
  ): Result<O, P, Promote<Together<I, P, [A, B]>, number>>;
  async<A extends Operand, B extends Operand>(
    a: Input<I[0], P, A, number, Together<I, P, [A, B]>>,
    b: Input<I[1], P, B, Together<I, P, [A]>, Together<I, P, [A, B]>>,
    options?: Options<S, AsyncOptions>,
  ): Promise<Result<O, P, Promote<Together<I, P, [A, B]>, number>>>;
  checked<A extends Operand, B extends Operand>(
    a: Input<I[0], P, A, number, Together<I, P, [A, B]>>,
    b: Input<I[1], P, B, Together<I, P, [A]>, Together<I, P, [A, B]>>,
    options?: Options<S>,
  ): Checked<Result<O, P, Promote<Together<I, P, [A, B]>, number>>>;
}
/** A function made from a row of three inputs. */
export interface Ternary<I extends readonly string[], O extends readonly string[], P, S extends AttrSchema> extends Made {
  <A extends Operand, B extends Operand, C extends Operand>(
    a: Input<I[0], P, A, number, Together<I, P, [A, B, C]>>,
    b: Input<I[1], P, B, Together<I, P, [A]>, Together<I, P, [A, B, C]>>,
    c: Input<I[2], P, C, Together<I, P, [A, B]>, Together<I, P, [A, B, C]>>,
    options?: Options<S, CallOptions>,
  ): Result<O, P, Promote<Together<I, P, [A, B, C]>, number>>;
  async<A extends Operand, B extends Operand, C extends Operand>(
    a: Input<I[0], P, A, number, Together<I, P, [A, B, C]>>,
    b: Input<I[1], P, B, Together<I, P, [A]>, Together<I, P, [A, B, C]>>,
    c: Input<I[2], P, C, Together<I, P, [A, B]>, Together<I, P, [A, B, C]>>,
    options?: Options<S, AsyncOptions>,
  ): Promise<Result<O, P, Promote<Together<I, P, [A, B, C]>, number>>>;
  checked<A extends Operand, B extends Operand, C extends Operand>(
    a: Input<I[0], P, A, number, Together<I, P, [A, B, C]>>,
    b: Input<I[1], P, B, Together<I, P, [A]>, Together<I, P, [A, B, C]>>,
    c: Input<I[2], P, C, Together<I, P, [A, B]>, Together<I, P, [A, B, C]>>,
    options?: Options<S>,
  ): Checked<Result<O, P, Promote<Together<I, P, [A, B, C]>, number>>>;
}
/** A function made from a row of more inputs; those of port T have one dtype. */
export interface Nary<I extends readonly string[], O extends readonly string[], P, S extends AttrSchema> extends Made {
  <D extends DType>(...args: [...inputs: Inputs<I, P, D>, options?: Options<S, CallOptions>]): Result<O, P, D>;
  async<D extends DType>(...args: [...inputs: Inputs<I, P, D>, options?: Options<S, AsyncOptions>]): Promise<Result<O, P, D>>;
  checked<D extends DType>(...args: [...inputs: Inputs<I, P, D>, options?: Options<S>]): Checked<Result<O, P, D>>;
}
/**
 * A function made from a row.
 * `async`: the same, off the event loop. Inputs whose `data` somebody holds are copied first, which takes the time of one memcpy; `tensor(array,
 * { transfer: true })` needs none. An aborted signal rejects at once with its reason; inputs stay in use until the call has left them.
 * `checked`: the same with failing items as NaN, and the list of them.
 */
export type Op<I extends readonly string[], O extends readonly string[], P, S extends AttrSchema> = I extends readonly [string]
  ? Unary<I, O, P, S>
  : I extends readonly [string, string]
    ? Binary<I, O, P, S>
    : I extends readonly [string, string, string]
      ? Ternary<I, O, P, S>
      : Nary<I, O, P, S>;

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
  const K extends "real" | "complex" | "float" = "float",
>(
  row: Omit<Row<I[number], O[number], S, NamedTensors<I[number] | O[number], P, K>>, "inputs" | "outputs" | "dtypes" | "only"> & {
    readonly inputs: I;
    readonly outputs: O;
    readonly dtypes?: P;
    readonly only?: K & ("real" | "complex");
  },
): Op<I, O, P, S> {
  const given: AnyRow = row;
  checkRow(given);
  const plain = { ...given, ...rulesOf(given) };
  const op = opOf(plain);
  addRow(plain, op);
  return op as unknown as Op<I, O, P, S>;
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
  settle({ op, hints: row.hints, collect, batchContext: () => batchContextOf(row, attrs, inputs, types), reportBatch: undefined }, flat);
  return outputs;
}
