import { isKernel, settle } from "../boundary/descriptor";
import { runJob } from "../boundary/jobs";
import { apply } from "./apply";
import { type AttrSchema, type AttrsOf, checkSignal, OPTIONS, parseAttrs } from "./attrs";
import { attrsOf, bindOp, isAttrsOf } from "./bind";
import type { Op } from "./callable";
import { checkRow } from "./check-row";
import { ArgumentError, BacksolveError, describe } from "./errors";
import { inputName, isVariadic, MAX_INPUTS, plainName, takes } from "./form";
import { unwrapIfDead } from "./levels";
import { alike, allT, operands } from "./operands";
import { batchContextOf, RUN, type RunContext } from "./outcome";
import { addRow, own } from "./registry";
import { type AnyRow, type Attrs, besides, type NamedTensors, nameOf, type Ports, type Row } from "./row";
import { rulesOf } from "./slopes";
import { adopt, memoryOf, readable, storageOf, type Tensor, tracedOf } from "./tensor";

export type * from "./callable";
export { scalar } from "./outcome";

/** `defineUserOp` for the package's own rows: to define these does not load the addon, and a test looks their kernels up. */
export function defineOp<
  const I extends readonly string[],
  const O extends readonly string[],
  const S extends AttrSchema = Record<never, never>,
  const P extends Ports = Record<never, never>,
  const K extends NonNullable<AnyRow["types"]> = "float",
>(
  row: Omit<Row<I[number], O[number], S, NamedTensors<I[number] | O[number], P, K>>, "inputs" | "outputs" | "dtypes" | "types"> & {
    readonly inputs: I;
    readonly outputs: O;
    readonly dtypes?: P | ((attrs: AttrsOf<S>) => P);
    readonly types?: K;
  },
): Op<I, O, P, S, K>;
export function defineOp(row: unknown): unknown {
  return define(row);
}
/**
 * Defines an op from its row and registers it under its name. The result is a function of the inputs, in the row's order, and one object of
 * options; it works in every transform, and in `compile` when its kernel is native or composed of ops.
 * @throws ArgumentError when the name is taken, or for a row that contradicts itself: it names the field, what was given and what was expected.
 */
export const defineUserOp = ((row: unknown) => define(row, isKernel)) as typeof defineOp;

function define(given: unknown, isKnown?: (kernel: string) => boolean): Loose {
  const row = checkRow(given, isKnown);
  const plain = { ...row, ...rulesOf(row) };
  if (!isKnown) own.add(plain);
  const op = opOf(plain);
  addRow(plain, op);
  return op;
}

type Loose = ((...args: unknown[]) => unknown) & { row: AnyRow };

function opOf(row: AnyRow): Loose {
  const arity = row.inputs.length;
  const split = (args: unknown[], common: readonly string[]) => {
    if (args.length < arity || args.length > arity + 1)
      throw new ArgumentError(nameOf(row), `expected ${row.inputs.map(plainName).join(", ")} and options, got ${args.length} arguments.`);
    const options = args[arity] as Record<string, unknown> | undefined;
    const attrs = attrsOf(row, options === undefined ? undefined : (parseAttrs(nameOf(row), row, options, common) as Attrs));
    return { inputs: operands(row, attrs, spread(row, args.slice(0, arity))), attrs, options: options ?? {} };
  };
  const shape = (out: Tensor[]): unknown =>
    row.outputs.length === 1 ? out[0] : Object.fromEntries(row.outputs.map((n, i) => [n, out[i]]));
  const one = row.outputs.length === 1;
  const plain = !isVariadic(row) && allT(row);
  const fallbacks = attrsOf(row);
  const op = (...args: unknown[]) => {
    // Tensors of one dtype, numbers, and nothing said of failures or memory: most calls by far.
    const given = args[arity];
    const simple = plain && (args.length === arity || (args.length === arity + 1 && isAttrsOnly(given)));
    const tensors = simple ? alike(row, args, arity) : undefined;
    if (tensors) {
      const out = apply(row, tensors, given === undefined ? fallbacks : checkedAttrs(row, given));
      return one ? out[0] : shape(out);
    }
    if ((args[arity] as { readonly signal?: unknown } | null | undefined)?.signal !== undefined)
      throw new ArgumentError(nameOf(row), `a signal needs ${nameOf(row)}.async: a synchronous call cannot be aborted.`);
    const { inputs, attrs, options } = split(args, OPTIONS.call);
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
    const { inputs, attrs, options } = split(args, OPTIONS.async);
    const called = (options as { [RUN]?: RunContext })[RUN]?.op ?? nameOf(row);
    return shape(await applyAsync(row, inputs, attrs, { op: called, collect: collects(called, options), signal: options.signal }));
  };
  Object.defineProperty(op, "name", { value: row.name });
  return Object.assign(op, { async: asynchronous, checked, row });
}

const checkedAttrs = (row: AnyRow, given: unknown): Attrs =>
  isAttrsOf(row, given as object) ? (given as Attrs) : attrsOf(row, parseAttrs(nameOf(row), row, given, OPTIONS.call) as Attrs);

/** Whether options say nothing but attributes. */
const isAttrsOnly = (x: unknown): boolean =>
  x === undefined || (typeof x === "object" && x !== null && !("onFailure" in x || "out" in x || "signal" in x || RUN in x));

/** What was given for the inputs, one by one; a variadic one is given as an array. */
function spread(row: AnyRow, given: unknown[]): unknown[] {
  if (!isVariadic(row)) return given;
  const list = given.pop();
  const name = plainName(row.inputs.at(-1) as string);
  const length = Array.isArray(list) ? list.length : 0;
  if (length === 0) throw new ArgumentError(nameOf(row), `${name} must be an array of tensors, at least one, got ${describe(list)}.`);
  if (typeof row.kernel !== "function" && !takes(row, given.length + length))
    throw new ArgumentError(nameOf(row), `${name} must be at most ${MAX_INPUTS - given.length} tensors, got ${length}.`);
  return [...given, ...(list as unknown[])];
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
  const bound = bindOp(row, inputs, attrs);
  const types = bound.outputs.slice(0, row.outputs.length);
  const quiet = inputs.map((t) => !storageOf(t).exposed);
  const arrays = () => inputs.map((t, i) => readable(op, t, () => inputName(row, i)));
  const begin = () => bound.call((1 << types.length) - 1).start(collect, arrays(), quiet);
  const nameOf = (i: number) => memoryOf(inputName(row, i), inputs[i] as Tensor);
  const { flat, outputs } = await runJob({ op, inputs, outputs: types, begin, nameOf, signal });
  const batchContext = () => batchContextOf(row, attrs, inputs, types);
  if (flat) settle({ op, hints: row.hints, beside: besides(row, op), collect, batchContext, reportBatch: undefined }, flat);
  return outputs;
}
