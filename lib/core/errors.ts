import { types } from "./node";

/** Every `code` an error of this package can carry. */
export type Code =
  | "ERR_SHAPE"
  | "ERR_DTYPE"
  | "ERR_ARGUMENT"
  | "ERR_TRACED"
  | "ERR_DISPOSED"
  | "ERR_SINGULAR"
  | "ERR_NOT_POSITIVE_DEFINITE"
  | "ERR_NO_CONVERGENCE"
  | "ERR_RANK_DEFICIENT"
  | "ERR_DEGENERATE"
  | "ERR_NOT_FINITE"
  | "ERR_OUT_OF_MEMORY"
  | "ERR_NO_BINARY"
  | "ERR_INTERNAL";

/** Base of all errors: `code` for programs, `op` for the function at fault, a message with what was given and what was expected. */
export class BacksolveError extends Error {
  readonly code: Code;
  readonly op: string;
  /** `path`: where the loops around the op were, which the message begins with. */
  constructor(code: Code, op: string, detail: string, path: readonly string[] = []) {
    super([...path, op, detail].join(": "));
    this.code = code;
    this.op = op;
    // The stack, made from the name when it is first read, says "ShapeError [ERR_SHAPE]: ..." as Node's own errors do.
    this.name = `${new.target.name} [${code}]`;
    void this.stack;
    this.name = new.target.name;
  }
}

/** Shapes that do not fit the op or each other. */
export class ShapeError extends BacksolveError {
  constructor(op: string, detail: string) {
    super("ERR_SHAPE", op, detail);
  }
}

/** A dtype that the op does not take, or dtypes that do not mix. */
export class DtypeError extends BacksolveError {
  constructor(op: string, detail: string) {
    super("ERR_DTYPE", op, detail);
  }
}

/** An argument or option of the wrong kind or out of its range. */
export class ArgumentError extends BacksolveError {
  constructor(op: string, detail: string) {
    super("ERR_ARGUMENT", op, detail);
  }
}

/** A matrix that has no answer: `item` is its linear index in the batch, `index` LAPACK's (1-based minor, pivot or column). */
export class LinalgError extends BacksolveError {
  readonly item: number;
  readonly index: number;
  constructor(code: Code, op: string, detail: string, item: number, index: number, path?: readonly string[]) {
    super(code, op, detail, path);
    this.item = item;
    this.index = index;
  }
}

/** A bounded, readable account of any value for an error message. Never runs the value's own code beyond reading its type. */
export function describe(value: unknown): string {
  switch (typeof value) {
    case "string":
      return value.length > 40 ? `${JSON.stringify(value.slice(0, 40))}...` : JSON.stringify(value);
    case "number":
    case "boolean":
    case "undefined":
      return String(value);
    case "bigint":
      return "a bigint";
    case "symbol":
      return "a symbol";
    case "function":
      return "a function";
  }
  if (value === null) return "null";
  if (types.isProxy(value)) return "a proxy";
  if (Array.isArray(value)) return value.length <= 8 && value.every((v) => typeof v === "number") ? `[${value.join(", ")}]` : "an array";
  if (ArrayBuffer.isView(value)) return "a typed array or view";
  return "an object";
}

/** What Symbol.toPrimitive gives for an object without a number: its text, or for arithmetic and comparison the error that says what to use. */
export function asPrimitive(what: string, hint: string, x: object, instead: string): string {
  if (hint === "string") return x.toString();
  throw new ArgumentError(what, `JavaScript's operators know numbers and text alone, not a ${what}: use ${instead}.`);
}

/** The memory of `what` was there and is no more. */
export const gone = (op: string, what: string): ArgumentError =>
  new ArgumentError(op, `the memory of ${what} is gone: its buffer was transferred or resized.`);

/** `what` was disposed of, by `using` or at the end of a scope. */
export const disposed = (op: string, what: string): BacksolveError =>
  new BacksolveError("ERR_DISPOSED", op, `${what} was disposed of, by using or at the end of the scope() that it was made in.`);

/**
 * What native code, or an allocation, threw, as an error of this package. What a user's own code threw stays as it is.
 * `nameOf`: what a buffer of the call is called.
 */
export function translate(op: string, error: unknown, nameOf: (buffer: number) => string = () => "a tensor"): unknown {
  if (error instanceof BacksolveError || !types.isNativeError(error)) return error; // of any realm: Jest's tests run in one of their own
  const { code, buffer } = error as { code?: unknown; buffer?: unknown };
  if (code === "ERR_BUFFER") return gone(op, nameOf(Number(buffer)));
  if (code === "ERR_OUT_OF_MEMORY" || (error.name === "RangeError" && /allocation|length|size/i.test(error.message)))
    return new BacksolveError("ERR_OUT_OF_MEMORY", op, "there is not enough memory for the result or its workspace.");
  if (code === "ERR_NO_THREAD")
    return new BacksolveError(
      "ERR_OUT_OF_MEMORY",
      op,
      "the system refused a thread to compute on (a limit of processes or of memory): a synchronous call computes on this one.",
    );
  return error.message.startsWith(INTERNAL) ? new BacksolveError("ERR_INTERNAL", op, error.message.slice(INTERNAL.length)) : error;
}
const INTERNAL = "backsolve internal: ";

/** Runs f; what `translate` knows becomes an error of this package. */
export function guard<R>(op: string, f: () => R, nameOf?: (buffer: number) => string): R {
  try {
    return f();
  } catch (error) {
    throw translate(op, error, nameOf);
  }
}
