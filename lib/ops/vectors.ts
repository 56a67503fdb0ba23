import { optionsOf } from "../core/attrs";
import type { Fits, Takes } from "../core/dtype";
import type { AsyncOptions, CallOptions, Checked } from "../core/op";
import type { AnyRow } from "../core/row";
import { adopt, type DTypeOf, type Promote, type Tensor } from "../core/tensor";
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

/** The three forms of a function that is called with what was checked elsewhere. */
export interface Forms {
  (...args: never[]): unknown;
  async(...args: never[]): Promise<unknown>;
  checked(...args: never[]): Checked<unknown>;
  readonly row: AnyRow;
}

/**
 * Lets the input b of an op, a stack of matrices of right-hand sides, also be one vector, NumPy 2's rule for a 1-D b: a column, or a row where
 * `isRow` says so of the options. In all three forms, and with `out`. F says what users may give.
 */
export function withVectors<F extends Forms = Forms>(op: Forms, isRow: (options: Record<string, unknown>) => boolean = () => false): F {
  const { row } = op;
  const [b, options] = [row.inputs.indexOf("b"), row.inputs.length];
  const prepare = (args: unknown[]): { args: never[]; back(x: unknown): unknown } => {
    const vector = adopt(row.name, args[b]);
    if (vector?.rank !== 1) return { args: args as never[], back: (x) => x };
    const given = optionsOf(row.name, args[options]);
    const axis = isRow(given) ? -2 : -1;
    const matrix = (x: unknown) => {
      const t = adopt(row.name, x);
      return t ? expandDims(t, axis) : x;
    };
    const changed = [...args];
    changed[b] = matrix(vector);
    if (given.out !== undefined) changed[options] = { ...given, out: matrix(given.out) };
    const back = (x: unknown) => {
      const shape = (x as Tensor).shape;
      return reshape(x as Tensor, [...shape.slice(0, -2), shape.at(axis === -1 ? -2 : -1) as number]);
    };
    return { args: changed as never[], back };
  };
  const sync = (...args: unknown[]) => {
    const p = prepare(args);
    return p.back(op(...p.args));
  };
  const asynchronous = async (...args: unknown[]) => {
    const p = prepare(args);
    return p.back(await op.async(...p.args));
  };
  const checked = (...args: unknown[]) => {
    const p = prepare(args);
    const { value, failures } = op.checked(...p.args);
    return { value: p.back(value), failures };
  };
  Object.defineProperty(sync, "name", { value: row.name });
  const forms: Forms = Object.assign(sync, { async: asynchronous, checked, row });
  return forms as F;
}
