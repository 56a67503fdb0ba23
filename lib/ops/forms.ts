// Functions that lay out the operands of an op before it, and its results behind it, in all the forms that a call has.
import type { Checked } from "../core/op";
import type { AnyRow } from "../core/row";

/** The three forms of a function that is called with what was checked elsewhere. */
export interface Forms {
  (...args: never[]): unknown;
  async(...args: never[]): Promise<unknown>;
  checked(...args: never[]): Checked<unknown>;
  readonly row: AnyRow;
}
/** The arguments of the op for those of a call, and the call's result for the op's. */
export interface Layout {
  readonly args: readonly unknown[];
  back(result: never): unknown;
}

/** op behind `prepare`: now, asynchronously, and with the list of failures; `common`: the options that every op has in this form. F says what users may give. */
export function inForms<F extends Forms = Forms>(op: Forms, prepare: (args: unknown[], common: readonly string[]) => Layout): F {
  const sync = (...args: unknown[]) => {
    const p = prepare(args, ["onFailure", "out"]);
    return p.back(op(...(p.args as never[])) as never);
  };
  const asynchronous = async (...args: unknown[]) => {
    const p = prepare(args, ["onFailure", "signal"]);
    return p.back((await op.async(...(p.args as never[]))) as never);
  };
  const checked = (...args: unknown[]) => {
    const p = prepare(args, []);
    const { value, failures } = op.checked(...(p.args as never[]));
    return { value: p.back(value as never), failures };
  };
  Object.defineProperty(sync, "name", { value: op.row.name });
  const forms: Forms = Object.assign(sync, { async: asynchronous, checked, row: op.row });
  return forms as F;
}

/** In all forms of a call, the op that `choose` names for its arguments, with those that it gives. Known as `row` is. */
export function choosing<F extends Forms = Forms>(
  row: AnyRow,
  choose: (args: unknown[]) => { readonly op: Forms; readonly args: readonly unknown[] },
): F {
  const sync = (...given: unknown[]): unknown => {
    const { op, args } = choose(given);
    return op(...(args as never[]));
  };
  Object.defineProperty(sync, "name", { value: row.name });
  const forms: Forms = Object.assign(sync, {
    async: async (...given: unknown[]) => {
      const { op, args } = choose(given);
      return op.async(...(args as never[]));
    },
    checked: (...given: unknown[]) => {
      const { op, args } = choose(given);
      return op.checked(...(args as never[]));
    },
    row,
  });
  return forms as F;
}
