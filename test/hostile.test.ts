// Hostile callers of the public API: they may get an error of this package, never anything worse. What could crash runs in a process of its own.
import { spawnSync } from "node:child_process";
import { runInNewContext } from "node:vm";
import { expect } from "chai";
import {
  ArgumentError,
  add,
  BacksolveError,
  compile,
  DtypeError,
  eye,
  float64,
  grad,
  isTensor,
  linalg,
  matmul,
  mul,
  Program,
  random,
  reshape,
  ShapeError,
  Spec,
  sum,
  Tensor,
  tensor,
  zeros,
} from "../lib/index";

type F64 = Tensor<"float64">;
const wrong = <X>(x: X): never => x as never;
const BRAND = Symbol.for("backsolve.tensor");

/** Runs test/hostile/<script> in a process of its own, on Linux with no more than `memory` KiB of addresses; returns what it prints. */
function child(script: string, { args = [] as (string | number)[], node = [] as string[], memory = 0 } = {}): string {
  const command = [process.execPath, ...node, "-r", "tsx/cjs", `test/hostile/${script}`, ...args.map(String)];
  const limited = memory > 0 && process.platform === "linux";
  const [file, ...rest] = limited ? ["/bin/sh", "-c", `ulimit -v ${memory}; exec "$@"`, "sh", ...command] : command;
  const done = spawnSync(file as string, rest, { encoding: "utf8", timeout: 60_000 });
  expect(`${done.signal} ${done.status} ${done.stderr}`).to.equal("null 0 ");
  return done.stdout.trim();
}
// The trap handler of WebAssembly, which the loader uses, reserves more addresses than the limit allows.
const LITTLE = { memory: 7_000_000, node: ["--disable-wasm-trap-handler"] };

describe("hostile: tensors", () => {
  it("cannot be changed: shape, dtype, insides, prototype", () => {
    const t = tensor([
      [4, 1],
      [1, 3],
    ]);
    for (const name of ["shape", "dtype", "storage", "box", "traced", "size", "add", "data"]) {
      expect(() => Object.defineProperty(t, name, { value: [1000000, 1000000] }), name).to.throw(TypeError);
      expect(() => Object.assign(t, { [name]: "float32" }), name).to.throw(TypeError);
    }
    expect(() => Object.setPrototypeOf(t, null)).to.throw(TypeError);
    expect(linalg.det(t).item()).to.be.closeTo(11, 1e-12);
    expect(linalg.det(linalg.inv(t)).shape).to.deep.equal([]);
  });

  it("whose shape was written to, against its type, get an error or what memory holds", () => {
    for (const lie of [1, 3, 2 ** 31, 2 ** 40, -1, 0.5, Number.NaN, "2", {}, null, undefined]) {
      for (const change of [(s: unknown[]) => (s[0] = lie), (s: unknown[]) => s.push(lie), (s: unknown[]) => (s.length = 1)]) {
        const t = eye(2);
        change(t.shape as unknown as unknown[]);
        const ways: (() => unknown)[] = [
          () => linalg.inv(t),
          () => add(t, 1),
          () => t.reshape([4]),
          () => t.toArray(),
          () => sum(t, { axis: 0 }),
          () => grad((x: F64) => sum(mul(x, x)))(t),
          () => compile((x: F64) => add(x, t), float64(2, 2)).runSync([t]),
        ];
        for (const f of ways) {
          try {
            f();
          } catch (error) {
            expect(error, String((error as Error).stack)).to.be.instanceOf(BacksolveError);
          }
        }
      }
    }
  });

  it("cannot be made by hand", () => {
    const memory = new Float64Array(4);
    const Class = tensor([1]).constructor as unknown as new (...args: unknown[]) => Tensor;
    for (const args of [[], ["float64", [2, 2], { array: memory, exposed: false, busy: 0 }], [Symbol("x"), "float64", [2], memory]])
      expect(() => new Class(...args)).to.throw(ArgumentError, /^Tensor: is not for calling: tensor\(data\) makes tensors/);
    const Compiled = Program as unknown as new (...args: unknown[]) => unknown;
    expect(() => new Compiled({ values: [], inputs: [], outputs: [], code: [] })).to.throw(ArgumentError, /^Program: is not for calling/);
    expect(() => new Spec(wrong("float16"), [2])).to.throw(DtypeError);
    class Mine extends (Class as unknown as new (...args: unknown[]) => object) {}
    expect(() => new Mine("float64", [2])).to.throw(ArgumentError);
  });

  it("that only look like tensors are refused by every way in", () => {
    const real = tensor([
      [4, 1],
      [1, 3],
    ]);
    const forged: unknown[] = [
      Object.create(Tensor.prototype),
      Object.assign(Object.create(Tensor.prototype), { a: 1 }),
      Object.create(real),
      new Proxy(real, {}),
      { [BRAND]: true },
      { [BRAND]: true, shape: [2, 2], dtype: "float64", data: [1, 2, 3, 4] },
      { [BRAND]: true, shape: [2 ** 20, 2 ** 20], dtype: "float64", data: new Float64Array(4) },
      { [BRAND]: true, shape: [2, 2], dtype: "float32", data: new Float64Array(4) },
      { [BRAND]: true, shape: "22", dtype: "__proto__", data: new Float64Array(4) },
      Object.setPrototypeOf({ shape: [2, 2], dtype: "float64" }, Tensor.prototype),
      JSON.parse(JSON.stringify(real)),
    ];
    for (const t of forged) {
      expect(isTensor(t)).to.equal(false);
      const ways: (() => unknown)[] = [
        () => linalg.cholesky(wrong(t)),
        () => matmul(real, wrong(t)),
        () => sum(wrong(t)),
        () => reshape(wrong(t), [4]),
        () => linalg.solve(real, wrong(t)),
        () => grad((x: F64) => mul(sum(x), wrong(t)))(real),
        () => linalg.inv(real, { out: wrong(t) }),
        () => compile((x: F64) => add(x, wrong(t)), float64(2, 2)),
        () => compile((x: F64) => x, float64(2, 2)).runSync(wrong([t])),
        () => tensor(wrong(t), { shape: [2, 2] }),
      ];
      for (const f of ways) {
        expect(f, String(f)).to.throw(BacksolveError);
      }
    }
    const get = Object.getOwnPropertyDescriptor(Tensor.prototype, "data")?.get as () => unknown;
    expect(() => get.call({})).to.throw(ArgumentError, /^Tensor: expected a tensor/);
    expect(() => Tensor.prototype.toArray.call({ shape: [1] } as never)).to.throw(ArgumentError);
  });

  it("of another copy of the package are taken by their public face, checked", () => {
    const data = Float64Array.of(4, 0, 0, 9);
    const foreign = wrong({ [BRAND]: true, shape: [2, 2], dtype: "float64", data });
    expect(linalg.cholesky(foreign as F64).toArray()).to.deep.equal([
      [2, 0],
      [0, 3],
    ]);
    expect((grad((x: F64) => sum(mul(x, x)))(foreign) as F64).toArray()).to.deep.equal([
      [8, 0],
      [0, 18],
    ]);
    expect(
      compile((x: F64) => x.add(1), float64(2, 2))
        .runSync([foreign])
        .at(0, 0),
    ).to.equal(5);
  });

  it("with getters that change their mind are read once", () => {
    let reads = 0;
    const shape = Object.defineProperty([0, 2], 0, { get: () => (reads++ === 0 ? 2 : 2 ** 40) });
    const t = tensor(new Float64Array(4), { shape });
    expect([t.shape, t.data.length]).to.deep.equal([[2, 2], 4]);
    const growing = new Proxy([2, 2], { get: (o, k) => (k === "length" && reads++ > 3 ? 100 : Reflect.get(o, k)) });
    for (const f of [() => zeros(growing), () => zeros([4]).reshape(growing), () => random.normal(1, growing)]) {
      try {
        expect((f() as Tensor).shape.length).to.equal(2);
      } catch (error) {
        expect(error).to.be.instanceOf(ShapeError);
      }
    }
    const axes = new Proxy([0], { get: (o, k) => (k === "0" && reads++ % 2 ? 2 ** 31 : Reflect.get(o, k)) });
    try {
      sum(zeros([2, 2]), { axis: axes });
    } catch (error) {
      expect(error).to.be.instanceOf(BacksolveError);
    }
    const number = {
      get re() {
        return reads++ % 2 ? "x" : 1;
      },
      im: 0,
    };
    try {
      tensor([wrong(number), wrong(number)]);
    } catch (error) {
      expect(error).to.be.instanceOf(BacksolveError);
    }
    const mine = new Error("mine");
    const throwing = {
      get adjoint(): boolean {
        throw mine;
      },
    };
    expect(() => linalg.inv(eye(2), throwing)).to.throw(mine);
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    expect(() => linalg.inv(wrong(revoked.proxy))).to.throw(TypeError); // the engine's own word on a revoked proxy
  });
});

describe("hostile: typed arrays", () => {
  it("are judged by what they are, not by their prototypes and properties", () => {
    class Liar extends Float64Array {
      override get length(): number {
        return 2 ** 30;
      }
      static get [Symbol.species]() {
        return Uint8Array as never;
      }
      override slice(): never {
        return new Uint8Array(1) as never;
      }
    }
    expect(() => tensor(new Liar(4), { shape: [2 ** 30] })).to.throw(ShapeError, /got 4/);
    const t = tensor(new Liar([4, 0, 0, 9]), { shape: [2, 2] });
    expect(linalg.cholesky(t).toArray()).to.deep.equal([
      [2, 0],
      [0, 3],
    ]);
    expect(
      compile((x: F64) => x.add(t), float64(2, 2))
        .runSync([t])
        .at(1, 1),
    ).to.equal(18);
    const bytes = Object.setPrototypeOf(new Uint8Array(8), Float64Array.prototype) as Float64Array;
    expect(() => tensor(bytes)).to.throw(DtypeError, /a Uint8Array needs dtype "bool"/);
    expect(() => tensor(new Proxy(new Float64Array(4), {}))).to.throw(BacksolveError);
    expect(() => tensor(Object.create(Float64Array.prototype) as Float64Array)).to.throw(BacksolveError);
    const foreign = runInNewContext("new Float64Array([1, 2, 3])") as Float64Array;
    expect(tensor(foreign).toArray()).to.deep.equal([1, 2, 3]);
  });

  it("that were handed out do not matter to the engine", () => {
    const t = tensor([
      [4, 0],
      [0, 9],
    ]);
    Object.setPrototypeOf(t.data, null);
    expect(linalg.cholesky(t).toArray()).to.deep.equal([
      [2, 0],
      [0, 3],
    ]);
    const own = Float64Array.of(4, 0, 0, 9);
    const u = tensor(own, { shape: [2, 2] });
    expect(u.data).to.equal(own);
    for (const name of ["length", "buffer", "byteOffset", "slice", "constructor", "BYTES_PER_ELEMENT"])
      Object.defineProperty(own, name, { value: 2 ** 30 });
    expect(linalg.cholesky(u).toArray()).to.deep.equal([
      [2, 0],
      [0, 3],
    ]);
    expect(
      compile((x: F64) => x.add(u), float64(2, 2))
        .runSync([u])
        .at(1, 1),
    ).to.equal(18);
    expect(JSON.parse(JSON.stringify(u)).data).to.deep.equal([4, 0, 0, 9]);
  });

  it("that are shared, resized, taken away or written to during a call", () => {
    expect(child("memory.ts", { node: ["--expose-gc"] })).to.equal("done");
  });
});

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
    expect(child("programs.ts", { args: [2000], ...LITTLE })).to.equal("loaded true, ran true, failed true");
  });

  const json = (inputs: [string, number[]][], op: string, attrs: object, outs: number, names?: string[]) => ({
    format: "backsolve-program",
    version: 1,
    inputs: inputs.map(([dtype, shape], id) => ({ name: `x${id}`, id, dtype, shape })),
    constants: [],
    code: [{ op, attrs, in: inputs.map((_, i) => i), out: Array.from({ length: outs }, (_, i) => inputs.length + i) }],
    outputs: Array.from({ length: outs }, (_, i) => ({ name: names?.[i] ?? `y${i}`, id: inputs.length + i })),
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

describe("hostile: calls", () => {
  it("20,000 random calls of everything public", () => {
    expect(child("fuzz.ts", { args: [20_000] })).to.equal("answered true");
  });
  it("more than there is memory for", () => {
    expect(child("heap.ts", { ...LITTLE, memory: 5_000_000 })).to.equal("done");
  });
  it("threads that end while they work", () => {
    expect(child("workers.ts")).to.equal("alive 1");
  });
  it("processes that exit with work in flight", () => {
    for (const delay of [-1, 0, 3, 10, 40]) expect(child("worker.ts", { args: [delay] })).to.equal("");
  });
});
