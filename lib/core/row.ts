import type { AttrSchema, AttrsOf, AttrValue } from "./attrs";
import type { Domain } from "./domain";
import type { DType, Mates, Sym } from "./dtype";
import type { Code } from "./errors";
import type { DTypeOf, Shape, Tensor } from "./tensor";

/** dtype of an operand, given the op's dtype T: T itself, its real or complex companion, or one that is always the same. */
export type Port = "T" | "real" | "complex" | DType;
/** Of inputs, outputs and aux by name. */
export type Ports = { readonly [name: string]: Port };

/** A value per operand by name; of a variadic input "...xs" an array as xs. */
export type Named<K extends string, V> = { readonly [k in K as Plain<k>]: k extends `...${string}` ? readonly V[] : V };
type Plain<K extends string> = K extends `...${infer N}` ? N : K;
export type Shapes<K extends string> = Named<K, Shape>;

export type PortOf<P, K extends string> = P extends { readonly [k in K]: infer V } ? V : "T";
/** The dtype of a port in rules, of a row of these types. */
type SymOf<P, Types> = P extends "T"
  ? Sym<Types extends "real" | "complex" | "any" ? Types : Types extends "ordered" ? "real" : "T">
  : P extends "real" | "complex"
    ? Sym<P>
    : P & DType;
/** Tensors by name as rules see them: the dtype is a symbol that the port names. `Types`: the row's. */
export type NamedTensors<K extends string, P = unknown, Types = "float"> = {
  readonly [k in K as Plain<k>]: k extends `...${infer N}`
    ? readonly Tensor<SymOf<PortOf<P, N>, Types>>[]
    : Tensor<SymOf<PortOf<P, k>, Types>>;
};
/** Those of these names. */
type Of<V, K extends string> = Pick<V, Plain<K> & keyof V>;
/** What rules give for inputs of these names. */
type Thunks<V, K extends string> = {
  readonly [k in Plain<K> & keyof V]?: V[k] extends readonly (infer T)[]
    ? readonly ((() => Cotangent<T>) | undefined)[]
    : (() => Cotangent<V[k]>) | undefined;
};

/** What a rule may ask about the call besides values. */
export interface Context<I extends string> {
  readonly shapes: Shapes<I>;
  /** Which inputs' cotangents are asked for. */
  readonly wanted: Named<I, boolean>;
}

/** A cotangent of T, or one that the engine makes of its dtype: a complex one's real part, a real one as complex. */
type Cotangent<T> = Tensor<Mates<DTypeOf<T>>>;
/** A tangent, or what computes it when it is asked for; undefined: zero. */
export type Tangent<T = Tensor> = T | (() => T | undefined) | undefined;

/** The derivative of an elementwise op by one input: times / over, each 1 where absent, and of the shape of the output or broadcast to it. */
export interface Slope<T = Tensor> {
  readonly times?: T | undefined;
  /** For slopes that are quotients: 1 / x need not be representable where g / x is. */
  readonly over?: T | undefined;
}

/** Numbers for the native table: the kernel's attributes, from the row's and the shapes. */
export type Encode = (attrs: never, inputs: readonly Shape[], outputs: readonly Shape[]) => readonly number[];

export interface Native {
  readonly kind: "native";
  readonly name: string | ((attrs: Attrs) => string);
  readonly encode: Encode | undefined;
  readonly alias: boolean; // eager: the output is the input's memory under another shape
}
/**
 * A kernel of the native table, or which one for which attributes. Without `encode`, flags and numbers cross as numbers in the order of the
 * row's attrs.
 */
export const native = (name: string | ((attrs: Attrs) => string), encode?: Encode, alias = false): Native => ({
  kind: "native",
  name,
  encode,
  alias,
});

/**
 * One op with inputs I, outputs O and options S: everything else, types, errors, batching, derivatives of any order, documentation, tests, is
 * derived from it. Its functions take attributes A and tensors V by name.
 */
export interface Row<
  I extends string = string,
  O extends string = string,
  S extends AttrSchema = AttrSchema,
  V = NamedTensors<I | O>,
  A = AttrsOf<S>,
> {
  /** Own name, everywhere. */
  readonly name: string;
  /** The name in errors, where it is not `name`: that of the function users call. */
  readonly publicName?: string;
  /** TensorFlow's name. */
  readonly tf?: string;
  readonly doc?: string;
  /** Whether only other rows call the op: it is not listed, but programs and `registry.get` know it by name. */
  readonly hidden?: boolean;
  /** Names. The last may be variadic: "...xs" stands for one or more, which the op takes as an array and rules know as the array xs. */
  readonly inputs: readonly I[];
  readonly outputs: readonly O[];
  /**
   * gufunc notation of the item dimensions, or a function of the attrs; m^n is the smaller of the two, a number is that size. Exactly one of
   * `signature` and `infer`.
   */
  readonly signature?: string | ((attrs: A) => string);
  /** Output shapes where gufunc notation cannot say them; throws ShapeError. */
  readonly infer?: (shapes: Shapes<I>, attrs: A) => Shapes<O>;
  /** Of inputs, outputs and aux, "T" where nothing is said; or a function of the attrs. */
  readonly dtypes?: Ports | ((attrs: A) => Ports);
  /** What T may be, all four floating dtypes where nothing is said. "number": int32, too; "ordered": real and int32; "any": all dtypes. */
  readonly types?: "float" | "real" | "complex" | "number" | "ordered" | "any";
  readonly attrs?: S;
  /** Says which options exclude each other, where these do. */
  readonly conflict?: (attrs: A) => string | undefined;
  /** Where inputs lie, for `checkOp`: those of `domains`, or a user's own. Any numbers where absent. */
  readonly domain?: { readonly [k in Plain<I>]?: Domain };
  /** Outputs with a free phase or rotation, mapped to some without and of the same shapes: what `checkOp` takes differences of. */
  readonly gauge?: (outputs: Of<V, O>) => { readonly [k in O]: Tensor };
  readonly law?: (inputs: Of<V, I>, outputs: Of<V, O>, attrs: A) => [Tensor, Tensor][];
  readonly failures?: readonly Code[];
  /** What helps against a kind of failure (a name of native/base/fails.def), as the end of its message. */
  readonly hints?: { readonly [kind: string]: string };
  /**
   * A native kernel, or a function of other ops. Such a function gets as third argument options to hand to the ops that can fail, so that
   * errors name this op and `onFailure` reaches them.
   */
  readonly kernel: Native | ((inputs: Of<V, I>, attrs: A, pass: Pass) => V[O & keyof V] | Of<V, O>);
  /** More outputs of a native kernel, for `fused` alone: factors that it would compute again. Name and item dimensions, as in the signature. */
  readonly aux?: { readonly [name: string]: string };
  /** What the rule reads. */
  readonly saves?: readonly NoInfer<I | O>[];
  /**
   * One thunk per input with a derivative, from saved values and cotangents (undefined: none arrived). Linear in the cotangents. The engine
   * un-broadcasts. Absent on a composed kernel: derivatives go through the ops it is made of. Absent on a native kernel: no derivative.
   */
  readonly vjp?: (saved: Of<V, I | O>, cotangents: Of<V, O>, attrs: A, context: Context<I>) => Thunks<V, I>;
  /** In the place of `vjp` for elementwise ops of one output: the slope by each input that has one, from the same values. */
  readonly slopes?: (saved: Of<V, I | O>) => { readonly [k in Plain<I>]?: () => Slope<V[O & keyof V]> };
  /** Whether the op is linear in its float inputs together, so that it is its own tangent. */
  readonly linear?: boolean;
  /**
   * Tangents of the outputs from inputs and outputs and the tangents of the inputs (undefined: zero). Absent: from the transpose of `vjp`,
   * which costs two passes.
   */
  readonly jvp?: (values: Of<V, I | O>, tangents: Partial<Of<V, I>>, attrs: A) => { readonly [k in O]?: Tangent<V[k & keyof V]> };
  /** The highest derivative that exists, where not any: beyond it rules throw, and `checkOp` does not look. */
  readonly order?: number;
  /** The first-order rule in one kernel: reads saves, then aux, then cotangents; gives the wanted inputs' cotangents. */
  readonly fused?: Native;
  /** For which attributes there is such a kernel, where not for all: with others the rule is `vjp`. */
  readonly fusedFor?: (attrs: A) => boolean;
  /** More sizes of the signature's letters, of about size n, that `checkOp` tries: by itself it only tries ascending ones. */
  readonly sizes?: (n: number) => readonly { readonly [letter: string]: number }[];
  /** Shapes and attrs of about size n that `checkOp` tries, for rows with `infer`; the others' follow from the signature. */
  readonly samples?: (n: number) => readonly { readonly shapes: Shapes<I>; readonly attrs?: Partial<A> }[];
}

/** A row with its types forgotten, as the engine handles it. */
export interface AnyRow extends Row<string, string, AttrSchema, Readonly<Record<string, Tensor>>, Attrs> {
  /** @internal Of a row that stands for an instruction with bodies; its kernel runs them. */
  readonly control?: ControlOf;
}

/** What the engine asks of a row with bodies. */
export interface ControlOf {
  /** The control, of ir.ts, which is built on this file. */
  readonly control: object;
  /** Of the outputs. */
  readonly types: readonly { readonly dtype: DType; readonly shape: Shape }[];
  /** The row of the same inputs that gives, after these outputs, what the rule reads beside them. */
  saving?(): AnyRow;
  /** Outputs and their tangents in one run, which a body computes together. */
  dual(inputs: readonly Tensor[], tangents: readonly (Tensor | undefined)[], pass: Pass): { outputs: Tensor[]; tangents: Tangent[] };
}

/** Options of the caller, opaque. */
export type Pass = object;
export type ComposedKernel = Exclude<AnyRow["kernel"], Native>;

/** The name of an op in errors. */
export const nameOf = (row: AnyRow): string => row.publicName ?? row.name;
/** Inputs besides the first whose numbers may not be finite, in errors of `op`, whose arguments these are only where it is the row itself. */
export function besides(row: AnyRow, op: string): readonly string[] {
  const { dtypes = {} } = row;
  if (op !== row.name || typeof dtypes === "function") return [];
  return row.inputs.slice(1).filter((name) => dtypes[name] !== "int32" && dtypes[name] !== "bool");
}

// biome-ignore lint/suspicious/noExplicitAny: attrs are checked at run time against the row's schema, whose type is lost here
export type Attrs = Record<string, any> & { [k: string]: AttrValue };
