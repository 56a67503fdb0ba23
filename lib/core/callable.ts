// The types of functions made from rows: what they take, what they give, and what they refuse.
import type { AttrSchema, AttrsOf } from "./attrs";
import type { ComplexOf, DType, Fits, RealOf, Takes, TakesNumbers } from "./dtype";
import type { Failure } from "./failures";
import type { AnyRow, PortOf } from "./row";
import type { DTypeOf, Operand, Promote, Tensor } from "./tensor";

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

type Names = readonly string[];
type Ported<P, D extends DType> = P extends "T" ? D : P extends "real" ? RealOf<D> : P extends "complex" ? ComplexOf<D> : P & DType;
type Result<O extends Names, P, D extends DType> = O extends readonly [infer Only extends string]
  ? Tensor<Ported<PortOf<P, Only>, D>>
  : { readonly [k in O[number]]: Tensor<Ported<PortOf<P, k>, D>> };
type Options<S extends AttrSchema, More = unknown> = Partial<AttrsOf<S>> & More;

/** unknown for operands that a row of these types may take. */
type Accepts<Types, A> = Types extends "any"
  ? unknown
  : A extends number
    ? unknown
    : Types extends "number" | "ordered"
      ? TakesNumbers[DTypeOf<A>]
      : Takes[DTypeOf<A>];
/** Operands X of port T together, as one: a number, or a tensor of their dtype. */
type All<I extends Names, P, X extends readonly unknown[], So = number> = X extends readonly [infer A, ...infer Xs]
  ? I extends readonly [infer N extends string, ...infer Is extends Names]
    ? All<Is, P, Xs, PortOf<P, N> extends "T" ? (So extends number ? A : A extends number ? So : Tensor<Promote<So, A>>) : So>
    : So
  : So;
type DTypeOfAll<I extends Names, P, X extends readonly unknown[]> = Promote<All<I, P, X>, number>;
/** Input N, given as A, of a row whose T is D. `Before`: the operands before it, as one. */
type Input<N extends string, P, Types, A, Before, D extends DType> =
  PortOf<P, N> extends "T" ? A & Fits<DTypeOf<Before>, DTypeOf<A>> & Accepts<Types, A> : Operand<Ported<PortOf<P, N>, D>>;
type Two<I extends Names, P, Types, A, B> = [
  a: Input<I[0], P, Types, A, number, DTypeOfAll<I, P, [A, B]>>,
  b: Input<I[1], P, Types, B, All<I, P, [A]>, DTypeOfAll<I, P, [A, B]>>,
];
type Three<I extends Names, P, Types, A, B, C> = [
  a: Input<I[0], P, Types, A, number, DTypeOfAll<I, P, [A, B, C]>>,
  b: Input<I[1], P, Types, B, All<I, P, [A]>, DTypeOfAll<I, P, [A, B, C]>>,
  c: Input<I[2], P, Types, C, All<I, P, [A, B]>, DTypeOfAll<I, P, [A, B, C]>>,
];
/** Inputs that are all of one dtype D. */
type Same<I extends Names, P, Types, D extends DType> = {
  -readonly [k in keyof I]: I[k] extends `...${infer N}`
    ? readonly Operand<Ported<PortOf<P, N>, D>>[] & Accepts<Types, Tensor<D>>
    : Operand<Ported<PortOf<P, I[k]>, D>> & Accepts<Types, Tensor<D>>;
};

interface Made {
  readonly row: AnyRow;
}
/** A function made from a row of one input. */
export interface Unary<I extends Names, O extends Names, P, S extends AttrSchema, Types> extends Made {
  <D extends DType = "float64">(x: Same<I, P, Types, D>[0], options?: Options<S, CallOptions>): Result<O, P, D>;
  async<D extends DType = "float64">(x: Same<I, P, Types, D>[0], options?: Options<S, AsyncOptions>): Promise<Result<O, P, D>>;
  checked<D extends DType = "float64">(x: Same<I, P, Types, D>[0], options?: Options<S>): Checked<Result<O, P, D>>;
}
/** A function made from a row of two inputs. */
export interface Binary<I extends Names, O extends Names, P, S extends AttrSchema, Types> extends Made {
  <A extends Operand, B extends Operand>(
    ...args: [...inputs: Two<I, P, Types, A, B>, options?: Options<S, CallOptions>]
  ): Result<O, P, DTypeOfAll<I, P, [A, B]>>;
  async<A extends Operand, B extends Operand>(
    ...args: [...inputs: Two<I, P, Types, A, B>, options?: Options<S, AsyncOptions>]
  ): Promise<Result<O, P, DTypeOfAll<I, P, [A, B]>>>;
  checked<A extends Operand, B extends Operand>(
    ...args: [...inputs: Two<I, P, Types, A, B>, options?: Options<S>]
  ): Checked<Result<O, P, DTypeOfAll<I, P, [A, B]>>>;
}
/** A function made from a row of three inputs. */
export interface Ternary<I extends Names, O extends Names, P, S extends AttrSchema, Types> extends Made {
  <A extends Operand, B extends Operand, C extends Operand>(
    ...args: [...inputs: Three<I, P, Types, A, B, C>, options?: Options<S, CallOptions>]
  ): Result<O, P, DTypeOfAll<I, P, [A, B, C]>>;
  async<A extends Operand, B extends Operand, C extends Operand>(
    ...args: [...inputs: Three<I, P, Types, A, B, C>, options?: Options<S, AsyncOptions>]
  ): Promise<Result<O, P, DTypeOfAll<I, P, [A, B, C]>>>;
  checked<A extends Operand, B extends Operand, C extends Operand>(
    ...args: [...inputs: Three<I, P, Types, A, B, C>, options?: Options<S>]
  ): Checked<Result<O, P, DTypeOfAll<I, P, [A, B, C]>>>;
}
/** A function made from a row of more inputs. */
export interface Nary<I extends Names, O extends Names, P, S extends AttrSchema, Types> extends Made {
  <D extends DType>(...args: [...inputs: Same<I, P, Types, D>, options?: Options<S, CallOptions>]): Result<O, P, D>;
  async<D extends DType>(...args: [...inputs: Same<I, P, Types, D>, options?: Options<S, AsyncOptions>]): Promise<Result<O, P, D>>;
  checked<D extends DType>(...args: [...inputs: Same<I, P, Types, D>, options?: Options<S>]): Checked<Result<O, P, D>>;
}
/**
 * A function made from a row.
 * `async`: the same, off the event loop. Inputs whose `data` somebody holds are copied first, which takes the time of one memcpy; `tensor(array,
 * { transfer: true })` needs none. An aborted signal rejects at once with its reason; inputs stay in use until the call has left them.
 * `checked`: the same with failing items as NaN, and the list of them.
 */
export type Op<I extends Names, O extends Names, P, S extends AttrSchema, Types = "float"> = I[number] extends `...${string}`
  ? Nary<I, O, P, S, Types>
  : I extends readonly [string]
    ? Unary<I, O, P, S, Types>
    : I extends readonly [string, string]
      ? Binary<I, O, P, S, Types>
      : I extends readonly [string, string, string]
        ? Ternary<I, O, P, S, Types>
        : Nary<I, O, P, S, Types>;
