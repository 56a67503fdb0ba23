// Elementwise ops by name, on columns of numbers.
import { compile, complex64, complex128, float32, float64, type Program, registry, type Tensor, tensor } from "../lib/index";

export const kinds = {
  float32: { array: Float32Array, spec: float32, eps: 2 ** -23, least: 2 ** -126 },
  float64: { array: Float64Array, spec: float64, eps: 2 ** -52, least: 2 ** -1022 },
  complex64: { array: Float32Array, spec: complex64, eps: 2 ** -23, least: 2 ** -126 },
  complex128: { array: Float64Array, spec: complex128, eps: 2 ** -52, least: 2 ** -1022 },
};
export type Kind = keyof typeof kinds;

/** What an op gives, by its flat loops and side by side in lanes. */
export function results(name: string, dtype: Kind, columns: readonly (readonly number[])[]): number[][] {
  const { array, spec } = kinds[dtype];
  const op = registry.op(name) as unknown as (...xs: Tensor[]) => Tensor;
  const count = (columns[0] as readonly number[]).length / (dtype.startsWith("complex") ? 2 : 1);
  const given = columns.map((c) => tensor(array.from(c) as never, { dtype, shape: [count] } as never) as unknown as Tensor);
  const program = compile(op as never, ...(columns.map(() => spec()) as never[])) as unknown as Program<unknown[], Tensor>;
  return [op(...given), program.runSync(given, { layout: "lanes" }), program.runSync(given, { layout: "single" })].map((t) =>
    Array.from(t.data as ArrayLike<number | boolean>, Number),
  );
}
