// What goes wrong is an error of this package: its class, code, op, item, index and text. Hostile callers: hostile.test.ts.
import { expect } from "chai";
import { readFailures } from "../lib/core/native";
import type { Attrs } from "../lib/core/row";
import {
  ArgumentError,
  add,
  arange,
  BacksolveError,
  type CallOptions,
  type Code,
  compile,
  complex,
  customGrad,
  DtypeError,
  defineOp,
  diag,
  eye,
  type Failure,
  type Float,
  float32,
  float64,
  full,
  grad,
  hvp,
  isTensor,
  jacobian,
  jvp,
  LinalgError,
  linalg,
  linspace,
  log,
  matmul,
  mean,
  mul,
  random,
  registerGradient,
  registry,
  reshape,
  ShapeError,
  setThreads,
  slice,
  sum,
  type Tensor,
  tensor,
  transpose,
  vjp,
  where,
  zeros,
} from "../lib/index";
import { info } from "../lib/runtime";
import { attrGrid, type Case, inputsOf } from "../lib/testing/sample";

type F64 = Tensor<"float64">;
type T = Tensor<never>;
const wrong = <X>(x: X): never => x as never; // an argument that the types refuse
const loose = (f: unknown) => f as (...args: unknown[]) => unknown; // a call that they refuse

function caught(f: () => unknown): BacksolveError {
  try {
    f();
  } catch (error) {
    expect(error, String(error)).to.be.instanceOf(BacksolveError);
    return error as BacksolveError;
  }
  throw new Error("nothing was thrown");
}
const rejected = (p: Promise<unknown>): Promise<Error & { code?: Code; item?: number; index?: number }> =>
  p.then(
    () => expect.fail("resolved"),
    (e) => e,
  );
const fields = (e: unknown) => {
  const { code, op, item, index, message } = e as LinalgError;
  return { code, op, item, index, message };
};

describe("errors", () => {
  it("have a class, a code, an op, and a stack that says all of them", () => {
    const classes: [new (...a: never[]) => BacksolveError, string, () => unknown][] = [
      [ShapeError, "ERR_SHAPE", () => linalg.cholesky(zeros([2, 3]))],
      [DtypeError, "ERR_DTYPE", () => add(zeros(2), zeros(2, { dtype: "float32" }))],
      [ArgumentError, "ERR_ARGUMENT", () => linalg.cholesky(wrong("a"))],
      [LinalgError, "ERR_NOT_POSITIVE_DEFINITE", () => linalg.cholesky(zeros([2, 2]))],
    ];
    for (const [type, code, f] of classes) {
      const error = caught(f);
      expect(error).to.be.instanceOf(type);
      expect(error).to.be.instanceOf(Error);
      expect([error.name, error.code]).to.deep.equal([type.name, code]);
      expect(error.message.startsWith(`${error.op}: `), error.message).to.equal(true);
      expect(error.stack?.split("\n")[0]).to.equal(`${type.name} [${code}]: ${error.message}`);
    }
  });

  it("read as api.md promises", () => {
    const a = new Float64Array(100 * 32 * 32);
    for (let b = 0; b < 100; b++) for (let i = 0; i < 32; i++) a[b * 1024 + i * 33] = b === 17 && i === 4 ? -1 : 1;
    const error = caught(() => linalg.cholesky(tensor(a, { shape: [100, 32, 32] }))) as LinalgError;
    expect(String(error.stack).split("\n")[0]).to.equal(
      "LinalgError [ERR_NOT_POSITIVE_DEFINITE]: cholesky: matrix 17 of the batch (shape [100, 32, 32]) is not positive definite: " +
        "its leading minor of order 5 is not positive.",
    );
    expect([error.item, error.index]).to.deep.equal([17, 5]);
  });

  it("tell which matrix, also where an output or the first input is none", () => {
    const bad = (n: number) => tensor(new Float64Array(3 * n * n).fill(Number.NaN, n * n, 2 * n * n), { shape: [3, n, n] });
    for (const op of ["det", "slogdet", "eigvalsh", "eigh", "logdet", "lu", "luFactor", "inv"] as const) {
      const data = bad(2);
      data.data.set([1, 0, 0, 1]);
      expect(caught(() => linalg[op](data)).message).to.equal(`${op}: matrix 1 of the batch (shape [3, 2, 2]) contains NaN or infinity.`);
    }
    const pivots = tensor(new Int32Array([0, 1, 0, 7]), { shape: [2, 2] });
    expect(caught(() => linalg.applyPivots(wrong(pivots), eye(2))).message).to.equal(
      "applyPivots: matrix 1 of the batch (shape [2, 2, 2]) has pivot 1 out of range.",
    );
    expect(caught(() => linalg.inv(zeros([2, 2]))).message).to.equal(
      "inv: the matrix (shape [2, 2]) is singular: the pivot in column 1 is exactly zero.",
    );
    const singular = (x: F64) => linalg.slogdet(x).logabsdet;
    expect(
      caught(() =>
        grad((x: F64) => sum(singular(x)))(
          tensor([
            [
              [1, 0],
              [0, 1],
            ],
            [
              [1, 1],
              [1, 1],
            ],
          ]),
        ),
      ).message,
    ).to.equal("slogdet: matrix 1 of the batch (shape [2, 2, 2]) is singular: the pivot in column 2 is exactly zero.");
  });

  it("have a text for every failure of native/status.h", () => {
    const codes = Array.from({ length: 14 }, (_, i) => {
      const [f] = readFailures(Float64Array.of(3, 0, i + 1, 2), () => "op", [5], [4, 4]) as [Failure];
      expect(f.message).to.match(/^matrix 3 of the batch \(shape \[5, 4, 4\]\) (is|has|contains|did|needs) .*\.$/);
      return f.code.slice(4);
    });
    expect(codes.join(" ")).to.equal(
      "NOT_POSITIVE_DEFINITE SINGULAR NOT_FINITE NO_CONVERGENCE RANK_DEFICIENT DEGENERATE DEGENERATE DEGENERATE NOT_POSITIVE_DEFINITE " +
        "ARGUMENT ARGUMENT ARGUMENT DEGENERATE NOT_FINITE",
    );
  });
});

describe("wrong arguments", () => {
  const two = eye(2);
  const x32 = zeros([2, 2], { dtype: "float32" });
  const mask = tensor([true, false]);
  const table: [string, () => unknown, Code, RegExp][] = [
    ["no arguments", () => loose(linalg.cholesky)(), "ERR_ARGUMENT", /^cholesky: expected a and options, got 0 arguments\.$/],
    ["too many", () => loose(add)(1, 2, {}, 4), "ERR_ARGUMENT", /^add: expected a, b and options, got 4 arguments/],
    ["an array", () => linalg.cholesky(wrong([[1]])), "ERR_ARGUMENT", /a must be a tensor or a number, got an array\. Wrap it: tensor/],
    ["a function", () => sum(wrong(() => 1)), "ERR_ARGUMENT", /^sum: x must be a tensor or a number, got a function/],
    ["a symbol", () => mul(two, wrong(Symbol("s"))), "ERR_ARGUMENT", /^mul: b must be a tensor or a number, got a symbol/],
    ["a string", () => transpose(wrong("abc")), "ERR_ARGUMENT", /^transpose: x must be a tensor or a number, got "abc"/],
    ["null", () => matmul(two, wrong(null)), "ERR_ARGUMENT", /^matmul: b must be a tensor or a number, got null/],
    ["undefined", () => diag(wrong(undefined)), "ERR_ARGUMENT", /^diag: x must be a tensor or a number, got undefined/],
    ["null options", () => sum(two, wrong(null)), "ERR_ARGUMENT", /^sum: expected an object of options, got null/],
    ["null options", () => linalg.solve(two, two, wrong(null)), "ERR_ARGUMENT", /^solve: expected an object of options, got null/],
    ["misspelt option", () => sum(two, wrong({ axes: 0 })), "ERR_ARGUMENT", /^sum: unknown option "axes"\. Options: axis, keepDims/],
    [
      "misspelt option",
      () => linalg.inv(two, wrong({ adj: true })),
      "ERR_ARGUMENT",
      /unknown option "adj"\. Options: adjoint, onFailure, out/,
    ],
    ["misspelt option", () => zeros(2, wrong({ type: "float32" })), "ERR_ARGUMENT", /^zeros: unknown option "type"\. Options: dtype/],
    ["wrong option", () => linalg.inv(two, { adjoint: wrong("yes") }), "ERR_ARGUMENT", /option adjoint must be true or false, got "yes"/],
    ["wrong option", () => linalg.eigh(two, { degenerate: wrong("x") }), "ERR_ARGUMENT", /must be one of "throw", "nan", "mask", got "x"/],
    ["onFailure", () => linalg.inv(two, { onFailure: wrong("NaN") }), "ERR_ARGUMENT", /onFailure must be "throw" or "nan", got "NaN"/],
    ["signal", () => linalg.inv(two, wrong({ signal: AbortSignal.abort() })), "ERR_ARGUMENT", /a signal needs inv\.async/],
    ["checked with onFailure", () => linalg.inv.checked(two, wrong({ onFailure: "nan" })), "ERR_ARGUMENT", /unknown option "onFailure"/],
    ["both forms", () => linalg.solveTriangular(two, two, { adjoint: true, transpose: true }), "ERR_ARGUMENT", /exclude each other/],
    ["power", () => linalg.powmHermitian(two, wrong("2")), "ERR_ARGUMENT", /^powmHermitian: p must be a finite number, got "2"/],
    ["f", () => linalg.funmHermitian(two, wrong(3)), "ERR_ARGUMENT", /^funmHermitian: f must be a function of a tensor, got 3/],
    ["vector", () => linalg.cholesky(zeros(3)), "ERR_SHAPE", /^cholesky: a must be a square matrix \(\.\.\.,n,n\).*got shape \[3\]/],
    ["not square", () => linalg.det(zeros([2, 3])), "ERR_SHAPE", /^det: a has shape \[2, 3\], expected \(\.\.\.,n,n\)/],
    ["unequal", () => linalg.solve(two, zeros([3, 1])), "ERR_SHAPE", /^solve: b has shape \[3, 1\].*m is 2 in a/],
    [
      "batches",
      () => linalg.solve(zeros([2, 2, 2]), zeros([3, 2, 1])),
      "ERR_SHAPE",
      /batch dimensions do not broadcast.*\[2, 2, 2\].*\[3, 2, 1\]/,
    ],
    ["broadcast", () => add(zeros(2), zeros(3)), "ERR_SHAPE", /^add: shapes do not broadcast together: a \[2\], b \[3\]/],
    ["scalars", () => matmul(wrong(1), two), "ERR_SHAPE", /^matmul: a and b must have an axis, got shapes \[\] and \[2, 2\]; use mul/],
    ["reshape", () => reshape(two, [3, -1]), "ERR_SHAPE", /^reshape: shape \[2, 2\] does not fit \[3, 1\] with -1 for axis 1/],
    ["reshape", () => reshape(two, [-1, wrong(Symbol("s"))]), "ERR_SHAPE", /got a symbol for axis 1/],
    ["slice", () => slice(two, [0, 1], [2, 2]), "ERR_SHAPE", /^slice: start \[0, 1\] and size \[2, 2\] do not lie inside shape \[2, 2\]/],
    ["axis", () => sum(two, { axis: 2 }), "ERR_ARGUMENT", /^sum: axis 2 is out of range for 2 axes/],
    ["axis", () => mean(two, { axis: [0, -2] }), "ERR_ARGUMENT", /^mean: option axis names an axis twice/],
    ["axes", () => transpose(two, [0, 0]), "ERR_ARGUMENT", /^transpose: axes \[0, 0\] must be a permutation/],
    ["axes", () => transpose(two, wrong(1)), "ERR_ARGUMENT", /^transpose: axes must be an array of numbers, got 1/],
    ["precisions", () => mul(two, x32), "ERR_DTYPE", /^mul: b is float32, the inputs before it are float64: .*precisions do not mix/],
    ["bool", () => linalg.cholesky(wrong(zeros([2, 2], { dtype: "bool" }))), "ERR_DTYPE", /^cholesky: a must be float32, .*got bool/],
    ["pivots", () => linalg.applyPivots(wrong(zeros(2)), two), "ERR_DTYPE", /^applyPivots: pivots must have dtype int32, got float64/],
    ["mask", () => where(wrong(zeros(2)), 1, 2), "ERR_DTYPE", /^where: mask must have dtype bool, got float64/],
    ["mask of numbers", () => add(wrong(mask), 1), "ERR_DTYPE", /^add: a must be float32, float64, complex64 or complex128, got bool/],
    ["complex of complex", () => complex(wrong(complex(two, two)), wrong(two)), "ERR_DTYPE", /^complex: is defined for real tensors/],
    [
      "ragged",
      () => tensor([[1, 2], [3]]),
      "ERR_SHAPE",
      /^tensor: nested arrays must be rectangular: expected 2 elements at \[1\], got 1 elements/,
    ],
    ["element", () => tensor([1, wrong("2")]), "ERR_DTYPE", /^tensor: element 1 must be a number, a boolean or \{ re, im \}, got "2"/],
    ["holes", () => tensor(new Array(2 ** 32 - 1)), "ERR_DTYPE", /^tensor: element 0 must be a number.*got undefined/],
    ["array", () => tensor(wrong(new BigInt64Array(2))), "ERR_DTYPE", /^tensor: data must be a Float32Array/],
    [
      "array and dtype",
      () => tensor(new Float64Array(2), wrong({ dtype: "float32" })),
      "ERR_DTYPE",
      /dtype float32 needs a Float32Array, got a Float64Array/,
    ],
    [
      "array and shape",
      () => tensor(new Float64Array(3), { shape: [2] }),
      "ERR_SHAPE",
      /^tensor: shape \[2\] of float64 needs 2 array elements, got 3/,
    ],
    ["odd complex", () => tensor(new Float64Array(3), { dtype: "complex128" }), "ERR_SHAPE", /complex128 needs/],
    ["dtype", () => zeros(2, { dtype: wrong("float16") }), "ERR_DTYPE", /^zeros: expected a dtype \(float32, .*\), got "float16"/],
    ["dtype", () => tensor([1], { dtype: wrong(Symbol("x")) }), "ERR_DTYPE", /^tensor: expected a dtype .*, got a symbol/],
    ["dtype", () => random.normal(1, 2, { dtype: wrong("constructor") }), "ERR_DTYPE", /^random\.normal: expected a dtype/],
    ["int32", () => full(2, 0.5, { dtype: "int32" }), "ERR_DTYPE", /^full: element 0 must be an int32, got 0\.5/],
    [
      "key",
      () => random.uniform(wrong("seed"), 2),
      "ERR_ARGUMENT",
      /^random\.uniform: key must be random\.key\(seed\) or a seed, got "seed"/,
    ],
    ["keys", () => random.split(1, 2 ** 31), "ERR_ARGUMENT", /^random\.split: n must be an integer from 0 to 1048576, got 2147483648/],
    ["step", () => arange(0, 1, 0), "ERR_ARGUMENT", /^arange: step must not be 0/],
    ["stop", () => linspace(0, Infinity), "ERR_ARGUMENT", /^linspace: stop must be a finite number, got Infinity/],
    ["item", () => two.item(), "ERR_SHAPE", /^item: expected a tensor with one element, got shape \[2, 2\]/],
    ["at", () => two.at(0, 2), "ERR_ARGUMENT", /^at: index 2 is out of range for axis 1 of shape \[2, 2\]/],
    ["threads", () => setThreads(0), "ERR_ARGUMENT", /^setThreads: n must be an integer from 1 to 256, got 0/],
  ];
  for (const [name, f, code, message] of table) {
    it(`${name}: ${message.source}`, () => {
      const error = caught(f);
      expect(error.code, error.message).to.equal(code);
      expect(error.message).to.match(message);
    });
  }

  it("of transforms", () => {
    const f = (x: F64) => sum(x);
    const cases: [() => unknown, Code, RegExp][] = [
      [() => grad(wrong(1)), "ERR_ARGUMENT", /^grad: expected a function, got 1/],
      [() => grad(f, wrong({ argnums: 1 })), "ERR_ARGUMENT", /^grad: option argnums must be an array of positions, got 1/],
      [() => grad(f, wrong(null)), "ERR_ARGUMENT", /^grad: expected an object of options, got null/],
      [() => grad(f, { argnums: [1] })(two), "ERR_ARGUMENT", /^grad: argnums: 1 is not the position of one of 1 arguments/],
      [() => grad((x: F64) => x)(two), "ERR_SHAPE", /^grad: the function must return a scalar, got shape \[2, 2\]/],
      [() => grad((_: F64) => wrong(undefined))(two), "ERR_ARGUMENT", /^grad: expected a tensor or a number, .* got undefined/],
      [() => grad((async () => sum(two)) as never)(two as never), "ERR_ARGUMENT", /Functions given to transforms are synchronous/],
      [
        () => grad((x: F64) => sum(complex(x, x)) as never)(two),
        "ERR_DTYPE",
        /^grad: the function must return a real scalar, got complex128/,
      ],
      [() => jacobian(f)(wrong(complex(two, two))), "ERR_DTYPE", /^jacobian: is defined for real functions/],
      [() => jvp(f, wrong(two), wrong([two])), "ERR_ARGUMENT", /^jvp: args must be the array of the function's arguments, got an object/],
      [() => jvp(f, [two], [zeros(3)]), "ERR_SHAPE", /^jvp: the tangents at 0 must have shape \[2, 2\], got \[3\]/],
      [() => hvp(f, two, wrong({ a: two })), "ERR_ARGUMENT", /must have the tree of the value/],
      [() => vjp((x: F64) => x, two).pullback(zeros(2) as never), "ERR_SHAPE", /^vjp: the cotangent must have shape \[2, 2\], got \[2\]/],
      [() => vjp((x: F64) => x, two).pullback(wrong(undefined)), "ERR_ARGUMENT", /^vjp: expected a tensor/],
      [
        () =>
          customGrad(
            wrong(() => 5),
            () => [],
          )(two),
        "ERR_ARGUMENT",
        /^customGrad: the function must return a tensor or an array/,
      ],
      [() => customGrad(f, () => [])(wrong("x")), "ERR_ARGUMENT", /^customGrad: argument 0 must be a tensor/],
      [
        () =>
          grad(
            customGrad(
              f,
              wrong(() => 5),
            ) as typeof f,
          )(two),
        "ERR_ARGUMENT",
        /the rule must return an array, got 5/,
      ],
      [() => grad((x: F64) => sum(mul(x, x.item())))(two), "ERR_SHAPE", /^item/],
      [() => registerGradient("nothing", () => []), "ERR_ARGUMENT", /no op named "nothing"/],
      [() => linalg.funmHermitian(two, () => wrong(3)), "ERR_ARGUMENT", /f must map a float64 tensor of shape \[2\].* got 3/],
    ];
    for (const [g, code, message] of cases) {
      const error = caught(g);
      expect(error.message).to.match(message);
      expect(error.code).to.equal(code);
    }
  });

  it("of rules that registerGradient takes", () => {
    const twice = defineOp({ name: "failuresTwice", inputs: ["x"], outputs: ["y"], kernel: ({ x }) => mul(2, x as T) });
    let answer: unknown;
    registerGradient("failuresTwice", () => answer as never);
    const run = () => grad((x: F64) => sum(twice(x) as F64))(two);
    const cases: [unknown, RegExp][] = [
      [undefined, /^failuresTwice: its gradient rule must return an array with an entry per input \(x\), got undefined/],
      [[two, two], /got 2 entries/],
      [["x"], /^failuresTwice: its gradient rule must give a tensor for x, got "x"/],
      [[zeros([3])], /^failuresTwice: its gradient rule gave shape \[3\] for x, expected \[2, 2\]/],
    ];
    for (const [given, message] of cases) {
      answer = given;
      expect(caught(run).message).to.match(message);
    }
    answer = [undefined];
    expect(run().toArray()).to.deep.equal([
      [0, 0],
      [0, 0],
    ]);
  });

  it("of programs", async () => {
    const program = compile((a: F64, k: F64) => mul(linalg.cholesky(a), k), float64(2, 2), float64());
    const cases: [() => unknown, Code, RegExp][] = [
      [() => compile(wrong(1)), "ERR_ARGUMENT", /^compile: expected a function, got 1/],
      [() => compile((x: F64) => x, wrong(two)), "ERR_ARGUMENT", /^compile: expected a spec such as float64\(3, 3\)/],
      [() => compile((x: F64) => x, float64(-1)), "ERR_SHAPE", /non-negative integers, got -1/],
      [() => compile(() => wrong("x"), float64()), "ERR_ARGUMENT", /^compile: expected a tensor or a number, .*got "x"/],
      [() => compile((x: F64) => mul(x, x.item()), float64()), "ERR_TRACED", /a traced tensor has no data/],
      [() => program.runSync([two] as never), "ERR_ARGUMENT", /expected inputs arg0, arg1; missing: arg1/],
      [() => program.runSync([two, 1, 1] as never), "ERR_ARGUMENT", /unknown: arg2/],
      [() => program.runSync(["x", 1] as never), "ERR_ARGUMENT", /^program: expected the inputs: a tensor or a number, .*got "x" at 0/],
      [() => program.runSync([zeros([3, 3]), 1]), "ERR_SHAPE", /^program: input arg0 must have shape \[\.\.\.batch, 2, 2\], got \[3, 3\]/],
      [() => program.runSync([x32 as never, 1]), "ERR_DTYPE", /^program: input arg0 must be float64, got float32/],
      [
        () => program.runSync([zeros([3, 2, 2]), zeros(4)]),
        "ERR_SHAPE",
        /batch dimensions do not broadcast together: arg0 \[3, 2, 2\], arg1 \[4\]/,
      ],
      [() => program.runSync([two, 1], wrong(null)), "ERR_ARGUMENT", /^program: expected an object of options, got null/],
      [() => program.runSync([two, 1], wrong({ onfailure: "nan" })), "ERR_ARGUMENT", /unknown option "onfailure"/],
      [() => program.runSync([two, 1], { onFailure: wrong(1) }), "ERR_ARGUMENT", /onFailure must be "throw" or "nan", got 1/],
      [() => program.runSync([two, 1], { layout: wrong("x") }), "ERR_ARGUMENT", /layout must be one of "auto"/],
      [() => program.runSync([two, 1], { chunk: 0.5 }), "ERR_ARGUMENT", /chunk must be a positive integer, got 0\.5/],
      [() => program.runSync([two, 1], { threads: -1 }), "ERR_ARGUMENT", /threads must be a positive integer, got -1/],
      [() => program.runSync([two, 1], { failures: wrong(5) }), "ERR_ARGUMENT", /failures must be an array to fill, got 5/],
    ];
    for (const [g, code, message] of cases) {
      const error = caught(g);
      expect(error.message).to.match(message);
      expect(error.code).to.equal(code);
    }
    for (const options of [{ signal: 1 }, { onProgress: 1 }, { chunk: 0 }, null])
      expect(await rejected(program.run([two, 1], wrong(options)))).to.be.instanceOf(ArgumentError);
  });
});

// ---- Every row that can fail ----

const UNREACHABLE: readonly Code[] = ["ERR_NO_CONVERGENCE"]; // LAPACK converges on all finite input known to us; its text is tested above

/** Ways to spoil item 1 of input i, by code. */
function* spoilt(inputs: readonly Tensor[], code: Code): Generator<Tensor[]> {
  for (let i = 0; i < inputs.length; i++) {
    const t = inputs[i] as Tensor;
    const each = t.data.length / (t.shape[0] as number);
    const item = t.data.slice(each, 2 * each) as Float64Array;
    const values: Record<string, (x: number, at: number) => number> = {
      ERR_NOT_FINITE: () => Number.NaN,
      ERR_NOT_POSITIVE_DEFINITE: (x) => -x,
      ERR_SINGULAR: () => 0,
      ERR_RANK_DEFICIENT: () => 0,
      ERR_DEGENERATE: (_, at) => [2, 0, 0, 0, 0, 1][at] ?? 0, // diag(2, 1, 0, 0), with an rcond of 1/2
      ERR_ARGUMENT: () => -1,
    };
    const value = values[code];
    if (!value || (t.dtype === "int32") !== (code === "ERR_ARGUMENT" && t.dtype === "int32")) continue;
    const data = t.data.slice() as Float64Array;
    data.set(item.map(value), each);
    if (code === "ERR_RANK_DEFICIENT") {
      // without the regularizer, which is the last input
      const without = inputs.map((u) => zeros(u.shape, { dtype: u.dtype }) as Tensor);
      yield inputs.map((u, k) =>
        k === i ? tensor(data, { shape: t.shape, dtype: t.dtype as "float64" }) : k === inputs.length - 1 ? (without[k] as Tensor) : u,
      );
      continue;
    }
    yield inputs.map((u, k) => (k === i ? tensor(data, { shape: t.shape, dtype: t.dtype as "float64" }) : u));
  }
}

describe("every failure of every row", () => {
  const N = 4;
  const shapesOf = (name: string, attrs: Attrs): Case => {
    const row = registry.get(name)!;
    const text = typeof row.signature === "function" ? row.signature(attrs as never) : (row.signature as string);
    const sides = [...(text.split("->")[0] as string).matchAll(/\(([^)]*)\)/g)].map((m) => (m[1] as string).split(",").filter(Boolean));
    const sizes: Record<string, number> = { k: name === "applyPivots" ? N : 2 };
    return { label: name, attrs, batch: [3], shapes: sides.map((letters) => [3, ...letters.map((l) => sizes[l] ?? N)]) };
  };
  const listOf = (name: string, result: unknown): Tensor[] =>
    isTensor(result) ? [result] : registry.get(name)!.outputs.map((o) => (result as Record<string, Tensor>)[o] as Tensor);

  for (const name of registry.list()) {
    const row = registry.get(name)!;
    for (const code of row.failures ?? []) {
      if (UNREACHABLE.includes(code)) continue;
      it(`${name}: ${code}`, async () => {
        const says = row.says ?? name;
        const op = registry.op(name) as ((...a: unknown[]) => unknown) & {
          async(...a: unknown[]): Promise<unknown>;
          checked(...a: unknown[]): { value: unknown; failures: Failure[] };
        };
        let seen = 0;
        for (const dtype of ["float32", "float64", "complex64", "complex128"] as Float[]) {
          for (const attrs of attrGrid(row)) {
            const fallbacks = Object.fromEntries(Object.entries(row.attrs ?? {}).map(([k, a]) => [k, a.fallback]));
            const all = { ...fallbacks, ...attrs, ...(code === "ERR_DEGENERATE" && "rcond" in fallbacks ? { rcond: 0.5 } : {}) } as Attrs;
            for (const inputs of spoilt(inputsOf(row, shapesOf(name, all), dtype), code)) {
              let error: LinalgError;
              try {
                op(...inputs, all);
                continue;
              } catch (e) {
                error = e as LinalgError;
              }
              if (error.code !== code) continue;
              seen++;
              expect(error).to.be.instanceOf(LinalgError);
              expect([error.op, error.item]).to.deep.equal([says, 1]);
              expect(error.message).to.match(new RegExp(`^${says}: matrix 1 of the batch \\(shape \\[3, \\d, \\d\\]\\) `));
              // the same, told in the other ways
              const { value, failures } = op.checked(...inputs, all);
              expect(failures.map((f) => [f.item, f.code, f.op, f.index])).to.deep.equal([[1, code, says, error.index]]);
              expect(error.message).to.equal(`${says}: ${failures[0]?.message}`);
              for (const list of [listOf(name, value), listOf(name, op(...inputs, { ...all, onFailure: "nan" }))]) {
                for (const t of list) {
                  if (t.dtype === "int32") continue;
                  const each = t.data.length / 3;
                  t.data.forEach((x, i) => {
                    if (Number.isNaN(x) !== (Math.floor(i / each) === 1)) expect.fail(`${name}: ${x} at ${i} of ${t.shape}`);
                  });
                }
              }
              expect(fields(await rejected(op.async(...inputs, all)))).to.deep.equal(fields(error));
            }
          }
        }
        if (seen === 0) expect(backwardOnly(name, code)).to.equal(code);
      });
    }
  }

  /** Codes that come from the gradient alone. */
  function backwardOnly(name: string, code: Code): string {
    const op = registry.op(name) as (...a: unknown[]) => unknown;
    const fallbacks = Object.fromEntries(Object.entries(registry.get(name)!.attrs ?? {}).map(([k, a]) => [k, a.fallback]));
    for (const inputs of spoilt(inputsOf(registry.get(name)!, shapesOf(name, fallbacks as Attrs), "float64"), code)) {
      const { value, pullback } = vjp((...xs: Tensor[]) => listOf(name, op(...xs)), ...(inputs as never[]));
      try {
        pullback((value as Tensor[]).map((t) => full(t.shape, 1, { dtype: t.dtype })) as never);
      } catch (e) {
        const error = e as LinalgError;
        expect([error.item, error.message.startsWith(`${error.op}: matrix 1 of the batch (shape [3, `)]).to.deep.equal([1, true]);
        return error.code;
      }
    }
    return "none";
  }
});

// ---- Items of batches ----

describe("items of batches", () => {
  const threads = info().threads;
  after(() => setThreads(threads));
  const count = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);
  /** Matrices 2 x 2 in float32: the identity, but [[1, 0], [0, bad]] for these items. */
  const batch = (shape: readonly number[], failing: readonly number[], bad: number): Tensor<"float32"> => {
    const data = new Float32Array(count(shape) * 4);
    for (let i = 0; i < data.length; i += 4) data.set([1, 0, 0, 1], i);
    for (const i of failing) data[4 * i + 3] = bad;
    return tensor(data, { shape: [...shape, 2, 2] });
  };
  const rhs = (shape: readonly number[]): Tensor<"float32"> => zeros([...shape, 2, 1], { dtype: "float32" });
  type Op = { (...a: unknown[]): unknown; checked(...a: unknown[]): { value: unknown; failures: readonly Failure[] } };
  const ops: [string, number, Code, number, (a: Tensor<"float32">, s: readonly number[]) => unknown[]][] = [
    ["cholesky", -1, "ERR_NOT_POSITIVE_DEFINITE", 2, (a) => [a]],
    ["logdet", -1, "ERR_NOT_POSITIVE_DEFINITE", 2, (a) => [a]],
    ["inv", 0, "ERR_SINGULAR", 2, (a) => [a]],
    ["solve", 0, "ERR_SINGULAR", 2, (a, s) => [a, rhs(s)]],
    ["solveTriangular", 0, "ERR_SINGULAR", 2, (a) => [a, rhs([])]],
    ["choleskySolve", 0, "ERR_SINGULAR", 2, (a) => [a, rhs([])]],
    ["luSolve", 0, "ERR_SINGULAR", 2, (a) => [a, tensor(new Int32Array([0, 1])), rhs([])]],
    ["det", Number.NaN, "ERR_NOT_FINITE", 0, (a) => [a]],
    ["eigvalsh", Infinity, "ERR_NOT_FINITE", 0, (a) => [a]],
    ["logmHermitian", -1, "ERR_NOT_POSITIVE_DEFINITE", 1, (a) => [a]],
  ];
  for (const shape of [[], [1], [7], [1000], [3, 5], [70000]]) {
    it(`of shape [${shape}]: the lowest failing item is named, all are listed`, () => {
      const n = count(shape);
      const sets = [[0], [n - 1], [n - 1, Math.floor(n / 2), Math.floor(n / 3)]].map((s) => [...new Set(s)].sort((a, b) => a - b));
      for (const [name, bad, code, index, args] of ops) {
        if (n > 1000 && !["cholesky", "inv", "luSolve", "det"].includes(name)) continue;
        const op = registry.op(name) as Op;
        for (const failing of sets) {
          const given = args(batch(shape, failing, bad), shape);
          for (const k of [1, 2, 5]) {
            setThreads(k);
            const error = caught(() => op(...given)) as LinalgError;
            expect([error.code, error.item, error.index, error.op], `${name} ${failing}`).to.deep.equal([code, failing[0], index, name]);
            const which = shape.length === 0 ? "the matrix" : `matrix ${failing[0]} of the batch`;
            expect(error.message.startsWith(`${name}: ${which} (shape [${[...shape, 2, 2].join(", ")}]) `), error.message).to.equal(true);
          }
          const { value, failures } = op.checked(...given);
          expect(failures.map((f) => [f.item, f.code, f.index, f.op])).to.deep.equal(failing.map((i) => [i, code, index, name]));
          expect(failures[0]?.message).to.match(/^(the matrix|matrix \d+ of the batch) \(shape .*\.$/);
          const t = value as Tensor;
          const each = t.data.length / n;
          let nans = 0;
          for (let i = 0; i < t.data.length; i++) nans += Number.isNaN(t.data[i]) ? 1 : 0;
          expect(nans).to.equal(failing.length * each);
          for (const i of failing) expect(t.data.subarray(i * each, (i + 1) * each).every(Number.isNaN)).to.equal(true);
        }
      }
    });
  }

  it("broadcast: the item is that of the result, whichever op of a composed one fails", () => {
    const l = tensor([
      [
        [1, 0],
        [0, 1],
      ],
      [
        [1, 0],
        [0, 0],
      ],
    ]); // [2, 2, 2], item 1 singular
    const b = zeros([3, 1, 2, 1]);
    for (const f of [linalg.solveTriangular, linalg.choleskySolve] as (typeof linalg.choleskySolve)[]) {
      const error = caught(() => f(l, b)) as LinalgError;
      expect([error.item, error.message.includes("(shape [3, 2, 2, 2])")]).to.deep.equal([1, true]);
      expect(f.checked(l, b).failures.map((x) => x.item)).to.deep.equal([1, 3, 5]);
    }
    // pivots fail in their own, smaller batch [3, 1]; lu has [2]
    const pivots = tensor(new Int32Array([0, 1, 0, 1, 9, 1]), { shape: [3, 1, 2] });
    const fine = tensor([
      [
        [1, 0],
        [0, 1],
      ],
      [
        [1, 0],
        [0, 1],
      ],
    ]);
    const { failures, value } = linalg.luSolve.checked(fine, wrong(pivots), zeros([2, 1]));
    expect(failures.map((x) => [x.item, x.code])).to.deep.equal([
      [4, "ERR_ARGUMENT"],
      [5, "ERR_ARGUMENT"],
    ]);
    expect((value as F64).shape).to.deep.equal([3, 2, 2, 1]);
    // item 1 is singular, which a later step finds than the pivots of item 4: the lowest item counts
    for (const adjoint of [false, true]) {
      const first = caught(() => linalg.luSolve(l, wrong(pivots), zeros([2, 1]), { adjoint })) as LinalgError;
      expect([first.item, first.code]).to.deep.equal([1, "ERR_SINGULAR"]);
      const all = linalg.luSolve.checked(l, wrong(pivots), zeros([2, 1]), { adjoint }).failures;
      expect(all.map((x) => x.item)).to.deep.equal([1, 3, 4, 5]);
    }
  });

  it("in programs: by item, whatever layout, chunk and threads", async () => {
    const program = compile((a: Tensor<"float32">) => log(linalg.cholesky(a)), float32(2, 2));
    const a = batch([70000], [69999, 45678, 123], -1);
    for (const layout of ["single", "lanes"] as const) {
      for (const chunk of [1, 7, 4096]) {
        for (const k of [1, 3]) {
          setThreads(4);
          const error = caught(() => program.runSync([a], { layout, chunk, threads: k })) as LinalgError;
          expect([error.item, error.index, error.op, error.code]).to.deep.equal([123, 2, "cholesky", "ERR_NOT_POSITIVE_DEFINITE"]);
          expect(error.message).to.match(/^cholesky: item 123 of the batch \(batch shape \[70000\]\) is not positive definite/);
        }
        const failures: Failure[] = [];
        const out = await program.run([a], { layout, chunk, onFailure: "nan", failures });
        expect(failures.map((f) => [f.item, f.index])).to.deep.equal([
          [123, 2],
          [45678, 2],
          [69999, 2],
        ]);
        expect([123, 45678, 69999].every((i) => out.data.subarray(4 * i, 4 * i + 4).every(Number.isNaN))).to.equal(true);
        expect([122, 124].every((i) => !Number.isNaN(out.data[4 * i]))).to.equal(true);
      }
    }
    const fused = compile((x: F64) => grad((y: F64) => sum(linalg.slogdet(y).logabsdet))(x), float64(2, 2));
    expect(fields(caught(() => fused.runSync([zeros([2, 2])])))).to.include({ code: "ERR_SINGULAR", op: "slogdet", item: 0, index: 1 });
  });
});

// ---- out, signals, sizes ----

describe("option out", () => {
  const a = tensor([
    [4, 1],
    [1, 3],
  ]);
  it("takes the result, of composed ops as well", () => {
    const out = zeros([2, 2]);
    expect(linalg.cholesky(a, { out })).to.equal(out);
    expect(out.at(0, 0)).to.equal(2);
    const one = zeros([]);
    expect(linalg.logdet(a, { out: one })).to.equal(one);
    expect(one.item()).to.be.closeTo(Math.log(11), 1e-14);
    const moved = zeros([4]);
    expect((registry.op("reshape") as (...x: unknown[]) => unknown)(a, { shape: [4], out: moved })).to.equal(moved);
    expect([...moved.data]).to.deep.equal([4, 1, 1, 3]);
  });
  it("is refused where it does not fit, overlaps, is in use, or would change what is still needed", async () => {
    const memory = new Float64Array(8);
    const [x, y] = [tensor(memory.subarray(0, 4), { shape: [2, 2] }), tensor(memory.subarray(3, 7), { shape: [2, 2] })];
    const cases: [() => unknown, RegExp][] = [
      [
        () => linalg.cholesky(a, { out: zeros([2, 3]) }),
        /^cholesky: option out must be a tensor of float64 of shape \[2, 2\], got float64 of shape \[2, 3\]/,
      ],
      [() => linalg.cholesky(a, { out: zeros([2, 2], { dtype: "float32" }) }), /got float32 of shape \[2, 2\]/],
      [() => linalg.cholesky(a, { out: wrong(new Float64Array(4)) }), /^cholesky: option out must be a tensor, got a typed array/],
      [() => linalg.logdet(a, { out: zeros([1]) }), /^logdet: option out must be a tensor of float64 of shape \[\]/],
      [() => linalg.eigh(a, { out: a }), /^eigh: option out is for functions of one result, this one has w, v/],
      [() => add(a, 1, { out: a }), /^add: option out shares memory with input a/],
      [() => add(1, reshape(a, [2, 2]), { out: a }), /^add: option out shares memory with input b/],
      [() => linalg.cholesky(x, { out: y }), /^cholesky: option out shares memory with input a/],
      [
        () => grad((t: F64) => sum(mul(t, t, { out: zeros([2, 2]) } as CallOptions)))(a),
        /^mul: option out cannot be used inside a transform/,
      ],
      [() => grad((t: F64) => linalg.logdet(t, { out: zeros([]) }))(a), /^logdet: option out cannot be used inside a transform/],
      [() => compile((t: F64) => add(t, t, { out: zeros([2, 2]) }), float64(2, 2)), /^add: option out cannot be used inside/],
      [() => grad((t: F64) => sum(add(mul(t, t), add(a, a, { out: wrong(t) }))))(a), /option out must be a plain tensor/],
    ];
    for (const [f, message] of cases) {
      const error = caught(f);
      expect(error).to.be.instanceOf(ArgumentError);
      expect(error.message).to.match(message);
    }
    expect((await rejected(linalg.cholesky.async(a, wrong({ out: a })))).message).to.match(/^cholesky: unknown option "out"/);
    const busy = random.normal(1, [300, 300]);
    const job = linalg.inv.async(busy);
    expect(caught(() => add(zeros([300, 300]), 1, { out: busy })).message).to.match(/option out is being read by an asynchronous call/);
    await job;
    add(zeros([300, 300]), 1, { out: busy });
  });
});

describe("signals", () => {
  const reason = { mine: true };
  const a = eye(2);
  const program = compile((x: F64) => linalg.cholesky(x), float64(2, 2));
  it("reject with their own reason, native, composed, compiled", async () => {
    const signal = AbortSignal.abort(reason);
    for (const p of [
      linalg.cholesky.async(a, { signal }),
      linalg.logdet.async(a, { signal }),
      linalg.eigh.async(a, { signal }),
      program.run([a], { signal }),
    ])
      expect(await rejected(p as Promise<unknown>)).to.equal(reason);
    const controller = new AbortController();
    const big = full([400, 300, 300], 1);
    const jobs = [
      linalg.inv.async(big, { signal: controller.signal }),
      program.run([full([200000, 2, 2], 1)], { signal: controller.signal }),
    ];
    controller.abort(reason);
    for (const error of await Promise.all(jobs.map(rejected))) expect(error).to.equal(reason);
  });
  it("must be signals", async () => {
    for (const signal of [1, {}, "x", Object.create(null)])
      expect((await rejected(linalg.inv.async(a, { signal: wrong(signal) }))).message).to.match(
        /^inv: option signal must be an AbortSignal/,
      );
  });
  it("do not matter once all is done", async () => {
    const controller = new AbortController();
    expect((await linalg.cholesky.async(a, { signal: controller.signal })).at(0, 0)).to.equal(1);
    controller.abort(reason);
  });
});

describe("sizes", () => {
  it("beyond LAPACK's 32-bit integers are refused by name", () => {
    const [tall, wide] = [zeros([2 ** 31, 0]), zeros([0, 2 ** 31])];
    const cases: (() => unknown)[] = [
      () => matmul(wide, tall),
      () => linalg.luFactor(tall),
      () => linalg.lu(wide),
      () => linalg.solve(zeros([0, 0]), wide),
      () => linalg.solveTriangular(zeros([0, 0]), wide),
      () => linalg.choleskySolve(zeros([0, 0]), wide),
      () => linalg.applyPivots(wrong(zeros([0], { dtype: "int32" })), tall),
    ];
    for (const f of cases) {
      const error = caught(f);
      expect(error).to.be.instanceOf(ShapeError);
      expect(error.message).to.match(/has shape \[.*2147483648.*\]: LAPACK's 32-bit integers end at 2147483647 rows or columns/);
    }
    expect(matmul(zeros([0, 2 ** 31 - 1]), zeros([2 ** 31 - 1, 0])).shape).to.deep.equal([0, 0]);
  });
  it("that no tensor has are refused, given or inferred", () => {
    const twelve = zeros([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
    const given: unknown[] = [
      -1,
      0.5,
      Number.NaN,
      Infinity,
      1e308,
      2 ** 53,
      2 ** 60,
      "3",
      3n,
      null,
      undefined,
      {},
      [[2]],
      [2, "2"],
      [Symbol("s")],
      new Array(13).fill(1),
    ];
    for (const shape of given) {
      for (const f of [
        () => zeros(wrong(shape)),
        () => reshape(eye(2), wrong(shape)),
        () => random.normal(1, wrong(shape)),
        () => tensor(new Float64Array(4), { shape: wrong(shape) ?? -1 }),
        () => loose(float64)(...(Array.isArray(shape) ? shape : [shape])),
      ])
        expect(caught(f).code, String(f)).to.equal("ERR_SHAPE");
    }
    const op = (name: string) => loose(registry.op(name));
    const inferred: (() => unknown)[] = [
      () => matmul(zeros([2 ** 26, 0]), zeros([0, 2 ** 26])),
      () => add(zeros([2 ** 26, 1, 0]), zeros([2 ** 26, 0])),
      () => twelve.expandDims(0),
      () => op("broadcastTo")(eye(1), { shape: [-1, 1] }),
      () => op("broadcastTo")(eye(1), { shape: new Array(20).fill(1) }),
      () => op("diagEmbed")(twelve, { rows: 1, columns: 1 }),
      () => op("place")(eye(1), { start: [0, 0], shape: [2 ** 40, 2 ** 40] }),
    ];
    for (const f of inferred) expect(caught(f).code, String(f)).to.equal("ERR_SHAPE");
  });
  it("that memory does not hold are ERR_OUT_OF_MEMORY, with the op's name", () => {
    const one = zeros([1]);
    const cases: [string, () => unknown][] = [
      ["zeros", () => zeros([2 ** 44])],
      ["eye", () => eye(2 ** 22)],
      ["full", () => full([2 ** 20, 2 ** 20], 1, { dtype: "complex128" })],
      ["random.normal", () => random.normal(1, [2 ** 44])],
      ["arange", () => arange(2 ** 44)],
      ["broadcastTo", () => one.broadcastTo([2 ** 40])],
      ["broadcastTo", () => one.broadcastTo([2 ** 24, 2 ** 24])],
      ["matmul", () => matmul(zeros([2 ** 22, 0]), zeros([0, 2 ** 22]))],
      ["add", () => add(zeros([2 ** 20, 1]), zeros([2 ** 24]))],
      ["program", () => compile((x: F64) => x.broadcastTo([2 ** 24, 2 ** 20]), float64(1)).runSync([one])],
    ];
    for (const [name, f] of cases) {
      const error = caught(f);
      expect([error.code, error.op]).to.deep.equal(["ERR_OUT_OF_MEMORY", name]);
      expect(error.message).to.match(/there is not enough memory for the result or its workspace\.$/);
    }
  });
  it("of batches that exist only by broadcasting run out of memory for the result, not of anything else", async () => {
    expect(linalg.cholesky(zeros([2 ** 40, 0, 0])).shape).to.deep.equal([2 ** 40, 0, 0]);
    expect(caught(() => linalg.det(zeros([2 ** 40, 0, 0]))).code).to.equal("ERR_OUT_OF_MEMORY");
    const program = compile((x: F64, y: F64) => add(x, sum(y)), float64(), float64(0));
    expect(caught(() => program.runSync([1, zeros([2 ** 40, 0])])).code).to.equal("ERR_OUT_OF_MEMORY");
    expect((await rejected(program.run([1, zeros([2 ** 40, 0])]))).code).to.equal("ERR_OUT_OF_MEMORY");
  });
});
