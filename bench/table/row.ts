// What a row of the benchmark's table says. Peers know a row by its name: bench/peers/*.py, one line each.
import type * as B from "../../lib/index";

export type Backsolve = typeof B;
/** Of either dtype of the grid at run time. */
export type T = B.Tensor<"float64">;

/** How the numbers of an operand are made: bench/data.ts. */
export type Kind =
  | "normal"
  | "uniform"
  | "positive"
  | "small"
  | "spd"
  | "symmetric"
  | "general"
  | "lower"
  | "indefinite"
  | "banded"
  | "bandedUpper"
  | "toeplitz"
  | "dominant";

/** Sizes of a shape by n: "2n,n", "n-1". The empty text is a scalar. */
export type Sizes = string;

export interface Row {
  readonly op: string;
  /** Bands with targets are of matrix ops; further ones have their own. */
  readonly kind: "matrix" | "further" | "elements" | "program";
  readonly inputs: readonly (readonly [kind: Kind, sizes: Sizes])[];
  readonly outputs: readonly Sizes[];
  /** Only these are of use, where not both. */
  readonly ways?: readonly "forward"[];
  /** Numbers of an item, by which batches are counted, where not n². */
  elements?(n: number): number;
  /** Of batches, by the package's own broadcasting; in a compiled row of one item. */
  call(b: Backsolve, ...args: T[]): T[];
  /** The least floating-point operations of an item: forward, and forward and backward. Absent: no line of the roofline. */
  readonly flops?: readonly [forward: (n: number) => number, both: (n: number) => number];
  /** Compiled against jit and vmap: its sizes, how many items are run at once, how many leading operands are differentiated (all). */
  readonly compiled?: { readonly sizes: readonly number[]; items(n: number): number; readonly wrt?: number };
  /** How far the outputs are from what defines them, relative; absent where the smoke test has `call` again, eagerly (compiled rows). */
  residual?(b: Backsolve, args: readonly T[], outs: readonly T[]): T;
  /** Outputs are determined up to signs only, so that cotangents mean another loss on each side: gradients are not compared. */
  readonly signs?: true;
}

export const shapeOf = (sizes: Sizes, n: number): number[] =>
  sizes === ""
    ? []
    : sizes.split(",").map((s) => {
        const [, factor, letter, less] = /^(\d*)(n?)(-\d)?$/.exec(s) ?? [];
        return (factor ? Number(factor) : 1) * (letter ? n : 1) + Number(less ?? 0);
      });

/** The largest difference, over the largest element of what should be. */
export const off = (b: Backsolve, is: T, should: T): T => b.div(b.max(b.abs(b.sub(is, should))), b.max(b.abs(should)));
