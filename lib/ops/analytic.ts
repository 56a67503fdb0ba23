// Functions of real and complex numbers whose native kernel is of real ones: complex values are made of other ops.
import type { Domain } from "../core/domain";
import { isComplex, type Sym } from "../core/dtype";
import { defineOp, type Op } from "../core/op";
import { type NamedTensors, native, type Slope } from "../core/row";
import type { Tensor } from "../core/tensor";
import { complex, imag, mul, neg, real } from "./elementwise";

type T = Tensor<Sym<"T">>;
type R = Tensor<Sym<"real">>;
export type Z = Tensor<"complex128">;

interface Analytic {
  readonly name: string;
  readonly tf?: string;
  readonly domain?: Domain;
  readonly saves: readonly ("x" | "y")[];
  readonly slope: (saved: NamedTensors<"x" | "y">) => Slope<T>;
  readonly ofComplex: (z: Z) => Z;
}
type None = Record<never, never>;
type Function1 = Op<readonly ["x"], readonly ["y"], None, None, "float">;
/** The op, and a hidden one of real numbers alone, "realTan" of "tan": the name of the kernel. */
export function analytic({ name, tf, domain, saves, slope, ofComplex }: Analytic): Function1 {
  const common = {
    inputs: ["x"],
    outputs: ["y"],
    saves,
    ...(domain && { domain: { x: domain } }),
  } as const;
  const kernel = `real${(name[0] as string).toUpperCase()}${name.slice(1)}`;
  const ofReal = defineOp({
    ...common,
    name: kernel,
    publicName: name,
    hidden: true,
    types: "real",
    kernel: native(kernel),
    slopes: (saved) => ({ x: () => slope(saved as unknown as NamedTensors<"x" | "y">) as unknown as Slope<R> }),
  });
  return defineOp({
    ...common,
    name,
    ...(tf !== undefined && { tf }),
    kernel: ({ x }): T => {
      const whole = x as unknown as Tensor;
      return (isComplex(whole.dtype) ? ofComplex(whole as Z) : ofReal(whole as Tensor<"float64">)) as unknown as T;
    },
    slopes: (saved) => ({ x: () => slope(saved as unknown as NamedTensors<"x" | "y">) }),
  }) as unknown as Function1;
}

/** i z and -i z, which turn signs of zeros and infinities as they should: products with i would add 0 times the other part. */
export const timesI = (z: Z): Z => complex(neg(imag(z)), real(z));
export const overI = (z: Z): Z => complex(imag(z), neg(real(z)));
/** c z for real c, part by part. */
export const stretched = (c: number, z: Z): Z => complex(mul(c, real(z)), mul(c, imag(z)));
