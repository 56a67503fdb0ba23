// Where inputs of ops lie, for `checkOp`. In plain loops, not by ops: samples do not depend on what they test.

import type { AttrValue } from "../core/attrs";
import type { Domain, Draw } from "../core/domain";
import { allocate, type Float, isComplex, isFloat } from "../core/dtype";
import { ArgumentError } from "../core/errors";
import { type Shape, sizeOf, storageOf, type Tensor, wrap } from "../core/tensor";
import { random } from "./random";

type Pair = readonly [re: number, im: number];

/** t with every element replaced; `i` counts them. */
function mapped(t: Tensor, f: (re: number, im: number, i: number) => Pair): Tensor {
  const [from, to, width] = [storageOf(t).array, allocate(t.dtype, t.size), isComplex(t.dtype) ? 2 : 1];
  for (let i = 0; i < t.size; i++) {
    const [re, im] = f(from[i * width] as number, width === 2 ? (from[i * width + 1] as number) : 0, i);
    to[i * width] = re;
    if (width === 2) to[i * width + 1] = im;
  }
  return wrap(t.dtype, t.shape, to);
}

const normal = ({ key, shape, dtype }: Draw): Tensor => random.normal(key, shape, { dtype: dtype as Float });
const uniform = ({ key, shape }: Draw): ArrayLike<number> => storageOf(random.uniform(key, shape)).array;

/** Whole numbers from low to high, these included; of `bool`, 0 and 1. */
function integers(draw: Draw, low: number, high: number): Tensor {
  const [u, array] = [uniform(draw), allocate(draw.dtype, sizeOf(draw.shape))];
  for (let i = 0; i < array.length; i++) array[i] = low + Math.floor((u[i] as number) * (high - low + 1));
  return wrap(draw.dtype, draw.shape, array);
}

// ---- Numbers ----

/** Standard normal numbers; integers from -9 to 9; false and true. */
export const any: Domain = {
  name: "any",
  sample: (draw) => (isFloat(draw.dtype) ? normal(draw) : draw.dtype === "bool" ? integers(draw, 0, 1) : integers(draw, -9, 9)),
};

/** Above 1/2; complex: around the positive axis. Integers from 1 to 9. */
export const positive: Domain = {
  name: "positive",
  sample: (draw) => {
    if (!isFloat(draw.dtype)) return integers(draw, 1, 9);
    return mapped(normal(draw), (re, im) => [Math.exp(0.4 * re) * Math.cos(0.4 * im) + 0.5, Math.exp(0.4 * re) * Math.sin(0.4 * im)]);
  },
};

/** Of either sign and 1/2 or more in magnitude; complex: eᶻ of a small z. Integers of 1 to 9 in magnitude. */
export const nonzero: Domain = {
  name: "nonzero",
  sample: (draw) => {
    if (!isFloat(draw.dtype)) return mapped(integers(draw, -9, 8), (n) => [n < 0 ? n : n + 1, 0]);
    if (!isComplex(draw.dtype)) return mapped(normal(draw), (x) => [x + Math.sign(x) * 0.5, 0]);
    return mapped(normal(draw), (re, im) => [Math.exp(0.5 * re) * Math.cos(0.5 * im), Math.exp(0.5 * re) * Math.sin(0.5 * im)]);
  },
};

/** From low on, below high; complex: either part. Leave differences room: what they step over is some hundredths. */
export const between = (low: number, high: number): Domain => ({
  name: `between(${low}, ${high})`,
  sample: (draw) =>
    isFloat(draw.dtype)
      ? random.uniform(draw.key, draw.shape, { dtype: draw.dtype, low, high })
      : integers(draw, Math.ceil(low), Math.ceil(high) - 1),
});

/** No two elements closer than 0.06 (complex: their real parts), in any order; integers: each once, from 0. */
export const distinct: Domain = {
  name: "distinct",
  sample: (draw) => {
    const u = uniform(draw);
    const ranks = new Float64Array(u.length);
    for (const [rank, i] of Array.from(ranks.keys())
      .sort((i, j) => (u[i] as number) - (u[j] as number))
      .entries())
      ranks[i] = rank;
    const rank = (i: number): number => ranks[i] as number;
    if (!isFloat(draw.dtype)) return mapped(integers(draw, 0, 0), (_re, _im, i) => [rank(i), 0]);
    const middle = (u.length - 1) / 2;
    return mapped(normal(draw), (re, im, i) => [0.1 * (rank(i) - middle) + 0.02 * Math.sin(re), im]);
  },
};

/** Rising by 1.3 or more along the last axis. */
export const ascending: Domain = {
  name: "ascending",
  sample: (draw) => {
    const n = draw.shape.at(-1) as number;
    return mapped(normal(draw), (re, _im, i) => [1.5 * (i % n) + 0.1 * Math.sin(re), 0]);
  },
};

// ---- Matrices ----

interface Matrix {
  readonly m: number;
  readonly n: number;
  at(i: number, j: number): Pair;
}

/** Every matrix of t replaced by one of the same size. */
function matrices(t: Tensor, f: (x: Matrix) => (i: number, j: number) => Pair): Tensor {
  const [m, n] = t.shape.slice(-2) as [number, number];
  const [array, width] = [storageOf(t).array, isComplex(t.dtype) ? 2 : 1];
  let at: ((i: number, j: number) => Pair) | undefined;
  return mapped(t, (_re, _im, k) => {
    const item = k - (k % (m * n));
    if (k === item || !at) {
      const part = (i: number, j: number, p: number): number => (p < width ? (array[(item + i * n + j) * width + p] as number) : 0);
      at = f({ m, n, at: (i, j) => [part(i, j, 0), part(i, j, 1)] });
    }
    return at(Math.floor((k - item) / n), k % n);
  });
}

/** The smallest scale of an m x n matrix of standard normal numbers that makes its norm about 1. */
const norm = (shape: Shape): number => 1 / Math.sqrt(Math.max(1, ...shape.slice(-2)));
const hermitianPart = (t: Tensor): Tensor =>
  matrices(t, (x) => (i, j) => {
    const [[a, b], [c, d]] = [x.at(i, j), x.at(j, i)];
    return [(a + c) / 2, (b - d) / 2];
  });

/** Hermitian, with eigenvalues of both signs, 1 apart or more. */
export const hermitian: Domain = {
  name: "hermitian",
  sample: (draw) => hermitianPart(matrices(hermitianPart(normal(draw)), reflected)),
  tangent: hermitianPart,
  reach: norm,
};
/** R M R, R = I - (2/n) 1 1ᵀ a reflection, M a diagonal matrix perturbed by x, by less than 0.25 in norm. */
function reflected({ n, at }: Matrix): (i: number, j: number) => Pair {
  const middle = (i: number, j: number): Pair => {
    const [[re, im], scale] = [at(i, j), 0.16 / Math.sqrt(n)];
    return [scale * re + (i === j ? 1.5 * i - 0.75 * (n - 1) + 0.25 : 0), scale * im];
  };
  const all = Array.from({ length: n }, (_, i) => i);
  const total = (list: Pair[]): Pair => list.reduce(([a, b], [c, d]) => [a + c, b + d], [0, 0]);
  const rows = all.map((i) => total(all.map((j) => middle(i, j))));
  const columns = all.map((j) => total(all.map((i) => middle(i, j))));
  const whole = total(rows);
  const part = (i: number, j: number, p: 0 | 1): number =>
    middle(i, j)[p] - (2 / n) * ((rows[i] as Pair)[p] + (columns[j] as Pair)[p]) + (4 / (n * n)) * whole[p];
  return (i, j) => [part(i, j, 0), part(i, j, 1)];
}

/**
 * Hermitian, with eigenvalues of both signs, about 1.5 in magnitude: elements on the diagonal, alternating in sign, and pairs beside it, far
 * apart, so that Bunch and Kaufman's pivots are of both sizes, need exchanges, and are far from ties.
 */
export const indefinite: Domain = {
  name: "indefinite",
  sample: (draw) =>
    hermitianPart(
      matrices(normal(draw), ({ n, at }) => (i, j) => {
        const [[re, im], scale, from] = [at(i, j), 0.1 / Math.sqrt(n), Math.min(i, n - 1 - i)];
        const single = from % 2 === 1 || 2 * i === n - 1;
        const large = single ? i === j : i + j === n - 1;
        return [scale * re + (large ? (from % 4 < 2 ? 1.5 : -1.5) : 0), scale * im];
      }),
    ),
  tangent: hermitianPart,
  reach: norm,
};

/** Hermitian, with eigenvalues of 1 or more. */
export const positiveDefinite: Domain = {
  name: "positiveDefinite",
  // X Xᴴ / n + I
  sample: (draw) =>
    matrices(normal(draw), ({ n, at }) => (i, j) => {
      let [re, im] = [0, 0];
      for (let k = 0; k < n; k++) {
        const [[a, b], [c, d]] = [at(i, k), at(j, k)];
        re += a * c + b * d;
        im += b * c - a * d;
      }
      return [re / n + (i === j ? 1 : 0), im / n];
    }),
  tangent: hermitianPart,
  reach: norm,
};

/** Hermitian, and near the identity. */
export const nearIdentity: Domain = {
  name: "nearIdentity",
  sample: (draw) =>
    hermitianPart(
      matrices(normal(draw), ({ n, at }) => (i, j) => {
        const [[re, im], scale] = [at(i, j), 0.02 / Math.sqrt(n)];
        return [scale * re + (i === j ? 1 : 0), scale * im];
      }),
    ),
  tangent: hermitianPart,
  reach: (shape) => 0.1 * norm(shape),
};

/** Of full rank. */
export const invertible: Domain = {
  name: "invertible",
  // Dominated by a cyclic permutation of the rows: pivots are needed, far from ties, and their order matters, as not with one that is its own
  // inverse.
  sample: (draw) =>
    matrices(normal(draw), ({ m, n, at }) => (i, j) => {
      const [[re, im], scale] = [at(i, j), 0.4 / Math.sqrt(Math.max(m, n))];
      return [scale * re + (j < m && i === (j + m - 1) % m ? 1.5 : 0), scale * im];
    }),
  reach: norm,
};

/** Of full rank, with a leading diagonal that keeps its sign as Householder's reflections pass. */
export const leading: Domain = {
  name: "leading",
  sample: (draw) =>
    matrices(normal(draw), ({ m, n, at }) => (i, j) => {
      const [[re, im], scale] = [at(i, j), 0.4 / Math.sqrt(Math.max(m, n))];
      return [scale * re + (i === j ? 1.5 : 0), scale * im];
    }),
  reach: norm,
};

/** Square, of norm about 1/2. */
export const contraction: Domain = {
  name: "contraction",
  sample: (draw) =>
    matrices(normal(draw), ({ n, at }) => (i, j) => {
      const [[re, im], scale] = [at(i, j), 0.25 / Math.sqrt(n)];
      return [scale * re, scale * im];
    }),
  reach: norm,
};

/** Square, with eigenvalues around -3/2. */
export const decaying: Domain = {
  name: "decaying",
  sample: (draw) => mapped(leading.sample(draw), (re, im) => [-re, -im]),
  reach: norm,
};

/** Square, with eigenvalues some tenths apart, and from zero; of real matrices some are complex, and parts of them negative. */
export const distinctSpectrum: Domain = {
  name: "distinctSpectrum",
  // rising along the diagonal; of every second pair [d, 2; -2, d + 3/2], whose eigenvalues are d + 3/4 ± 1.85 i
  sample: (draw) =>
    matrices(normal(draw), ({ n, at }) => (i, j) => {
      const [[re, im], scale] = [at(i, j), 0.1 / Math.sqrt(n)];
      const pair = i % 4 < 2 && Math.floor(i / 2) === Math.floor(j / 2) ? 2 * (j - i) : 0;
      return [scale * re + (i === j ? 1.5 * i - 0.75 * (n - 1) + 0.4 : pair), scale * im];
    }),
  reach: norm,
};

/** Square, with eigenvalues of both half-planes, away from the imaginary axis. */
export const halves: Domain = {
  name: "halves",
  sample: (draw) =>
    matrices(normal(draw), ({ n, at }) => (i, j) => {
      const [[re, im], scale] = [at(i, j), 0.4 / Math.sqrt(n)];
      return [scale * re + (i === j ? (i % 2 === 0 ? 1.5 : -1.5) : 0), scale * im];
    }),
  reach: norm,
};

/** Singular values some tenths apart, and from zero. */
export const separated: Domain = {
  name: "separated",
  // R M S of reflections R, S of the rows and of the columns, M with a diagonal of steps of 1 perturbed by x, by less than 0.2 in norm
  sample: (draw) =>
    matrices(normal(draw), ({ m, n, at }) => {
      const scale = 0.1 / Math.sqrt(Math.max(m, n));
      const middle = Array.from({ length: m }, (_, i) =>
        Array.from({ length: n }, (_, j): Pair => {
          const [re, im] = at(i, j);
          return [scale * re + (i === j ? 0.75 + 0.6 * i : 0), scale * im];
        }),
      );
      const total = (list: readonly Pair[]): Pair => list.reduce<Pair>(([a, b], [c, d]) => [a + c, b + d], [0, 0]);
      const rows = middle.map(total);
      const columns = Array.from({ length: n }, (_, j) => total(middle.map((row) => row[j] as Pair)));
      const whole = total(rows);
      const mixed = (p: 0 | 1, i: number, j: number): number =>
        ((middle[i] as Pair[])[j] as Pair)[p] -
        (2 / n) * (rows[i] as Pair)[p] -
        (2 / m) * (columns[j] as Pair)[p] +
        (4 / (m * n)) * whole[p];
      return (i, j) => [mixed(0, i, j), mixed(1, i, j)];
    }),
  reach: norm,
};

/** Square, and well conditioned whichever triangle is read. Both are filled: an op that reads the wrong one is seen. */
export const triangular: Domain = {
  name: "triangular",
  sample: (draw) =>
    matrices(normal(draw), ({ n, at }) => (i, j) => {
      const [[re, im], scale] = [at(i, j), 0.4 / Math.sqrt(n)];
      return [scale * re + (i === j ? 1.5 : 0), scale * im];
    }),
  reach: norm,
};

/** As `leading`, with columns that are some tenths longer than the next, and moved about. */
export const columnsApart: Domain = {
  name: "columnsApart",
  sample: (draw) =>
    matrices(normal(draw), ({ m, n, at }) => (i, j) => {
      const [[re, im], k] = [at(i, j), Math.min(m, n)];
      const [scale, row] = [0.2 / Math.sqrt(Math.max(m, n)), j < k ? (j + 1 + Math.floor(k / 2)) % k : j];
      return [scale * re + (i === row ? 1 + 0.7 * (k - 1 - row) : 0), scale * im];
    }),
  reach: norm,
};

/** Diagonals of a banded matrix whose main one, the row `main` of them, is positive and dominates. */
export const banded = (main: (attrs: { readonly [name: string]: AttrValue }, rows: number) => number): Domain => ({
  name: "banded",
  sample: (draw) =>
    matrices(normal(draw), ({ m, at }) => (i, j) => {
      const [re, im] = at(i, j);
      return i === main(draw.attrs, m) ? [3 + 0.5 * Math.tanh(re), 0] : [Math.tanh(re) / m, Math.tanh(im) / m];
    }),
});

/** Vectors whose first element dominates, as of a Toeplitz matrix that is well conditioned. */
export const dominated: Domain = {
  name: "dominated",
  sample: (draw) => {
    const n = Math.max(1, draw.shape.at(-1) as number);
    return mapped(normal(draw), (re, im, i) => (i % n === 0 ? [3 + 0.5 * Math.tanh(re), 0] : [Math.tanh(re) / n, Math.tanh(im) / n]));
  },
};

// ---- Indices ----

/** Of int32: element i of the last axis, n long, is from i to n - 1, as those of `luFactor`. */
export const pivots: Domain = {
  name: "pivots",
  sample: (draw) => {
    const [n, u] = [draw.shape.at(-1) as number, uniform(draw)];
    return mapped(integers(draw, 0, 0), (_re, _im, i) => [(i % n) + Math.floor((u[i] as number) * (n - (i % n))), 0]);
  },
};

/** Of int32: indices into an axis of another input, from 0 on, below its size. `axis` may come from the attrs of the call. */
export const indexInto = (input: string, axis: number | ((attrs: { readonly [name: string]: AttrValue }) => number)): Domain => ({
  name: `indexInto(${JSON.stringify(input)})`,
  sample: (draw) => {
    const at = typeof axis === "function" ? axis(draw.attrs) : axis;
    const size = draw.shapes[input]?.at(at);
    if (size === undefined) throw new ArgumentError("indexInto", `there is no axis ${at} of an input ${JSON.stringify(input)}.`);
    if (size === 0 && sizeOf(draw.shape) > 0)
      throw new ArgumentError("indexInto", `axis ${at} of ${input} is empty: nothing is an index into it.`);
    return integers(draw, 0, size - 1);
  },
});
