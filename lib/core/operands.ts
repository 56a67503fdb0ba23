// What users give where an op wants tensors: numbers, dtypes, promotion.
import { apply } from "./apply";
import { type DType, dtypes, isComplex, isFloat, realOf } from "./dtype";
import { ArgumentError, DtypeError, describe, ShapeError } from "./errors";
import { scalar } from "./outcome";
import { rowOf } from "./registry";
import { type AnyRow, nameOf, type Port } from "./row";
import { adopt, isTensor, type Operand, shapeText, type Tensor } from "./tensor";

/** Tensors of the dtypes that the row wants, of what was given. */
export function operands(row: AnyRow, given: readonly unknown[]): Tensor[] {
  const args = given.map((a, i) => (typeof a === "number" ? a : asTensor(nameOf(row), row.inputs[i] as string, a)));
  const port = (i: number): Port => row.dtypes?.[row.inputs[i] as string] ?? "T";
  const t = dtypeOfOperands(row, args, port);
  return args.map((a, i) => {
    const p = port(i);
    const want: DType = p === "T" ? t : p === "real" ? realOf(t) : p === "complex" ? (dtypes[t].complex as DType) : p;
    if (typeof a === "number") return scalar(want, checkNumber(nameOf(row), row.inputs[i] as string, want, a));
    if (a.dtype === want) return a;
    if (p === "T" && !isComplex(a.dtype)) return apply(rowOf("toComplex"), [a], {})[0] as Tensor;
    throw new DtypeError(nameOf(row), `${row.inputs[i]} must have dtype ${want}, got ${a.dtype}.`);
  });
}

/** x, if it is a number of the dtype. */
function checkNumber(op: string, name: string, dtype: DType, x: number): number {
  if (isFloat(dtype) || (dtype === "int32" ? x === (x | 0) : x === 0 || x === 1)) return x;
  throw new DtypeError(op, `${name} must be ${dtype}, got ${x}.`);
}

/** What a user gives where a tensor is wanted; a number is a float64 scalar. */
export function asTensor(op: string, name: string, x: unknown): Tensor {
  if (isTensor(x)) return x;
  if (typeof x === "number") return scalar("float64", x);
  const foreign = adopt(op, x);
  if (foreign) return foreign;
  const hint = Array.isArray(x) ? " Wrap it: tensor([...])." : "";
  throw new ArgumentError(op, `${name} must be a tensor or a number, got ${describe(x)}.${hint}`);
}

export const needMatrix = <D extends DType>(op: string, x: Tensor<D>): Tensor<D> => {
  const t = asTensor(op, "x", x) as Tensor<D>;
  if (t.rank < 2) throw new ShapeError(op, `x must be a matrix or a batch of them, got shape ${shapeText(t.shape)}.`);
  return t;
};

/** T: the dtype of the inputs that carry it; real with complex of one precision promotes, other mixtures are errors. */
function dtypeOfOperands(row: AnyRow, args: readonly Operand[], port: (i: number) => Port): DType {
  let t: DType | undefined;
  args.forEach((a, i) => {
    if (typeof a === "number" || port(i) !== "T") return;
    if (!isFloat(a.dtype) && row.kernel && !acceptsAny(row)) {
      throw new DtypeError(nameOf(row), `${row.inputs[i]} must be float32, float64, complex64 or complex128, got ${a.dtype}.`);
    }
    if (t === undefined || t === a.dtype) t = a.dtype;
    else if (isFloat(t) && isFloat(a.dtype) && realOf(t) === realOf(a.dtype)) t = dtypes[t].complex;
    else
      throw new DtypeError(
        nameOf(row),
        `${row.inputs[i]} is ${a.dtype}, the inputs before it are ${t}: convert one of them, precisions do not mix.`,
      );
  });
  t ??= "float64";
  if (row.only && isFloat(t) && (row.only === "complex") !== isComplex(t)) {
    throw new DtypeError(nameOf(row), `is defined for ${row.only} tensors, got ${t}.`);
  }
  return t;
}

const ANY = new Set(["readStrided", "writeStrided", "band"]);
const acceptsAny = (row: AnyRow): boolean => typeof row.kernel !== "function" && ANY.has(row.kernel.name);
