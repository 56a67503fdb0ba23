// Two copies of the package in one process, as npm nests them or jest.resetModules makes them: what the other copy records is no constant.
import { createRequire } from "node:module";
import { expect } from "chai";
import * as here from "../lib/index";

const { BacksolveError, compile, float64, grad, hvp, jacobian, jvp, linalg, mul, Spec, sum, tensor, valueAndGrad, vjp } = here;
type F64 = here.Tensor<"float64">;
type Copy = typeof here;

/** Loads the library once more. */
function another(): Copy {
  const require = createRequire(__filename);
  const own = Object.keys(require.cache).filter((k) => /[\\/]lib[\\/].*\.(ts|json)$/.test(k));
  const kept = own.map((k) => [k, require.cache[k]] as const);
  for (const k of own) delete require.cache[k];
  const copy = require("../lib/index") as Copy;
  for (const [k, module] of kept) require.cache[k] = module;
  return copy;
}
const there = another();
const x = tensor([3, 4]);

const refused = (f: () => unknown): void => {
  expect(f)
    .to.throw(Error, /^\w+: two copies of backsolve are loaded, .*npm ls backsolve/)
    .with.property("code", "ERR_TRACED");
};

describe("two copies of the package", () => {
  it("are two", () => {
    expect(there.Tensor).not.to.equal(here.Tensor);
    expect(here.isTensor(there.tensor(1))).to.equal(false);
  });

  for (const [name, a, b] of [
    ["ours in theirs", here, there],
    ["theirs in ours", there, here],
  ] as const) {
    const f = (t: F64): F64 => a.sum(b.mul(t, t)) as F64;
    const t = a.tensor([3, 4]) as F64;
    it(`${name}: every transform refuses`, () => {
      const ways: (() => unknown)[] = [
        () => a.grad(f)(t),
        () => a.valueAndGrad(f)(t),
        () => a.vjp(f, t),
        () => a.jvp(f, [t], [t]),
        () => a.hvp(f, t, t),
        () => a.jacobian((u: F64) => b.mul(u, u) as F64)(t),
        () => a.hessian(f)(t),
        () => a.grad((u: F64) => a.sum(a.mul(u, b.mul(u, 1) as F64)) as F64)(t), // a part of it
        () => a.grad((u: F64) => b.sum(u) as F64)(t), // whose result would be a constant
        () => a.compile(f, a.float64(2)),
        () => a.compile(a.grad(f), a.float64(2)),
      ];
      for (const way of ways) refused(way);
    });
    it(`${name}: every entry of the other copy refuses`, async () => {
      const program = b.compile((u: F64) => b.mul(u, 2), b.float64(2));
      const entries: ((u: F64) => unknown)[] = [
        (u) => b.mul(u, 1),
        (u) => b.mul(1, u),
        (u) => b.tensor([1, 2]).add(u),
        (u) => b.tensor([1, 2]).matmul(u),
        (u) => b.linalg.solve(b.eye(2), u),
        (u) => b.linalg.lstsq(b.eye(2), u),
        (u) => b.linalg.lstsq(b.eye(2), b.ones(2), { l2Regularizer: u }),
        (u) => b.linalg.funmHermitian(u, (w) => w),
        (u) => b.stopGradient(u),
        (u) => b.conj(u),
        (u) => b.reshape(u, [2]),
        (u) => b.tensor(u as never),
        (u) => b.linalg.inv(b.eye(2), { out: u }),
        (u) => b.grad((v: F64) => b.sum(v) as F64)(u),
        (u) => b.grad((v: { a: F64 }) => b.sum(v.a) as F64)({ a: u }),
        (u) => b.grad((v: F64) => b.sum(b.mul(v, u)) as F64)(b.tensor([1, 2]) as F64),
        (u) => b.vjp((v: F64) => v, u),
        (u) => b.vjp((v: F64) => v, b.tensor([1, 2]) as F64).pullback(u),
        (u) => b.jvp((v: F64) => v, [u], [u]),
        (u) => b.jacobian((v: F64) => v)(u),
        (u) => b.compile((v: F64) => b.mul(v, u), b.float64(2)),
        (u) => program.runSync([u]),
        (u) => program.explain([u]),
        (u) =>
          b.customGrad(
            (v: F64) => v,
            () => [],
          )(u),
      ];
      for (const entry of entries) {
        const looked = (u: F64): F64 => {
          refused(() => entry(u));
          return a.sum(u) as F64;
        };
        a.grad(looked)(t);
        a.jvp(looked, [t], [t]);
        a.compile(looked, a.float64(2));
      }
      const later: Promise<unknown>[] = [];
      a.grad((u: F64) => {
        later.push(b.neg.async(u), program.run([u]));
        return a.sum(u) as F64;
      })(t);
      for (const p of later) {
        const error = (await p.catch((e: unknown) => e)) as Error;
        refused(() => {
          throw error;
        });
      }
    });
  }

  it("tensors with data are adopted, also those that a transform has finished with", () => {
    const y = there.tensor([3, 4]);
    expect((grad((t: F64) => sum(mul(t, y as F64)) as F64)(x) as F64).toArray()).to.deep.equal([3, 4]);
    expect(valueAndGrad((t: F64) => sum(mul(t, t)))(y as F64).grad.toArray()).to.deep.equal([6, 8]);
    expect(jvp((t: F64) => mul(t, t), [y as F64], [x]).tangent.toArray()).to.deep.equal([18, 32]);
    expect(hvp((t: F64) => sum(mul(t, t)), x, y as F64).toArray()).to.deep.equal([6, 8]);
    expect(jacobian((t: F64) => mul(t, 2))(y as F64).toArray()).to.deep.equal([
      [2, 0],
      [0, 2],
    ]);
    expect(
      vjp((t: F64) => mul(t, 2), x)
        .pullback(y as F64)[0]
        .toArray(),
    ).to.deep.equal([6, 8]);
    expect(
      compile((t: F64) => mul(t, 2), float64(2))
        .runSync([y as F64])
        .toArray(),
    ).to.deep.equal([6, 8]);
    let leaked: unknown;
    there.grad((t: F64) => there.sum((leaked = there.mul(t, 2)) as F64) as F64)(y as F64);
    expect(mul(leaked as F64, 1).toArray()).to.deep.equal([6, 8]);
    // one vector, and a result's memory
    expect(linalg.solve(here.eye(2), y as F64).toArray()).to.deep.equal([3, 4]);
    const out = there.zeros(2);
    linalg.solve(here.eye(2), x, { out: out as F64 });
    expect(out.toArray()).to.deep.equal([3, 4]);
    const doubled = here.customGrad(
      (t: F64) => there.mul(t, 2) as F64,
      (_, [g]) => [mul(g as F64, 7)],
    );
    expect(grad((t: F64) => sum(doubled(t)))(x).toArray()).to.deep.equal([7, 7]);
    expect(() => tensor(y as never)).to.throw(/^tensor: data is a tensor already/);
  });

  it("specs are adopted", () => {
    expect(compile((t: F64) => mul(t, 2), there.float64(2) as here.Spec<"float64">).inputs[0]).to.deep.equal({
      name: "arg0",
      dtype: "float64",
      shape: [2],
    });
    const program = there.compile((p: { w: F64 }) => there.mul(p.w, 2), { w: new Spec("float32", [3]) } as never);
    expect(program.inputs[0]).to.deep.equal({ name: "w", dtype: "float32", shape: [3] });
    const forged = { [Symbol.for("backsolve.spec")]: true, dtype: "float16", shape: [2] };
    expect(() => compile((t: F64) => t, forged as never)).to.throw(BacksolveError, /expected a dtype/);
  });

  it("other versions tell by a symbol; those before it by their open fields", () => {
    const tensorOf = (more: object) =>
      ({ [Symbol.for("backsolve.tensor")]: true, dtype: "float64", shape: [2], data: Float64Array.of(1, 2), ...more }) as never;
    const RECORDED = Symbol.for("backsolve.tensor.recorded");
    expect((mul(tensorOf({}), 2) as F64).toArray()).to.deep.equal([2, 4]);
    expect((mul(tensorOf({ [RECORDED]: false }), 2) as F64).toArray()).to.deep.equal([2, 4]);
    for (const more of [{ [RECORDED]: true }, { box: {} }, { traced: {} }]) refused(() => mul(tensorOf(more), 2));
    const told = (t: unknown) => (t as { [RECORDED]: boolean })[RECORDED];
    const looked = (t: F64): F64 => {
      expect(told(t)).to.equal(true);
      return sum(t);
    };
    expect(told(x)).to.equal(false);
    grad(looked)(x);
    compile(looked, float64(2));
  });
});
