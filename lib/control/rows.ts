// The row of an instruction with bodies, which makes it an op like any other: at every level, in every trace, to any order.
import { apply } from "../core/apply";
import { ArgumentError } from "../core/errors";
import { zerosLike } from "../core/evaluate";
import { bodiesOf, type Loop, type ValueType } from "../core/ir";
import { once } from "../core/levels";
import { RUN, type RunContext } from "../core/outcome";
import type { AnyRow, Pass } from "../core/row";
import { type Tensor, tracedOf } from "../core/tensor";
import { extentOf, MAX_DEPTH } from "../program/control-json";
import { internControl } from "../program/intern";
import { whenControlled } from "../program/replay";
import { pullback, pushforward, type Source } from "./derivatives";
import { run } from "./run";
import { inputTypes, outputTypes, type Run } from "./types";

const rows = new WeakMap<Run, AnyRow>();
/** The row of a control. */
export function rowOfControl(control: Run): AnyRow {
  let row = rows.get(control);
  if (!row) rows.set(control, (row = makeRow(control)));
  return row;
}

whenControlled((control) => rowOfControl(control as Run));

/** A control on tensors of any level. */
export const applyControl = (control: Run, inputs: readonly Tensor[], options?: RunContext): Tensor[] =>
  apply(rowOfControl(control), inputs, {}, options);

const zip = (names: readonly string[], list: readonly Tensor[]): Record<string, Tensor> =>
  Object.fromEntries(names.map((name, i) => [name, list[i] as Tensor]));

/** Which result of a loop is what carry k was in each run; -1 where none is. */
const carriedIn = ({ body, carries, sums }: Loop, k: number): number =>
  body.outputs.findIndex((o, i) => i >= carries && !sums[i - carries] && o.id === (body.inputs[k] as { id: number }).id);

/** The loop that gives, after its results, what the carries were in each run, those that no result tells. */
function saving(loop: Loop): Run {
  const missing = loop.body.inputs.slice(0, loop.carries).filter((_, k) => carriedIn(loop, k) < 0);
  const outputs = [...loop.body.outputs, ...missing].map(({ id }, i) => ({ name: `y${i}`, id }));
  return internControl({ ...loop, body: { ...loop.body, outputs }, sums: [...loop.sums, ...missing.map(() => false)] });
}

function makeRow(control: Run): AnyRow {
  const deepest = Math.max(...bodiesOf(control).map((body) => extentOf(body).depth));
  if (deepest >= MAX_DEPTH)
    throw new ArgumentError(control.name, `bodies may stand ${MAX_DEPTH} deep in one another, this one is ${deepest + 1} deep.`);
  const types = outputTypes(control);
  const [xs, ys] = [inputTypes(control).map((_, i) => `x${i}`), types.map((_, i) => `y${i}`)];
  const list = (names: readonly string[], from: Readonly<Record<string, Tensor>>) => names.map((name) => from[name] as Tensor);
  const carries = control.kind === "loop" ? control.carries : 0;
  const carried = control.kind === "loop" ? Array.from({ length: carries }, (_, k) => carriedIn(control, k)) : [];
  const missing = carried.map((at, k) => (at < 0 ? k : -1)).filter((k) => k >= 0);
  const saves = control.kind === "loop" && missing.length > 0 ? control : undefined;
  return {
    name: control.name,
    inputs: xs,
    outputs: ys,
    saves: [...xs, ...carried.filter((at) => at >= 0).map((at) => ys[at] as string)],
    kernel: (values, _attrs, pass) => zip(ys, run(control, list(xs, values), (pass as { [RUN]?: RunContext })[RUN])),
    vjp: (saved, g, _attrs, { wanted }) => {
      const derived = pullback(
        control,
        xs.map((x) => wanted[x] === true),
        ys.map((y) => g[y] !== undefined),
      );
      const find = ({ from, i }: Source): Tensor => {
        if (from === "input") return saved[xs[i] as string] as Tensor;
        if (from === "cotangent") return g[ys[i] as string] ?? zerosLike(types[i] as ValueType);
        const at = carried[i] as number;
        return saved[at >= 0 ? (ys[at] as string) : `saved${missing.indexOf(i)}`] as Tensor;
      };
      const pulled = once(() => applyControl(derived.control, derived.ins.map(find)));
      return Object.fromEntries(derived.outs.map((x, j) => [xs[x] as string, () => pulled()[j] as Tensor]));
    },
    control: {
      control,
      types,
      ...(saves && { saving: once(() => rowOfControl(saving(saves))) }),
      dual: (inputs, tangents, pass) => dualOf(control, types, inputs, tangents, pass),
    },
  };
}

const lastTrace = (tensors: readonly (Tensor | undefined)[]): number =>
  tensors.reduce((last, t) => Math.max(last, (t && tracedOf(t)?.trace.id) ?? 0), 0);

function dualOf(control: Run, types: readonly ValueType[], inputs: readonly Tensor[], along: readonly (Tensor | undefined)[], pass: Pass) {
  const options = (pass as { [RUN]?: RunContext })[RUN];
  if (!along.some((t) => t)) return { outputs: applyControl(control, inputs, options), tangents: types.map(() => undefined) };
  const derived = pushforward(
    control,
    along.map((t) => t !== undefined),
  );
  const find = ({ from, i }: Source): Tensor => (from === "input" ? (inputs[i] as Tensor) : (along[i] ?? zerosLike(inputs[i] as Tensor)));
  // Where tangents alone are recorded, as of linearize, values are computed by themselves: they are no values of that trace.
  const apart = lastTrace(along) > lastTrace(inputs);
  const outputs: Tensor[] = apart ? applyControl(control, inputs, options) : [];
  const all = applyControl(derived.control, derived.ins.map(find), options);
  const tangents: (Tensor | undefined)[] = types.map(() => undefined);
  derived.outs.forEach(({ of, i }, j) => {
    if (of === "tangent") tangents[i] = all[j] as Tensor;
    else if (!apart) outputs[i] = all[j] as Tensor;
  });
  return { outputs, tangents };
}
