// A trace is a level: what it captures from outside, and what runs outside. docs/adr/0013-levels.md
import { expect } from "chai";
import type { Code } from "../lib/core/ir";
import type { Shape } from "../lib/core/tensor";
import { Trace } from "../lib/core/trace";
import {
  compile,
  customGrad,
  exp,
  float64,
  grad,
  jvp,
  linalg,
  mul,
  registerGradient,
  sin,
  square,
  sum,
  type Tensor,
  tensor,
  vjp,
} from "../lib/index";
import { replay } from "../lib/program/replay";
import { relativeError } from "../lib/testing/index";

type F64 = Tensor<"float64">;
const spd = tensor([
  [4, 1, 0.5],
  [1, 3, 0.2],
  [0.5, 0.2, 2],
]);
const direction = tensor([
  [1, 0, 0],
  [0.3, -1, 0],
  [0.2, 0.5, 0.7],
]);

interface Traced {
  readonly code: Code;
  /** What its inputs after those of f are. */
  readonly captured: readonly Tensor[];
  readonly trace: Trace;
}
/** What a sub-program is made from: f recorded on one value of this shape, with all that it captures as further inputs. */
function traced(shape: Shape, f: (y: F64) => Tensor): Traced {
  const trace = new Trace("compile", (t) => t);
  try {
    const y = trace.value("float64", shape);
    const output = trace.idOf(f(y));
    const inputs = [trace.idOf(y), ...trace.captures.map((c) => c.id)].map((id, i) => ({ name: `x${i}`, id }));
    const code: Code = {
      values: trace.values,
      inputs,
      constants: [],
      code: trace.code,
      outputs: [{ name: "value", id: output }],
      opaque: [],
    };
    return { code, captured: trace.captures.map((c) => c.tensor), trace };
  } finally {
    trace.close();
  }
}
const ops = ({ code }: Traced): string[] => code.code.map((i) => i.op);
/** A sub-program that is called where it was made. */
const through = (y: F64, f: (y: F64) => Tensor, seen: (t: Traced) => void = () => undefined): F64 => {
  const made = traced(y.shape, f);
  seen(made);
  return replay(made.code, [y, ...made.captured])[0] as F64;
};

describe("a trace", () => {
  it("captures what a derivative outside wraps whole, so that the gradient flows through it", () => {
    let boxed = false;
    const f = (x: F64) =>
      through(
        tensor(3),
        (y) => mul(square(x), sin(y)),
        (made) => {
          expect(ops(made)).to.deep.equal(["sin", "mul"]); // x² does not need y
          boxed = made.captured.length === 1 && made.captured[0]?.box !== undefined;
        },
      );
    expect(grad(f)(2).item()).to.be.closeTo(4 * Math.sin(3), 1e-14);
    expect(boxed).to.equal(true);
    expect(jvp(f, [2], [1]).tangent.item()).to.be.closeTo(4 * Math.sin(3), 1e-14);
    expect(grad(grad(f))(2).item()).to.be.closeTo(2 * Math.sin(3), 1e-14);
    expect(grad((x: F64) => jvp(f, [x], [1]).tangent)(2).item()).to.be.closeTo(2 * Math.sin(3), 1e-14);
  });
  it("differentiates inside with what is captured: each level has its own", () => {
    // d/dx of (d/dz of x² z³ at z = x y)
    const f = (x: F64) => through(tensor(2), (y) => grad((z: F64) => mul(square(x), mul(z, square(z))))(mul(x, y)));
    expect(f(tensor(1.5)).item()).to.be.closeTo(3 * 1.5 ** 4 * 4, 1e-12);
    expect(grad(f)(1.5).item()).to.be.closeTo(12 * 1.5 ** 3 * 4, 1e-12);
  });
  it("captures a tensor once, and concrete ones as they are", () => {
    const c = tensor([1, 2, 3]);
    const made = traced([3], (y) => mul(mul(y, c), exp(mul(y, c))));
    expect(made.captured).to.have.length(1);
    expect(made.captured[0]).to.equal(c);
    expect(ops(made)).to.deep.equal(["mul", "mul", "exp", "mul"]);
  });
  it("gives what does not come from its inputs as a capture", () => {
    const c = tensor([1, 2]);
    const made = traced([2], () => exp(c));
    expect(ops(made)).to.deep.equal([]);
    expect(replay(made.code, [c, ...made.captured])[0]?.toArray()).to.deep.equal(exp(c).toArray());
  });
  it("inside a trace captures the values of the outer one, which records what needs no others", () => {
    let inner: Traced | undefined;
    const outer = traced([], (a) => {
      inner = traced([], (b) => mul(exp(a), sin(b)));
      return replay(inner.code, [tensor(2), ...inner.captured])[0] as Tensor;
    });
    expect(ops(inner as Traced)).to.deep.equal(["sin", "mul"]);
    expect(inner?.captured[0]?.traced?.trace).to.equal(outer.trace);
    expect(ops(outer)).to.deep.equal(["exp", "mul"]); // the sine of what is concrete there was computed
    const run = (a: F64) => replay(outer.code, [a, ...outer.captured])[0] as F64;
    expect(run(tensor(0.5)).item()).to.be.closeTo(Math.exp(0.5) * Math.sin(2), 1e-14);
    expect(grad(run)(0.5).item()).to.be.closeTo(Math.exp(0.5) * Math.sin(2), 1e-14);
  });
  it("holds a fused rule whose saved values are captured, with the derivative of the composed rule", () => {
    const plain = (a: F64) => sum(square(vjp((m: F64) => linalg.cholesky(m), a).pullback(direction)[0] as F64));
    const f = (a: F64) => {
      const { pullback } = vjp((m: F64) => linalg.cholesky(m), a);
      const made = (t: Traced) => expect(ops(t)).to.deep.equal(["cholesky_vjp"]);
      return sum(square(through(direction, (g) => pullback(g)[0] as F64, made)));
    };
    expect(f(spd).item()).to.be.closeTo(plain(spd).item(), 1e-15);
    expect(relativeError(grad(f)(spd), grad(plain)(spd))).to.be.below(1e-14);
    expect(relativeError(jvp(f, [spd], [spd]).tangent, jvp(plain, [spd], [spd]).tangent)).to.be.below(1e-14);
  });
  it("keeps the boxes of what a function with a rule of its own reads, and the rule", () => {
    const twice = customGrad(
      (x: F64, y: F64) => mul(x, y),
      (_, [g]) => [mul(100, g as F64), mul(100, g as F64)],
    );
    const f = (x: F64) =>
      through(
        tensor(3),
        (y) => twice(x, y),
        (made) => {
          expect(ops(made)).to.deep.equal(["mul", "customGrad"]);
          expect(made.captured[0]?.box).not.to.equal(undefined);
        },
      );
    expect(grad(f)(2).item()).to.equal(100);
  });
  it("that has ended is closed", () => {
    let leaked: F64 | undefined;
    traced([], (y) => {
      leaked = exp(y);
      return leaked;
    });
    const late = leaked as F64;
    for (const use of [
      () => mul(late, 2),
      () => compile((y: F64) => mul(y, late), float64()),
      () => compile((y: F64) => mul(late, y), float64()),
    ])
      expect(use)
        .to.throw(/a traced tensor was used after its compile call had finished/)
        .with.property("code", "ERR_TRACED");
  });
  it("of compile takes only data: what others record is refused", () => {
    const boxed = (x: F64) => compile((y: F64) => mul(x, y), float64()).runSync([5]);
    expect(() => grad(boxed)(3)).to.throw(/give it to the program as an input/);
    expect(() => jvp(boxed, [3], [1])).to.throw(/give it to the program as an input/);
    for (const inner of [(x: F64, y: F64) => mul(x, y), (x: F64, y: F64) => mul(y, x), (x: F64) => x])
      expect(() => compile((x: F64) => compile((y: F64) => inner(x, y), float64()).runSync([5]), float64())).to.throw(
        /a tensor of another compile call was used/,
      );
  });
  it("a constant of compile is what it was when it was used", () => {
    const c = tensor([1, 2]);
    const program = compile((y: F64) => {
      const product = mul(y, c);
      c.data[0] = 10;
      return product;
    }, float64(2));
    expect(program.runSync([tensor([1, 1])]).toArray()).to.deep.equal([1, 2]);
  });
});

describe("a rule that was there only when the op ran", () => {
  it("leaves what the row's own rule needs, without aux", () => {
    const f = (m: F64) => linalg.solve(m, tensor([1, 2, 3]));
    const [want] = vjp(f, spd).pullback(tensor([1, 0, 0]));
    const restore = registerGradient("solve", () => []);
    const { pullback } = vjp(f, spd);
    restore();
    expect(relativeError(pullback(tensor([1, 0, 0]))[0], want)).to.be.below(1e-14);
  });
});
