// Programs with bodies as files: version 2.
import { expect } from "chai";
import {
  add,
  compile,
  cond,
  exp,
  float64,
  grad,
  int32,
  less,
  linalg,
  mul,
  Program,
  reshape,
  scan,
  sum,
  type Tensor,
  tensor,
  vmap,
  whileLoop,
} from "../lib";

type F64 = Tensor<"float64">;
const looped = compile(
  (a: F64, xs: F64) => {
    const inner = (c: F64) => vmap((x: F64) => mul(x, c) as F64)(xs);
    const { carry, ys } = scan((c: F64, x: F64) => ({ carry: add(mul(a, c), sum(inner(x))) as F64, y: c }), a, xs);
    const far = whileLoop((c: F64) => less(c, 100) as Tensor<"bool">, (c: F64) => mul(c, 2) as F64, carry); // biome-ignore format: one line
    return { far, ys, taken: vmap((x: F64) => cond(less(x, 2) as Tensor<"bool">, (y: F64) => exp(y) as F64, (y: F64) => y, x))(xs) }; // biome-ignore format: one line
  },
  float64(),
  float64(3),
);
interface Json {
  op: string;
  attrs: object;
  in: unknown[];
  out: unknown[];
}
const copy = (): Record<string, unknown> => JSON.parse(JSON.stringify(looped));
const at = (json: Record<string, unknown>, op: string): Json => {
  const all = [json, ...(json.programs as Record<string, unknown>[])];
  const found = all.flatMap((p) => p.code as Json[]).find((i) => i.op === op);
  if (!found) throw new Error(`no ${op}`);
  return found;
};

describe("program files of version 2", () => {
  it("have bodies in a table, each before those that use it, and come back as they were", () => {
    const json = copy();
    expect(json.version).to.equal(2);
    expect((json.programs as unknown[]).length).to.be.at.least(6);
    expect(JSON.parse(JSON.stringify(Program.from(json)))).to.deep.equal(json);
  });
  it("are of version 1 where nothing has a body", () => {
    expect(compile((x: F64) => exp(x), float64()).toJSON()).to.have.property("version", 1);
  });
  const wrong: [string, (json: Record<string, unknown>) => void, RegExp][] = [
    ["no table", (j) => delete j.programs, /programs must be an array/],
    ["a body that is not there", (j) => Object.assign(at(j, "scan").attrs, { body: 99 }), /body must be an integer from 0 to/],
    ["a body that comes later", (j) => (j.programs as unknown[]).reverse(), /must|got/],
    ["a negative length", (j) => Object.assign(at(j, "scan").attrs, { length: -1 }), /length must be an integer/],
    ["another length than its inputs", (j) => Object.assign(at(j, "scan").attrs, { length: 4 }), /input 1 must be float64 of shape \[4\]/],
    ["more carries than inputs", (j) => Object.assign(at(j, "scan").attrs, { carries: 99 }), /carries must be an integer from 0/],
    ["a sum too many", (j) => Object.assign(at(j, "scan").attrs, { sums: [false, false] }), /sums must have 1 entries, got 2/],
    ["no truth", (j) => Object.assign(at(j, "scan").attrs, { reverse: 1 }), /reverse must be true or false/],
    ["steps without an end", (j) => Object.assign(at(j, "whileLoop").attrs, { maxSteps: 1e300 }), /maxSteps must be an integer/],
    ["an input too few", (j) => at(j, "scan").in.pop(), /its bodies read \d inputs/],
    ["an output too few", (j) => at(j, "scan").out.pop(), /has 2 outputs, got 1/],
    ["a value of its own body", (j) => Object.assign(at(j, "cond"), { in: [9999] }), /is not defined before it is used/],
    ["attributes that are none", (j) => Object.assign(at(j, "scan"), { attrs: [] }), /attrs must be an object/],
  ];
  for (const [name, break_, text] of wrong)
    it(`refuse ${name}`, () => {
      const json = copy();
      break_(json);
      expect(() => Program.from(json)).to.throw(text);
    });
  it("say in which body what is wrong stands", () => {
    const json = copy();
    const bodies = json.programs as { inputs: object[]; code: Json[] }[];
    const i = bodies.findIndex((b) => b.code.length > 0);
    ((bodies[i] as { code: Json[] }).code[0] as Json).in = [99];
    expect(() => Program.from(json)).to.throw(`Program.from: program ${i}: instruction 0: id 99 is not defined`);
  });
  it("say of which functions in bodies they do not hold the derivatives", () => {
    const step = (c: F64) => ({
      carry: mul(
        0.1,
        linalg.funmHermitian(c, (x: F64) => exp(x)),
      ),
    });
    const one = (m: F64) => sum(scan(step, m, undefined, { length: 2 }).carry);
    const nested = (m: F64) => vmap((x: F64) => mul(x, one(m)))(tensor([1, 2])); // what it shares moves out
    for (const f of [one, (m: F64) => sum(nested(m)), (m: F64) => sum(vmap(one)(reshape(m, [1, 2, 2])))]) {
      const file = compile(f, float64(2, 2)).toJSON();
      expect(file.opaque).to.deep.equal(["funmHermitian"]);
      const loaded = Program.from<[F64], F64>(JSON.parse(JSON.stringify(file)));
      expect(() => grad((m: F64) => loaded.runSync([m]))(tensor([[1, 0], [0, 1]]))).to.throw(/derivative of its own \(funmHermitian\)/); // biome-ignore format: one line
    }
  });
  it("refuse bodies deeper than 8 and loops that would not end", () => {
    const nest = (depth: number, length: number) => {
      const leaf = { inputs: [{ id: 0, dtype: "int32", shape: [] }], constants: [], code: [], outputs: [0] };
      const around = (body: number) => ({
        inputs: [{ id: 0, dtype: "int32", shape: [] }],
        constants: [],
        code: [{ op: "scan", attrs: { body, length, reverse: false, carries: 1, mapped: 0, sums: [] }, in: [0], out: [1] }],
        outputs: [1],
      });
      const programs = [leaf, ...Array.from({ length: depth - 1 }, (_, i) => around(i))];
      const last = around(depth - 1);
      return {
        format: "backsolve-program",
        version: 2,
        programs,
        ...last,
        inputs: [{ name: "x", id: 0, dtype: "int32", shape: [] }],
        outputs: [{ name: "value", id: 1 }],
      };
    };
    // Few bytes that name bodies ten times each, as often as a hundred million.
    const wide = nest(8, 1);
    for (const p of [...wide.programs.slice(1), wide]) {
      const [run] = p.code as unknown as [object];
      (p as { code: object[] }).code = Array.from({ length: 10 }, (_, i) => ({ ...run, in: [i], out: [i + 1] }));
    }
    expect(() => Program.from(wide)).to.throw(/program 6: with its bodies, .* more than 1000000 values or instructions/);
    expect(() => Program.from(nest(9, 1))).to.throw(/at most 8 deep/);
    expect(() => Program.from(nest(8, 2 ** 31 - 1))).to.throw(/more than 2\^53 times/);
    expect(Program.from(nest(8, 2)).inputs[0]?.dtype).to.equal("int32");
    expect(int32().dtype).to.equal("int32");
    expect(tensor(1).dtype).to.equal("float64");
  });
});
