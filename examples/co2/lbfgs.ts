// L-BFGS with a strong Wolfe line search: Nocedal & Wright (2006), algorithms 7.4, 7.5, 3.5 and 3.6. Minimises.
export type Objective = (x: Float64Array) => { value: number; gradient: Float64Array };

export interface LbfgsOptions {
  readonly memory?: number;
  readonly maxIterations?: number;
  /** Stops when the largest gradient component is below this. */
  readonly gradientTolerance?: number;
  /** Stops when an iteration improves the value by less than this, relatively. */
  readonly valueTolerance?: number;
  readonly onIteration?: (iteration: number, value: number) => void;
}
export interface Minimum {
  readonly x: Float64Array;
  readonly value: number;
  readonly gradient: Float64Array;
  readonly iterations: number;
  readonly evaluations: number;
}
interface Point {
  readonly x: Float64Array;
  readonly value: number;
  readonly gradient: Float64Array;
}
interface Pair {
  readonly s: Float64Array;
  readonly y: Float64Array;
  readonly rho: number;
}

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, v, i) => sum + v * (b[i] as number), 0);
const axpy = (t: number, d: Float64Array, x: Float64Array): Float64Array => x.map((v, i) => v + t * (d[i] as number));

export function lbfgs(f: Objective, x0: Float64Array, options: LbfgsOptions = {}): Minimum {
  const { memory = 10, maxIterations = 200, gradientTolerance = 1e-5, valueTolerance = 1e-12, onIteration } = options;
  let evaluations = 0;
  const evaluate = (x: Float64Array): Point => {
    evaluations++;
    return { x, ...f(x) };
  };
  let at = evaluate(x0);
  const pairs: Pair[] = [];
  let iterations = 0;
  for (; iterations < maxIterations; iterations++) {
    const norm = Math.max(...at.gradient.map(Math.abs));
    if (!(norm > gradientTolerance)) break;
    let d: Float64Array = direction(at.gradient, pairs);
    if (!(dot(d, at.gradient) < 0)) {
      pairs.length = 0;
      d = at.gradient.map((g) => -g);
    }
    const next = wolfe(evaluate, at, d, pairs.length === 0 ? Math.min(1, 1 / norm) : 1);
    if (!next) {
      if (pairs.length === 0) break; // even steepest descent finds nothing: as far as rounding allows
      pairs.length = 0;
      continue;
    }
    const s = next.x.map((v, i) => v - (at.x[i] as number));
    const y = next.gradient.map((v, i) => v - (at.gradient[i] as number));
    const sy = dot(s, y);
    if (sy > 1e-14 * dot(y, y)) pairs.push({ s, y, rho: 1 / sy });
    if (pairs.length > memory) pairs.shift();
    const gained = at.value - next.value;
    at = next;
    onIteration?.(iterations + 1, at.value);
    if (gained <= valueTolerance * Math.max(1, Math.abs(at.value))) break;
  }
  return { ...at, iterations, evaluations };
}

/** -H g by the two-loop recursion, algorithm 7.4, with H0 of eq. 7.20. */
function direction(g: Float64Array, pairs: readonly Pair[]): Float64Array {
  let q: Float64Array = Float64Array.from(g);
  const alphas: number[] = [];
  for (const { s, y, rho } of [...pairs].reverse()) {
    const alpha = rho * dot(s, q);
    alphas.unshift(alpha);
    q = axpy(-alpha, y, q);
  }
  const last = pairs.at(-1);
  if (last) q = q.map((v) => v / (last.rho * dot(last.y, last.y)));
  pairs.forEach(({ s, y, rho }, i) => {
    q = axpy((alphas[i] as number) - rho * dot(y, q), s, q);
  });
  return q.map((v) => -v);
}

const C1 = 1e-4;
const C2 = 0.9;

/** A step that satisfies the strong Wolfe conditions, algorithm 3.5; undefined where none is found. */
function wolfe(evaluate: (x: Float64Array) => Point, from: Point, d: Float64Array, first: number): Point | undefined {
  const slope0 = dot(d, from.gradient);
  const at = (t: number) => {
    const point = evaluate(axpy(t, d, from.x));
    return { t, point, value: point.value, slope: dot(d, point.gradient) };
  };
  type Trial = ReturnType<typeof at>;
  const decreases = (p: Trial) => p.value <= from.value + C1 * p.t * slope0;
  let before: Trial = { t: 0, point: from, value: from.value, slope: slope0 };
  let t = first;
  for (let i = 0; i < 20; i++) {
    const now = at(t);
    if (!Number.isFinite(now.value) || !decreases(now) || (i > 0 && now.value >= before.value)) return zoom(before, now);
    if (Math.abs(now.slope) <= -C2 * slope0) return now.point;
    if (now.slope >= 0) return zoom(now, before);
    before = now;
    t *= 2;
  }
  return undefined;

  /** Algorithm 3.6: `low` is the better end. */
  function zoom(low: Trial, high: Trial): Point | undefined {
    for (let i = 0; i < 30; i++) {
      const now = at(inside(low, high));
      if (!Number.isFinite(now.value) || !decreases(now) || now.value >= low.value) high = now;
      else {
        if (Math.abs(now.slope) <= -C2 * slope0) return now.point;
        if (now.slope * (high.t - low.t) >= 0) high = low;
        low = now;
      }
      if (Math.abs(high.t - low.t) <= 1e-12 * Math.max(1, low.t)) break;
    }
    return low.t > 0 && low.value < from.value ? low.point : undefined;
  }
}

/** The minimum of the cubic through both ends (eq. 3.59), kept away from them; the middle where it has none. */
function inside(a: { t: number; value: number; slope: number }, b: { t: number; value: number; slope: number }): number {
  const middle = (a.t + b.t) / 2;
  if (!Number.isFinite(b.value)) return a.t + 0.1 * (b.t - a.t);
  const d1 = a.slope + b.slope - (3 * (a.value - b.value)) / (a.t - b.t);
  const root = d1 * d1 - a.slope * b.slope;
  if (!(root >= 0)) return middle;
  const d2 = Math.sign(b.t - a.t) * Math.sqrt(root);
  const t = b.t - ((b.t - a.t) * (b.slope + d2 - d1)) / (b.slope - a.slope + 2 * d2);
  const margin = 0.1 * Math.abs(b.t - a.t);
  const [low, high] = [Math.min(a.t, b.t) + margin, Math.max(a.t, b.t) - margin];
  return Number.isFinite(t) ? Math.min(high, Math.max(low, t)) : middle;
}
