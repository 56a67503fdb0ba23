// defineOp refuses a row that contradicts itself when it is given, in words that name the op, the field, what was given and what was expected.
import { expect } from "chai";
import { isKernel } from "../lib/boundary/descriptor";
import { checkRow } from "../lib/core/check-row";
import { rowNames, rowOf } from "../lib/core/registry";
import type { AnyRow } from "../lib/core/row";
import { ArgumentError, defineOp, domains, flag, int, native, oneOf, registry, tensor } from "../lib/index";
import { randoms } from "./hostile/randoms";
import { packageOps } from "./support";

const kernel = ({ a }: { a: unknown }) => a;
const good = { name: "malformed", inputs: ["a", "b"], outputs: ["y"], kernel };
const matrix = { ...good, signature: "(m,n),(n,k)->(m,k)" };
const define = (row: unknown): unknown => defineOp(row as never);
const loop: unknown[] = [];
loop.push(loop);

/** What the row is given over a good one, and what is said. */
const TABLE: readonly [object | unknown, string][] = [
  [undefined, "expected a row, { name, inputs, outputs, kernel, ... }, got undefined."],
  [[good], "expected a row, { name, inputs, outputs, kernel, ... }, got an array."],
  [{ ...good, name: "a b" }, 'name must be a name of letters and digits, got "a b".'],
  [{ ...good, name: "constructor" }, 'name must be a name of letters and digits, got "constructor".'],
  [{ ...good, name: undefined }, "name must be a name of letters and digits, got undefined."],
  [{ ...good, publicName: "" }, 'malformed: publicName must be a text that is not empty, got "".'],
  [{ ...good, tf: 3 }, "malformed: tf must be a text that is not empty, got 3."],
  [{ ...good, tf: "MatrixInverse" }, 'an op with TensorFlow\'s name "MatrixInverse" exists already: inv.'],
  [{ ...good, name: "inv" }, 'an op named "inv" exists already.'],
  [{ ...good, hidden: 1 }, "malformed: hidden must be true or false, got 1."],
  [{ ...good, inputs: [] }, "malformed: inputs must have one name or more, got none."],
  [{ ...good, inputs: "a" }, 'malformed: inputs must be an array of names, got "a".'],
  [{ ...good, inputs: ["a", "a"] }, 'malformed: inputs has "a" twice.'],
  [{ ...good, inputs: ["a", "...a"] }, 'malformed: inputs has "a" twice.'],
  [{ ...good, inputs: ["...a", "b"] }, 'malformed: inputs[0] stands for any number of inputs, which only the last may, got "...a".'],
  [{ ...good, inputs: ["a", undefined] }, "malformed: inputs[1] must be a name of letters and digits, got undefined."],
  [{ ...good, outputs: ["a"] }, 'malformed: outputs: the name "a" is one of inputs already.'],
  [{ ...good, outputs: ["y", "__proto__"] }, 'malformed: outputs[1] must be a name of letters and digits, got "__proto__".'],
  [{ ...good, attrs: { k: 3 } }, 'malformed: attrs.k must be an option as flag(false), int(0), oneOf(["a", "b"], "a") make them, got 3.'],
  [{ ...good, attrs: { k: { fallback: 0, expected: "a number" } } }, "malformed: attrs.k.parse must be a function, got undefined."],
  [{ ...good, attrs: { k: int(0.5) } }, "malformed: attrs.k.parse must take 0.5, which is its fallback or one of its values."],
  [{ ...good, attrs: { out: flag(false) } }, "malformed: attrs: out is an option that every op has."],
  [{ ...good, attrs: [] }, "malformed: attrs must be an object, got []."],
  [{ ...good, conflict: "no" }, 'malformed: conflict must be a function, got "no".'],
  [{ ...good, conflict: () => { throw new Error("why"); } }, 'malformed: conflict threw "why".'], // biome-ignore format: one line
  [{ ...good, signature: "(n)->(n)" }, 'malformed: signature "(n)->(n)" has 1 inputs, the row has 2: a, b.'],
  [{ ...matrix, outputs: ["y", "z"] }, 'malformed: signature "(m,n),(n,k)->(m,k)" has 1 outputs, the row has 2: y, z.'],
  [{ ...good, signature: "(n),(n)->(q)" }, 'malformed: signature "(n),(n)->(q)": no input says how large q is.'],
  [{ ...good, signature: "(m),(n)->(m^q)" }, 'malformed: signature "(m),(n)->(m^q)": no input says how large m^q is.'],
  [{ ...good, signature: "n,n->n" }, 'malformed: signature must be of the form (n,n),(n,k)->(n,k), got "n,n->n".'],
  [{ ...good, signature: 3 }, "malformed: signature must be a text, or a function of the attrs that gives one, got 3."],
  [
    {
      ...good,
      attrs: { side: oneOf(["left", "right"], "left") },
      signature: ({ side }: { side: string }) => (side === "left" ? "(n),(n)->()" : "(n),(n)->(k)"),
    },
    'malformed: signature "(n),(n)->(k)": no input says how large k is.',
  ],
  [
    { ...matrix, infer: () => ({}) },
    "malformed: signature and infer exclude each other: a row has one of them, or none where it is elementwise.",
  ],
  [{ ...good, infer: {} }, "malformed: infer must be a function, got an object."],
  [{ ...good, kernel: undefined }, "malformed: kernel must be a function of other ops, or native(name), got undefined."],
  [{ ...good, kernel: {} }, 'malformed: kernel.kind must be one of "native", got undefined.'],
  [{ ...good, kernel: native("choleski") }, 'malformed: kernel: the native table has no kernel "choleski".'],
  [{ ...good, kernel: native("add", 3 as never) }, "malformed: kernel.encode must be a function, got 3."],
  [{ ...good, aux: { r: "(n)" }, kernel: native("add") }, "malformed: aux needs a signature."],
  [{ ...matrix, aux: { r: "(n)" } }, "malformed: aux needs a native kernel, which gives it."],
  [{ ...matrix, aux: { r: "n" }, kernel: native("matmul") }, 'malformed: aux.r must be item dimensions as (n,n), got "n".'],
  [{ ...matrix, aux: { r: "(q)" }, kernel: native("matmul") }, 'malformed: aux.r "(m,n),(n,k)->(m,k),(q)": no input says how large q is.'],
  [{ ...matrix, aux: { y: "(n)" }, kernel: native("matmul") }, 'malformed: aux: the name "y" is one of outputs already.'],
  [{ ...good, dtypes: { c: "real" } }, 'malformed: dtypes names "c", which is no input, output or aux: a, b, y.'],
  [
    { ...good, dtypes: { y: "single" } },
    'malformed: dtypes.y must be one of "T", "real", "complex", "float32", "float64", "complex64", "complex128", "bool", "int32", got "single".',
  ],
  [{ ...good, dtypes: () => ({ y: "float" }) }, 'malformed: dtypes.y must be one of "T", "real", "complex", "float32",'],
  [{ ...good, types: "float64" }, 'malformed: types must be one of "float", "real", "complex", "number", "ordered", "any", got "float64".'],
  [{ ...matrix, inputs: ["a", "...b"] }, "malformed: signature needs inputs that are counted: with a variadic one give infer."],
  [{ ...good, inputs: ["b", "...a"], outputs: ["a"] }, 'malformed: outputs: the name "a" is one of inputs already.'],
  [{ ...good, kernel: native(() => "choleski") }, 'malformed: kernel: the native table has no kernel "choleski".'],
  [{ ...good, domain: { c: domains.any } }, 'malformed: domain names "c", which is no input: a, b.'],
  [{ ...good, inputs: ["...a"], domain: { a: domains.any, c: domains.any } }, 'malformed: domain names "c", which is no input: a.'],
  [
    { ...good, domain: { a: "positive" } },
    'malformed: domain.a must be a domain: { sample(draw) { ... } }, or one of `domains`, got "positive".',
  ],
  [{ ...good, domain: { a: {} } }, "malformed: domain.a.sample must be a function, got undefined."],
  [{ ...good, failures: ["ERR_SINGLAR"] }, 'malformed: failures[0] must be one of "ERR_SHAPE",'],
  [{ ...good, saves: ["z"] }, 'malformed: saves[0] must be an input or output, one of a, b, y, got "z".'],
  [{ ...good, saves: ["a", "a"] }, 'malformed: saves has "a" twice.'],
  [{ ...good, vjp: 3 }, "malformed: vjp must be a function, got 3."],
  [{ ...good, slopes: () => ({}), vjp: () => ({}) }, "malformed: slopes and vjp exclude each other: slopes stand for it."],
  [{ ...matrix, slopes: () => ({}) }, "malformed: slopes and signature exclude each other: slopes are those of elementwise ops."],
  [{ ...good, slopes: () => ({}), outputs: ["y", "z"] }, "malformed: slopes needs a row of one output."],
  [{ ...good, linear: "yes" }, 'malformed: linear must be true or false, got "yes".'],
  [{ ...good, linear: true, jvp: () => ({}) }, "malformed: linear and jvp exclude each other: a linear op is its own tangent."],
  [{ ...good, samples: () => [] }, "malformed: samples needs infer."],
  [{ ...good, sizes: () => [] }, "malformed: sizes needs a signature."],
  [{ ...good, order: -1 }, "malformed: order must be an integer, 0 or more, got -1."],
  [{ ...matrix, fused: native("matmul") }, "malformed: fused needs a vjp, which says the same by other ops."],
  [{ ...good, fused: native("add"), vjp: () => ({}) }, "malformed: fused needs a signature."],
  [{ ...matrix, fused: () => 3, vjp: () => ({}) }, "malformed: fused must be native(name), a kernel of the native table, got a function."],
  [{ ...matrix, fused: native("matmul_vpj"), vjp: () => ({}) }, 'malformed: fused: the native table has no kernel "matmul_vpj".'],
  [{ ...matrix, fused: native("matmul"), vjp: () => ({}), fusedFor: "all" }, 'malformed: fusedFor must be a function, got "all".'],
  [{ ...matrix, vjp: () => ({}), fusedFor: () => true }, "malformed: fusedFor needs a fused rule."],
  [{ ...good, gradient: () => ({}) }, 'malformed: a row has no field "gradient". Fields: name, publicName,'],
  [{ ...good, get inputs() { throw new Error("gone"); } }, 'the row threw "gone".'], // biome-ignore format: one line
];

describe("rows that contradict themselves", () => {
  for (const [row, message] of TABLE) {
    it(message.slice(0, 110), () => {
      const before = rowNames();
      expect(() => define(row)).to.throw(ArgumentError, `defineOp: ${message}`);
      expect(rowNames()).to.deep.equal(before);
    });
  }

  it("no row of the package does, its native kernels included", () => {
    for (const { vjp, jvp, ...row } of packageOps.map(rowOf)) {
      if (row.slopes)
        checkRow(row, isKernel); // which vjp and jvp were made of, as the jvp of a linear row
      else checkRow({ ...row, vjp, jvp: row.linear ? undefined : jvp }, isKernel);
    }
  });

  it("an unknown field that is undefined is none; what is changed later is not the row's", () => {
    const inputs = ["a"];
    const attrs = { k: int(2) };
    const op = define({ name: "malformedNot", inputs, outputs: ["y"], attrs, signature: undefined, nonsense: undefined, kernel }) as (
      x: unknown,
    ) => unknown;
    inputs.push("b");
    Object.assign(attrs, { l: 3 });
    const x = tensor([1, 2]);
    expect(op(x)).to.equal(x);
    expect(registry.get("malformedNot")?.inputs).to.deep.equal(["a"]);
    expect(Object.keys(registry.get("malformedNot")?.attrs ?? {})).to.deep.equal(["k"]);
  });
});

describe("rows of garbage", () => {
  const next = randoms(11);
  const below = (n: number): number => Math.floor(next() * n);
  const pick = <X>(list: readonly X[]): X => list[below(list.length)] as X;
  const thrower = () => {
    throw new Error("thrown");
  };
  const proxy = new Proxy({}, { get: thrower, ownKeys: thrower, getPrototypeOf: thrower });
  const values: readonly unknown[] = [
    undefined, null, true, false, 0, 1, -1, 0.5, Number.NaN, 2 ** 53, 10n, "", "a", "y", "real", "(n)->(n)", "(n),(n)->(n)", Symbol("s"), [], [1], ["a"], ["a", "a"], loop,
    {}, { a: 1 }, { a: "real" }, { sample: thrower }, { kind: "native", name: "add" }, () => ({}), () => "(n),(n)->(n)", thrower, class {}, new Map(), new Date(Number.NaN), proxy,
    Object.create(null), new Uint8Array(3), { k: int(1) }, { k: { fallback: 1, expected: "x", parse: thrower } }, { get a() { return thrower(); } },
  ]; // biome-ignore format: a list
  const fields = [
    ...Object.keys(rowOf("lstsq")),
    "infer",
    "samples",
    "slopes",
    "linear",
    "jvp",
    "conflict",
    "hidden",
    "doc",
    "nonsense",
    "__proto__",
  ];
  const bases: readonly AnyRow[] = ["add", "lstsq", "eigh", "reshape", "solveTriangular", "where", "slogdet"].map(rowOf);

  it("are refused by an ArgumentError and leave nothing behind, or are rows", () => {
    const count = { refused: 0, made: 0 };
    for (let i = 0; i < 5000; i++) {
      const row: Record<string, unknown> = { ...pick(bases), name: `garbage${i}` };
      delete row.tf;
      for (let k = 1 + below(3); k > 0; k--) {
        const field = pick(fields);
        if (below(4) === 0) delete row[field];
        else Object.defineProperty(row, field, { value: pick(values), enumerable: true, configurable: true });
      }
      const before = rowNames().length;
      try {
        const op = define(below(50) === 0 ? pick(values) : row) as { row: AnyRow };
        count.made++;
        expect(rowNames().length).to.equal(before + 1);
        expect(registry.get(op.row.name)).to.equal(op.row);
        expect(registry.op(op.row.name)).to.equal(op);
      } catch (error) {
        count.refused++;
        expect(error, String((error as Error).stack)).to.be.instanceOf(ArgumentError);
        expect((error as ArgumentError).op).to.equal("defineOp");
        expect(rowNames().length).to.equal(before);
      }
    }
    expect(Math.min(count.refused, count.made), JSON.stringify(count)).to.be.above(300);
  });
});
