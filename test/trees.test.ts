// Trees of arguments: of which objects they are made, and what their leaves are called in a program.
import { createContext, runInContext, runInNewContext } from "node:vm";
import { expect } from "chai";
import { translate } from "../lib/core/errors";
import {
  ArgumentError,
  add,
  BacksolveError,
  compile,
  eye,
  float64,
  grad,
  hvp,
  jacobian,
  jvp,
  linalg,
  mul,
  neg,
  Program,
  sum,
  type Tensor,
  tensor,
  vjp,
} from "../lib/index";

type F64 = Tensor<"float64">;
type Pair = { a: F64; c: F64 };
const context = createContext({});
const foreign = <X>(code: string): X => runInContext(code, context) as X;
const product = (p: Pair): F64 => mul(p.a, p.c);

describe("trees of another realm", () => {
  // as structuredClone, messages of workers and JSON give them inside Jest, whose tests run in a context of their own
  const pair = () => foreign<{ a: number; c: number }>("({ a: 3, c: 2 })");
  it("are trees to every transform and program", async () => {
    const program = compile(product, { a: float64(), c: float64() });
    expect(program.runSync([pair()]).item()).to.equal(6);
    expect(program.runSync(foreign("[{ a: 3, c: 2 }]")).item()).to.equal(6);
    expect((await program.run([pair()])).item()).to.equal(6);
    expect(
      Program.from<unknown, F64>(runInNewContext(`JSON.parse(${JSON.stringify(JSON.stringify(program))})`))
        .runSync(pair())
        .item(),
    ).to.equal(6);
    const g = grad(product)(pair());
    expect([g.a.item(), g.c.item()]).to.deep.equal([2, 3]);
    expect(vjp(product, pair()).pullback(tensor(1))[0].a.item()).to.equal(2);
    expect(jvp(product, [pair()], [pair()]).tangent.item()).to.equal(12);
    expect(hvp(product, pair(), pair()).a.item()).to.equal(2);
    expect(jacobian(product)(pair()).c.item()).to.equal(3);
    const nested = foreign<Pair>("(x) => ({ a: x, c: [{ d: x }] })") as unknown as (x: F64) => unknown;
    expect(compile(nested, float64()).outputs.map((o) => o.name)).to.deep.equal(["a", "c.0.d"]);
    const spec = foreign<(s: unknown) => { a: never; c: never }>("(s) => ({ a: s, c: s })")(float64());
    expect(compile(product, spec).inputs.map((i) => i.name)).to.deep.equal(["a", "c"]);
    expect(grad(product)(foreign("Object.assign(Object.create(null), { a: 3, c: 2 })")).a.item()).to.equal(2);
  });
  it("of classes are none, there as here", () => {
    const strange = [
      "new (class A { constructor() { this.a = 1; this.c = 2; } })()",
      "new (class A extends null { constructor() { return Object.assign(Object.create(A.prototype), { a: 1, c: 2 }); } })()",
      "Object.assign(Object.create({}), { a: 1, c: 2 })",
      "Object.assign(Object.create(Object.create(null)), { a: 1, c: 2 })",
      "Object.assign(new Map(), { a: 1, c: 2 })",
      "Object.assign(new Date(0), { a: 1, c: 2 })",
      "Object.assign(() => 1, { a: 1, c: 2 })",
    ];
    for (const code of strange)
      for (const x of [foreign<Pair>(code), runInNewContext(code), new Function(`return ${code}`)()])
        expect(() => grad(product)(x), code).to.throw(
          ArgumentError,
          /^grad: expected a tensor or a number, or plain objects and arrays of them/,
        );
    expect(() => grad((() => foreign("Promise.resolve(1)")) as never)(1 as never)).to.throw(
      /Functions given to transforms are synchronous/,
    );
  });
});

describe("signals and errors of another realm", () => {
  const signal = (aborted: boolean) =>
    foreign<AbortSignal>(`Object.create({
      aborted: ${aborted}, reason: "enough", addEventListener() {}, removeEventListener() {},
      throwIfAborted() { if (this.aborted) throw this.reason; },
    })`);
  it("a signal is what can do what signals do", async () => {
    const program = compile((x: F64) => neg(x), float64());
    const calls = [
      (s: AbortSignal) => linalg.inv.async(eye(2), { signal: s }),
      (s: AbortSignal) => linalg.logdet.async(eye(2), { signal: s }),
      (s: AbortSignal) => linalg.funmHermitian.async(eye(2), (x) => x, { signal: s }),
      (s: AbortSignal) => program.run([1], { signal: s }),
    ];
    for (const call of calls) {
      await call(signal(false));
      expect(await call(signal(true)).catch((e: unknown) => e)).to.equal("enough");
      for (const other of [{}, { aborted: false }, 1, "abort", null, { ...signal(false), aborted: false }])
        expect(await call(other as never).catch((e: unknown) => e), String(other))
          .to.be.instanceOf(ArgumentError)
          .with.property("message")
          .that.matches(/option signal must be an AbortSignal, got/);
    }
  });
  it("what native code and allocations throw there is translated as here", () => {
    const memory = translate("zeros", foreign("new RangeError('Array buffer allocation failed')"));
    expect(memory).to.be.instanceOf(BacksolveError).with.property("code", "ERR_OUT_OF_MEMORY");
    const internal = translate("inv", foreign("new Error('backsolve internal: kernel 99')"));
    expect(internal).to.be.instanceOf(BacksolveError).with.property("code", "ERR_INTERNAL");
    const own = foreign("new Error('mine')");
    expect(translate("inv", own)).to.equal(own);
  });
});

describe("names of leaves", () => {
  const w = () => ({ w: float64(), b: float64(2) });
  const at = (x: number) => ({ w: x, b: tensor([x, 10 * x]) });
  const names = (...specs: unknown[]): string[] => compile(((...xs: unknown[]) => xs) as never, ...(specs as [])).inputs.map((i) => i.name);

  it("are short where nothing clashes, and long for the arguments where something does", () => {
    expect(names({ ls: float64() }, { x: float64(3) }, float64())).to.deep.equal(["ls", "x", "arg2"]);
    expect(names({ w: float64() }, { w: float64() })).to.deep.equal(["arg0.w", "arg1.w"]);
    expect(names(w(), w(), w())).to.deep.equal(["arg0.w", "arg0.b", "arg1.w", "arg1.b", "arg2.w", "arg2.b"]);
    expect(names(w(), { z: float64() }, { w: float64() }, float64())).to.deep.equal(["arg0.w", "arg0.b", "z", "arg2.w", "arg3"]);
    expect(names([float64(), float64()], [float64()])).to.deep.equal(["arg0.0", "arg0.1", "arg1.0"]);
    expect(names({ a: float64() }, { a: { b: float64() } })).to.deep.equal(["arg0.a", "arg1.a.b"]); // a leaf that is the other's branch
    expect(names({ arg0: float64() })).to.deep.equal(["arg0"]);
    expect(names({ arg1: float64() }, { x: float64() })).to.deep.equal(["arg1", "x"]);
  });
  it("that clash with a user's own arg0, or within one argument, are an error", () => {
    const clashing: unknown[][] = [
      [float64(), { arg0: float64() }],
      [{ arg1: float64() }, float64()],
      [float64(), { arg0: { w: float64() } }],
      [{ w: float64() }, { w: float64() }, { arg0: { w: float64() } }],
      [{ w: float64() }, { w: float64() }, { "arg1.w": float64() }],
      [{ "a.b": float64(), a: { b: float64() } }],
      [{ "a.b": float64(), a: float64() }],
    ];
    for (const specs of clashing)
      expect(() => names(...specs), JSON.stringify(specs)).to.throw(
        ArgumentError,
        /^compile: two inputs or outputs have the path "[\w.]+": rename one/,
      );
  });
  it("of three equal trees: a step of Adam, run, saved and loaded", async () => {
    type Tree = { w: F64; b: F64 };
    const step = (p: Tree, m: Tree, g: Tree) => ({ w: add(p.w, mul(m.w, g.w)), b: sum(mul(p.b, add(m.b, g.b))) });
    const program = compile(step, w(), w(), w());
    const loaded = Program.from<unknown, { w: F64; b: F64 }>(JSON.parse(JSON.stringify(program)));
    const want = { w: 1 + 2 * 3, b: 1 * 5 + 10 * 50 };
    const args = [at(1), at(2), at(3)] as const;
    const objects = { arg0: at(1), arg1: at(2), arg2: at(3) };
    const results = [
      program.runSync([...args]),
      await program.run([...args]),
      program.runSync(objects as never),
      loaded.runSync([...args]),
      loaded.runSync(objects),
    ];
    for (const out of results) expect({ w: out.w.item(), b: out.b.item() }).to.deep.equal(want);
    expect(program.explain()).to.equal(loaded.explain());
    const gradients = compile(
      grad((p: Tree, q: Tree) => sum(mul(p.b, q.b)), { argnums: [0, 1] }),
      w(),
      w(),
    );
    expect(gradients.outputs.map((o) => o.name)).to.deep.equal(["0.w", "0.b", "1.w", "1.b"]);
  });
  it("of arguments in an array match either spelling, each once", () => {
    const short = compile((p: { a: F64 }, q: { c: F64 }) => add(p.a, q.c), { a: float64() }, { c: float64() });
    expect(short.runSync([{ a: 1 }, { c: 2 }]).item()).to.equal(3);
    expect(short.runSync([{ c: 2 }, { a: 1 }] as never).item()).to.equal(3); // by name: the position does not tell
    expect(() => short.runSync([{ a: 1 }, { a: 2 }] as never)).to.throw(ArgumentError, /missing: c/);
    expect(() => short.runSync([{ a: 1, c: 2 }, { c: 3 }] as never)).to.throw(ArgumentError, /unknown: c/);
    const own = compile((p: { arg0: { w: F64 } }) => neg(p.arg0.w), { arg0: { w: float64() } });
    expect(own.inputs[0]?.name).to.equal("arg0.w");
    expect(own.runSync([{ arg0: { w: 2 } }]).item()).to.equal(-2);
    expect(own.runSync({ arg0: { w: 2 } } as never).item()).to.equal(-2);
    expect(own.runSync([{ w: 2 }] as never).item()).to.equal(-2);
  });
  it("thousands of them", () => {
    const many = () => Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`x${i}`, float64()]));
    expect(names(many(), many()).length).to.equal(20_000);
    expect(names(Array.from({ length: 30_000 }, () => float64())).at(-1)).to.equal("29999");
  });
});
