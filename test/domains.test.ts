// Domains: what they sample lies in them, whatever the dtype and shape, and comes again; users bring their own.
import { expect } from "chai";
import { type DType, isComplex } from "../lib/core/dtype";
import { storageOf } from "../lib/core/tensor";
import {
  add,
  type Domain,
  defineOp,
  domains,
  linalg,
  matmul,
  mul,
  random,
  type Shape,
  type Sym,
  type Tensor,
  tensor,
  transpose,
  tril,
} from "../lib/index";
import { epsOf, inner, maxAbs, sameBits } from "../lib/testing/close";
import { checkOp } from "../lib/testing/index";
import { inputsOf } from "../lib/testing/sample";
import { caught } from "./support";

type T = Tensor<Sym<"T">>;
const draw = (domain: Domain, dtype: DType, shape: Shape, more: object = {}): Tensor =>
  domain.sample({ shape, dtype, key: random.key(5), shapes: {}, attrs: {}, ...more });
const numbers = (t: Tensor): number[] => Array.from(storageOf(t).array as ArrayLike<number>);
/** Real parts. */
const reals = (t: Tensor): number[] => numbers(t).filter((_, i) => !isComplex(t.dtype) || i % 2 === 0);
const FLOATS = ["float32", "float64", "complex64", "complex128"] as const;
const eigenvalues = (t: Tensor): number[] => numbers(linalg.eigvalsh(t as T));

/** Each with the dtypes that it has beside floats, and what is true of a sample. */
const SHIPPED: readonly [Domain, readonly DType[], (t: Tensor) => boolean][] = [
  [
    domains.any,
    ["int32", "bool"],
    (t) => (t.dtype === "bool" ? numbers(t).every((x) => x === 0 || x === 1) : numbers(t).every((x) => Math.abs(x) <= 9)),
  ],
  [domains.positive, ["int32"], (t) => reals(t).every((x) => x > (isComplex(t.dtype) ? 0 : 0.5))],
  [domains.nonzero, ["int32"], (t) => isComplex(t.dtype) || reals(t).every((x) => Math.abs(x) >= 0.5)],
  [domains.between(-2, 3), ["int32"], (t) => numbers(t).every((x) => x >= -2 && x < 3)],
  [domains.distinct, ["int32"], (t) => reals(t).every((x, i, list) => list.every((y, j) => i === j || Math.abs(x - y) > 0.05))],
  [domains.ascending, [], (t) => reals(t).every((x, i, list) => i % (t.shape.at(-1) as number) === 0 || x > (list[i - 1] as number) + 1.2)],
];
const MATRICES: readonly [Domain, (t: Tensor) => boolean][] = [
  [domains.hermitian, (t) => apart(eigenvalues(t), t.shape.at(-1) as number)],
  [domains.positiveDefinite, (t) => eigenvalues(t).every((w) => w > 0.99)],
  [domains.invertible, (t) => numbers(linalg.inv(t as T)).every((x) => Math.abs(x) < 3)],
  [domains.triangular, (t) => numbers(linalg.solveTriangular(t as T, t as T)).every((x) => Math.abs(x) < 20)],
];
const apart = (w: number[], n: number): boolean =>
  w.every((x, i) => i % n === 0 || x - (w[i - 1] as number) > 0.9) && (n === 1 || w.some((x) => x < 0)) && w.some((x) => x > 0);

describe("domains", () => {
  for (const [domain, more, holds] of SHIPPED) {
    it(`${domain.name}: samples lie in it`, () => {
      for (const dtype of [...FLOATS, ...more]) {
        for (const shape of [[], [7], [3, 5]].filter((s) => s.length > 0 || domain !== domains.ascending)) {
          const t = draw(domain, dtype, shape);
          expect([t.dtype, t.shape], dtype).to.deep.equal([dtype, shape]);
          expect(holds(t), `${dtype} [${shape}]: ${numbers(t)}`).to.equal(true);
          expect(sameBits(t, draw(domain, dtype, shape)), "once more").to.equal(true);
        }
        expect(draw(domain, dtype, [2, 0]).shape).to.deep.equal([2, 0]);
      }
    });
  }
  for (const [domain, holds] of MATRICES) {
    it(`${domain.name}: samples lie in it, and directions in its tangent space`, () => {
      for (const dtype of FLOATS) {
        for (const shape of [
          [1, 1],
          [2, 6, 6],
          [33, 33],
        ]) {
          const t = draw(domain, dtype, shape);
          expect([t.dtype, t.shape]).to.deep.equal([dtype, shape]);
          expect(holds(t), `${dtype} [${shape}]`).to.equal(true);
          expect(sameBits(t, draw(domain, dtype, shape)), "once more").to.equal(true);
          const project = domain.tangent;
          if (!project) continue;
          expect(sameBits(project(t), t), "the domain is a set of its own tangents").to.equal(true);
          const [u, v] = [1, 2].map((seed) => random.normal(seed, shape, { dtype })) as [Tensor, Tensor];
          expect(sameBits(project(project(u)), project(u))).to.equal(true);
          const scale = u.size * maxAbs(u) * maxAbs(v) * epsOf(dtype);
          expect(Math.abs(inner(project(u), v) - inner(u, project(v)))).to.be.at.most(scale);
        }
        for (const shape of [
          [0, 0],
          [0, 3, 3],
        ])
          expect(draw(domain, dtype, shape).shape).to.deep.equal(shape);
      }
    });
  }
  it("invertible, of other shapes than square: of full rank", () => {
    for (const shape of [
      [3, 5],
      [5, 3],
    ]) {
      const a = draw(domains.invertible, "complex128", shape) as T;
      const gram = shape[0] === 3 ? matmul(a, a, { adjointB: true }) : matmul(a, a, { adjointA: true });
      expect(eigenvalues(gram).every((w) => w > 0.1)).to.equal(true);
    }
  });

  it("indices know the input that they lead into", () => {
    const shapes = { x: [4, 3, 9] };
    for (const [axis, size] of [
      [0, 4],
      [-1, 9],
      [({ axis }: { axis?: unknown }) => axis as number, 3],
    ] as const) {
      const t = draw(domains.indexInto("x", axis), "int32", [400], { shapes, attrs: { axis: 1 } });
      expect(t.dtype).to.equal("int32");
      expect([...new Set(numbers(t))].sort()).to.deep.equal(Array.from({ length: size }, (_, i) => i));
    }
    const into = (input: string, axis: number) =>
      caught(() => draw(domains.indexInto(input, axis), "int32", [2], { shapes: { x: [0] } })).message;
    expect(into("y", 0)).to.equal('indexInto: there is no axis 0 of an input "y".');
    expect(into("x", 3)).to.equal('indexInto: there is no axis 3 of an input "x".');
    expect(into("x", 0)).to.equal("indexInto: axis 0 of x is empty: nothing is an index into it.");
    expect(draw(domains.indexInto("x", 0), "int32", [0], { shapes: { x: [0] } }).shape).to.deep.equal([0]);
  });
  it("pivots are those of an exchange of rows", () => {
    const t = draw(domains.pivots, "int32", [3, 5]);
    expect(numbers(t).every((p, i) => p >= i % 5 && p < 5)).to.equal(true);
  });
});

describe("domains of users", () => {
  it("the samples of an op's inputs are those of its domains, with shapes of all inputs and attrs", async () => {
    const exchange = defineOp({
      name: "domainExchange",
      inputs: ["rows", "b"],
      outputs: ["y"],
      signature: "(k),(m,n)->(m,n)",
      dtypes: { rows: "int32" },
      domain: { rows: domains.indexInto("b", -2) },
      kernel: ({ rows, b }, _attrs, pass) => linalg.applyPivots(rows, b, pass),
    });
    const [rows] = inputsOf(exchange.row, { label: "", attrs: {}, batch: [], shapes: [[50], [3, 2]] }, "float64");
    expect(Math.max(...numbers(rows as Tensor))).to.equal(2);
    const report = await checkOp(exchange, { dtypes: ["float64"], sizes: [1, 3] });
    expect(report).to.include.keys("reverse", "forward", "secondOrder");
  });

  /** Skew-symmetric matrices. */
  const half = (a: Tensor, sign: 1 | -1): Tensor =>
    mul(0.5, add(a, mul(sign, transpose(a, [...a.shape.slice(0, -2).keys(), a.rank - 1, a.rank - 2]))));
  const skew: Domain = {
    name: "skew",
    sample: ({ key, shape, dtype }) => half(random.normal(key, shape, { dtype: dtype as "float64" }), -1),
    tangent: (v) => half(v, -1),
  };
  const squared = (name: string, domain: Domain, rule: (a: T, g: T) => T) =>
    defineOp({
      name,
      inputs: ["a"],
      outputs: ["y"],
      signature: "(n,n)->(n,n)",
      domain: { a: domain },
      saves: ["a"],
      kernel: ({ a }) => matmul(a, a),
      vjp: ({ a }, { y: g }) => ({ a: () => rule(a, g) }),
    });
  const whole = (a: T, g: T): T => add(matmul(g, a, { adjointB: true }), matmul(a, g, { adjointA: true }));
  const only = ["tangentSpace", "reverse", "forward"] as const;

  it("a tangent space of one's own: directions lie in it, and cotangents have to", async () => {
    const right = squared("domainSkew", skew, (a, g) => half(whole(a, g), -1) as T);
    expect(await checkOp(right, { dtypes: ["float64"], sizes: [3], only })).to.include.keys(...only);
    // Right along skew directions, but no skew matrix itself.
    const wrong = squared("domainSkewWrong", skew, (a, g) => mul(2, tril(half(whole(a, g), -1) as T)));
    const error = await checkOp(wrong, { dtypes: ["float64"], sizes: [3], only }).catch((e: Error) => e);
    expect(String(error)).to.match(/tangentSpace \(float64, .*\): the cotangent of a is no tangent of skew/);
    expect(String(error)).not.to.match(/reverse \(float64/);
  });

  it("a sample of another dtype or shape, or none, is told with the name of the domain", async () => {
    for (const [given, got] of [
      [tensor([1]), "float64 [1]"],
      [random.normal(1, [3, 3], { dtype: "float32" }), "float32 [3, 3]"],
      [3, "3"],
    ] as const) {
      const op = squared(`domainBad${got.replace(/\W/g, "")}`, { name: "odd", sample: () => given as Tensor }, whole);
      const error = await checkOp(op, { dtypes: ["float64"], sizes: [3], only: ["shapes"] }).catch((e: Error) => e);
      expect(String(error)).to.include(`checkOp: domain odd of input a must sample float64 [3, 3], got ${got}.`);
    }
  });
});
