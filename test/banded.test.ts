// Tridiagonal, banded and Toeplitz matrices against SciPy and JAX (tools/goldens/structured.py).
import { expect } from "chai";
import {
  abs,
  add,
  adjoint,
  complex,
  conj,
  diagonal,
  eye,
  grad,
  greater,
  jvp,
  linalg,
  matmul,
  mul,
  random,
  reshape,
  sub,
  sum,
  type Tensor,
  tensor,
  vjp,
  where,
} from "../lib/index";
import { relativeError } from "../lib/testing/index";
import { cases, close, load, type Stored, type T, weighted, weights } from "./structured";
import { caught } from "./support";

const dense = (dl: T, d: T, du: T): T => {
  const n = d.size;
  const whole = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    whole[i * n + i] = d.data[i] as number;
    if (i > 0) whole[i * n + i - 1] = dl.data[i] as number;
    if (i + 1 < n) whole[i * n + i + 1] = du.data[i] as number;
  }
  return tensor(whole, { shape: [n, n] });
};
/** ‖A X - B‖ / (‖A‖ ‖X‖ n ε), LAPACK's measure. */
const residual = (a: T, x: T, b: T): number =>
  (relativeError(matmul(a, x), b) * (abs(b).data.reduce((p, q) => Math.max(p, q), 0) / (maxOf(a) * maxOf(x)))) / (x.size * 2 ** -52);
const maxOf = (t: T): number => abs(t).data.reduce((p, q) => Math.max(p, q), 0);

describe("tridiagonal equations", () => {
  type Case = "dl" | "d" | "du" | "b" | "x" | "gradients";
  it("have SciPy's solutions and JAX's gradients, of complex ones conjugated", () => {
    for (const g of cases<Case>("tridiagonal")) {
      const inputs = [load(g.dl), load(g.d), load(g.du), load(g.b)] as const;
      close("x", linalg.tridiagonalSolve(...inputs), g.x, 1e-11);
      close("A x", linalg.tridiagonalMatmul(inputs[0], inputs[1], inputs[2], load(g.x)), g.b, 1e-12);
      const { pullback } = vjp(
        (...xs: T[]) => weighted(linalg.tridiagonalSolve(xs[0] as T, xs[1] as T, xs[2] as T, xs[3] as T) as T),
        ...inputs,
      );
      (pullback(tensor(1) as never) as unknown as T[]).forEach((got, i) => close(`gradient ${i}`, got, g.gradients[i] as Stored, 1e-9));
    }
  });
  it("need exchanges of rows where the diagonal is zero, and solve with the adjoint", () => {
    const [one, zero, b] = [tensor([9, 1, 1, 1]), tensor([0, 0, 0, 0]), tensor([1, 2, 3, 4])];
    close("x", matmul(dense(one, zero, one), linalg.tridiagonalSolve(one, zero, one, b)), b, 1e-15);
    const z = complex(weights([4]), weights([8]).index("4:8") as T);
    const [dl, d, du] = [z, add(z, 2), mul(z, z)] as unknown as [T, T, T];
    const x = linalg.tridiagonalSolve(dl, d, du, eye(4), { adjoint: true });
    close("adjoint", x, adjoint(linalg.tridiagonalSolve(dl, d, du, eye(4))), 1e-13);
  });
  it("are as accurate as LAPACK's, whatever stands in the places that are not read", () => {
    for (const seed of [1, 2, 3]) {
      const [dl, d, du] = [1, 2, 3].map((i) => random.normal(10 * seed + i, [200]) as T) as [T, T, T];
      const b = random.normal(seed, [200, 3]) as T;
      const marked = (t: T, i: number): T => {
        const data = t.data.slice() as Float64Array;
        data[i] = Number.NaN;
        return tensor(data);
      };
      const x = linalg.tridiagonalSolve(marked(dl, 0), d, marked(du, 199), b) as T;
      expect(residual(dense(dl, d, du), x, b)).to.be.below(1);
      const gradient = grad((t: T) => sum(linalg.tridiagonalSolve(t, d, du, b)))(marked(dl, 0));
      expect(gradient.data[0]).to.equal(0);
    }
  });
  it("say what is wrong, and which one", async () => {
    const [z, d] = [tensor([0, 0, 0]), tensor([[1, 1, 1], [1, 0, 1]])]; // biome-ignore format: two rows
    const error = caught(() => linalg.tridiagonalSolve(z, d, z, eye(3)));
    expect(error.message).to.match(/^tridiagonalSolve: matrix 1 of the batch .* is singular: the pivot in column 2 is exactly zero/);
    const { value, failures } = linalg.tridiagonalSolve.checked(z, d, z, eye(3));
    expect([failures.map((f) => f.item), value.data.slice(0, 9).every(Number.isFinite)]).to.deep.equal([[1], true]);
    expect(caught(() => linalg.tridiagonalSolve(z, tensor([1, 1, Number.NaN]), z, z)).code).to.equal("ERR_NOT_FINITE");
    expect(caught(() => linalg.tridiagonalSolve(z, z, z, tensor([1, 2]))).message).to.match(
      /b has shape \[2\], expected \[3\]: one for each element of dl/,
    );
    expect(caught(() => linalg.tridiagonalSolve(tensor([1, 2]), z, z, z)).code).to.equal("ERR_SHAPE");
    close("async", await linalg.tridiagonalSolve.async(z, add(z, 2), z, tensor([2, 4, 6])), [1, 2, 3]);
  });
});

describe("banded equations", () => {
  it("have SciPy's solutions and JAX's gradients", () => {
    for (const g of cases<"lower" | "upper" | "ab" | "b" | "x" | "gradients">("banded")) {
      const options = { lower: g.lower as number, upper: g.upper as number };
      const [ab, b] = [load(g.ab), load(g.b)];
      close("x", linalg.solveBanded(ab, b, options), g.x, 1e-11);
      const { pullback } = vjp((p: T, q: T) => weighted(linalg.solveBanded(p, q, options) as T), ab, b);
      (pullback(tensor(1) as never) as unknown as T[]).forEach((got, i) => close(`gradient ${i}`, got, g.gradients[i] as Stored, 1e-9));
      const n = b.shape[0] as number;
      const inverse = linalg.solveBanded(ab, eye(n), options);
      close("adjoint", linalg.solveBanded(ab, eye(n), { ...options, adjoint: true }), adjoint(inverse), 1e-10);
      close("one vector", linalg.solveBanded(ab, reshape(b, [n, -1]).index(":", 0) as T, options), (load(g.x) as T).index(":", 0), 1e-11);
    }
  });
  it("with wide bands, which LAPACK solves, are as accurate", () => {
    for (const isComplex of [false, true]) {
      const [n, lower, upper] = [70, 20, 3];
      const part = (seed: number, shape: number[]): T => random.normal(seed, shape) as T;
      const make = (seed: number, shape: number[]): T =>
        (isComplex ? complex(part(seed, shape), part(seed + 1, shape)) : part(seed, shape)) as T;
      const [ab, b] = [make(1, [lower + upper + 1, n]), make(3, [n, 2])];
      let a = mul(0, matmul(make(5, [n, 1]), make(7, [1, n]))) as T;
      for (let k = -lower; k <= upper; k++)
        a = add(a, linalg.diag(ab.index(upper - k, k < 0 ? `0:${n + k}` : `${k}:${n}`) as T, { k })) as T;
      const solved = (adj: boolean): T => linalg.solveBanded(ab, b, { lower, upper, adjoint: adj }) as T;
      expect(residual(a, solved(false), b)).to.be.below(1);
      expect(residual(adjoint(a) as T, solved(true), b)).to.be.below(1);
      const c = ab
        .index(`0:${lower + 1}`)
        .mul(0.1)
        .add(reshape(mul(6, eye(lower + 1).index(0)), [lower + 1, 1])) as T;
      const l = matrixOf(linalg.choleskyBanded(c, { lower: true }) as T, true);
      const whole = add(matrixOf(c, true), adjoint(matrixOf(c, true))) as T;
      const own = sub(whole, linalg.diag(mul(0.5, diagonal(whole)) as T)); // its diagonal once, and real
      expect(relativeError(matmul(l, l, { adjointB: true }), own) / (n * 2 ** -52)).to.be.below(1);
      expect(caught(() => linalg.choleskyBanded(c.mul(-1) as T, { lower: true })).message).to.match(/leading minor of order 1 /);
      const zero = mul(ab, reshape(sub(1, eye(n).index(5)), [1, n])) as T;
      expect(caught(() => linalg.solveBanded(zero, b, { lower, upper })).message).to.match(/pivot in column 6 is exactly zero/);
    }
  });
  it("say what is wrong", () => {
    const ab = weights([3, 4]);
    expect(caught(() => linalg.solveBanded(ab, weights([4]), { lower: 2 })).code).to.equal("ERR_SHAPE");
    expect(caught(() => linalg.solveBanded(ab, weights([4]), { lower: -1 })).message).to.match(
      /option lower must be an integer, 0 or more, got -1/,
    );
    const singular = mul(ab, tensor([1, 0, 1, 1])).mul(tensor([[1], [1], [0]])) as T;
    expect(caught(() => linalg.solveBanded(singular, weights([4]))).message).to.match(/is singular: the pivot in column 2 is exactly zero/);
  });
});

describe("banded triangles and Cholesky factors", () => {
  it("are those of SciPy, in both forms", () => {
    for (const g of cases<"lowerForm" | "upperForm" | "lower" | "upper" | "b" | "solved">("definite")) {
      const b = load(g.b);
      for (const lower of [true, false]) {
        const c = linalg.choleskyBanded(load(lower ? g.lowerForm : g.upperForm), { lower }) as T;
        close(`lower ${lower}`, c, lower ? g.lower : g.upper, 1e-14);
        // L X = B, and Lᴴ X = B: of the upper form, which is Lᴴ, the other way about
        close("solved", linalg.bandedSolveTriangular(c, b, { lower, adjoint: !lower }), g.solved[0], 1e-13);
        close("solved back", linalg.bandedSolveTriangular(c, b, { lower, adjoint: lower }), g.solved[1], 1e-13);
      }
    }
  });
  it("have the gradients of the dense factor, of what is stored", () => {
    for (const g of cases<"lowerForm" | "upperForm">("definite")) {
      for (const lower of [true, false]) {
        const ab = load(lower ? g.lowerForm : g.upperForm);
        const [r, n] = ab.shape as [number, number];
        // the dense matrix of ab, by differences of which the gradient is that of ab
        const matrix = (x: T): T => {
          let whole: T | undefined;
          for (let o = 0; o < r && o < n; o++) {
            const stored = x.index(lower ? o : r - 1 - o, lower ? `0:${n - o}` : `${o}:${n}`) as T;
            const own = o === 0 ? mul(0.5, add(stored, conj(stored))) : lower ? stored : conj(stored); // below the diagonal
            const part = ((k: number) => linalg.diag(own as T, { k }) as T)(-o);
            const both = o === 0 ? part : (add(part, adjoint(part)) as T);
            whole = whole ? (add(whole, both) as T) : both;
          }
          return whole as T;
        };
        const byDense = (x: T): T => weighted(linalg.cholesky(matrix(x)) as T);
        const byBand = (x: T): T => weighted(matrixOf(linalg.choleskyBanded(x, { lower }) as T, lower));
        close(`lower ${lower}`, grad(byBand)(ab), grad(byDense)(ab), 1e-12);
      }
    }
  });
  it("a matrix that is not positive definite is named, as is a zero on a diagonal", () => {
    const ab = tensor([
      [4, 4, 4],
      [1, 1, 9],
    ]);
    expect(linalg.choleskyBanded(ab, { lower: true }).shape).to.deep.equal([2, 3]); // what is not part of the matrix is not read
    const error = caught(() => linalg.choleskyBanded(tensor([[1, 1, 1], [1, 2, 9]]), { lower: true })); // biome-ignore format: two rows
    expect(error.message).to.match(/^choleskyBanded: .* not positive definite: its leading minor of order 2/);
    expect(caught(() => linalg.bandedSolveTriangular(tensor([[1, 0, 1]]), eye(3))).message).to.match(/pivot in column 2 is exactly zero/);
    close("unit", linalg.bandedSolveTriangular(tensor([[7, 0, Number.NaN], [1, 1, Number.NaN]]), tensor([1, 1, 1]), { unitDiagonal: true }), [1, 0, 1]); // biome-ignore format: two rows
  });
});
/** The lower triangle of a factor in either form. */
function matrixOf(c: T, lower: boolean): T {
  const [r, n] = c.shape as [number, number];
  let whole = mul(0, matmul(reshape(c.index(0), [n, 1]), reshape(c.index(0), [1, n]))) as T;
  for (let o = 0; o < r && o < n; o++) {
    const stored = c.index(lower ? o : r - 1 - o, lower ? `0:${n - o}` : `${o}:${n}`) as T;
    whole = add(whole, linalg.diag((lower ? stored : conj(stored)) as T, { k: -o })) as T;
  }
  return whole;
}

describe("spectra of tridiagonal matrices", () => {
  it("are those of SciPy", () => {
    const [g] = [cases<"d" | "e" | "w" | "v">("eighTridiagonal")].flat() as never as [{ d: Stored; e: Stored; w: Stored; v: Stored }];
    const { w, v } = linalg.eighTridiagonal(load(g.d), load(g.e));
    close("w", w, g.w, 1e-13);
    close("values", linalg.eigvalshTridiagonal(load(g.d), load(g.e)), g.w, 1e-13);
    close("v", abs(v), g.v, 1e-11);
  });
  it("of complex ones, too, with the gradients of eigh", () => {
    const d = tensor([1, -2, 0.5, 3]);
    const e = complex(tensor([0.3, -1, 0.7]), tensor([0.4, 0, -0.2]));
    const matrix = (p: T, q: T): T => {
      const below = linalg.diag(q, { k: -1 }) as T;
      return add(add(below, adjoint(below)), linalg.diag(p)) as T;
    };
    const { w, v } = linalg.eighTridiagonal(d, e) as { w: T; v: T };
    close("A V = V W", matmul(matrix(d as T, e as never), v), mul(v, w), 1e-14);
    const loss = (s: { w: Tensor; v: Tensor }): T => add(sum(mul(weights([4]), s.w as T)), weighted(s.v as T)) as T;
    for (const through of [linalg.eighTridiagonal as never, ((p: T, q: T) => linalg.eigh(matrix(p, q))) as never] as ((
      p: T,
      q: T,
    ) => never)[]) {
      const { pullback } = vjp((p: T, q: T) => loss(through(p, q)), d as T, e as never as T);
      const [gd, ge] = pullback(tensor(1) as never) as unknown as [T, T];
      const want = vjp((p: T, q: T) => loss(linalg.eigh(matrix(p, q))), d as T, e as never as T).pullback(
        tensor(1) as never,
      ) as unknown as [T, T];
      close("d", gd, want[0], 1e-12);
      close("e", ge, want[1], 1e-12);
    }
    const values = (p: T): T => sum(mul(weights([4]), linalg.eigvalshTridiagonal(p, e as never))) as T;
    close("values", grad(values)(d as T), grad((p: T) => sum(mul(weights([4]), linalg.eigvalsh(matrix(p, e as never)))))(d as T), 1e-12);
  });
  it("to LAPACK's residuals, to 300 and with splits", () => {
    for (const n of [1, 2, 30, 300]) {
      const d = random.normal(n, [n]) as T;
      const e = where(greater(random.uniform(3, [n - 1]), 0.2), random.normal(n + 1, [n - 1]), 0) as T;
      const { w, v } = linalg.eighTridiagonal(d, e) as { w: T; v: T };
      const a = dense(tensor([0, ...e.data]) as T, d, tensor([...e.data, 0]) as T);
      expect(relativeError(matmul(mul(v, w), v, { adjointB: true }), a) / (n * 2 ** -52)).to.be.below(4);
      expect(relativeError(matmul(v, v, { adjointA: true }), eye(n)) / (n * 2 ** -52)).to.be.below(4);
      close("values", linalg.eigvalshTridiagonal(d, e), w, 1e-13);
    }
  });
  it("keep eigh's policy where eigenvalues are equal", () => {
    const [d, e] = [tensor([1, 1, 2]), tensor([0, 0])];
    const loss = (x: T, options = {}): T => sum(mul(weights([3, 3]), linalg.eighTridiagonal(x, e, options).v)) as T;
    const error = caught(() => grad((x: T) => loss(add(x, 0) as T))(d));
    expect([error.code, error.message]).to.satisfy(
      ([c, m]: string[]) => c === "ERR_DEGENERATE" && /^eighTridiagonal: .*equal eigenvalues \(1 and 2\)/.test(m as string),
    );
    expect(grad((x: T) => loss(x, { degenerate: "mask" }))(d).data.every(Number.isFinite)).to.equal(true);
    close("Σ w²", grad((x: T) => sum(mul(linalg.eigvalshTridiagonal(x, e), linalg.eigvalshTridiagonal(x, e))))(d), mul(2, d));
    expect(caught(() => linalg.eighTridiagonal(d, d)).message).to.match(
      /^eighTridiagonal: e has shape \[3\], expected 2 elements: one fewer than d/,
    );
    expect(linalg.eighTridiagonal(tensor(new Float64Array(0)), tensor(new Float64Array(0))).v.shape).to.deep.equal([0, 0]);
    expect(caught(() => linalg.eigvalshTridiagonal(tensor([1, Number.NaN]), tensor([1]))).code).to.equal("ERR_NOT_FINITE");
    close("huge", linalg.eigvalshTridiagonal(tensor([1e300, 1e300]), tensor([1e300])), [0, 2e300], 1e-15);
  });
});

describe("Toeplitz equations", () => {
  it("have SciPy's solutions, and gradients by the diagonals", () => {
    for (const g of cases<"c" | "r" | "b" | "x">("toeplitzSystem")) {
      const [c, r, b] = [load(g.c), load(g.r), load(g.b)];
      close("x", linalg.solveToeplitz([c, r], b), g.x, 1e-10);
      const by = (solve: (p: T) => T) => grad((p: T) => weighted(solve(p)))(c);
      const direct = by((p) => linalg.solveToeplitz([p, r], b) as T);
      close(
        "gradient",
        direct,
        by((p) => linalg.solve(linalg.toeplitz(p, r), b) as T),
        1e-12,
      );
    }
  });
  it("of the first column alone are Hermitian; are solved where Levinson's recursion breaks down", async () => {
    const c = complex(tensor([2, 0.5, 0]), tensor([0, 1, -0.3]));
    close(
      "Hermitian",
      matmul(linalg.toeplitz(c), linalg.solveToeplitz(c, eye(3))),
      matmul(linalg.toeplitz(c), linalg.inv(linalg.toeplitz(c))),
      1e-14,
    );
    const zero = tensor([0, 1, 2]); // the first leading minor is zero: SciPy raises
    close("zero minor", matmul(linalg.toeplitz(zero), linalg.solveToeplitz(zero, tensor([1, 2, 3]))), [1, 2, 3], 1e-14);
    close("async", await linalg.solveToeplitz.async(zero, tensor([1, 2, 3])), linalg.solveToeplitz(zero, tensor([1, 2, 3])));
    expect(linalg.solveToeplitz.checked(tensor([0, 0]), tensor([1, 2])).failures.map((f) => [f.op, f.code])).to.deep.equal([
      ["solveToeplitz", "ERR_SINGULAR"],
    ]);
    expect(caught(() => linalg.solveToeplitz(zero, tensor([1]))).code).to.equal("ERR_SHAPE");
    expect(caught(() => linalg.solveToeplitz([zero] as never, tensor([1, 2, 3]))).message).to.match(
      /or an array of two, \[c, r\], got an array of 1/,
    );
    const tangent = jvp((x: T) => linalg.solveToeplitz(x, tensor([1, 2, 3])) as T, [zero], [tensor([1, 0, 0])]).tangent;
    close("forward", tangent, mul(-1, linalg.solveToeplitz(zero, linalg.solveToeplitz(zero, tensor([1, 2, 3])))), 1e-13);
  });
});
