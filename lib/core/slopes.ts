// Derivatives of rows that say less than a rule: elementwise rows give slopes, linear rows are their own derivative. docs/adr/0008-slopes.md

import { apply, call } from "./apply";
import { isComplex, isFloat } from "./dtype";
import { arityOf, inputsInOrder, isElementwise } from "./form";
import { named, scalar } from "./outcome";
import { rowOf } from "./registry";
import type { AnyRow, Slope } from "./row";
import { sameShape } from "./signature";
import type { Tensor } from "./tensor";

type Rules = Pick<AnyRow, "vjp" | "jvp">;

/** What `slopes` or `linear` stands for, as rules. */
export function rulesOf(row: AnyRow): Rules {
  if (row.slopes) return bySlopes(row, row.slopes);
  return row.linear ? { jvp: linearly(row.name) } : {};
}

/** t dy/dx, where a zero is a zero: it has no part in a slope that is infinite or NaN, nor has anything in a slope that is zero. */
function along(t: Tensor, { times, over }: Slope): Tensor {
  const scaled = times ? call("scale", [t, times]) : t;
  return over ? call("unscale", [scaled, over]) : scaled;
}

const conjugate = (t: Tensor | undefined): Tensor | undefined => (t && isComplex(t.dtype) ? call("conj", [t]) : t);

/** x̄ = ȳ conj(dy/dx), ẏ = Σ (dy/dx) ẋ. */
function bySlopes(row: AnyRow, slopes: NonNullable<AnyRow["slopes"]>): Rules {
  const [y] = row.outputs as [string];
  return {
    vjp: (saved, cotangents) => {
      const of = slopes(saved);
      const rule = (name: string) => (): Tensor => {
        const { times, over } = (of[name] as () => Slope)();
        return along(cotangents[y] as Tensor, { times: conjugate(times), over: conjugate(over) });
      };
      return Object.fromEntries(Object.keys(of).map((name) => [name, rule(name)]));
    },
    jvp: (values, tangents) => {
      const of = slopes(values);
      const parts = row.inputs.flatMap((name) => {
        const [t, slope] = [tangents[name], of[name]];
        return t && slope ? [along(t, slope())] : [];
      });
      if (parts.length === 0) return {};
      return {
        [y]: asWideAs(
          values[y] as Tensor,
          parts.reduce((s, t) => call("add", [s, t])),
        ),
      };
    },
  };
}

/** A row that is linear in its float inputs together: ẏ is the row of ẋ, zeros where none is. */
const linearly =
  (name: string): NonNullable<AnyRow["jvp"]> =>
  (values, tangents, attrs) => {
    const row = rowOf(name); // with its rules, for the next order
    const moves = inputsInOrder(row, tangents, arityOf(row, values));
    const inputs = inputsInOrder(row, values, moves.length).map((x, i) => {
      const { dtype, shape } = x as Tensor;
      if (!isFloat(dtype)) return x as Tensor;
      const zero = () => (isElementwise(row) ? scalar(dtype, 0) : call("broadcastTo", [scalar(dtype, 0)], { shape }));
      return moves[i] ?? zero();
    });
    return named(
      row.outputs,
      apply(row, inputs, attrs).map((t, i) => asWideAs(values[row.outputs[i] as string] as Tensor, t)),
    );
  };

/** A tangent of y, in the shape of y: operands and slopes may have been broadcast. */
const asWideAs = (y: Tensor, t: Tensor): Tensor => (sameShape(t.shape, y.shape) ? t : call("broadcastTo", [t], { shape: y.shape }));
