// No option is ignored: whoever is given one that it does not know says which it knows.

import { expect } from "chai";
import { portOf } from "../lib/core/form";
import * as b from "../lib/index";
import * as testing from "../lib/testing/index";
import { packageOps } from "./support";

const { ArgumentError, eye, float64, registry, tensor, zeros } = b;
type F64 = b.Tensor<"float64">;
type Call = (...args: unknown[]) => unknown;
const a = tensor([
  [4, 1],
  [1, 3],
]);
const z = b.toComplex(a);
const f = (x: F64): F64 => b.sum(b.mul(x, x));
const program = b.compile(f, float64(2, 2));
const twice = (name: string) => b.defineOp({ name, inputs: ["x"], outputs: ["y"], kernel: ({ x }) => b.mul(2, x) });
const op = twice("optionsTwice");
twice("optionsReplaced");

/** Arguments of what is no op, without its options; ops take a matrix for every input where nothing is said. */
const args: Readonly<Record<string, readonly unknown[]>> = {
  adjoint: [a],
  arange: [0, 3, 1],
  bandPart: [a, 0, 0],
  choleskyDowndate: [a, tensor([0.5, 0.5])],
  argsort: [a],
  block: [[[a, a]]],
  ...Object.fromEntries(
    ["cumlogsumexp", "cummax", "cummin", "cumprod", "cumsum", "diff", "flip", "prod", "sort"].map((name) => [name, [a]]),
  ),
  cross: [tensor([1, 2, 3]), tensor([1, 2, 3])],
  bincount: [tensor(Int32Array.of(0, 1))],
  quantile: [a, 0.5],
  ...Object.fromEntries(
    ["all", "any", "corrcoef", "countNonzero", "cov", "logSoftmax", "median", "softmax", "std", "unique", "variance"].map((name) => [
      name,
      [a],
    ]),
  ),
  norm: [a],
  vectorNorm: [a],
  diagonal: [a],
  einsum: ["ij->i", a],
  fromFunction: [() => 1, [2]],
  meshgrid: [[tensor([1, 2])]],
  multiDot: [[a, a]],
  tensordot: [a, a, 1],
  tri: [2],
  ...Object.fromEntries(["dot", "inner", "kron", "matvec", "outer", "vdot", "vecdot"].map((name) => [name, [a, a]])),
  searchSorted: [tensor([1, 2]), 1],
  topK: [a, 1],
  index: [a, 0],
  indexAdd: [a, [0], 1],
  indexUpdate: [a, [0], 1],
  moveAxis: [a, 0, 1],
  pad: [a, 1],
  repeat: [a, 2],
  roll: [a, 1],
  setDiag: [a, 1],
  split: [a, 2],
  squeeze: [a],
  take: [a, 0],
  tile: [a, 2],
  unstack: [a],
  broadcastTo: [a, [3, 2, 2]],
  conj: [z],
  customGrad: [f, () => []],
  argmax: [a],
  argmin: [a],
  cast: [a, "float32"],
  concat: [[a, a]],
  diag: [a],
  diagEmbed: [a],
  expandDims: [a, 0],
  eye: [3],
  full: [3, 1],
  gather: [a, zeros([2, 2], { dtype: "int32" })],
  grad: [f],
  hessian: [f],
  hvp: [f, a, a],
  imag: [z],
  info: [],
  jacobian: [f],
  jvp: [f, [a], [a]],
  linspace: [0, 1, 3],
  logsumexp: [a],
  max: [a],
  min: [a],
  matrixTranspose: [a],
  mean: [a],
  ones: [3],
  padTo: [a, [0, 0], [3, 3]],
  real: [z],
  registerGradient: ["optionsReplaced", () => []],
  reshape: [a, [4]],
  scatterAdd: [a, zeros([2, 2], { dtype: "int32" }), a],
  setThreads: [b.info().threads],
  scan: [(carry: F64, x: F64) => ({ carry, y: x }), 1, a],
  scope: [() => 1],
  slice: [a, [0, 0], [1, 1]],
  stack: [[a, a]],
  stopGradient: [a],
  sum: [a],
  swapAxes: [a, 0, 1],
  tensor: [[1, 2]],
  trace: [a],
  transpose: [a, [1, 0]],
  checkpoint: [f],
  customRoot: [(x: F64) => x, (x: F64) => x],
  jacfwd: [f],
  jacrev: [f],
  valueAndGrad: [f],
  vmap: [f],
  whileLoop: [(x: F64) => b.less(x, 1), (x: F64) => b.add(x, 1), 0],
  zeros: [3],
  tril: [a],
  triu: [a],
  complex: [a, a],
  toComplex: [a],
  where: [tensor([true, false]), a, a],
  "linalg.toeplitz": [a, a],
  "linalg.hankel": [a, a],
  "linalg.tensorsolve": [tensor([[[4, 1]], [[1, 3]]]), tensor([[1], [2]])],
  "linalg.tensorinv": [tensor([[[4, 1]], [[1, 3]]])],
  "linalg.tridiagonalSolve": [tensor([1, 1]), tensor([4, 4]), tensor([1, 1]), a],
  "linalg.tridiagonalMatmul": [tensor([1, 1]), tensor([4, 4]), tensor([1, 1]), a],
  "linalg.solveBanded": [
    tensor([
      [0, 1],
      [4, 3],
      [1, 0],
    ]),
    a,
  ],
  "linalg.choleskyBanded": [
    tensor([
      [0, 1],
      [4, 3],
    ]),
  ],
  "linalg.bandedSolveTriangular": [a, a],
  "linalg.eighTridiagonal": [tensor([4, 3]), tensor([1])],
  "linalg.eigvalshTridiagonal": [tensor([4, 3]), tensor([1])],
  "linalg.solveToeplitz": [tensor([4, 1]), a],
  "linalg.cond": [a],
  "linalg.matrixRank": [a],
  "linalg.funmHermitian": [a, (x: F64) => x],
  "linalg.funmSvd": [a, (x: F64) => x],
  "linalg.powmHermitian": [a, 2],
  "linalg.applyPivots": [tensor(Int32Array.of(0, 1)), a],
  "linalg.luSolve": [a, tensor(Int32Array.of(0, 1)), a],
  "linalg.ldlSolve": [a, a, tensor(Int32Array.of(0, 1)), a],
  "random.key": [1],
  "random.split": [1, 2],
  "random.normal": [1, [2]],
  "random.uniform": [1, [2]],
  "random.exponential": [1, [2]],
  "random.gamma": [1, 2],
  "random.beta": [1, 2, 3],
  "random.studentT": [1, 2],
  "random.poisson": [1, 2],
  "random.bernoulli": [1, 0.5],
  "random.categorical": [1, a],
  "random.permutation": [1, 3],
  "random.choice": [1, 3],
  "random.multivariateNormal": [1, tensor([1, 2]), a],
  "registry.list": [],
  "registry.get": ["add"],
  "registry.op": ["add"],
  "registry.capabilities": [],
  "testing.checkOp": [op],
  "testing.checkGrads": [f, [a]],
};
/** Classes; functions all of whose arguments are the user's own; what makes rows, which defineOp checks. */
const WITHOUT =
  /^(compile|cond|linearize|treeLeaves|treeMap|treeReduce|vjp|(float|complex|int)\d+|bool|isTensor|defineOp|native|flag|int|ints|oneOf|[A-Z]\w*|testing\.(sameBits|relativeError|CheckError))$/;

function* exported(): Generator<[string, Call]> {
  for (const [prefix, members] of Object.entries({
    "": b,
    "linalg.": b.linalg,
    "random.": b.random,
    "registry.": registry,
    "testing.": testing,
  }))
    for (const [name, value] of Object.entries(members))
      if (typeof value === "function" && !WITHOUT.test(prefix + name)) yield [prefix + name, value as Call];
}
function argumentsOf(name: string, call: Call): readonly unknown[] {
  const row = (call as { row?: b.AnyRow }).row;
  const given =
    args[name] ?? args[name.replace("linalg.", "")] ?? (row ? row.inputs.filter((i) => i !== "l2Regularizer").map(() => a) : undefined);
  if (!given) throw new Error(`${name}: no arguments for it in the table above`);
  return given;
}

async function refused(what: string, g: () => unknown): Promise<void> {
  let error: unknown;
  try {
    await g();
  } catch (e) {
    error = e;
  }
  expect(error, what).to.be.instanceOf(ArgumentError, `${what}: ${error}`);
  const { code, message } = error as b.ArgumentError;
  expect([code, message]).to.satisfy(
    () => code === "ERR_ARGUMENT" && /^[\w.]+: unknown option "nope"\. Options: ((\w+)(, \w+)*|none)\.$/.test(message),
    `${what}: ${message}`,
  );
}

describe("options that nobody knows", () => {
  it("are refused by every exported function, in all its forms, which list those they know", async () => {
    let count = 0;
    for (const [name, call] of exported()) {
      const given = argumentsOf(name, call);
      const { async: later, checked } = call as unknown as { async?: Call; checked?: Call };
      for (const [form, g] of Object.entries({ "": call, ".async": later, ".checked": checked })) {
        if (!g) continue;
        count++;
        await g(...given); // as it stands it is right
        await refused(`${name}${form}`, () => g(...given, { nope: 1 }));
        await g(...given, { nope: undefined }); // is none
      }
    }
    expect(count).to.be.above(120);
  });
  it("are refused by every row's function", async () => {
    for (const name of packageOps) {
      const call = registry.op(name) as Call & { async: Call; checked: Call };
      const row = registry.get(name) as b.AnyRow;
      const inputs = row.inputs.map((i) =>
        portOf(row, {}, i) === "int32"
          ? tensor(Int32Array.of(0, 1))
          : portOf(row, {}, i) === "bool"
            ? tensor(true)
            : row.types === "complex"
              ? z
              : a,
      );
      for (const g of [call, call.async, call.checked]) await refused(name, () => g(...inputs, { nope: 1 }));
    }
  });
  it("are refused by every method", async () => {
    const methods: Readonly<Record<string, readonly unknown[]>> = {
      ...Object.fromEntries(["add", "sub", "mul", "div", "pow", "maximum", "minimum", "matmul", "dot"].map((m) => [m, [a]])),
      ...{ reshape: [[4]], swapAxes: [0, 1], transpose: [[1, 0]], expandDims: [0], broadcastTo: [[3, 2, 2]] },
      ...{ clip: [0, 1], take: [0], roll: [1], tile: [2], repeat: [2], moveAxis: [0, 1] },
    };
    const own = new Set(["constructor", "at", "toString"]);
    const names = Object.getOwnPropertyNames(b.Tensor.prototype).filter(
      (m) => !own.has(m) && typeof Object.getOwnPropertyDescriptor(b.Tensor.prototype, m)?.value === "function",
    );
    expect(names.length).to.be.above(25);
    for (const m of names) {
      const t = (m === "item" ? tensor(1) : a) as unknown as Record<string, Call>;
      t[m]?.(...(methods[m] ?? []));
      await refused(m, () => t[m]?.(...(methods[m] ?? []), { nope: 1 }));
    }
    expect(() => (a.at as Call)(0, 0, { nope: 1 })).to.throw(ArgumentError, /^at: expected 2 indices/);
  });
  it("are refused by programs", async () => {
    const run = program as unknown as Record<string, Call>;
    for (const m of ["runSync", "run", "explain"]) await refused(m, () => run[m]?.([a], { nope: 1 }));
    await refused("from", () => (b.Program.from as Call)(program.toJSON(), { nope: 1 }));
  });
  it("the silent ones of before", () => {
    const loose = b as unknown as Record<string, Call>;
    const cases: [string, unknown[], string][] = [
      ["trace", [a, { offset: 1 }], 'trace: unknown option "offset". Options: none.'],
      ["swapAxes", [a, 0, 1, { axis: 2 }], 'swapAxes: unknown option "axis". Options: none.'],
      ["jacobian", [f, { argnums: 1 }], 'jacobian: unknown option "argnums". Options: none.'],
      ["grad", [f, { argnum: 1 }], 'grad: unknown option "argnum". Options: argnums.'],
      ["trace", [a, null], "trace: expected an object of options, got null."],
      ["expandDims", [a, 0, [1]], "expandDims: expected an object of options, got [1]."],
      ["adjoint", [a, a], "adjoint: expected an object of options, got a tensor."],
      ["neg", [a, a], "neg: expected an object of options, got a tensor."],
      ["sum", [a, a], "sum: expected an object of options, got a tensor."],
    ];
    for (const [name, given, message] of cases)
      expect(() => loose[name]?.(...given), message)
        .to.throw(ArgumentError)
        .with.property("message", message);
    const power = b.linalg.powmHermitian as unknown as Call;
    expect(() => power(a, 2, { p: 3 })).to.throw(ArgumentError, /unknown option "p". Options: onFailure, out\./);
  });
  it("a signal is none of a synchronous call's", () => {
    const { signal } = new AbortController();
    expect(() => (b.linalg.solveTriangular as unknown as Call)(a, a, { signal })).to.throw(
      ArgumentError,
      /a signal needs solveTriangular\.async/,
    );
    expect(() => (b.linalg.solveTriangular as unknown as Call)(a, a, { nope: 1 })).to.throw(
      /Options: lower, adjoint, transpose, unitDiagonal, side, onFailure, out\.$/,
    );
    expect(() => (b.linalg.inv as unknown as Call)(a, { signal: undefined })).to.not.throw();
  });
  it("what map hands on besides an element is no option", () => {
    expect([z, z].map(b.real).map((t) => t.dtype)).to.deep.equal(["float64", "float64"]);
    expect([eye(2), zeros([2, 2])].map(b.trace).map((t) => t.item())).to.deep.equal([2, 0]);
  });
});
