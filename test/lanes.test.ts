// Lane kernels where checkOp's well-behaved samples do not lead: lanes that decline, pivots that differ from lane to lane, every instruction set.
import { spawnSync } from "node:child_process";
import { expect } from "chai";
import { add, compile, float64, grad, info, linalg, mul, random, slice, sum, type Tensor, tensor, vjp } from "../lib/index";
import { relativeError } from "../lib/testing/index";

type F64 = Tensor<"float64">;
const EPS = 2 ** -52;

describe("lanes", () => {
  it("a lane whose matrix is singular is computed by the single kernel, the others stay", () => {
    const n = 5;
    const data = random.normal(1, [19, n, n]).data.slice();
    for (let item = 0; item < 19; item += 3) {
      const at = item * n * n;
      for (let j = 0; j < n; j++) data[at + (n - 1) * n + j] = (data[at + j] as number) + (data[at + n + j] as number); // last row: sum of the first two
    }
    const a = tensor(data, { shape: [19, n, n] });
    const program = compile(
      grad((x: F64) => linalg.det(x)),
      float64(n, n),
    );
    const lanes = program.runSync([a], { layout: "lanes" });
    const single = program.runSync([a], { layout: "single" });
    expect(relativeError(lanes, single)).to.be.below(64 * EPS);
    const eager = grad((x: F64) => sum(linalg.det(x)))(a);
    expect(relativeError(eager, single)).to.be.below(64 * EPS);
    // d det = tr(adj(A) dA), and adj(A) of a matrix of corank 1 is not zero
    expect(relativeError(linalg.adjugate(a).adjoint(), lanes)).to.be.below(64 * n * EPS);
  });

  it("determinants of 2 x 2 and 3 x 3: to the last digits where products cancel, exact of whole numbers, bits whatever the neighbours are", () => {
    const e = 2 ** -30;
    const near = [
      [1 + e, 1, 1, 1 - e],
      [3, 1 + e, 9 * (1 - e), 3],
    ];
    const exact = [-(e ** 2), 9 * e ** 2];
    const two = tensor(Array.from({ length: 17 }, (_, i) => near[i % 2] as number[]).flat(), { shape: [17, 2, 2] });
    const fused = info().isa !== "baseline";
    for (let i = 0; i < 17; i++) if (fused) expect(linalg.det(two).at(i)).to.equal(exact[i % 2]);
    const whole = Array.from({ length: 17 * 9 }, (_, i) => ((i * 7919) % 41) - 20);
    const three = tensor(whole, { shape: [17, 3, 3] });
    const of = (m: number[]): number => {
      const [p, q, r, s, t, u, v, w, x] = m as [number, number, number, number, number, number, number, number, number];
      return p * (t * x - u * w) - q * (s * x - u * v) + r * (s * w - t * v);
    };
    const bad = whole.slice();
    for (const [item, value] of [
      [3, 1e200],
      [5, 1e-250],
      [9, 0],
    ] as const)
      for (let k = 0; k < 9; k++) bad[item * 9 + k] = value * (whole[k] as number);
    const all = linalg.det(tensor(bad, { shape: [17, 3, 3] }));
    for (let i = 0; i < 17; i++) {
      expect(linalg.det(three).at(i)).to.equal(of(whole.slice(9 * i, 9 * i + 9)));
      if (![3, 5, 9].includes(i)) expect(all.at(i)).to.equal(linalg.det(three).at(i));
    }
    expect([all.at(3), all.at(5), all.at(9)].map((x) => Math.abs(x))).to.deep.equal([Number.POSITIVE_INFINITY, 0, 0]);
  });

  it("determinants of 2 x 2 and 3 x 3 have the same bits whether a gradient is wanted or not, in lanes and alone", () => {
    const e = 2 ** -30;
    const nearly = [1 + e, 1, 1, 1 - e];
    for (const [n, near] of [
      [2, nearly],
      [3, [3, 0, 0, 0, ...nearly.slice(0, 2), 0, ...nearly.slice(2)]],
    ] as const) {
      for (const batch of [1, 17]) {
        const a = tensor(Array.from({ length: batch }, (_, i) => near.map((x) => x * (i === 2 ? 1e200 : 1 + i))).flat(), {
          shape: [batch, n, n],
        });
        const { value } = vjp((x: typeof a) => linalg.det(x), a);
        expect(Array.from(value.data)).to.deep.equal(Array.from(linalg.det(a).data));
        expect(Math.abs(value.at(batch - 1))).to.be.above(info().isa === "baseline" && batch > 1 ? -1 : 0);
      }
    }
  });

  it("det of items with NaN or infinity under onFailure: their gradients are NaN, the others' stay, in lanes and alone", () => {
    for (const batch of [1, 19]) {
      for (const poison of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        for (let at = 0; at < 9; at++) {
          const data = random.normal(6, [batch, 3, 3]).data.slice();
          const clean = tensor(data.slice(), { shape: [batch, 3, 3] });
          data[at] = poison;
          const f = (x: F64) => sum(linalg.det(x, { onFailure: "nan" }));
          const got = grad(f)(tensor(data, { shape: [batch, 3, 3] }));
          const want = grad(f)(clean);
          for (let i = 0; i < 9 * batch; i++) {
            if (i < 9) expect(got.data[i]).to.be.NaN;
            else expect(got.data[i]).to.be.closeTo(want.data[i] as number, 1e-13);
          }
        }
      }
    }
  });

  it("pivots of every lane are its own: permuted rows, zero rows, ties", () => {
    const n = 6;
    const rows = random.normal(2, [n, n]).toArray() as number[][];
    const items = Array.from({ length: 17 }, (_, k) => rows.map((_r, i) => rows[(i * 5 + k) % n] as number[])); // 5 and 6 have no common divisor
    items[3] = rows.map((r, i) => (i === 2 ? r.map(() => 0) : r));
    items[9] = rows.map((r) => r.map(Math.sign));
    const a = tensor(items as never) as unknown as F64;
    const [x, lu] = [linalg.solve.checked(a, a), linalg.luFactor(a)];
    expect(x.failures.map((f) => [f.item, f.code]).filter(([i]) => i !== 9)).to.deep.equal([[3, "ERR_SINGULAR"]]);
    for (let k = 0; k < 17; k++) {
      if (k === 3 || k === 9) continue;
      for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) expect(x.value.at(k, i, j)).to.be.closeTo(i === j ? 1 : 0, 1e-12);
    }
    const { sign, logabsdet } = linalg.slogdet(a);
    for (let k = 0; k < 17; k++) {
      const one = linalg.slogdet(tensor(items[k] as number[][]));
      expect(sign.at(k)).to.equal(one.sign.item());
      if (one.sign.item() === 0) expect(logabsdet.at(k)).to.equal(Number.NEGATIVE_INFINITY);
      else expect(logabsdet.at(k)).to.be.closeTo(one.logabsdet.item(), 1e-12);
    }
    expect(lu.pivots.shape).to.deep.equal([17, n]);
  });

  it("least squares: lanes of doubtful rank, of extreme size, and with a λ of their own", () => {
    for (const [m, n] of [
      [6, 3],
      [3, 6],
      [4, 4],
    ] as const) {
      // biome-ignore format: pairs
      const a = random.normal(4, [17, m, n]).data.slice();
      const scale = (item: number, by: number) => {
        for (let i = 0; i < m * n; i++) a[item * m * n + i] = (a[item * m * n + i] as number) * by;
      };
      scale(1, 1e-200);
      scale(2, 1e200);
      scale(5, 0);
      const [whole, b] = [tensor(a, { shape: [17, m, n] }), random.normal(5, [17, m, 2])];
      const l = tensor(Array.from({ length: 17 }, (_, i) => (i % 4 === 3 ? i : 0)));
      const { value, failures } = linalg.lstsq.checked(whole, b, { l2Regularizer: l });
      expect(failures.map((f) => [f.item, f.code])).to.deep.equal([[5, "ERR_RANK_DEFICIENT"]]);
      const item = (t: F64, k: number) => slice(t, [k, 0, 0], [1, ...t.shape.slice(1)]).reshape(t.shape.slice(1));
      for (let k = 0; k < 17; k++) {
        if (k === 5) continue;
        const one = linalg.lstsq(item(whole, k), item(b, k), { l2Regularizer: l.at(k), method: "svd" });
        expect(relativeError(item(value, k), one, 0), `item ${k} of ${m} x ${n}`).to.be.below(1e-12);
      }
    }
  });

  it("a reciprocal of a complex pivot neither overflows nor underflows", () => {
    for (const scale of [1e-300, 1e-160, 1, 1e160, 1e300]) {
      const a = mul(
        scale,
        add(random.normal(3, [9, 4, 4], { dtype: "complex128" }), mul(3, tensor([1, 1, 1, 1]).diag())) as Tensor<"complex128">,
      );
      const x = linalg.solve(a, a);
      for (let k = 0; k < 9; k++) {
        for (let i = 0; i < 4; i++) {
          expect(x.at(k, i, i).re).to.be.closeTo(1, 1e-13);
          expect(x.at(k, i, i).im).to.be.closeTo(0, 1e-13);
        }
      }
    }
  });

  for (const isa of info().isas) {
    if (isa === info().isa) continue;
    it(`passes checkOp on ${isa}, for every kernel with lanes`, function () {
      this.timeout(180_000);
      const done = spawnSync(process.execPath, ["--import", "tsx", "test/isa-child.ts"], {
        encoding: "utf8",
        env: { ...process.env, BACKSOLVE_ISA: isa },
      });
      expect(done.stderr).to.equal("");
      expect(done.stdout.split("\n")).to.include.members([
        "cholesky",
        "solveTriangular",
        "matmul",
        "solve",
        "inv",
        "det",
        "slogdet",
        "lstsq",
        "eigh",
        "eigvalsh",
        "gapQuotient",
        "logmHermitian",
        "spectralDerivative",
        "spectra",
        "schur",
        "hessenberg",
        "eig",
        "eigvals",
        "general matrices",
        "exp",
      ]);
    });
  }
});
