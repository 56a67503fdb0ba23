// What backsolve does where there is no number to compare: the questions of behaviours.py.
import {
  add,
  eye,
  grad,
  hvp,
  isTensor,
  LinalgError,
  linalg,
  mul,
  ones,
  real,
  slice,
  square,
  sum,
  type Tensor,
  tensor,
} from "../../lib/index";
import { errorOf, type F64, singular } from "./exact";

const re = (x: Tensor): F64 => real(x as F64);
type Policy = "throw" | "nan" | "mask";

/** "[CODE], item 1: what the message says after the name of the op". */
export function brief(error: unknown): string {
  if (!(error instanceof LinalgError)) return String(error);
  return `${error.code}${error.item === undefined ? "" : `, names item ${error.item}`}`;
}
const attempt = (f: () => string): string => {
  try {
    return f();
  } catch (error) {
    return `raises: ${brief(error)}`;
  }
};

// ---- det at singular matrices ----

const exactMinor = (a: F64, i: number, j: number): F64 => {
  const [r, c] = [i, j].map((k) => [0, 1, 2, 3].filter((x) => x !== k)) as [number[], number[]];
  const at = (p: number, q: number): F64 => slice(a, [r[p] as number, c[q] as number], [1, 1]).reshape([]);
  const two = (p: number, q: number): F64 => mul(at(1, p), at(2, q)).sub(mul(at(1, q), at(2, p))) as F64;
  return add(mul(at(0, 0), two(1, 2)).sub(mul(at(0, 1), two(0, 2))) as F64, mul(at(0, 2), two(0, 1))) as F64;
};
/** tr(C^T A) of fixed A gives conj(C): the gradient of Re det, by minors, in exact arithmetic for the samples. */
export function cofactors(a: F64): F64 {
  const width = (a.dtype as string) === "complex128" ? 2 : 1;
  const data = new Float64Array(16 * width);
  for (let i = 0; i < 4; i++) {
    for (let j = 0; j < 4; j++) {
      const m = exactMinor(a, i, j).data;
      const sign = (i + j) % 2 ? -1 : 1;
      data[(4 * i + j) * width] = sign * (m[0] as number);
      if (width === 2) data[(4 * i + j) * 2 + 1] = -sign * (m[1] as number);
    }
  }
  return tensor(data, { shape: [4, 4], dtype: a.dtype as "float64" }) as F64;
}
/** Its derivative along v. Cofactors are of degree 3: no truncation error. */
export function cofactorsAlong(a: F64, v: F64): F64 {
  const d = (t: number): F64 => cofactors(add(a, mul(t, v)) as F64);
  const central = mul(8, d(1).sub(d(-1))).sub(d(2).sub(d(-2)));
  return mul(1 / 12, central as F64) as F64;
}
export const samplesOf = (id: string): { matrices: F64[]; v: F64 } => {
  const { a, v } = singular.get(id) as { a: F64; v: F64 };
  return { matrices: Array.from({ length: a.shape[0] as number }, (_, i) => slice(a, [i, 0, 0], [1, 4, 4]).reshape([4, 4])), v };
};
export const detLoss = (x: F64): F64 => re(linalg.det(x));
function counted(id: string): string {
  const { matrices, v } = samplesOf(id);
  const right = (got: (a: F64) => F64, want: (a: F64) => F64) => matrices.filter((a) => errorOf(got(a), want(a)) <= 1e-9).length;
  const [first, second] = [right(grad(detLoss), cofactors), right((a) => hvp(detLoss, a, v), (a) => cofactorsAlong(a, v))]; // biome-ignore format: two of a kind
  return `gradient right for ${first} of ${matrices.length}, Hessian-vector product for ${second}`;
}

// ---- one bad item ----

const reflected = (w: readonly number[]): F64 => {
  const u = tensor([[1], [1], [-1], [1]]);
  const q = eye(4).sub(mul(0.5, u.matmul(u, { adjointB: true })));
  return mul(q, tensor(w)).matmul(q, { adjointB: true }) as F64;
};
const GOOD = reflected([1, 2, 3, 4]);
const withNaN = tensor((GOOD.toArray() as number[][]).map((r, i) => r.map((x, j) => (i === j ? Number.NaN : x))));
const singularDiagonal = tensor([1, 0, 2, 3]).diag();
const rounded = mul(tensor([[1, 2, 3, 0], [4, 5, 6, 0], [7, 8, 9, 0], [0, 0, 0, 1]]), 0.1) as F64; // biome-ignore format: a matrix

type Options = { onFailure?: "throw" | "nan" };
const OPS: Readonly<Record<string, (a: F64, options?: Options) => F64>> = {
  cholesky: (a, o) => linalg.cholesky(a, o),
  inv: (a, o) => linalg.inv(a, o),
  solve: (a, o) => linalg.solve(a, ones([...a.shape.slice(0, -1), 1]), o),
  eigvalsh: (a, o) => linalg.eigvalsh(a, o),
};
const BAD: Readonly<Record<string, F64>> = {
  "cholesky.indefinite": reflected([1, -1, 2, 3]),
  "cholesky.nan": withNaN,
  "inv.singular": singularDiagonal,
  "inv.rounded": rounded,
  "inv.nan": withNaN,
  "solve.singular": singularDiagonal,
  "solve.nan": withNaN,
  "eigvalsh.nan": withNaN,
};
const itemOf = (a: F64, i: number): F64 =>
  slice(a, [i, ...a.shape.slice(1).map(() => 0)], [1, ...a.shape.slice(1)]).reshape(a.shape.slice(1)) as F64;
const kindOf = (a: F64): string => {
  const list = Array.from(a.data);
  return list.every(Number.isFinite) ? "finite numbers" : list.some(Number.isNaN) ? "NaN" : "Inf";
};

export interface Batch {
  /** The default call. */
  readonly thrown: string;
  readonly kinds: readonly string[];
  readonly othersRight: boolean;
  readonly gradientKinds: readonly string[];
  readonly otherGradientsRight: boolean;
}
export function badItem(id: string): Batch {
  const f = OPS[id.split(".")[0] as string] as (a: F64, options?: Options) => F64;
  const items = [GOOD, BAD[id] as F64, add(GOOD, eye(4)) as F64];
  const a = tensor(items.map((x) => x.toArray()) as never) as unknown as F64;
  const thrown = attempt(() => (f(a) ? "no error" : ""));
  const y = f(a, { onFailure: "nan" });
  const g = grad((x: F64) => sum(f(x, { onFailure: "nan" })))(a);
  const right = (whole: F64, single: (x: F64) => F64) => [0, 2].every((i) => errorOf(itemOf(whole, i), single(items[i] as F64)) < 1e-14);
  return {
    thrown,
    kinds: [0, 1, 2].map((i) => kindOf(itemOf(y, i))),
    othersRight: right(y, f),
    gradientKinds: [0, 1, 2].map((i) => kindOf(itemOf(g, i))),
    otherGradientsRight: right(
      g,
      grad((x: F64) => sum(f(x))),
    ),
  };
}
function told(id: string): string {
  const b = badItem(id);
  const kinds = [...new Set([b.kinds[1], b.gradientKinds[1]])].join(", gradient ");
  const say = (right: boolean) => (right ? "right" : "wrong");
  const lenient = `${kinds}; others ${say(b.othersRight)}, their gradients ${say(b.otherGradientsRight)}`;
  return b.thrown === "no error" ? lenient : `${b.thrown}; \`onFailure: "nan"\`: ${lenient}`;
}

// ---- empty ----

const EMPTY: Readonly<Record<string, (a: F64) => F64>> = {
  inv: (a) => sum(linalg.inv(a)),
  det: (a) => sum(linalg.det(a)),
  slogdet: (a) => sum(linalg.slogdet(a).logabsdet),
  solve: (a) => sum(linalg.solve(a, ones([...a.shape.slice(0, -1), 1]))),
  lstsq: (a) => sum(linalg.lstsq(a, ones([...a.shape.slice(0, -1), 1]))),
  cholesky: (a) => sum(linalg.cholesky(a)),
  eigvalsh: (a) => sum(linalg.eigvalsh(a)),
  eigh: (a) => add(sum(linalg.eigh(a).v), sum(linalg.eigh(a).w)) as F64,
};
export const emptyOps = Object.keys(EMPTY);
export function empty(op: string, shape: readonly number[]): string {
  const f = EMPTY[op] as (a: F64) => F64;
  const a = tensor(new Float64Array(0), { shape });
  return attempt(() => {
    const value = f(a).item();
    if (value !== (op === "det" && shape.length === 2 ? 1 : 0)) return `value ${value}`;
    const [g, h] = [grad(f)(a), hvp(f, a, a)];
    return isTensor(g) && g.shape.join() === shape.join() && h.shape.join() === shape.join() ? "right" : `gradient of shape ${g.shape}`;
  });
}

// ---- vectors that no gradient belongs to ----

const b = tensor([1, -2, 0.5, 3]);
export const pairLoss =
  (degenerate: Policy) =>
  (x: F64): F64 =>
    square(sum(mul(b, slice(linalg.eigh(x, { degenerate }).v, [0, 1], [4, 1]).reshape([4]))));
export const phaseLoss =
  (degenerate: Policy) =>
  (x: F64): F64 =>
    sum(mul(b, re(slice(linalg.eigh(x, { degenerate }).v, [0, 1], [4, 1]).reshape([4]))));
export const pairMatrix = reflected([1, 2, 2, 4]);
/** D A Dᴴ with D = diag(1, i, 1, i): complex, Hermitian, the spectrum of A. */
export const phaseMatrix: F64 = (() => {
  const data = new Float64Array(32);
  for (let i = 0; i < 4; i++) {
    for (let j = 0; j < 4; j++) {
      const x = GOOD.at(i, j) as number;
      if (i % 2 === j % 2) data[2 * (4 * i + j)] = x;
      else data[2 * (4 * i + j) + 1] = i % 2 ? x : -x;
    }
  }
  return tensor(data, { shape: [4, 4], dtype: "complex128" }) as unknown as F64;
})();
function noAnswer(loss: (degenerate: Policy) => (x: F64) => F64, at: F64): string {
  const say = (p: Policy) => attempt(() => kindOf(grad(loss(p))(at)));
  return `${say("throw")}; \`degenerate: "nan"\`: ${say("nan")}, \`"mask"\`: ${say("mask")}`;
}

export const behaviours: Readonly<Record<string, () => string>> = {
  ...Object.fromEntries([...singular.keys()].map((id) => [id, () => counted(id)])),
  ...Object.fromEntries(Object.keys(BAD).map((id) => [`batch.${id}`, () => told(id)])),
  ...Object.fromEntries(emptyOps.map((op) => [`empty.n0.${op}`, () => empty(op, [0, 0])])),
  ...Object.fromEntries(emptyOps.map((op) => [`empty.batch0.${op}`, () => empty(op, [0, 3, 3])])),
  "lstsq.slow": () => attempt(() => (grad((x: F64) => sum(linalg.lstsq(x, ones([4, 1]))))(GOOD) ? "yes" : "no")),
  "vectors.pair": () => noAnswer(pairLoss, pairMatrix),
  "vectors.phase": () => noAnswer(phaseLoss, phaseMatrix),
};
