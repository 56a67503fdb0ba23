// What users give where an op wants tensors: numbers, dtypes, promotion.
import { apply } from "./apply";
import { type DType, dtypes, isComplex, isFloat, realOf } from "./dtype";
import { ArgumentError, DtypeError, describe, ShapeError } from "./errors";
import { checkT, inputName, isDefinedFor, portDType, portOfInput } from "./form";
import { scalar } from "./outcome";
import { rowOf } from "./registry";
import { type AnyRow, type Attrs, nameOf, type Port, type Ports } from "./row";
import { adopt, isTensor, type Operand, shapeText, type Tensor } from "./tensor";

/** Whether every input of the row is a T, whatever the attributes. */
export const allT = (row: AnyRow): boolean =>
  typeof row.dtypes !== "function" && row.inputs.every((n) => ((row.dtypes as Ports | undefined)?.[n] ?? "T") === "T");
/** The first `arity` of these, where they are tensors of one floating dtype that the row takes, and numbers; undefined: it is not that simple. */
export function alike(row: AnyRow, given: unknown[], arity: number): Tensor[] | undefined {
  let t: DType | undefined;
  let numbers = false;
  for (let i = 0; i < arity; i++) {
    const x = given[i];
    if (typeof x === "number") numbers = true;
    else if (!isTensor(x) || (t !== undefined && x.dtype !== t)) return undefined;
    else t = x.dtype;
  }
  if (t === undefined || !isFloat(t) || !isDefinedFor(row, t)) return undefined;
  const list = given.length === arity ? given : given.slice(0, arity);
  if (numbers) for (let i = 0; i < arity; i++) if (typeof list[i] === "number") list[i] = scalar(t, list[i] as number);
  return list as Tensor[];
}

/** Tensors of the dtypes that the row wants, of what was given. */
export function operands(row: AnyRow, attrs: Attrs, given: readonly unknown[]): Tensor[] {
  const args = given.map((a, i) => (typeof a === "number" ? a : asTensor(nameOf(row), inputName(row, i), a)));
  const ports = args.map((_, i) => portOfInput(row, attrs, i));
  const t = dtypeOfOperands(row, args, ports);
  return args.map((a, i) => {
    const port = ports[i] as Port;
    const want = portDType(port, t);
    if (typeof a === "number") return scalar(want, checkNumber(nameOf(row), inputName(row, i), want, a));
    if (a.dtype === want) return a;
    if (port === "T" && isFloat(a.dtype) && !isComplex(a.dtype)) return apply(rowOf("toComplex"), [a], {})[0] as Tensor;
    throw new DtypeError(nameOf(row), `${inputName(row, i)} must have dtype ${want}, got ${a.dtype}.`);
  });
}

/** x, if it is a number of the dtype. */
function checkNumber(op: string, name: string, dtype: DType, x: number): number {
  if (isFloat(dtype) || (dtype === "int32" ? x === (x | 0) : x === 0 || x === 1)) return x;
  throw new DtypeError(op, `${name} must be ${dtype}, got ${x}.`);
}

/** What a user gives where a tensor is wanted; a number is a float64 scalar. */
export function asTensor<D extends DType>(op: string, name: string, x: Tensor<D>): Tensor<D>;
export function asTensor(op: string, name: string, x: unknown): Tensor;
export function asTensor(op: string, name: string, x: unknown): Tensor {
  if (isTensor(x)) return x;
  if (typeof x === "number") return scalar("float64", x);
  const foreign = adopt(op, x);
  if (foreign) return foreign;
  const hint = Array.isArray(x) ? " Wrap it: tensor([...])." : "";
  throw new ArgumentError(op, `${name} must be a tensor or a number, got ${describe(x)}.${hint}`);
}

export const needMatrix = <D extends DType>(op: string, x: Tensor<D>): Tensor<D> => {
  const t = asTensor(op, "x", x);
  if (t.rank < 2) throw new ShapeError(op, `x must be a matrix or a batch of them, got shape ${shapeText(t.shape)}.`);
  return t;
};

/** T: the dtype of the inputs that carry it, all where no ports are given; real with complex of one precision promotes, other mixtures are errors. */
export function dtypeOfOperands(row: AnyRow, args: readonly Operand[], ports?: readonly Port[]): DType {
  let t: DType | undefined;
  args.forEach((a, i) => {
    if (typeof a === "number" || (ports && ports[i] !== "T")) return;
    if (row.kernel && !isFloat(a.dtype)) checkT(row, a.dtype, inputName(row, i));
    if (t === undefined || t === a.dtype) t = a.dtype;
    else if (isFloat(t) && isFloat(a.dtype) && realOf(t) === realOf(a.dtype)) t = dtypes[t].complex;
    else
      throw new DtypeError(
        nameOf(row),
        `${inputName(row, i)} is ${a.dtype}, the inputs before it are ${t}: convert one of them, precisions do not mix.`,
      );
  });
  t ??= "float64";
  if (isFloat(t)) checkT(row, t, nameOf(row));
  return t;
}
