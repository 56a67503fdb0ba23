// Hostile callers of the public API: they may get an error of this package, never anything worse. Tensors and the arrays under them. What could crash
// runs in a process of its own (test/hostile/).
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
import { script } from "./native";
import { wrong } from "./support";

type F64 = Tensor<"float64">;
const BRAND = Symbol.for("backsolve.tensor");

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

  it("indices and exponents that no number can be made of", () => {
    const [bare, t] = [Object.create(null), tensor([1, 2])];
    for (const given of [bare, Symbol("x"), 1n, "1", null, { valueOf: () => 1 }] as never[]) {
      expect(() => t.at(given)).to.throw(ArgumentError, /^at: index .* is out of range for axis 0/);
      expect(() => t.pow(given)).to.throw(ArgumentError, /^pow: b must be a tensor or a number/);
    }
  });

  it("that are shared, resized, taken away or written to during a call", () => {
    expect(script("memory.ts", [], { node: ["--expose-gc"] })).to.deep.equal([0, "done\n"]);
  });
});
