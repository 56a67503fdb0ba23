import type { AttrValue } from "./attrs";
import type { DType } from "./dtype";
import type { Key } from "./key";
import type { Shape, Tensor } from "./tensor";

/** One input of one call, as `checkOp` asks for it. */
export interface Draw {
  readonly shape: Shape;
  readonly dtype: DType;
  /** The only source of randomness, so that samples come again. */
  readonly key: Key;
  /** Of all inputs of the call, an array for a variadic one: an index is below a size of another input. */
  readonly shapes: { readonly [input: string]: Shape };
  readonly attrs: { readonly [name: string]: AttrValue };
}

/** Where an input lies: what `checkOp` draws for it, and the space its tangents and cotangents live in. */
export interface Domain {
  /** In errors of `checkOp`. */
  readonly name?: string;
  /** A tensor of this shape and dtype. Well conditioned and away from kinks, so that tolerances need no condition number. */
  sample(draw: Draw): Tensor;
  /** The orthogonal projection of a direction onto the tangent space, where that is not the whole space: its Hermitian part, say. */
  tangent?(direction: Tensor): Tensor;
  /** How far differences may go along a direction of standard normal numbers; 1 where absent. */
  reach?(shape: Shape): number;
}
