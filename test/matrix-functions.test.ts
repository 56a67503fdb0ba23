// Square roots, logarithms, powers and signs of general matrices against SciPy and mpmath, their gradients against differences, and where there are none.
import { expect } from "chai";
import {
  arange,
  cast,
  complex,
  cos,
  diagEmbed,
  eye,
  grad,
  jvp,
  linalg,
  matmul,
  mul,
  real,
  sub,
  sum,
  type Tensor,
  tensor,
  trace,
} from "../lib/index";
import { relativeError } from "../lib/testing/index";
import { cases, close, draw, empty, jordan, load, plus, seeds, type T, times, turned } from "./general";
import { caught } from "./support";

type Of = (a: T) => T;
const power =
  (p: number): Of =>
  (a) =>
    linalg.fractionalMatrixPower(a, { p }) as T;
const functions: { readonly [name: string]: Of } = {
  sqrtm: (a) => linalg.sqrtm(a) as T,
  logm: (a) => linalg.logm(a) as T,
  "power 0.3": power(0.3),
  "power -1.7": power(-1.7),
  signm: (a) => linalg.signm(a) as T,
};
const entries = Object.entries(functions);
const [sqrtm, logm, signm] = ["sqrtm", "logm", "signm"].map((name) => functions[name] as Of) as [Of, Of, Of];
/** With eigenvalues in the right half-plane, but of signm in both. */
const inDomain = (name: string, seed: number, n: number, dtype: "float64" | "complex128"): T => {
  const noise = times(0.5 / Math.sqrt(n), draw(seed, [n, n], dtype));
  const middle = name === "signm" ? diagEmbed(mul(1.5, cos(mul(Math.PI, arange(n)))) as T) : times(1.5, eye(n));
  return plus(noise, cast(middle, dtype) as Tensor as T);
};
/** (f(A + h E) - f(A - h E)) / 2h. */
const difference = (f: Of, a: T, e: T, h: number): T => mul(1 / (2 * h), sub(f(plus(a, times(h, e))), f(plus(a, times(-h, e))))) as T;

describe("functions of general matrices", () => {
  for (const [i, c] of cases<"a" | "sqrtm" | "logm" | "powers" | "s" | "signm">("functions").entries())
    it(`case ${i}: the values are SciPy's`, () => {
      const a = load(c.a);
      close("sqrtm", sqrtm(a), c.sqrtm);
      close("logm", logm(a), c.logm);
      [0.3, -1.7].forEach((p, k) => close(`power ${p}`, power(p)(a), (c.powers as never[])[k] as never));
      close("signm", signm(load(c.s)), c.signm);
    });
  for (const [i, c] of cases<"a" | "sqrtm" | "logm" | "power">("hard").entries())
    it(`hard case ${i}: the values are mpmath's`, () => {
      const a = load(c.a);
      close("sqrtm", sqrtm(a), c.sqrtm);
      close("logm", logm(a), c.logm);
      close("power", power(0.3)(a), c.power);
    });
  it("have the gradients of differences: 100 random cases of each", () => {
    for (const seed of seeds())
      for (const [name, f] of entries) {
        const [n, dtype] = [1 + (seed % 6), seed % 2 ? "complex128" : "float64"] as const;
        const [a, e, w] = [inDomain(name, seed, n, dtype), draw(seed + 1000, [n, n], dtype), draw(seed + 2000, [n, n], dtype)];
        const want = difference(f, a, e, 1e-5);
        const tangent = jvp(f, [a], [e]).tangent as T;
        expect(linalg.norm(sub(tangent, want)).item(), `${name} ${seed} forward`).to.be.below(1e-6 * linalg.norm(want).item() + 1e-9);
        const loss = (x: T): T => real(sum(mul(w, f(x)))) as T;
        // ⟨Ā, E⟩ is what the loss changes by along E
        const inner = real(trace(matmul(grad(loss)(a), e, { adjointA: true }))) as T;
        const size = linalg.norm(w).item() * linalg.norm(want).item();
        const off = Math.abs(inner.item() - real(sum(mul(w, want))).item());
        expect(off, `${name} ${seed} reverse`).to.be.below(1e-6 * size + 1e-9);
      }
  });
  it("are exact, with their derivatives, at equal eigenvalues and of defective matrices", () => {
    const e = draw(3, [4, 4]);
    for (const base of [eye(4), times(2, eye(4)), jordan(4, 2), turned(jordan(4, 2)), turned(diagEmbed(tensor([1, 1, 3, 3])))] as T[])
      for (const [name, f] of [...entries.slice(0, 4), ["signm", (a: T) => signm(sub(a, mul(2.1, eye(4))) as T)] as const]) {
        const second = (x: T): T => jvp(f, [x], [e]).tangent as T;
        for (const [order, of] of [f, second].entries()) {
          const [got, want] = [jvp(of, [base], [e]).tangent as T, difference(of, base, e, 1e-4)];
          expect(linalg.norm(sub(got, want)).item(), `${name} ${order}`).to.be.below(1e-6 * (1 + linalg.norm(want).item()));
        }
      }
    // of a Jordan block the derivatives of the scalar function stand beside the diagonal
    close("jordan", sqrtm(jordan(3, 4)), [
      [2, 1 / 4, -1 / 64],
      [0, 2, 1 / 4],
      [0, 0, 2],
    ]);
  });
  it("leave residuals of rounding, of matrices that are cut into blocks, too", () => {
    for (const dtype of ["float64", "complex128", "float32"] as const) {
      const n = 130;
      const a = cast(inDomain("sqrtm", 4, n, dtype === "float32" ? "float64" : dtype), dtype) as Tensor as T;
      const unit = linalg.norm(a).item() * n * (dtype === "float32" ? 2 ** -23 : 2 ** -52);
      const residual = (x: T): number => linalg.norm(sub(x, a)).item() / unit;
      expect(residual(matmul(sqrtm(a), sqrtm(a)) as T), "sqrtm").to.be.below(1);
      expect(residual(linalg.expm(logm(a)) as T), "logm").to.be.below(1);
      expect(residual(matmul(power(0.3)(a), power(0.7)(a)) as T), "power").to.be.below(1);
      const s = signm(a);
      expect(linalg.norm(sub(s, eye(n, { dtype }))).item() / (n * unit), "signm").to.be.below(1);
    }
  });
  it("of matrices from 1e-300 to 1e300 are those of moderate ones", () => {
    const a = inDomain("sqrtm", 5, 4, "float64");
    const e = draw(6, [4, 4]);
    for (const scale of [2 ** -1040, 2 ** -1000, 2 ** 1000, 2 ** 1020]) {
      const huge = times(scale, a);
      const tolerance = scale < 2 ** -1022 ? 1e-3 : 1e-12; // whose numbers have lost digits themselves
      close(`sqrtm ${scale}`, sqrtm(huge), times(Math.sqrt(scale), sqrtm(a)), tolerance);
      close(`logm ${scale}`, logm(huge), plus(logm(a), times(Math.log(scale), eye(4))), tolerance);
      close(`power ${scale}`, power(0.3)(huge), times(scale ** 0.3, power(0.3)(a)), tolerance);
      close(`signm ${scale}`, signm(huge), eye(4), tolerance);
      const [p, q] = [jvp(sqrtm, [huge], [e]).tangent, jvp(sqrtm, [a], [e]).tangent];
      close(`along ${scale}`, mul(Math.sqrt(scale), p), q, tolerance);
    }
  });
  it("of eigenvalues that are far apart, and of answers beyond the largest number", () => {
    const wide = tensor([
      [1e100, 1],
      [0, 1e-100],
    ]) as T;
    // (log x - log y) / (x - y) beside 1/x and 1/y
    close("log", grad((x: T) => sum(logm(x)) as T)(wide), [
      [1e-100, 4.605170185988092e-98],
      [4.605170185988092e-98, 1e100],
    ]);
    close("sqrtm", matmul(sqrtm(diagEmbed(tensor([1e300, 1e-300])) as T), diagEmbed(tensor([1e-150, 1e150]))), eye(2), 1e-14);
    const far = tensor([
      [1, 1e200, 1],
      [0, 2, 1e200],
      [0, 0, 3],
    ]) as T;
    for (const f of [logm, power(0.3)]) expect(caught(() => f(far)).code).to.equal("ERR_NOT_FINITE");
  });
  it("of singular matrices and of the negative axis say what is wrong, or are what they are", () => {
    const negative = turned(diagEmbed(tensor([2, -1, 3])));
    for (const [name, f] of entries.slice(0, 4)) {
      const error = caught(() => f(negative));
      expect(`${error.code} ${error.message}`, name).to.match(/^ERR_ARGUMENT .*eigenvalue \d negative.*cast the matrix to a complex dtype/);
    }
    const cut = cast(negative, "complex128") as Tensor as T;
    close("root", matmul(sqrtm(cut), sqrtm(cut)), cut, 1e-12);
    // eigenvalues that are negative numbers to the bit, with an imaginary part of either zero
    for (const zero of [0, -0]) {
      const exact = diagEmbed(complex(tensor([-1, 2]), tensor([zero, 0]))) as Tensor as T;
      close("exact log", logm(exact), diagEmbed(complex(tensor([0, Math.LN2]), tensor([Math.PI, 0]))), 1e-15);
      close("exact power", power(0.5)(exact), diagEmbed(complex(tensor([0, Math.SQRT2]), tensor([1, 0]))), 1e-15);
    }
    close("log", linalg.expm(logm(cut)), cut, 1e-12);
    close("sqrtm(-I)", sqrtm(cast(times(-1, eye(2)), "complex128") as Tensor as T), complex(times(0, eye(2)), eye(2)), 1e-15);
    const ones = tensor([
      [1, 1],
      [1, 1],
    ]) as T;
    close("a singular one", sqrtm(ones), times(Math.SQRT1_2, ones), 1e-8);
    const rank1 = matmul(draw(7, [4, 1]), draw(7, [4, 1]), { adjointB: true }) as T;
    close("rank 1", matmul(sqrtm(rank1), sqrtm(rank1)), rank1, 1e-7);
    close("zero", sqrtm(times(0, eye(3))), times(0, eye(3)), 1e-300);
    const none = caught(() => sqrtm(jordan(2, 0)));
    expect(`${none.code} ${none.message}`).to.match(/^ERR_SINGULAR sqrtm: .*eigenvalue 1 where the function is not defined/);
    for (const f of [logm, power(0.5), power(-0.5), signm]) expect(caught(() => f(jordan(2, 0))).code).to.equal("ERR_SINGULAR");
    expect(caught(() => grad((x: T) => sum(sqrtm(x)) as T)(times(0, eye(2)))).code).to.equal("ERR_SINGULAR");
    const turn = tensor([
      [0, 1],
      [-1, 0],
    ]) as T;
    expect(caught(() => signm(turn)).message).to.match(/imaginary axis/);
    expect(caught(() => signm(turned(diagEmbed(tensor([0, 1]))))).code).to.be.oneOf(["ERR_SINGULAR"]);
    close("whole powers", power(-2)(jordan(2, -1)), linalg.matrixPower(jordan(2, -1), { n: -2 }), 1e-15);
  });
  it("of NaN, infinities, nothing and one number", () => {
    for (const [name, f] of entries) {
      for (const bad of [Number.NaN, Number.POSITIVE_INFINITY])
        expect(
          caught(() =>
            f(
              tensor([
                [1, bad],
                [0, 1],
              ]) as T,
            ),
          ).code,
          name,
        ).to.equal("ERR_NOT_FINITE");
      expect(f(empty(0, 0)).shape).to.deep.equal([0, 0]);
      expect(f(empty(0, 3, 3)).shape).to.deep.equal([0, 3, 3]);
    }
    expect([sqrtm, logm, power(0.3), signm].map((f) => f(tensor([[9]]) as T).item())).to.satisfy((x: number[]) =>
      [3, Math.log(9), 9 ** 0.3, 1].every((want, i) => relativeError(tensor(x[i] as number), tensor(want)) < 1e-15),
    );
    const e = caught(() => logm(tensor([[[1]], [[0]]]) as T));
    expect(e.message).to.match(/^logm: matrix 1 of the batch/);
  });
});
