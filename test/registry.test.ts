// The registry: TensorFlow's names, rules replaced and put back, ops and capabilities of users.
import { expect } from "chai";
import { rowOf } from "../lib/core/registry";
import * as backsolve from "../lib/index";
import {
  add,
  defineOp,
  eye,
  grad,
  linalg,
  matmul,
  mul,
  neg,
  random,
  real,
  registerGradient,
  registry,
  sum,
  type Tensor,
} from "../lib/index";
import { checkOp, relativeError } from "../lib/testing/index";
import { packageOps } from "./support";

type F64 = Tensor<"float64">;

describe("registry", () => {
  const text = {
    MatrixInverse: "inv",
    MatrixDeterminant: "det",
    Cholesky: "cholesky",
    MatrixSolve: "solve",
    MatrixSolveLs: "lstsq",
    MatrixTriangularSolve: "solveTriangular",
    SelfAdjointEigV2: "eigh",
    LogMatrixDeterminant: "slogdet",
    Qr: "qr",
    Svd: "svd",
    MatrixExponential: "expm",
    CholeskyInverse: "choleskyInverse",
    TridiagonalSolve: "tridiagonalSolve",
    TridiagonalMatMul: "tridiagonalMatmul",
    BandedTriangularSolve: "bandedSolveTriangular",
  };
  it("finds every op of TensorFlow's linalg_grad.py by its name there", () => {
    for (const [tf, name] of Object.entries(text)) expect(registry.get(tf)?.name, tf).to.equal(name);
    expect(registry.get("MatrixLogarithmOfNobody")).to.equal(undefined);
  });

  it("takes rules by TensorFlow's name, in the form of its text, and gives the former ones back", () => {
    const warnings: string[] = [];
    const emit = process.emitWarning;
    process.emitWarning = ((message: string) => warnings.push(message)) as typeof process.emitWarning;
    try {
      const a = add(random.normal(1, [4, 4]), mul(4, eye(4)));
      const weight = random.normal(3, [4, 4]);
      const loss = (x: F64) => sum(mul(weight, linalg.inv(x)));
      const second = (x: F64) => sum(mul(weight, grad(loss)(x)));
      const [own, ownSecond] = [grad(loss)(a), grad(second)(a)];
      // def _MatrixInverseGrad(op, grad): ainv = op.outputs[0]; -matmul(ainv, matmul(grad, ainv, adjoint_b=True), adjoint_a=True)
      let calls = 0;
      const restore = registerGradient("MatrixInverse", ({ outputs, attrs }, [g]) => {
        calls++;
        expect(attrs).to.deep.equal({ adjoint: false });
        const y = outputs[0] as F64;
        return [neg(matmul(y, matmul(g as F64, y, { adjointB: true }), { adjointA: true }))];
      });
      expect(relativeError(grad(loss)(a), own)).to.be.below(1e-14);
      expect(relativeError(grad(second)(a), ownSecond)).to.be.below(1e-14);
      expect(calls).to.be.greaterThan(1);
      restore();
      const before = calls;
      expect(relativeError(grad(loss)(a), own)).to.equal(0);
      expect(calls).to.equal(before);
      expect(warnings).to.deep.equal(["the gradient of inv is replaced."]);
    } finally {
      process.emitWarning = emit;
    }
    expect(() => registerGradient("Nothing", () => [])).to.throw(/registerGradient: there is no op named "Nothing"/);
    expect(() => registerGradient("inv", 3 as never)).to.throw(/the rule must be a function, got 3/);
  });

  it("lists what users call; the rows that serve these are hidden, and there by name", async () => {
    const exported = new Set([...Object.keys(backsolve), ...Object.keys(linalg)]);
    const [listed, own] = [new Set(registry.list()), packageOps.filter((name) => rowOf(name).hidden)];
    expect(packageOps.filter((name) => listed.has(name) !== exported.has(name))).to.deep.equal([]);
    expect(own).to.include.members(["gapQuotient", "normalSolve", "scale"]);
    for (const name of own) {
      expect(registry.get(name)?.name).to.equal(name);
      expect(registry.op(name)).to.be.a("function");
      expect(registry.capabilities().some((c) => c.op === name)).to.equal(false);
    }
    const helper = defineOp({ name: "userHelper", hidden: true, inputs: ["x"], outputs: ["y"], kernel: ({ x }) => mul(2, x) });
    await checkOp(helper, { dtypes: ["float64"], sizes: [2] });
    expect([registry.list().includes("userHelper"), registry.capabilities().some((c) => c.op === "userHelper")]).to.deep.equal([
      false,
      false,
    ]);
  });

  it("says what an op can do once checkOp has seen it", async () => {
    const of = (op: string) => registry.capabilities().filter((c) => c.op === op);
    expect(of("lstsq").map((c) => c.dtype)).to.deep.equal(["float32", "float64", "complex64", "complex128"]);
    for (const c of of("lstsq")) expect(c).to.deep.include({ tf: "MatrixSolveLs", modes: ["value", "reverse", "forward", "second", "batch", "compiled", "async"] }); // biome-ignore format: one line
    // A user's op of matrices: the Gram matrix' trace, tr(AᴴA)
    const gram = defineOp({
      name: "userGram",
      inputs: ["a"],
      outputs: ["y"],
      signature: "(m,n)->()",
      dtypes: { y: "real" },
      kernel: ({ a }) => real(sum(mul(a.conj(), a), { axis: [-2, -1] })),
      law: ({ a }, { y }) => [[real(linalg.trace(matmul(a, a, { adjointA: true }))), y]],
    });
    expect(of("userGram")).to.deep.equal([]);
    await checkOp(gram, { dtypes: ["complex128"], sizes: [0, 3] });
    expect(of("userGram")).to.deep.equal([{ op: "userGram", tf: undefined, dtype: "complex128", modes: ["value", "reverse", "forward", "second", "batch", "compiled", "async"] }]); // biome-ignore format: one line
  });

  it("a wrong rule of a user is found, and by which checks", async () => {
    const wrong = defineOp({
      name: "userWrong",
      inputs: ["x"],
      outputs: ["y"],
      kernel: ({ x }) => mul(x, x),
      vjp: ({ x }, { y: g }) => ({ x: () => mul(3, mul(g, x)) }),
      saves: ["x"],
    });
    let message = "";
    await checkOp(wrong, { dtypes: ["float64"], sizes: [3] }).catch((error: Error) => (message = error.message));
    expect(message).to.match(/userWrong: \d+ checks failed/);
    expect(message).to.match(/reverse \(float64, n=3 batch=\[\]/);
    expect(message).to.match(/forward \(float64/);
    expect(registry.capabilities().some((c) => c.op === "userWrong")).to.equal(false);
  });
});
