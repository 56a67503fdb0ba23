// Hostile callers, as in hostile-tensors.test.ts: trees, functions and programs.
import { expect } from "chai";
import {
  ArgumentError,
  add,
  BacksolveError,
  compile,
  eye,
  float64,
  grad,
  isTensor,
  linalg,
  mul,
  Program,
  sum,
  type Tensor,
  tensor,
} from "../lib/index";
import { script } from "./native";
import { wrong } from "./support";

type F64 = Tensor<"float64">;

describe("hostile: trees and functions", () => {
  const f = (x: F64) => sum(x);
  it("circular, deep and strange trees", () => {
    const circular: { a?: unknown } = {};
    circular.a = circular;
    const list: unknown[] = [];
    list.push(list, list);
    let deep: unknown = eye(2);
    for (let k = 0; k < 1000; k++) deep = k % 2 ? [deep] : { a: deep };
    for (const tree of [circular, list, deep]) {
      expect(() => grad(f)(wrong(tree))).to.throw(ArgumentError, /^grad: a tree has at most 64 levels; is this one circular\?$/);
      expect(() => grad(() => wrong(tree))()).to.throw(ArgumentError);
      expect(() => compile(() => tree, float64())).to.throw(ArgumentError, /at most 64 levels/);
      expect(() => compile(f, wrong(tree))).to.throw(ArgumentError);
      expect(() => compile(f, float64(2)).runSync(wrong(tree))).to.throw(ArgumentError);
    }
    for (const x of [
      new Map(),
      new Date(0),
      /x/,
      new (class A {})(),
      Symbol("s"),
      1n,
      "x",
      null,
      undefined,
      () => 1,
      new Proxy(eye(1), {}),
    ])
      expect(() => grad(f)(wrong({ x }))).to.throw(ArgumentError, /^grad: expected a tensor or a number/);
    const proto = JSON.parse('{"__proto__": 2, "constructor": 3}') as Record<string, number>;
    const g = grad((p: Record<string, F64>) => mul(p.constructor as unknown as F64, (Object.values(p) as F64[])[0] as F64) as F64)(
      proto as never,
    );
    expect(Object.keys(g)).to.deep.equal(["__proto__", "constructor"]);
    expect(Object.keys(Object.prototype)).to.deep.equal([]);
  });

  it("tensors that leak out of a transform or a trace", async () => {
    let leaked = eye(2);
    grad((x: F64) => sum((leaked = mul(x, 2) as F64)))(eye(2));
    expect(add(leaked, 1).at(0, 0)).to.equal(3);
    compile((x: F64) => (leaked = mul(x, 2) as F64), float64(2, 2));
    for (const g of [
      () => add(leaked, 1),
      () => leaked.data,
      () => leaked.toArray(),
      () => compile((x: F64) => add(x, leaked), float64(2, 2)),
    ])
      expect(g).to.throw(BacksolveError).with.property("code", "ERR_TRACED");
    let refused: Promise<unknown> | undefined;
    grad((x: F64) => {
      refused = linalg.inv.async(x).catch((e: unknown) => e);
      return sum(x);
    })(eye(2));
    expect(await refused)
      .to.be.instanceOf(BacksolveError)
      .with.property("code", "ERR_TRACED");
  });
});

describe("hostile: programs", () => {
  it("mutated JSON is refused or runs; nothing reaches Object.prototype", () => {
    expect(script("programs.ts", [2000], { memory: 7_000_000 })).to.deep.equal([0, "loaded true, ran true, failed true\n"]);
  });

  const json = (inputs: [string, number[]][], op: string, attrs: object, outs: number, names?: string[]) => ({
    format: "backsolve-program",
    version: 1,
    inputs: inputs.map(([dtype, shape], id) => ({ name: `x${id}`, id, dtype, shape })),
    constants: [],
    code: [{ op, attrs, in: inputs.map((_, i) => i), out: Array.from({ length: outs }, (_, i) => inputs.length + i) }],
    outputs: Array.from({ length: outs }, (_, i) => ({ name: names?.[i] ?? `y${i}`, id: inputs.length + i })),
  });

  it("what an array leaves out is not passed over", () => {
    for (const list of ["inputs", "code", "outputs"] as const) {
      const sparse = json([["float64", [2]]], "neg", {}, 1);
      expect(() => Program.from(sparse)).not.to.throw();
      sparse[list].length++;
      expect(() => Program.from(sparse), list).to.throw(ArgumentError, /1 must be an object, got undefined/);
    }
  });
  it("pivots from outside are checked by every kernel that takes them", () => {
    type Input = [dtype: string, shape: number[]];
    const m: Input = ["float64", [3, 3]];
    const i: Input = ["int32", [3]];
    const s: Input = ["float64", []];
    const cases: [string, Input[], number, object][] = [
      ["applyPivots", [i, m], 1, {}],
      ["solve_vjp", [m, m, m, i, m], 2, { adjoint: true }],
      ["solve_vjp", [m, m, m, i, m], 2, { adjoint: false }],
      ["det_vjp", [m, m, i, s], 1, {}],
      ["slogdet_vjp", [m, s, m, i, s, s], 1, {}],
    ];
    for (const [op, inputs, outs, attrs] of cases) {
      const program = Program.from(json(inputs, op, attrs, outs)) as Program<unknown, unknown>;
      for (const pivot of [-1, 3, 2 ** 31 - 1, -(2 ** 31), 1000]) {
        const args = Object.fromEntries(
          inputs.map((t, k) => [`x${k}`, t === i ? tensor(Int32Array.of(0, pivot, 2)) : t === m ? eye(3) : tensor(1)]),
        );
        for (const layout of ["single", "lanes"] as const)
          expect(() => program.runSync(args, { layout }), `${op} ${pivot}`)
            .to.throw(BacksolveError, /has pivot 1 out of range/)
            .that.includes({ code: "ERR_ARGUMENT", item: 0, index: 1, op: op.replace("_vjp", "") });
      }
    }
  });

  it("names spell a tree, whatever they are", () => {
    const m: [string, number[]] = ["float64", [2, 2]];
    const named = (names: string[]) => Program.from(json([m], "eigh", {}, 2, names)) as Program<unknown, Record<string, unknown>>;
    for (const names of [
      ["a", "a"],
      ["a", "a.b"],
      ["a.b.c", "a.b"],
      ["", "a"],
      ["value", "value.x"],
    ])
      expect(() => named(names), names.join()).to.throw(ArgumentError);
    for (const names of [
      ["__proto__.polluted", "constructor.prototype.polluted"],
      ["toString", "__proto__"],
      ["a.__proto__.b", "a..c"],
    ]) {
      const out = named(names).runSync({ x0: eye(2) });
      const at = (name: string) => name.split(".").reduce<unknown>((o, k) => Object.getOwnPropertyDescriptor(o, k)?.value, out);
      for (const n of names) expect(isTensor(at(n)), n).to.equal(true);
    }
    expect("polluted" in {}).to.equal(false);
    expect(() => compile((x: F64) => ({ a: x, "a.b": x }), float64())).to.throw(ArgumentError, /rename one/);
  });

  it("very long ones are refused, not a stack overflow", () => {
    const many = Array.from({ length: 40_000 }, (_, id) => ({ name: `x${id}`, id, dtype: "float64", shape: [] }));
    const whole = { format: "backsolve-program", version: 1, constants: [], code: [], outputs: [] };
    expect(() => Program.from({ ...whole, inputs: many })).to.throw(ArgumentError, /inputs must be an array of at most 32768/);
    const inputs = many.slice(0, 30_000);
    const outputs = inputs.map(({ name, id }) => ({ name, id }));
    const program = Program.from({ ...whole, inputs, outputs }) as Program<unknown, Record<string, F64>>;
    const out = program.runSync(Object.fromEntries(inputs.map(({ name, id }) => [name, id])));
    expect(out.x29999?.item()).to.equal(29999);
  });

  it("cannot be changed after they were checked", () => {
    const program = compile((x: F64) => linalg.cholesky(x), float64(2, 2));
    Object.assign(program, { code: {}, handle: {}, inTree: 1, outTree: 1 });
    (program.inputs[0] as unknown as { shape: number[] }).shape = [1000, 1000];
    const loaded = Program.from(JSON.stringify(program)) as typeof program;
    for (const { shape } of [...loaded.inputs, ...loaded.outputs, ...loaded.toJSON().inputs]) (shape as number[])[0] = 1000;
    expect(loaded.runSync([eye(2)]).at(0, 0)).to.equal(1);
    (program.toJSON().code as unknown[]).length = 0;
    expect(program.runSync([eye(2)]).at(0, 0)).to.equal(1);
    expect(() => Program.prototype.runSync.call({} as never, [])).to.throw(TypeError);
  });
});
