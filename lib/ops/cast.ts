// From one dtype to another.
import { oneOf, optionsOf } from "../core/attrs";
import { checkDType, type DType, isComplex, isFloat } from "../core/dtype";
import { DtypeError } from "../core/errors";
import { type AsyncOptions, type CallOptions, type Checked, defineOp } from "../core/op";
import { asTensor } from "../core/operands";
import { native } from "../core/row";
import type { Operand, Tensor } from "../core/tensor";

const KERNELS = {
  float32: "castFloat32",
  float64: "castFloat64",
  complex64: "castComplex64",
  complex128: "castComplex128",
  bool: "castBool",
} as const;
type Target = keyof typeof KERNELS;

const common = { inputs: ["x"], outputs: ["y"], signature: "()->()", types: "any" } as const;

/** Of a complex number as a real one, the real part. */
const castOp = defineOp({
  ...common,
  name: "cast",
  tf: "Cast",
  attrs: { dtype: oneOf(Object.keys(KERNELS) as Target[], "float64") },
  dtypes: ({ dtype }) => ({ y: dtype }),
  kernel: native(
    ({ dtype }) => KERNELS[dtype as Target],
    () => [],
  ),
  saves: ["x"],
  vjp: ({ x }, { y: g }) => {
    const dtype: DType = x.dtype;
    return isFloat(dtype) ? { x: (): typeof x => castOp(g, { dtype }) as Tensor as typeof x } : {};
  },
  jvp: (_, { x: t }, { dtype }) => (t && isFloat(dtype) ? { y: (): Tensor<Target> => castOp(t, { dtype }) } : {}),
});

/** The cast that can fail. */
const toInt32 = defineOp({
  ...common,
  name: "toInt32",
  publicName: "cast",
  hidden: true,
  dtypes: { y: "int32" },
  failures: ["ERR_NOT_FINITE", "ERR_ARGUMENT"],
  kernel: native("castInt32"),
  vjp: () => ({}),
});

type Given = Operand<DType>;
/** The op that casts to a dtype, x, and its options. */
function chosen(given: Given, dtype: DType, options: object | undefined, known: readonly string[]) {
  checkDType("cast", dtype);
  const x: Tensor = asTensor("cast", "x", given);
  if (isComplex(x.dtype) && !isComplex(dtype) && dtype !== "bool")
    throw new DtypeError("cast", `x is ${x.dtype} and does not become ${dtype}: take real(x) or abs(x).`);
  const rest = optionsOf<{ out?: Tensor }>("cast", options, known as never);
  const all: { readonly dtype?: Target; readonly out?: Tensor } = dtype === "int32" ? rest : { ...rest, dtype };
  return { op: (dtype === "int32" ? toInt32 : castOp) as typeof castOp, x, rest: all };
}

/**
 * x in another dtype: float32 takes the nearest number, int32 what is left without the fraction, bool whether it is not zero (NaN is not).
 * ERR_NOT_FINITE names the element that is NaN or infinite and to become int32, ERR_ARGUMENT one that int32 does not hold. Complex numbers do
 * not become real ones: `real` and `abs` say how. The derivative, between floating dtypes, is the cotangent in the dtype of x.
 */
export const cast = Object.assign(
  <T extends DType>(given: Given, dtype: T, options?: CallOptions): Tensor<T> => {
    const { op, x, rest } = chosen(given, dtype, options, ["onFailure", "out"]);
    return (x.dtype === dtype && !rest.out ? x : op(x, rest)) as Tensor<T>;
  },
  {
    async: async <T extends DType>(given: Given, dtype: T, options?: AsyncOptions): Promise<Tensor<T>> => {
      const { op, x, rest } = chosen(given, dtype, options, ["onFailure", "signal"]);
      return (await op.async(x, rest)) as Tensor<T>;
    },
    checked: <T extends DType>(given: Given, dtype: T, options?: Record<never, never>): Checked<Tensor<T>> => {
      const { op, x, rest } = chosen(given, dtype, options, []);
      return op.checked(x, rest) as Checked<Tensor<T>>;
    },
    row: castOp.row,
  },
);
