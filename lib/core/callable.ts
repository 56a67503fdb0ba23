// The types of functions made from rows: what they take, what they give, and what they refuse.
import type { AttrSchema, AttrsOf } from "./attrs";

import type { ComplexOf, DType, Fits, Held, RealOf, Takes, TakesNumbers, Wider } from "./dtype";

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
  : [A] extends [number]
    ? unknown
    : Types extends "number" | "ordered"
      ? TakesNumbers[DTypeOf<A>]
      : Takes[DTypeOf<A>];
/** Two operands as one: a number, or a tensor of their dtype. */
type Both<A, B> = A extends number ? B : Tensor<Promote<A, B>>;
/** Operands of port T as they are, others as numbers, which have no dtype to say. */
type AsT<N extends string, P, A> = PortOf<P, N> extends "T" ? A : number;
/** The T of two operands. */
type T2<I extends Names, P, A, B> = Promote<AsT<I[0], P, A>, AsT<I[1], P, B>>;
/** The T of three operands. */
type T3<I extends Names, P, A, B, C> = Promote<Both<AsT<I[0], P, A>, AsT<I[1], P, B>>, AsT<I[2], P, C>>;
/** Input N, given as A, of a row whose T is D. `Before`: the operands before it, as one. */
type Input<N extends string, P, Types, A, Before, D extends DType> =
  PortOf<P, N> extends "T" ? A & Fits<DTypeOf<Before>, DTypeOf<A>> & Accepts<Types, A> : Operand<Ported<PortOf<P, N>, D>>;
type Two<I extends Names, P, Types, A, B> = [
  a: Input<I[0], P, Types, A, number, T2<I, P, A, B>>,
  b: Input<I[1], P, Types, B, AsT<I[0], P, A>, T2<I, P, A, B>>,
];
type Three<I extends Names, P, Types, A, B, C> = [
  a: Input<I[0], P, Types, A, number, T3<I, P, A, B, C>>,
  b: Input<I[1], P, Types, B, AsT<I[0], P, A>, T3<I, P, A, B, C>>,
  c: Input<I[2], P, Types, C, Both<AsT<I[0], P, A>, AsT<I[1], P, B>>, T3<I, P, A, B, C>>,
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
  /** The same, off the event loop: see `Op`. */
  async<D extends DType = "float64">(x: Same<I, P, Types, D>[0], options?: Options<S, AsyncOptions>): Promise<Result<O, P, D>>;
  /** The same with failing items as NaN, and the list of them. */
  checked<D extends DType = "float64">(x: Same<I, P, Types, D>[0], options?: Options<S>): Checked<Result<O, P, D>>;
}
/** A function made from a row of two inputs. */
export interface Binary<I extends Names, O extends Names, P, S extends AttrSchema, Types> extends Made {
  <A extends Operand, B extends Operand>(
    ...args: [...inputs: Two<I, P, Types, A, B>, options?: Options<S, CallOptions>]
  ): Result<O, P, T2<I, P, A, B>>;
  /** The same, off the event loop: see `Op`. */
  async<A extends Operand, B extends Operand>(
    ...args: [...inputs: Two<I, P, Types, A, B>, options?: Options<S, AsyncOptions>]
  ): Promise<Result<O, P, T2<I, P, A, B>>>;
  /** The same with failing items as NaN, and the list of them. */
  checked<A extends Operand, B extends Operand>(
    ...args: [...inputs: Two<I, P, Types, A, B>, options?: Options<S>]
  ): Checked<Result<O, P, T2<I, P, A, B>>>;
}
/** A function made from a row of three inputs. */
export interface Ternary<I extends Names, O extends Names, P, S extends AttrSchema, Types> extends Made {
  <A extends Operand, B extends Operand, C extends Operand>(
    ...args: [...inputs: Three<I, P, Types, A, B, C>, options?: Options<S, CallOptions>]
  ): Result<O, P, T3<I, P, A, B, C>>;
  /** The same, off the event loop: see `Op`. */
  async<A extends Operand, B extends Operand, C extends Operand>(
    ...args: [...inputs: Three<I, P, Types, A, B, C>, options?: Options<S, AsyncOptions>]
  ): Promise<Result<O, P, T3<I, P, A, B, C>>>;
  /** The same with failing items as NaN, and the list of them. */
  checked<A extends Operand, B extends Operand, C extends Operand>(
    ...args: [...inputs: Three<I, P, Types, A, B, C>, options?: Options<S>]
  ): Checked<Result<O, P, T3<I, P, A, B, C>>>;
}
/** unknown where all operands A, a union, have a dtype together. */
export type Agree<A> = [Clash<A>] extends [never] ? unknown : Clash<A>;
export type Clash<A, B = A> =
  A extends Tensor<infer D> ? (B extends Tensor<infer E> ? (unknown extends Fits<D, E> ? never : Fits<D, E>) : never) : never;
/** The dtype that the others of a union of operands are taken to. */
export type Highest<A, B = A> =
  A extends Tensor<infer D> ? (Held<B extends Tensor<infer E> ? Wider<D, E> : D> extends Held<D> ? D : never) : never;
export type TOfList<A> = [A] extends [number] ? "float64" : Highest<A>;
/** A function made from a row of any number of inputs, which are given as an array. */
export interface Variadic<O extends Names, P, S extends AttrSchema, Types> extends Made {
  <A extends Operand>(xs: readonly A[] & Agree<A> & Accepts<Types, A>, options?: Options<S, CallOptions>): Result<O, P, TOfList<A>>;
  /** The same, off the event loop: see `Op`. */
  async<A extends Operand>(
    xs: readonly A[] & Agree<A> & Accepts<Types, A>,
    options?: Options<S, AsyncOptions>,
  ): Promise<Result<O, P, TOfList<A>>>;
  /** The same with failing items as NaN, and the list of them. */
  checked<A extends Operand>(xs: readonly A[] & Agree<A> & Accepts<Types, A>, options?: Options<S>): Checked<Result<O, P, TOfList<A>>>;
}
/** A function made from a row of more inputs, or of any number after others. */
export interface Nary<I extends Names, O extends Names, P, S extends AttrSchema, Types> extends Made {
  <D extends DType>(...args: [...inputs: Same<I, P, Types, D>, options?: Options<S, CallOptions>]): Result<O, P, D>;
  /** The same, off the event loop: see `Op`. */
  async<D extends DType>(...args: [...inputs: Same<I, P, Types, D>, options?: Options<S, AsyncOptions>]): Promise<Result<O, P, D>>;
  /** The same with failing items as NaN, and the list of them. */
  checked<D extends DType>(...args: [...inputs: Same<I, P, Types, D>, options?: Options<S>]): Checked<Result<O, P, D>>;
}
/**
 * A function made from a row.
 * `async`: the same, off the event loop. Inputs whose `data` somebody holds are copied first, which takes the time of one memcpy; `tensor(array,
 * { transfer: true })` needs none. An aborted signal rejects at once with its reason; inputs stay in use until the call has left them.
 * `checked`: the same with failing items as NaN, and the list of them.
 */
export type Op<I extends Names, O extends Names, P, S extends AttrSchema, Types = "float"> = I extends readonly [`...${infer N}`]
  ? PortOf<P, N> extends "T"
    ? Variadic<O, P, S, Types>
    : Nary<I, O, P, S, Types>
  : I extends readonly [...string[], `...${string}`]
    ? Nary<I, O, P, S, Types>
    : I extends readonly [string]
      ? Unary<I, O, P, S, Types>
      : I extends readonly [string, string]
        ? Binary<I, O, P, S, Types>
        : I extends readonly [string, string, string]
          ? Ternary<I, O, P, S, Types>
          : Nary<I, O, P, S, Types>;
