// Programs as JSON: whatever toJSON writes Program.from takes, and what comes back is the program. Mutated files: errors of this package, nothing else.
import { expect } from "chai";
import { isDefinedFor } from "../lib/core/form";
import type { AnyRow } from "../lib/core/row";
import {
  ArgumentError,
  add,
  BacksolveError,
  compile,
  defineOp,
  type Float,
  float64,
  grad,
  jvp,
  linalg,
  Program,
  registry,
  ShapeError,
  Spec,
  type Sym,
  sum,
  type Tensor,
  vjp,
  zeros,
} from "../lib/index";
import { sameBits } from "../lib/testing/close";
import { cotangents, differentiable, floats, run, type Trial, tangentsOf } from "../lib/testing/common";
import { attrGrid, type Case, inputsOf, casesOf as samplesOf, signatureCase } from "../lib/testing/sample";
import { randoms } from "./hostile/randoms";
import { caught, packageOps } from "./support";

type F64 = Tensor<"float64">;
type Json = null | boolean | number | string | Json[] | { [k: string]: Json };
interface Loose {
  runSync(args: unknown): Tensor[];
  toJSON(): unknown;
}

/** Cases with dimensions of a batch inside the item: in every input, and in all but one. */
function casesOf(k: Omit<Trial, "c">): Case[] {
  const { row } = k;
  if (row.infer) return samplesOf(row, [2]);
  return attrGrid(row).flatMap((attrs) => {
    const sizes = [undefined, ...(row.sizes?.(2) ?? [])];
    return sizes.flatMap((given) => {
      const whole = signatureCase(row, attrs, 3, [2], given);
      const bare = signatureCase(row, attrs, 3, [], given);
      const mixed =
        row.inputs.length === 1 ? [] : row.inputs.map((_, i) => ({ ...whole, shapes: whole.shapes.with(i, bare.shapes[i] as number[]) }));
      return [whole, ...mixed];
    });
  });
}

/** Value, pulled cotangents and pushed tangents of a row, as functions of its float inputs. */
function functionsOf(k: Trial, inputs: readonly Tensor[]): [string, (...xs: Tensor[]) => Tensor[]][] {
  const which = floats(inputs);
  const f = (...xs: Tensor[]): Tensor[] =>
    run(
      k,
      inputs.map((t, i) => (which.includes(i) ? (xs[which.indexOf(i)] as Tensor) : t)),
    );
  if (!differentiable(k)) return [["value", f]];
  const g = cotangents(run(k, inputs));
  const v = tangentsOf(k, inputs);
  return [
    ["value", f],
    ["vjp", (...xs) => vjp(f, ...(xs as never[])).pullback(g as never) as Tensor[]],
    ["jvp", (...xs) => jvp(f, xs as never, which.map((i) => v[i] as Tensor) as never).tangent as Tensor[]],
  ];
}

function programsOf(name: string, dtype: Float): { label: string; program: Loose; given: Tensor[] }[] {
  const row = registry.get(name) as Trial["row"];
  const op = registry.op(name) as Trial["op"];
  return casesOf({ row, op, dtype }).flatMap((c) => {
    const k = { row, op, dtype, c };
    const inputs = inputsOf(row, c, dtype);
    const given = floats(inputs).map((i) => inputs[i] as Tensor);
    const specs = given.map((t) => new Spec(t.dtype as Float, t.shape));
    return functionsOf(k, inputs).map(([mode, f]) => {
      const label = `${name} ${mode} ${dtype} ${c.label} ${JSON.stringify(c.shapes)}`;
      return { label, program: compile(f as never, ...(specs as never[])) as unknown as Loose, given };
    });
  });
}

describe("programs as JSON", () => {
  for (const name of packageOps) {
    it(`${name}: value, gradient and jvp with a batch inside the item come back as they were`, () => {
      for (const dtype of ["float64", "complex64"] as const) {
        if (!isDefinedFor(registry.get(name) as AnyRow, dtype)) continue;
        for (const { label, program, given } of programsOf(name, dtype)) {
          const text = JSON.stringify(program.toJSON());
          const loaded = Program.from(text) as unknown as Loose;
          expect(JSON.stringify(loaded.toJSON()), label).to.equal(text);
          const [want, got] = [program.runSync(given), Object.values(loaded.runSync(given))];
          want.forEach((t, i) => {
            expect(sameBits(got[i] as Tensor, t), label).to.equal(true);
          });
        }
      }
    });
  }

  it("the gradient of lstsq with a batch inside the item and one λ", () => {
    const f = (a: F64, y: F64) => grad((x: F64) => sum(linalg.lstsq(x, y)))(a);
    const program = compile(f, float64(3, 2, 2), float64(3, 2, 1));
    const a = add(
      inputsOf(registry.get("inv") as Trial["row"], { label: "", attrs: {}, batch: [3], shapes: [[3, 2, 2]] }, "float64")[0] as F64,
      0,
    );
    const y = zeros([3, 2, 1]).add(1);
    expect(sameBits(Program.from(program.toJSON()).runSync([a, y]) as Tensor, program.runSync([a, y]))).to.equal(true);
  });

  it("names of any length; more inputs than Program.from takes are an error of toJSON", () => {
    const long = "x".repeat(5000);
    for (const name of ["", long]) {
      const program = compile((p: { [k: string]: F64 }) => ({ [long]: add(p[name] as F64, 1), y: p[name] }), { [name]: float64() });
      const loaded = Program.from(JSON.stringify(program)) as Program<unknown, Record<string, Tensor>>;
      expect(loaded.runSync({ [name]: 1 })[long]?.item()).to.equal(2);
    }
    const many = (n: number) => compile((x: F64[]) => add(x[0] as F64, x[n - 1] as F64), Array<Spec<"float64">>(n).fill(float64()));
    expect(Program.from(many(32768).toJSON()).inputs.length).to.equal(32768);
    expect(() => many(32769).toJSON()).to.throw(ArgumentError, /^toJSON: a saved program has at most 32768 inputs, this one has 32769/);
  });
});

describe("programs as JSON: versions", () => {
  it("one that is unknown is told with those that are read, and whether it is a later one", () => {
    const file = choleskyRule([2, 2], [2, 2]);
    expect(Program.from(file).inputs.length).to.equal(2);
    const message = (version: unknown): string => caught(() => Program.from({ ...file, version })).message;
    for (const [version, given] of [
      [3, "3"],
      [1e9, "1000000000"],
    ] as const)
      expect(message(version)).to.equal(
        `Program.from: version must be 1 or 2, got ${given}. A later backsolve wrote this program: it needs that one or one after it.`,
      );
    for (const [version, given] of [
      [undefined, "undefined"],
      [0, "0"],
      [-1, "-1"],
      [1.5, "1.5"],
      ["1", '"1"'],
      [[1], "[1]"],
      [null, "null"],
      [Number.NaN, "NaN"],
    ] as const)
      expect(message(version)).to.equal(`Program.from: version must be 1 or 2, got ${given}.`);
  });
});

describe("programs as JSON: rows that were renamed", () => {
  const file = (op: string, attrs: object) => ({
    format: "backsolve-program",
    version: 1,
    inputs: [{ name: "x", id: 0, dtype: "float64", shape: [2] }],
    constants: [],
    code: [{ op, attrs, in: [0], out: [1] }],
    outputs: [{ name: "y", id: 1 }],
  });
  it("load under the name that they had, and are written under the one that they have", () => {
    const [before, now] = ["place", "padTo"].map((op) => Program.from(file(op, { start: [1], shape: [4] })));
    expect(JSON.stringify(before)).to.equal(JSON.stringify(now));
    const y = (before as Program<unknown, { y: F64 }>).runSync({ x: zeros([2]).add(3) }).y;
    expect(y.toArray()).to.deep.equal([0, 3, 3, 0]);
  });
  it("nobody else takes that name; in errors of a file it is the new one", () => {
    const row = { name: "place", inputs: ["x"], outputs: ["y"], kernel: ({ x }: { x: Tensor<Sym<"T">> }) => x } as const;
    expect(() => defineOp(row)).to.throw(ArgumentError, 'defineOp: "place" is what program files call the op padTo: choose another name.');
    expect(registry.get("place")).to.equal(undefined);
    expect(() => Program.from(file("place", { start: [3], shape: [4] }))).to.throw(ShapeError, /^padTo: shape \[2\] at \[3\]/);
    expect(() => Program.from(file("place_vjp", {}))).to.throw(ArgumentError, 'there is no instruction "padTo_vjp"');
  });
});

// ---- Files that were tampered with ----

/** A file with one instruction, the rule of cholesky. */
const choleskyRule = (l: number[], g: number[], more: object = {}) => ({
  format: "backsolve-program",
  version: 1,
  inputs: [
    { name: "l", id: 0, dtype: "float64", shape: l },
    { name: "g", id: 1, dtype: "float64", shape: g },
  ],
  constants: [],
  code: [{ op: "cholesky_vjp", attrs: {}, in: [0, 1], out: [2] }],
  outputs: [{ name: "value", id: 2 }],
  ...more,
});

describe("programs as JSON: operands of rules that do not fit", () => {
  for (const [what, json, message] of [
    ["batches", choleskyRule([2, 3, 3], [5, 3, 3]), "batch dimensions do not broadcast together: l [2, 3, 3], cotangent of l [5, 3, 3]."],
    ["a scalar cotangent", choleskyRule([3, 3], []), "cotangent of l: shape [] has fewer than 2 dimensions."],
    ["a vector", choleskyRule([3], [3, 3]), "l: shape [3] has fewer than 2 dimensions."],
    ["another size", choleskyRule([3, 3], [4, 4]), "l: shape [3, 3] does not end in [4, 4]."],
    ["no square", choleskyRule([3, 4], [3, 4]), "l: shape [3, 4] does not end in [4, 4]."],
  ] as const) {
    it(`${what}: the instruction and the operand are named`, () => {
      expect(() => Program.from(json)).to.throw(ShapeError, `Program.from: instruction 0: ${message}`);
    });
  }

  it("a fused rule that there is not with these attributes", () => {
    const inputs = [0, 1, 2].map((id) => ({ name: `x${id}`, id, dtype: "float64", shape: [3, 3] }));
    const file = (mode: string) => ({
      ...choleskyRule([3, 3], [3, 3]),
      inputs,
      code: [{ op: "qr_vjp", attrs: { mode }, in: [0, 1, 2, null], out: [3] }],
      outputs: [{ name: "value", id: 3 }],
    });
    expect(() => Program.from(file("reduced"))).not.to.throw();
    expect(() => Program.from(file("complete"))).to.throw(
      ArgumentError,
      'instruction 0: there is no instruction "qr_vjp" with these attrs.',
    );
  });

  it("mutated gradients load, or are an error of this package", () => {
    const next = randoms(7);
    const below = (n: number): number => Math.floor(next() * n);
    const files = ["cholesky", "solve", "det", "slogdet", "lstsq", "lstsqSvd", "eigh", "eigvalsh", "expmHermitian", "solveTriangular", "qr"]
      .flatMap((name) => programsOf(name, "float64").slice(0, 6))
      .map(({ program }) => JSON.stringify(program.toJSON()));
    const count = { loaded: 0, refused: 0 };
    for (let i = 0; i < 6000; i++) {
      const json = JSON.parse(files[below(files.length)] as string) as { [k: string]: Json[] };
      for (let k = 1 + below(2); k > 0; k--) mutate(json, below);
      try {
        Program.from(json);
        count.loaded++;
      } catch (error) {
        const text = `${(error as Error).stack} ${JSON.stringify(json).slice(0, 2000)}`;
        expect(error instanceof BacksolveError && error.code !== "ERR_INTERNAL" && error.op.length > 0, text).to.equal(true);
        count.refused++;
      }
    }
    expect(Math.min(count.loaded, count.refused)).to.be.above(300);
  });
});

/** Changes the shape of an input or constant, an id that an instruction reads or gives, its op, or one of its attributes. */
function mutate(json: { [k: string]: Json[] }, below: (n: number) => number): void {
  const pick = (list: readonly Json[] | undefined): { [k: string]: Json } => (list?.[below(list.length)] ?? {}) as { [k: string]: Json };
  const strange: readonly Json[] = [null, -1, 0, 1, 2, 3, 5, 0.5, 2 ** 31, 2 ** 45, "x", [], [2], {}, true];
  const any = (): Json => structuredClone(strange[below(strange.length)] as Json);
  const instruction = pick(json.code);
  switch (below(5)) {
    case 0: {
      const value = pick(below(2) === 0 && json.constants?.length ? json.constants : json.inputs);
      const shape = [...((value.shape as Json[]) ?? [])];
      if (below(2) === 0) shape.splice(below(shape.length + 1), below(2), ...(below(2) === 0 ? [1 + below(5)] : []));
      else shape[below(shape.length)] = below(3) === 0 ? any() : below(6);
      value.shape = shape;
      return;
    }
    case 1: {
      const ids = (instruction[below(2) === 0 ? "in" : "out"] ?? []) as Json[];
      ids[below(ids.length)] = below(3) === 0 ? any() : below(20);
      return;
    }
    case 2:
      instruction.op = packageOps[below(packageOps.length)] + (below(2) === 0 ? "_vjp" : "");
      return;
    case 3: {
      const attrs = (instruction.attrs ?? {}) as { [k: string]: Json };
      const keys = Object.keys(attrs);
      attrs[keys[below(keys.length)] ?? "x"] = any();
      return;
    }
    default:
      json[["inputs", "constants", "code", "outputs"][below(4)] as string]?.splice(below(8), 1);
  }
}
