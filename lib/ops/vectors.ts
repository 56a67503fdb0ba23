import { optionsOf } from "../core/attrs";
import type { Fits, Takes } from "../core/dtype";
import { ShapeError } from "../core/errors";
import type { AsyncOptions, CallOptions, Checked } from "../core/op";
import type { AnyRow } from "../core/row";
import { adopt, type DTypeOf, type Promote, shapeText, type Tensor } from "../core/tensor";
import { type Forms, inForms } from "./forms";
import { expandDims, reshape } from "./structure";

/** A solver of a X = b in its three forms. */
export interface Solver<Options> {
  <A extends Tensor, B extends Tensor>(
    a: A & Takes[DTypeOf<A>],
    b: B & Fits<DTypeOf<A>, DTypeOf<B>>,
    options?: Options & CallOptions,
  ): Tensor<Promote<A, B>>;
  async<A extends Tensor, B extends Tensor>(
    a: A & Takes[DTypeOf<A>],
    b: B & Fits<DTypeOf<A>, DTypeOf<B>>,
    options?: Options & AsyncOptions,
  ): Promise<Tensor<Promote<A, B>>>;
  checked<A extends Tensor, B extends Tensor>(
    a: A & Takes[DTypeOf<A>],
    b: B & Fits<DTypeOf<A>, DTypeOf<B>>,
    options?: Options,
  ): Checked<Tensor<Promote<A, B>>>;
  readonly row: AnyRow;
}

/**
 * Lets the input b of an op, a stack of matrices of right-hand sides, also be one vector, NumPy 2's rule for a 1-D b: a column, or a row where
 * `isRow` says so of the options. In all three forms, and with `out`. F says what users may give; `axis`: the one of the first input that has as
 * many elements as b has rows.
 */
export function withVectors<F extends Forms = Forms>(
  op: Forms,
  isRow: (options: Record<string, unknown>) => boolean = () => false,
  axis: -1 | -2 = -2,
): F {
  const { row } = op;
  const [b, options] = [row.inputs.indexOf("b"), row.inputs.length];
  return inForms(op, (args) => {
    const vector = adopt(row.name, args[b]);
    if (vector?.rank !== 1) return { args, back: (x) => x };
    const rows = adopt(row.name, args[0])?.shape.at(axis);
    if (rows !== undefined && rows !== vector.size)
      throw new ShapeError(
        row.name,
        `b has shape ${shapeText(vector.shape)}, expected [${rows}]: one for each ${axis === -2 ? "row" : "element"} of ${row.inputs[0]}.`,
      );
    const given = optionsOf(row.name, args[options]);
    const along = isRow(given) ? -2 : -1;
    const matrix = (x: unknown) => {
      const t = adopt(row.name, x);
      return t ? expandDims(t, along) : x;
    };
    const changed = [...args];
    changed[b] = matrix(vector);
    if (given.out !== undefined) changed[options] = { ...given, out: matrix(given.out) };
    const back = (x: Tensor) => reshape(x, [...x.shape.slice(0, -2), x.shape.at(along === -1 ? -2 : -1) as number]);
    return { args: changed, back };
  });
}
