// Medians with intervals that hold for any distribution, and geometric means.

const sorted = (xs: readonly number[]): number[] => [...xs].sort((a, b) => a - b);
export function median(xs: readonly number[]): number {
  const s = sorted(xs);
  const half = s.length >> 1;
  return s.length % 2 ? (s[half] as number) : ((s[half - 1] as number) + (s[half] as number)) / 2;
}

export interface Interval {
  readonly middle: number;
  readonly low: number;
  readonly high: number;
}

/**
 * The median and its interval of 95 % between two order statistics: each number lies above the true median with probability 1/2, so that the r-th smallest lies
 * above it with probability P(Bin(n, 1/2) < r) (Conover, Practical Nonparametric Statistics, 3.2). r is the largest with at most 2.5 %; five numbers and fewer have none.
 */
export function medianInterval(xs: readonly number[]): Interval {
  const s = sorted(xs);
  const n = s.length;
  const r = rankOf(n);
  const middle = median(s);
  return r === 0
    ? { middle, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY }
    : { middle, low: s[r - 1] as number, high: s[n - r] as number };
}
function rankOf(n: number): number {
  if (n > 500) return Math.floor((n - 1.96 * Math.sqrt(n)) / 2); // the normal distribution; 2^-n has an end
  let r = 0;
  let term = 0.5 ** n;
  for (let below = term; below <= 0.025 && r < n; below += term) {
    r++;
    term *= (n - r + 1) / r;
  }
  return r;
}

/** The ratio theirs / ours of samples taken in pairs: by their logarithms, so that the ratio turned round has the interval turned round. */
export function ratioInterval(theirs: readonly number[], ours: readonly number[]): Interval {
  const { middle, low, high } = medianInterval(theirs.map((t, i) => Math.log(t / (ours[i] as number))));
  return { middle: Math.exp(middle), low: Math.exp(low), high: Math.exp(high) };
}

/** Whether the interval is within this share of its middle, on both sides. */
export const within = ({ middle, low, high }: Interval, share: number): boolean =>
  high <= middle * (1 + share) && low * (1 + share) >= middle;

export const geometricMean = (xs: readonly number[]): number => Math.exp(xs.reduce((s, x) => s + Math.log(x), 0) / xs.length);
