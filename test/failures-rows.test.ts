// Every failure that a row says it can have happens, and is told the same by every form of the call.
import { expect } from "chai";
import type { Attrs } from "../lib/core/row";
import { type Code, type Failure, type Float, full, isTensor, LinalgError, registry, type Tensor, tensor, vjp, zeros } from "../lib/index";
import { attrGrid, type Case, inputsOf } from "../lib/testing/sample";
import { fields, packageOps, rejected } from "./support";

const UNREACHABLE: readonly Code[] = ["ERR_NO_CONVERGENCE"]; // LAPACK converges on all finite input known to us; its text is tested above

/** With zeros in item 1. */
const zeroed = (t: Tensor): Tensor => {
  const size = t.data.length / (t.shape[0] as number);
  return tensor((t.data.slice() as Float64Array).fill(0, size, 2 * size), { shape: t.shape, dtype: t.dtype as "float64" });
};
/** Ways to spoil item 1 of input i, by code. */
function* spoilt(inputs: readonly Tensor[], code: Code): Generator<Tensor[]> {
  for (let i = 0; i < inputs.length; i++) {
    const t = inputs[i] as Tensor;
    const each = t.data.length / (t.shape[0] as number);
    const item = t.data.slice(each, 2 * each) as Float64Array;
    const values: Record<string, (x: number, at: number) => number> = {
      ERR_NOT_FINITE: () => Number.NaN,
      ERR_NOT_POSITIVE_DEFINITE: (x) => -x,
      ERR_SINGULAR: () => 0,
      ERR_RANK_DEFICIENT: () => 0,
      ERR_DEGENERATE: (_, at) => [2, 0, 0, 0, 0, 1][at] ?? 0, // diag(2, 1, 0, 0), with an rcond of 1/2
      ERR_ARGUMENT: () => (t.dtype === "int32" ? -100 : -1e30), // of indices: none that counts from the end
    };
    // of quotients by sums, all of item 1 but its numerators
    if (code === "ERR_DEGENERATE" && i === 0 && inputs.length > 2) yield inputs.map((u, k) => (k === 0 ? u : zeroed(u)));
    // of a matrix in several parts, all of item 1 but what it is solved for
    if (code === "ERR_SINGULAR" && i === 0 && inputs.length > 3 && inputs.every((u) => u.dtype !== "int32"))
      yield inputs.map((u, k) => (k === inputs.length - 1 ? u : zeroed(u)));
    const value = values[code];
    if (!value || (t.dtype === "int32") !== (code === "ERR_ARGUMENT" && t.dtype === "int32")) continue;
    const data = t.data.slice() as Float64Array;
    data.set(item.map(value), each);
    if (code === "ERR_RANK_DEFICIENT") {
      // without the regularizer, which is the last input
      const without = inputs.map((u) => zeros(u.shape, { dtype: u.dtype }) as Tensor);
      yield inputs.map((u, k) =>
        k === i ? tensor(data, { shape: t.shape, dtype: t.dtype as "float64" }) : k === inputs.length - 1 ? (without[k] as Tensor) : u,
      );
      continue;
    }
    yield inputs.map((u, k) => (k === i ? tensor(data, { shape: t.shape, dtype: t.dtype as "float64" }) : u));
  }
  // of what one matrix alone does not spoil: all of item 1 zeros, and all of it identities
  for (const diagonal of /SINGULAR|POSITIVE/.test(code) && inputs.every((t) => t.rank === 3) ? [0, 1] : [])
    yield inputs.map((t) => {
      const [, m, n] = t.shape as [number, number, number];
      const data = t.data.slice() as Float64Array;
      const width = data.length / (3 * m * n);
      data.fill(0, m * n * width, 2 * m * n * width);
      for (let d = 0; d < Math.min(m, n); d++) data[(m * n + d * (n + 1)) * width] = diagonal;
      return tensor(data, { shape: t.shape, dtype: t.dtype as "float64" });
    });
}

describe("every failure of every row", () => {
  const N = 4;
  const shapesOf = (name: string, attrs: Attrs): Case => {
    const row = registry.get(name)!;
    const text = typeof row.signature === "function" ? row.signature(attrs as never) : (row.signature as string);
    const sides = [...(text.split("->")[0] as string).matchAll(/\(([^)]*)\)/g)].map((m) => (m[1] as string).split(",").filter(Boolean));
    const sizes: Record<string, number> = { k: name === "applyPivots" ? N : 2 };
    return {
      label: name,
      attrs,
      batch: [3],
      shapes: sides.map((letters) => [3, ...letters.map((l) => sizes[l] ?? (/^\d+$/.test(l) ? Number(l) : N))]),
    };
  };
  const listOf = (name: string, result: unknown): Tensor[] =>
    isTensor(result) ? [result] : registry.get(name)!.outputs.map((o) => (result as Record<string, Tensor>)[o] as Tensor);

  for (const name of packageOps) {
    const row = registry.get(name)!;
    for (const code of row.failures ?? []) {
      if (UNREACHABLE.includes(code)) continue;
      it(`${name}: ${code}`, async () => {
        const says = row.publicName ?? name;
        const op = registry.op(name) as ((...a: unknown[]) => unknown) & {
          async(...a: unknown[]): Promise<unknown>;
          checked(...a: unknown[]): { value: unknown; failures: Failure[] };
        };
        let seen = 0;
        for (const dtype of ["float32", "float64", "complex64", "complex128"] as Float[]) {
          for (const attrs of attrGrid(row)) {
            const fallbacks = Object.fromEntries(Object.entries(row.attrs ?? {}).map(([k, a]) => [k, a.fallback]));
            const all = { ...fallbacks, ...attrs, ...(code === "ERR_DEGENERATE" && "rcond" in fallbacks ? { rcond: 0.5 } : {}) } as Attrs;
            for (const inputs of spoilt(inputsOf(row, shapesOf(name, all), dtype), code)) {
              let error: LinalgError;
              try {
                op(...inputs, all);
                continue;
              } catch (e) {
                error = e as LinalgError;
              }
              if (error.code !== code) continue;
              seen++;
              expect(error).to.be.instanceOf(LinalgError);
              expect([error.op, error.item]).to.deep.equal([says, 1]);
              const matrices = inputs.some((t) => t.rank === 3);
              const which = matrices
                ? "matrix 1 of the batch \\(shape \\[3, \\d, \\d\\]\\)"
                : "(item 1 of the batch \\(batch shape \\[3\\]\\)|element 1 \\(shape \\[3\\]\\))";
              expect(error.message).to.match(new RegExp(`^${says}: ${which}(${code === "ERR_NOT_FINITE" ? "(, \\w+)* or \\w+" : " "})? `));
              // the same, told in the other ways
              const { value, failures } = op.checked(...inputs, all);
              expect(failures.map((f) => [f.item, f.code, f.op, f.index])).to.deep.equal([[1, code, says, error.index]]);
              expect(error.message).to.equal(`${says}: ${failures[0]?.message}`);
              for (const list of [listOf(name, value), listOf(name, op(...inputs, { ...all, onFailure: "nan" }))]) {
                for (const t of list) {
                  if (t.dtype === "int32") continue;
                  const each = t.data.length / 3;
                  t.data.forEach((x, i) => {
                    if (Number.isNaN(x) !== (Math.floor(i / each) === 1)) expect.fail(`${name}: ${x} at ${i} of ${t.shape}`);
                  });
                }
              }
              expect(fields(await rejected(op.async(...inputs, all)))).to.deep.equal(fields(error));
            }
          }
        }
        if (seen === 0) expect(backwardOnly(name, code)).to.equal(code);
      });
    }
  }

  /** Codes that come from the gradient alone. */
  function backwardOnly(name: string, code: Code): string {
    const op = registry.op(name) as (...a: unknown[]) => unknown;
    const fallbacks = Object.fromEntries(Object.entries(registry.get(name)!.attrs ?? {}).map(([k, a]) => [k, a.fallback]));
    for (const inputs of spoilt(inputsOf(registry.get(name)!, shapesOf(name, fallbacks as Attrs), "float64"), code)) {
      const { value, pullback } = vjp((...xs: Tensor[]) => listOf(name, op(...xs)), ...(inputs as never[]));
      try {
        pullback((value as Tensor[]).map((t) => full(t.shape, 1, { dtype: t.dtype })) as never);
      } catch (e) {
        const error = e as LinalgError;
        expect([error.item, error.message.startsWith(`${error.op}: matrix 1 of the batch (shape [3, `)]).to.deep.equal([1, true]);
        return error.code;
      }
    }
    return "none";
  }
});
