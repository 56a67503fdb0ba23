// Searches along a direction: Nocedal & Wright (2006), algorithms 3.1, 3.5 and 3.6.
import { optimality, project } from "./bounds";
import { type Objective, type Point, pointAt } from "./objective";
import type { Steps } from "./problem";
import { along, dot, minus, type Vector } from "./vector";

const DECREASE = 1e-4; // c1
const CURVATURE = 0.9; // c2
/** What values may differ by and be equal, where derivatives still tell which way is down: Hager & Zhang (2005), "A new conjugate gradient method", eq. 4.1. */
export const rounding = (value: number): number => 8 * Number.EPSILON * Math.max(1, Math.abs(value));
const MOST_LONGER = 40;
const MOST_TRIALS = 40;

export type Search = (f: Objective, from: Point, d: Vector, first: number) => Steps<Point | undefined>;

interface Trial {
  readonly t: number;
  readonly point: Point;
  readonly value: number;
  readonly slope: number;
}

/** A step that satisfies the strong Wolfe conditions, algorithm 3.5; undefined where none is found. */
export function* wolfe(f: Objective, from: Point, d: Vector, first: number): Steps<Point | undefined> {
  const slope0 = dot(d, from.gradient);
  const start: Trial = { t: 0, point: from, value: from.value, slope: slope0 };
  let before = start;
  let t = first;
  for (let i = 0; i < MOST_LONGER; i++) {
    const now: Trial = yield* trial(f, from, d, t);
    if (!decreases(start, now) || (i > 0 && now.value >= before.value)) return yield* zoom(f, start, d, before, now);
    if (Math.abs(now.slope) <= -CURVATURE * slope0) return now.point;
    if (now.slope >= 0) return yield* zoom(f, start, d, now, before);
    before = now;
    t *= 2;
  }
  return before.point; // lower and lower
}

/** Sufficiently, or as far as its slope tells while values differ by rounding. */
function decreases(start: Trial, now: Trial): boolean {
  if (!Number.isFinite(now.value)) return false;
  if (now.value <= start.value + DECREASE * now.t * start.slope) return true;
  return now.value <= start.value + rounding(start.value) && now.slope <= (2 * DECREASE - 1) * start.slope;
}

function* trial(f: Objective, from: Point, d: Vector, t: number): Steps<Trial> {
  const point = yield* pointAt(f, along(from.x, t, d));
  return { t, point, value: point.value, slope: dot(d, point.gradient) };
}

/** Algorithm 3.6: `low` is the better end. */
function* zoom(f: Objective, start: Trial, d: Vector, low: Trial, high: Trial): Steps<Point | undefined> {
  for (let i = 0; i < MOST_TRIALS; i++) {
    const now: Trial = yield* trial(f, start.point, d, inside(low, high));
    if (!decreases(start, now) || (now.value >= low.value && now.value > start.value + rounding(start.value))) high = now;
    else {
      if (Math.abs(now.slope) <= -CURVATURE * start.slope) return now.point;
      if (now.slope * (high.t - low.t) >= 0) high = low;
      low = now;
    }
    if (Math.abs(high.t - low.t) <= 1e-12 * Math.max(1, low.t)) break;
  }
  return low.t > 0 && low.value < start.value ? low.point : undefined;
}

/** The minimum of the cubic through both ends (eq. 3.59), kept away from them; the middle where it has none. */
function inside(a: Trial, b: Trial): number {
  if (!Number.isFinite(b.value) || !Number.isFinite(b.slope)) return a.t + 0.1 * (b.t - a.t);
  const middle = (a.t + b.t) / 2;
  const d1 = a.slope + b.slope - (3 * (a.value - b.value)) / (a.t - b.t);
  const root = d1 * d1 - a.slope * b.slope;
  if (!(root >= 0)) return middle;
  const d2 = Math.sign(b.t - a.t) * Math.sqrt(root);
  const t = b.t - ((b.t - a.t) * (b.slope + d2 - d1)) / (b.slope - a.slope + 2 * d2);
  const margin = 0.1 * Math.abs(b.t - a.t);
  const [low, high] = [Math.min(a.t, b.t) + margin, Math.max(a.t, b.t) - margin];
  return Number.isFinite(t) ? Math.min(high, Math.max(low, t)) : middle;
}

/** A step along the path that bends at the bounds, x(t) = P(x + t d), of sufficient decrease (Bertsekas 1982, eq. 12): algorithm 3.1. */
export function* backtrack(f: Objective, from: Point, d: Vector, first: number): Steps<Point | undefined> {
  const { box } = f.problem;
  let t = first;
  for (let i = 0; i < MOST_TRIALS; i++) {
    const now: Point = yield* pointAt(f, project(box, along(from.x, t, d)));
    const expected = dot(from.gradient, minus(now.x, from.x));
    if (!(expected < 0)) return undefined;
    if (Number.isFinite(now.value) && now.value <= from.value + DECREASE * expected) return now;
    const flatter = (): boolean => optimality(box, now.x, now.gradient) <= 0.5 * optimality(box, from.x, from.gradient);
    if (now.value <= from.value + rounding(from.value) && flatter()) return now;
    // the minimum of the parabola through both values and the slope at 0
    const shorter = -expected / (2 * (now.value - from.value - expected));
    t *= Number.isFinite(now.value) ? Math.min(0.5, Math.max(0.1, shorter)) : 0.1;
  }
  return undefined;
}
