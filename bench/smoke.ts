// npm run bench:smoke: every row of the table, of small batches, without peers: outputs against what defines them, gradients against forward mode, programs
// against the same function run eagerly. That the benchmark measures what it says.
import { DTYPES, type DType, FURTHER, rows, SIZES } from "./cells";
import { make } from "./data";
import { cotangentsOf, itemOf, programOf } from "./program";
import { type Backsolve, type Row, shapeOf, type T } from "./table/row";

const LARGEST = 96;
const ITEMS = 3;
const EPSILON: Readonly<Record<DType, number>> = { float64: 2 ** -52, float32: 2 ** -23 };
/** Condition numbers of the inputs are hundreds; a wrong op is off by tenths. */
const tolerance = (dtype: DType, n: number): number => 2000 * n * EPSILON[dtype];

export interface Checked {
  readonly what: string;
  readonly error: number;
  readonly tolerance: number;
}

const value = (t: T): number => t.item() as number;
const dot = (b: Backsolve, xs: readonly T[], ys: readonly T[]): number =>
  xs.reduce((s, x, i) => s + value(b.sum(b.mul(x, ys[i] as T) as T)), 0);
const sizeOf = (b: Backsolve, xs: readonly T[]): number => Math.sqrt(dot(b, xs, xs));

function drawn(b: Backsolve, row: Row, n: number, dtype: DType, batch: readonly number[], seed: number): T[] {
  return row.inputs.map(([kind, sizes], i) => make(b, kind, seed + i, [...batch, ...shapeOf(sizes, n)], dtype));
}
const normals = (b: Backsolve, like: readonly { readonly shape: readonly number[] }[], dtype: DType, seed: number): T[] =>
  like.map(({ shape }, i) => make(b, "normal", seed + i, shape, dtype));

/** <g, J t> = <Jᵀ g, t>, t along symmetric matrices where the op reads one triangle. */
function dual(b: Backsolve, row: Row, args: readonly T[], dtype: DType): number {
  const f = (...xs: T[]): T[] => row.call(b, ...xs);
  const tangents = normals(b, args, dtype, 31).map((t, i) =>
    ["spd", "symmetric"].includes(row.inputs[i]?.[0] as string) ? (b.add(t, b.adjoint(t)) as T) : t,
  );
  const { value: out, pullback } = b.vjp(f, ...args);
  const g = normals(b, out, dtype, 57);
  const { tangent } = b.jvp(f, [...args] as never, tangents as never) as unknown as { tangent: T[] };
  const [forward, back] = [dot(b, g, tangent), dot(b, pullback(g) as T[], tangents)];
  return Math.abs(forward - back) / (sizeOf(b, g) * sizeOf(b, tangent));
}

function eager(b: Backsolve, row: Row): Checked[] {
  return DTYPES.flatMap((dtype) =>
    (row.kind === "further" ? FURTHER : SIZES)
      .filter((n) => n <= LARGEST)
      .flatMap((n) =>
        [[], [ITEMS]].flatMap((batch) => {
          const args = drawn(b, row, n, dtype, batch, 1);
          const what = `${row.op} n=${n} batch=[${batch}] ${dtype}`;
          const outs = row.call(b, ...args);
          shapes(what, row, n, batch, outs);
          return [
            {
              what: `${what} forward`,
              error: value((row.residual as NonNullable<Row["residual"]>)(b, args, outs)),
              tolerance: tolerance(dtype, n),
            },
            ...(row.ways ? [] : [{ what: `${what} both`, error: dual(b, row, args, dtype), tolerance: tolerance(dtype, n) }]),
          ];
        }),
      ),
  );
}

/** What the table says of the outputs is what peers are given cotangents by. */
function shapes(what: string, { outputs }: Row, n: number, batch: readonly number[], outs: readonly T[]): void {
  const want = outputs.map((sizes) => [...batch, ...shapeOf(sizes, n)].join());
  if (outs.map((t) => t.shape.join()).join(" | ") !== want.join(" | "))
    throw new Error(`${what}: outputs are ${outs.map((t) => `[${t.shape}]`)}, not ${want}`);
}

function compiled(b: Backsolve, row: Row, sizes: readonly number[]): Checked[] {
  return DTYPES.flatMap((dtype) =>
    sizes
      .filter((n) => n <= 32)
      .flatMap((n) =>
        (["forward", "both"] as const).map((way) => {
          const args = drawn(b, row, n, dtype, [ITEMS], 1);
          const g = cotangentsOf(row, way).map((s, i) => make(b, "normal", 90 + i, [ITEMS, ...shapeOf(s, n)], dtype));
          const all = programOf(b, row, n, dtype, way).runSync([...args, ...g]);
          const item = [...args, ...g].map((t) =>
            b.reshape(b.slice(t, [1, ...t.shape.slice(1).map(() => 0)], [1, ...t.shape.slice(1)]), t.shape.slice(1)),
          );
          const one = itemOf(b, row, way)(...item);
          const errors = one.map((t, i) => {
            const found = b.reshape(b.slice(all[i] as T, [1, ...t.shape.map(() => 0)], [1, ...t.shape]), t.shape);
            return sizeOf(b, [b.sub(found, t) as T]) / (sizeOf(b, [t]) || 1);
          });
          return { what: `${row.op} n=${n} compiled ${dtype} ${way}`, error: Math.max(...errors), tolerance: tolerance(dtype, n) };
        }),
      ),
  );
}

export function smoke(b: Backsolve): Checked[] {
  return [...rows.values()].flatMap((row) => (row.compiled ? compiled(b, row, row.compiled.sizes) : eager(b, row)));
}

if (require.main === module) {
  const checked = smoke(require("../lib/index") as Backsolve);
  const wrong = checked.filter(({ error, tolerance: t }) => !(error <= t));
  for (const { what, error, tolerance: t } of wrong) console.log(`${what}: ${error.toExponential(1)}, tolerance ${t.toExponential(1)}`);
  console.log(`${checked.length} checks, ${wrong.length} wrong`);
  process.exitCode = wrong.length > 0 ? 1 : 0;
}
