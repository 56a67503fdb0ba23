// Values leave a derivative only where the caller says so: read of what is being differentiated, or given to JavaScript's operators, they would be
// constants, or NaN.
import { inspect } from "node:util";
import { expect } from "chai";
import {
  ArgumentError,
  add,
  BacksolveError,
  compile,
  complex,
  eye,
  float64,
  grad,
  greater,
  hvp,
  isTensor,
  jacobian,
  jvp,
  less,
  linalg,
  mul,
  random,
  stopGradient,
  sum,
  type Tensor,
  tensor,
  valueAndGrad,
  vjp,
  where,
  zeros,
} from "../lib/index";

type F64 = Tensor<"float64">;
const x = tensor([3, 4]);

/** Runs look at what each transform gives its function, and at what ops make of it. */
function inside(look: (t: F64) => unknown, modes: readonly ("reverse" | "forward")[] = ["reverse", "forward"]): void {
  let runs = 0;
  const f = (t: F64): F64 => {
    for (const u of [t, mul(t, 2), t.reshape([2, 1]), t.transpose()]) look(u);
    runs++;
    return sum(t);
  };
  const ways: Readonly<Record<"reverse" | "forward", readonly (() => unknown)[]>> = {
    reverse: [
      () => grad(f)(x),
      () => valueAndGrad(f)(x),
      () => vjp(f, x),
      () => jacobian(f)(x),
      () => grad((t: F64) => grad(f)(t).sum())(x),
    ],
    forward: [() => jvp(f, [x], [x]), () => jvp((t: F64) => jvp(f, [t], [t]).tangent, [x], [x])],
  };
  for (const way of modes.flatMap((m) => ways[m])) way();
  expect(runs).to.be.above(1);
}

const reads: Readonly<Record<string, (t: F64) => unknown>> = {
  item: (t) => sum(t).item(),
  data: (t) => t.data,
  at: (t) => t.at(...t.shape.map(() => 0)),
  toArray: (t) => t.toArray(),
  toJSON: (t) => t.toJSON(),
};
const detached = (f: () => unknown, op: string, mode: string): void => {
  expect(f, op)
    .to.throw(BacksolveError, new RegExp(`^${op}: the tensor is being differentiated in ${mode}: .* read stopGradient\\(x\\)\\.$`))
    .with.property("code", "ERR_TRACED");
};

describe("reading what is being differentiated", () => {
  for (const [op, read] of Object.entries(reads)) {
    it(`${op} is an error that names stopGradient`, () => {
      inside((t) => detached(() => read(t), op, "reverse mode \\(grad, vjp, jacobian\\)"), ["reverse"]);
      inside((t) => detached(() => read(t), op, "forward mode \\(jvp, hvp\\)"), ["forward"]);
      inside((t) => read(stopGradient(t)));
      inside((t) => detached(() => read(complex(t, t) as never), op, "\\w+ mode .*"));
    });
  }
  it("the silent constant of before", () => {
    const f = (t: F64) => mul(t, t.item());
    detached(() => grad(f)(3), "item", "reverse mode .*");
    expect(grad((t: F64) => mul(t, stopGradient(t).item()))(3).item()).to.equal(3);
    detached(() => hvp((t: F64) => mul(t, mul(t, t.data[0] as number)), tensor(3), tensor(1)), "data", "\\w+ mode .*");
  });
  it("of an outer level through an inner one that has ended, too", () => {
    grad((t: F64) => {
      let leaked = t;
      grad((u: F64) => (leaked = mul(t, u)))(1);
      detached(() => leaked.item(), "item", "reverse mode .*");
      return leaked;
    })(3);
  });
  it("bool and int results read as ever", () => {
    const f = (t: F64): F64 => (less(t, 5).item() ? mul(t, t) : t);
    expect(grad(f)(3).item()).to.equal(6);
    expect(jvp(f, [3], [1]).tangent.item()).to.equal(6);
    expect(grad((t: F64) => grad(f)(t))(3).item()).to.equal(2);
    const [count, zero] = [tensor(Int32Array.of(2)), tensor(Int32Array.of(0))];
    const power = (t: F64, n: Tensor<"int32">): F64 => (n.item() === 2 && `${n}` === "Tensor<int32> [1] [ 2 ]" ? mul(t, t) : t);
    expect(jvp(power, [3, count], [1, zero]).tangent.item()).to.equal(6);
    expect(vjp(power, 3, count).pullback(1)[0].item()).to.equal(6);
    inside((t) => [greater(t, 0).data, less(t, 0).toArray(), greater(t, 1).toJSON(), less(sum(t), 1).at()]);
    inside((t) => linalg.luFactor(where(greater(eye(2), 0), sum(t), eye(2))).pivots.toArray());
  });
  it("tensors of other levels read as ever: of finished ones, and of none", () => {
    let leaked = x;
    grad((t: F64) => sum((leaked = mul(t, x.at(0)))))(x);
    expect([leaked.at(1), leaked.data[0], leaked.toArray(), leaked.toJSON().data, sum(leaked).item()]).to.deep.equal([
      12,
      9,
      [9, 12],
      [9, 12],
      21,
    ]);
    const { value, pullback } = vjp((t: F64) => mul(t, t), x);
    expect([value.toArray(), pullback(x)[0].toArray()]).to.deep.equal([
      [9, 16],
      [18, 32],
    ]);
    inside(() => [x.data, x.item === undefined, value.toArray()]);
  });
  it("a failed function leaves its tensors to be read", () => {
    let leaked = x;
    const fails = (t: F64): F64 => {
      leaked = mul(t, 2);
      throw new Error("mine");
    };
    expect(() => grad(fails)(x)).to.throw("mine");
    expect(() => jvp(fails, [x], [x])).to.throw("mine");
    expect(leaked.toArray()).to.deep.equal([6, 8]);
  });
  it("while tracing nothing is read, differentiated or not", () => {
    const traced = (read: (t: F64) => unknown) => () =>
      compile((t: F64) => {
        read(t);
        return t;
      }, float64(2));
    const all = [...Object.values(reads), (t: F64) => grad((u: F64) => mul(u, u.item()))(sum(t)), (t: F64) => less(t, 1).data];
    for (const read of all)
      expect(traced(read))
        .to.throw(BacksolveError, /a traced tensor has no data/)
        .with.property("code", "ERR_TRACED");
  });
});

describe("printing", () => {
  it("shows values with a note inside a transform, and never throws", () => {
    inside((t) => {
      for (const text of [String(t), `${t}`, inspect(t), t.toString(), inspect({ a: [t] })]) {
        expect(text).to.match(/Tensor<float64> \[[\d, ]+\] \[/);
        expect(text).to.match(/[36]/);
        expect(text).to.match(/\(being differentiated\)/);
      }
    });
    compile((t: F64) => {
      expect([String(t), inspect(t)]).to.deep.equal(Array(2).fill("Tensor<float64> [2] (traced: no data)"));
      grad((u: F64) => {
        expect(`${u}`).to.equal("Tensor<float64> [2] (traced: no data)");
        return sum(u);
      })(t);
      return t;
    }, float64(2));
    const gone = zeros(2000);
    structuredClone(gone.data.buffer, { transfer: [gone.data.buffer as ArrayBuffer] });
    expect(String(gone)).to.equal("Tensor<float64> [2000] (its memory is gone)");
    for (const forged of [Object.create(x), Object.create(Object.getPrototypeOf(x) as object)] as Tensor[]) {
      expect(isTensor(forged)).to.equal(false);
      expect(`${forged} ${inspect(forged)}`).to.equal("Tensor (made to look like one) Tensor (made to look like one)");
    }
  });
  it("is readable, and bounded", () => {
    expect(String(tensor([[1, 2.5]]))).to.equal("Tensor<float64> [1, 2] [ [ 1, 2.5 ] ]");
    expect(`${tensor(true)} ${tensor([{ re: 1, im: -2 }])}`).to.equal("Tensor<bool> [] true Tensor<complex128> [1] [ { re: 1, im: -2 } ]");
    expect(String(zeros([40, 40]))).to.equal("Tensor<float64> [40, 40] [1600 elements]");
    expect(inspect(zeros([3, 0]))).to.equal("Tensor<float64> [3, 0] [ [], [], [] ]");
    // shapes that need no memory and would take for ever
    for (const shape of [
      [2 ** 24, 0],
      [2 ** 38, 0],

      [2 ** 10, 2 ** 10, 0, 2 ** 10],
    ]) {
      const t = zeros(shape);
      for (const text of [inspect(t), String(t), inspect([t])])
        expect(text).to.include(`Tensor<float64> [${shape.join(", ")}] [0 elements]`);
      expect(JSON.parse(JSON.stringify(t))).to.deep.equal({ dtype: "float64", shape, data: [] });
    }
    for (const shape of [
      [2 ** 24, 0],
      [2 ** 38, 0],
      [2 ** 38, 3, 0],
    ])
      expect(() => zeros(shape).toArray(), shape.join()).to.throw(
        ArgumentError,
        /^toArray: shape \[.*\] has no elements, but more than 1048576 empty arrays/,
      );
    expect(zeros([2 ** 10, 0]).toArray()).to.deep.equal(Array(2 ** 10).fill([]));
    expect([zeros([0, 2 ** 38]).toArray(), inspect(zeros([0, 2 ** 38]))]).to.deep.equal([[], "Tensor<float64> [0, 274877906944] []"]);
  });
});

describe("JavaScript's operators", () => {
  const two: unknown = tensor(2);
  const operations = [
    "t * t",
    "t + 1",
    "t + 'text'",
    "1 - t",
    "t / 2",
    "t ** 2",
    "-t",
    "+t",
    "t % 2",
    "t | 0",
    "t > 1",
    "t <= t",
    "t == 2",
  ].concat(["Math.sqrt(t)", "Number(t)", "isNaN(t)", "Float64Array.of(t)", "t++"]);
  const refused = (f: () => unknown, what: string, text: RegExp): void => {
    expect(f, what).to.throw(ArgumentError, text).with.property("code", "ERR_ARGUMENT");
  };
  for (const text of operations) {
    const operation = new Function("t", `return ${text}`) as (t: unknown) => unknown;
    it(`${text} is an error, also inside transforms and traces`, () => {
      const look = (t: unknown) => refused(() => operation(t), text, /^Tensor: JavaScript's operators .*add\(a, b\), mul\(a, b\)/);
      look(two);
      look(tensor([1, 2]));
      look(tensor([true]));
      inside(look);
      compile((t: F64) => {
        look(t);
        return t;
      }, float64(2));
    });
  }
  it("in a function to differentiate or compile", () => {
    const number = (t: unknown) => t as number; // against the types
    refused(() => grad((t: F64) => (number(t) * number(t)) as never)(3), "grad", /^Tensor/);
    refused(() => compile((t: F64) => mul(t, -number(t)), float64()), "compile", /^Tensor/);
    refused(() => mul(tensor([1, 2]), -number(two)), "mul", /^Tensor/);
  });
  it("on specs and programs; all are readable as text", () => {
    const program = compile((p: { w: F64 }, y: F64) => ({ out: add(mul(p.w, y), 1) }), { w: float64() }, float64(2));
    refused(() => Number(program), "program", /^Program: JavaScript's operators .* runSync/);
    refused(() => Number(float64(2)), "spec", /^Spec: JavaScript's operators/);
    const text = "Program (w: float64 [], arg1: float64 [2]) -> { out: float64 [2] }, 2 instructions";
    expect([`${program}`, String(program), inspect(program), inspect([program])]).to.deep.equal([text, text, text, `[\n  ${text}\n]`]);
    expect([`${float64(3, 3)}`, inspect(float64())]).to.deep.equal(["float64(3, 3)", "float64()"]);
    const wide = compile((...xs: F64[]) => xs, ...Array.from({ length: 1000 }, () => float64()));
    expect(String(wide)).to.match(/^Program \(arg0: float64 \[\], .*, \.\.\. 992 more\) -> \{ 0: .*, \.\.\. 992 more \}, 0 instructions$/);
  });
  it("leave text, identity and property names alone", () => {
    expect(`${random.normal(1, [2])}`).to.match(/^Tensor<float64> \[2\] \[ /);
    expect(two !== null && two !== undefined && !!two && [two].includes(two)).to.equal(true);
    expect([tensor(1), tensor(2)].join()).to.equal("Tensor<float64> [] 1,Tensor<float64> [] 2");
  });
});
