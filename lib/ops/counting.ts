// Which elements there are, and how often. Shapes that values decide: of tensors that have values.
import { optionsOf } from "../core/attrs";
import type { DType } from "../core/dtype";
import { ArgumentError, DtypeError, describe, ShapeError } from "../core/errors";
import { asTensor } from "../core/operands";
import { sameShape } from "../core/signature";
import { primal, readable, shapeText, type Tensor, tracedOf } from "../core/tensor";
import { ones, tensor, zeros } from "./creation";
import { less, where } from "./elementwise";
import { max } from "./extremes";
import { scatterAdd } from "./indexing";
import { take } from "./rows";
import { argsort } from "./sorting";
import { reshape } from "./structure";

export interface Unique<D extends DType> {
  /** In ascending order, NaN once and last. */
  readonly values: Tensor<D>;
  /** Where each stands first. */
  readonly indices: Tensor<"int32">;
  /** For each element of x which of `values` it is, in the shape of x. */
  readonly inverse: Tensor<"int32">;
  /** How often each stands. */
  readonly counts: Tensor<"int32">;
}
/**
 * The different elements of x, each once: `{ values, indices, inverse, counts }`, NumPy's unique_all. The shapes depend on the elements, so that it
 * cannot be compiled: ERR_ARGUMENT in `compile`, `vmap` and loops.
 */
export function unique<D extends DType>(x: Tensor<D>, options: Readonly<Record<never, never>> = {}): Unique<D> {
  const t = asTensor("unique", "x", x);
  optionsOf("unique", options, []);
  refuseTraced("unique", t);
  const flat = reshape(t, [t.size]);
  const [order, data] = [readable("unique", argsort(flat)), readable("unique", primal(t))];
  const width = t.size === 0 ? 1 : data.length / t.size;
  const same = (a: number, b: number): boolean => data[a] === data[b];
  const isNan = (a: number): boolean => Number.isNaN(data[a]);
  const equal = (i: number, j: number): boolean => {
    if (width === 1) return same(i, j) || (isNan(i) && isNan(j));
    const [a, b] = [2 * i, 2 * j];
    return (same(a, b) && same(a + 1, b + 1)) || ((isNan(a) || isNan(a + 1)) && (isNan(b) || isNan(b + 1)));
  };
  const [indices, inverse, counts]: [number[], Int32Array, number[]] = [[], new Int32Array(t.size), []];
  for (let k = 0; k < order.length; k++) {
    const at = order[k] as number;
    if (k === 0 || !equal(order[k - 1] as number, at)) {
      indices.push(at);
      counts.push(0);
    }
    inverse[at] = indices.length - 1;
    counts[counts.length - 1] = (counts[counts.length - 1] as number) + 1;
  }
  const first = tensor(Int32Array.from(indices));
  return {
    values: take(flat, first),
    indices: first,
    inverse: tensor(inverse, { shape: t.shape }),
    counts: tensor(Int32Array.from(counts)),
  };
}
function refuseTraced(op: string, t: Tensor): void {
  if (!tracedOf(t)) return;
  throw new ArgumentError(
    op,
    "the shape of the result depends on values, which there are none of inside a compiled function, vmap or a loop.",
  );
}

const MOST = 2 ** 31 - 1;
function refuseOutside(x: Tensor<"int32">, n: number): void {
  const data = readable("bincount", primal(x));
  const at = data.findIndex((v: number) => v < 0 || v >= n);
  if (at >= 0) throw new ArgumentError("bincount", `x must be from 0 and below ${n}, got ${data[at]} at ${at}.`);
}

export interface BincountOptions<W extends DType = DType> {
  /** What each element counts; 1, and int32, where nothing is said. */
  readonly weights?: Tensor<W>;
  /** The length of the result; where nothing is said, as long as the largest element needs, which must have a value. */
  readonly length?: number;
  /** A length that the result has at least. */
  readonly minLength?: number;
}
/**
 * How often each number 0, 1, ... stands in x, a vector of int32, or the sums of the weights of each, with derivatives of these: NumPy's bincount. In
 * compiled functions it needs option length. ERR_ARGUMENT for elements that are negative, or too large for it.
 */
export function bincount<W extends DType = "int32">(x: Tensor<"int32">, options: BincountOptions<W> = {}): Tensor<W> {
  const t = asTensor("bincount", "x", x);
  const { weights, length, minLength = 0 } = optionsOf("bincount", options, ["weights", "length", "minLength"]);
  if (t.dtype !== "int32") throw new DtypeError("bincount", `x must be int32, got ${t.dtype}. Cast it: cast(x, "int32").`);
  if (t.rank !== 1) throw new ShapeError("bincount", `x must be a vector, got shape ${shapeText(t.shape)}.`);
  for (const [name, n] of Object.entries({ length, minLength }))
    if (n !== undefined && !(Number.isInteger(n) && n >= 0 && n <= MOST))
      throw new ArgumentError("bincount", `option ${name} must be an integer from 0 to ${MOST}, got ${describe(n)}.`);
  const w = weights === undefined ? ones(t.shape, { dtype: "int32" }) : asTensor("bincount", "weights", weights);
  if (!sameShape(w.shape, t.shape))
    throw new ShapeError("bincount", `option weights must have the shape of x, ${shapeText(t.shape)}, got ${shapeText(w.shape)}.`);
  if (length === undefined) refuseTraced("bincount", t);
  const needed = (): number => (t.size === 0 ? 0 : Math.max(0, (max(t).item() as number) + 1));
  const n = length ?? Math.max(minLength, needed());
  if (!tracedOf(t)) refuseOutside(t, Math.min(n, MOST));
  const places = where(less(t, 0), n, t); // negative ones count from the end elsewhere
  return scatterAdd(zeros([n], { dtype: w.dtype }) as never, places as never, w as never) as Tensor as Tensor<W>;
}
