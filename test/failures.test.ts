// What goes wrong is an error of this package: its class, code, op, item, index and text. Hostile callers: hostile-*.test.ts.

import { expect } from "chai";
import { failureKinds } from "../lib/boundary/descriptor";
import { type Failure, readFailures } from "../lib/core/failures";
import {
  ArgumentError,
  add,
  arange,
  type BacksolveError,
  type Code,
  compile,
  complex,
  customGrad,
  DtypeError,
  defineOp,
  diag,
  eye,
  float64,
  full,
  grad,
  hvp,
  jacobian,
  jvp,
  LinalgError,
  linalg,
  linspace,
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
import { caught, loose, packageOps, rejected, wrong } from "./support";

type F64 = Tensor<"float64">;
type T = Tensor<never>;

describe("errors", () => {
  it("have a class, a code, an op, and a stack that says all of them", () => {
    const classes: [new (...a: never[]) => BacksolveError, string, () => unknown][] = [
      [ShapeError, "ERR_SHAPE", () => linalg.cholesky(zeros([2, 3]))],
      [DtypeError, "ERR_DTYPE", () => add(zeros(2), wrong(zeros(2, { dtype: "float32" })))],
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
      expect(caught(() => loose(linalg[op])(data)).message).to.equal(
        `${op}: matrix 1 of the batch (shape [3, 2, 2]) contains NaN or infinity.`,
      );
    }
    // kernels do not say whose numbers they are
    const nan = full([2, 1], Number.NaN);
    expect(caught(() => linalg.solve(eye(2), nan)).message).to.equal("solve: the matrix (shape [2, 2]) or b contains NaN or infinity.");
    expect(caught(() => linalg.sylvester(eye(2), eye(2), full([2, 2], Number.NaN))).message).to.equal(
      "sylvester: the matrix (shape [2, 2]), b or c contains NaN or infinity.",
    );
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

  it("have a text for every kind that the addon knows", () => {
    const kinds = failureKinds();
    const told = (kind: string, hints?: Record<string, string>): Failure =>
      readFailures(
        Float64Array.of(3, 0, 0, 2),
        () => [kind],
        () => ({ op: "op", hints }),
        [5],
        [4, 4],
      )[0] as Failure;
    const codes = kinds
      .filter((kind) => kind !== "none" && kind !== "declined")
      .map((kind) => {
        const f = told(kind, { other: "x" });
        expect(f.message).to.match(/^matrix 3 of the batch \(shape \[5, 4, 4\]\) (is|has|contains|did|needs) .*[^x]\.$/);
        expect(told(kind, { [kind]: "do that" }).message).to.equal(`${f.message.slice(0, -1)}: do that.`);
        return f.code.slice(4);
      });
    expect(codes.join(" ")).to.equal(
      "NOT_POSITIVE_DEFINITE SINGULAR NOT_FINITE NO_CONVERGENCE RANK_DEFICIENT OUT_OF_MEMORY DEGENERATE DEGENERATE NOT_POSITIVE_DEFINITE " +
        "ARGUMENT ARGUMENT ARGUMENT DEGENERATE NOT_FINITE DEGENERATE ARGUMENT ARGUMENT ARGUMENT ARGUMENT NO_CONVERGENCE " +
        "DEGENERATE DEGENERATE DEGENERATE DEGENERATE ARGUMENT DEGENERATE SINGULAR SINGULAR SINGULAR ARGUMENT",
    );
    for (const odd of ["none", "declined", "newer", "toString"]) {
      const { code, message } = told(odd, { newer: "x" });
      expect([code, message.includes(`(${odd})`)]).to.deep.equal(["ERR_INTERNAL", true]);
    }
  });
  it("hint at kinds that there are", () => {
    const hinted = packageOps.map((name) => registry.get(name)?.hints ?? {}).flatMap((hints) => Object.keys(hints));
    expect(hinted).to.include.members(["rankDeficient", "degenerate", "degenerateValues", "cut"]);
    expect(failureKinds()).to.include.members(hinted);
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
    [
      "precisions",
      () => mul(two, wrong(x32)),
      "ERR_DTYPE",
      /^mul: b is float32, the inputs before it are float64: .*precisions do not mix/,
    ],
    ["bool", () => linalg.cholesky(wrong(zeros([2, 2], { dtype: "bool" }))), "ERR_DTYPE", /^cholesky: a must be float32, .*got bool/],
    ["pivots", () => linalg.applyPivots(wrong(zeros(2)), two), "ERR_DTYPE", /^applyPivots: pivots must have dtype int32, got float64/],
    ["mask", () => where(wrong(zeros(2)), 1, 2), "ERR_DTYPE", /^where: mask must have dtype bool, got float64/],
    [
      "mask of numbers",
      () => add(wrong(mask), 1),
      "ERR_DTYPE",
      /^add: a must be float32, float64, complex64, complex128 or int32, got bool/,
    ],
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
      /^random\.uniform: key must be an int32 tensor of shape \[2\], as random\.key\(seed\) gives, or a seed, got "seed"/,
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
      [
        () => grad(f, wrong({ argnums: "1" })),
        "ERR_ARGUMENT",
        /^grad: option argnums must be a position or an array of positions, got "1"/,
      ],
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
