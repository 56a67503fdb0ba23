// Functions of arrays in every way that a function is computed, and what they refuse.
import { expect } from "chai";
import * as b from "../lib/index";
import { type Code, type Tensor, tensor } from "../lib/index";
import { caught, loose, rejected } from "./support";
import { inEveryWay, type Way } from "./ways";

type F64 = Tensor<"float64">;
const ints = (x: unknown): Tensor<"int32"> => tensor(x as never, { dtype: "int32" }) as Tensor<"int32">;
const numbers = (...shape: number[]): F64 => b.random.normal(3, shape) as F64;
const x = numbers(3, 4);

const WAYS: Readonly<Record<string, Way | readonly [Way, F64]>> = {
  "index by numbers and slices": (t) => b.index(t, -1, "::-2"),
  "index by new axes": (t) => t.index("1:", null, "..."),
  "index by lists": (t) => b.index(t, [2, 0, 2], [1, -1, 1]),
  "index by a list beside a slice": (t) => b.index(t, "::2", [3, 3, 0]),
  "index by a tensor": (t) => b.index(t, ints([[1], [0]]), "1:"),
  "index by several tensors": (t) => b.index(t, b.argmax(t, { axis: 0 }), b.argsort(b.index(t, 0))),
  "index by a mask": (t) => b.index(t, ":", [true, false, true, true]),
  "index into nothing": (t) => b.index(t, "0:0"),
  "indexUpdate of a slice": (t) => b.indexUpdate(t, [0, "1:3"], b.index(t, 1, "::3")),
  "indexUpdate of a list with repeats": (t) => b.indexUpdate(t, [[1, 1, 0], "::2"], b.mul(2, b.index(t, ":", [0, 1]))),
  "indexAdd of a slice": (t) => b.indexAdd(t, ["...", "::-1"], t),
  "indexAdd of lists": (t) => b.indexAdd(t, ["1:", [0, 0, 3]], b.index(t, "1:", "1:")),
  take: (t) => t.take([2, 0, 0], { axis: -1 }),
  "take of all": (t) => b.take(t, ints([[11, 0]])),
  flip: (t) => t.flip({ axis: 1 }),
  roll: (t) => t.roll([1, -1], { axis: [0, 1] }),
  tile: (t) => t.tile([2, 1]),
  repeat: (t) => t.repeat([2, 0, 1], { axis: 0 }),
  "split and block": (t) => {
    const [p, q] = b.split(t, 2, { axis: 1 }) as [F64, F64];
    return b.block([
      [p, q],
      [b.mul(2, q), p],
    ]);
  },
  unstack: (t) => b.add(b.unstack(t)[2] as F64, b.unstack(t)[0] as F64),
  "squeeze and moveAxis": (t) => b.squeeze(t.index(null)).moveAxis(0, -1),
  "pad, constant": (t) =>
    b.pad(
      t,
      [
        [1, 0],
        [0, 2],
      ],
      { value: 3 },
    ),
  "pad, reflect": (t) => b.pad(t, 2, { mode: "reflect" }),
  diagonal: (t) => b.diagonal(t, { k: 1 }),
  setDiag: (t) => b.setDiag(t, b.index(t, 0, ":3")),
  bandPart: (t) => b.bandPart(t, 1, 0),
  "einsum of products": (t) => b.einsum("ij,kj,kl->il", t, t, b.mul(t, t)),
  "einsum of a trace": (t) => b.einsum("iji->j", b.outer(t, t.index(":", 0)).reshape([3, 4, 3])),
  "einsum with dots": (t) => b.einsum("...i,...i->...", t, b.mul(t, 2)),
  outer: (t) => b.outer(t.index(0), t.index(1)),
  inner: (t) => b.inner(t, b.index(t, 1)),
  dot: (t) => b.dot(b.index(t, 0), b.index(t, 2)),
  vdot: (t) => b.vdot(t, b.mul(t, 3)),
  vecdot: (t) => b.vecdot(t, b.index(t, 1)),
  matvec: (t) => b.matvec(t, b.index(t, 1)),
  cross: (t) => b.cross(b.index(t, ":", 0), b.index(t, ":", 1)),
  kron: (t) => b.kron(t, b.index(t, "1:", "::2")),
  tensordot: (t) => b.tensordot(t, t, [[0], [0]]),
  multiDot: (t) => b.multiDot([t, b.transpose(t), b.index(t, ":", 0)]),
  meshgrid: (t) => b.add(...(b.meshgrid([b.index(t, 0), b.index(t, ":", 0)]) as [F64, F64])),
  "sort and cumsum": (t) => b.cumsum(b.sort(t, { axis: 0 }), { axis: 1 }),
  diff: (t) => b.mul(b.diff(t, { axis: 0, n: 2 }), b.diff(t, { n: 3 })),
  argsort: (t) => b.argsort(t),
  topK: (t) => b.topK(t, 2, { axis: 0 }).values,
  searchSorted: (t) => b.searchSorted(b.sort(b.index(t, 0)), t),
  "cumprod and prod": (t) => b.mul(b.cumprod(t, { axis: 0, reverse: true }), b.prod(t, { axis: [0], keepDims: true })),
  "prod of all but one axis": (t) => b.prod(t.reshape([2, 3, 2]), { axis: [0, 2] }),
  cummax: (t) => b.add(b.cummax(t, { axis: 1 }), b.cummin(t).reshape([3, 4])),
  "variance and std": (t) => b.add(b.variance(t, { axis: 0, ddof: 1, keepDims: true }), b.std(t, { axis: 1, keepDims: true })),
  "cov and corrcoef": (t) => b.add(b.cov(t), b.corrcoef(t)),
  "median and quantile": (t) => b.add(b.median(t, { axis: 0 }), b.quantile(t, [0.3, 0.8], { axis: 0 })),
  "softmax and logSoftmax": (t) => b.add(b.softmax(t), b.logSoftmax(t, { axis: 0 })),
  "norm and vectorNorm": (t) => b.add(b.linalg.norm(t), b.linalg.vectorNorm(t, { ord: 3, axis: 0 })),
  "any, all and countNonzero": (t) => b.where(b.any(b.greater(t, 0), { axis: 0 }), b.countNonzero(b.greater(t, 0), { axis: 0 }), 7),
  "max and argmin": (t) => b.max(b.argmin(t, { axis: 0 })),
  "bincount with weights": (t) => b.bincount(ints([0, 2, 2, 1]), { weights: b.index(t, 0), length: 4 }),
  cumlogsumexp: (t) => b.cumlogsumexp(t, { axis: -1 }),
};

describe("functions of arrays", () => {
  for (const [name, given] of Object.entries(WAYS))
    it(`${name}: in every way`, async () => {
      const [f, t] = typeof given === "function" ? [given, x] : given;
      await inEveryWay(f, t);
    });

  it("an index may be computed in loops, batches and programs", () => {
    const rows = b.scan((c: F64, i: Tensor<"int32">) => ({ carry: c, y: b.index(x, i) }), 0, ints([2, 0, -1]));
    expect(rows.ys.toArray()).to.deep.equal(b.index(x, [2, 0, -1]).toArray());
    const batch = b.vmap((t: F64, i: Tensor<"int32">) => b.index(t, i, [0, 1]))(x.reshape([3, 2, 2]), ints([1, 0, 1]));
    expect(batch.toArray()).to.deep.equal(
      b
        .gather(
          x.reshape([3, 4]),
          ints([
            [2, 3],
            [0, 1],
            [2, 3],
          ]),
        )
        .toArray(),
    );
    const program = b.compile((t: F64, i: Tensor<"int32">) => b.indexAdd(t, [i, i], 1), b.float64(3, 4), b.int32());
    expect(program.runSync([x, ints(1)]).at(1, 1)).to.equal(x.at(1, 1) + 1);
    expect(caught(() => program.runSync([x, ints(5)])).code).to.equal("ERR_ARGUMENT");
  });
  it("matmul writes to out, of vectors too", () => {
    const shapes: readonly (readonly [readonly number[], readonly number[], readonly number[]])[] = [
      [
        [4, 2],
        [2, 3],
        [4, 3],
      ],
      [[2], [2, 3], [3]],
      [[4, 2], [2], [4]],
      [[2], [2], []],
      [[2], [5, 2, 3], [5, 3]],
      [[5, 4, 2], [2], [5, 4]],
    ];
    for (const [left, right, shape] of shapes) {
      const [x, y, out] = [b.random.normal(1, left), b.random.normal(2, right), b.zeros(shape)];
      expect(b.matmul(x, y, { out })).to.equal(out);
      expect(Array.from(out.data)).to.deep.equal(Array.from(b.matmul(x, y).data));
    }
    expect(() => b.matmul(b.ones([2]), b.ones([2, 3]), { out: b.zeros([4]) })).to.throw(b.ArgumentError, /^matmul: option out must be/);
  });

  it("take has its other forms, and out", async () => {
    expect((await b.take.async(x, [1, 0], { axis: 1 })).toArray()).to.deep.equal(b.take(x, [1, 0], { axis: 1 }).toArray());
    const { value, failures } = b.take.checked(x, [1, 9], { axis: 0 });
    expect([value.at(0, 0), failures.length]).to.deep.equal([Number.NaN, 1]);
    const out = b.zeros([3, 2]);
    b.take(x, [1, 0], { axis: 1, out });
    expect(out.at(0, 1)).to.equal(x.at(0, 0));
    expect((await rejected(b.take.async(x, 99))).code).to.equal("ERR_ARGUMENT");
  });
  it("an Int32Array is a list", () => {
    const list = Int32Array.of(2, 0);
    expect(b.index(x, list).toArray()).to.deep.equal(b.index(x, [2, 0]).toArray());
    expect(b.take(x, list, { axis: 1 }).toArray()).to.deep.equal(b.index(x, ":", [2, 0]).toArray());
  });
  it("the last of equal indices stays, with its derivative", () => {
    const v = tensor([10, 20, 30]) as F64;
    const f = (t: F64, u: F64): F64 => b.indexUpdate(t, [[1, 0, 1]], u);
    expect(f(b.zeros(3), v).toArray()).to.deep.equal([20, 30, 0]);
    const [gt, gu] = b.grad((t: F64, u: F64) => b.sum(b.mul(f(t, u), tensor([1, 2, 3]))), { argnums: [0, 1] })(b.zeros(3), v);
    expect([gt.toArray(), gu.toArray()]).to.deep.equal([
      [0, 0, 3],
      [0, 1, 2],
    ]);
  });
  it("NaN and infinities stay where they are", () => {
    const bad = tensor([Number.NaN, Number.POSITIVE_INFINITY, 1]) as F64;
    expect(b.indexUpdate(bad, ["0:2"], 0).toArray()).to.deep.equal([0, 0, 1]);
    expect(b.indexUpdate(bad, [[0, 1]], tensor([5, 6])).toArray()).to.deep.equal([5, 6, 1]);
    expect(
      b
        .grad((t: F64) => b.sum(b.indexUpdate(t, ["0:2"], 0)))(bad)
        .toArray(),
    ).to.deep.equal([0, 0, 1]);
    expect(b.pad(bad, 1).toArray()).to.deep.equal([0, Number.NaN, Number.POSITIVE_INFINITY, 1, 0]);
    expect(Object.is(b.flip(tensor([-0, 1])).at(1), -0)).to.equal(true);
  });
});

describe("unique and bincount", () => {
  it("unique says which, where first, which each is and how often; NaN once", () => {
    const u = b.unique(
      tensor([
        [3, Number.NaN, -1],
        [3, Number.NaN, 0],
      ]),
    );
    expect(u.values.toArray()).to.deep.equal([-1, 0, 3, Number.NaN]);
    expect([u.indices.toArray(), u.counts.toArray()]).to.deep.equal([
      [2, 5, 0, 1],
      [1, 1, 2, 2],
    ]);
    expect(u.inverse.toArray()).to.deep.equal([
      [2, 3, 0],
      [2, 3, 1],
    ]);
    expect(b.unique(tensor([-0, 0, 1])).counts.toArray()).to.deep.equal([2, 1]);
    expect(b.unique(tensor([true, false, true])).values.toArray()).to.deep.equal([false, true]);
    expect(
      b.unique(
        tensor([
          { re: 1, im: 2 },
          { re: 1, im: 1 },
          { re: 1, im: 2 },
        ]),
      ).values.size,
    ).to.equal(2);
    expect(b.unique(b.zeros([0, 2])).values.shape).to.deep.equal([0]);
    expect(
      b
        .grad((t: F64) => b.sum(b.square(b.unique(t).values)))(tensor([2, 5, 2]))
        .toArray(),
    ).to.deep.equal([4, 10, 0]);
  });
  it("bincount counts, and adds weights", () => {
    expect(b.bincount(ints([1, 1, 3])).toArray()).to.deep.equal([0, 2, 0, 1]);
    expect(b.bincount(ints([1]), { minLength: 4 }).toArray()).to.deep.equal([0, 1, 0, 0]);
    expect(b.bincount(ints([])).shape).to.deep.equal([0]);
    expect(b.bincount(ints([0, 1, 0]), { weights: tensor([0.5, 2, 0.25]) }).toArray()).to.deep.equal([0.75, 2]);
  });
  it("have derivatives of NumPy's edges", () => {
    const constant = tensor([2, 2, 2]) as F64;
    expect(
      b
        .grad((t: F64) => b.std(t))(constant)
        .toArray(),
    ).to.deep.equal([0, 0, 0]);
    expect(
      b
        .grad((t: F64) => b.linalg.vectorNorm(t))(b.zeros(2))
        .toArray(),
    ).to.deep.equal([0, 0]);
    expect(
      b
        .grad((t: F64) => b.linalg.vectorNorm(t, { ord: 3 }))(b.zeros(2))
        .toArray(),
    ).to.deep.equal([0, 0]);
    expect(
      b
        .grad((t: F64) => b.median(t))(tensor([3, 1, 2, 9]))
        .toArray(),
    ).to.deep.equal([0.5, 0, 0.5, 0]);
    expect(b.topK(tensor([1, Number.NaN, 5, 5]), 3).indices.toArray()).to.deep.equal([1, 2, 3]);
    expect(b.variance(b.zeros([0])).item()).to.be.NaN;
    expect(b.median(b.zeros([0, 2]), { axis: 0 }).toArray()).to.deep.equal([Number.NaN, Number.NaN]);
    expect(b.softmax(tensor([Number.NEGATIVE_INFINITY])).item()).to.be.NaN;
  });
});

describe("creation", () => {
  it("fromFunction asks for each element, and takes the dtype of the first", () => {
    expect(b.fromFunction((i, j) => 1 / (i + j + 1), [2, 2]).toArray()).to.deep.equal([
      [1, 1 / 2],
      [1 / 2, 1 / 3],
    ]);
    expect(b.fromFunction((i) => i > 0, 2).dtype).to.equal("bool");
    expect(b.fromFunction((i) => ({ re: i, im: 1 }), [1]).dtype).to.equal("complex128");
    expect(b.fromFunction((i) => i, [3], { dtype: "int32" }).toArray()).to.deep.equal([0, 1, 2]);
    expect(b.fromFunction(() => 1, [0, 2]).shape).to.deep.equal([0, 2]);
    expect(b.fromFunction(() => 4, []).item()).to.equal(4);
  });
  it("tri of other dtypes", () => {
    expect(b.tri(2, { dtype: "int32" }).toArray()).to.deep.equal([
      [1, 0],
      [1, 1],
    ]);
  });
});

const REFUSED: readonly [string, unknown[], Code, RegExp][] = [
  ["index", [x, 3], "ERR_ARGUMENT", /^index: index 3 is out of range for axis 0 of shape \[3, 4\]\.$/],
  ["index", [x, 1.5], "ERR_ARGUMENT", /index 1\.5 is out of range/],
  ["index", [x, 0, 0, 0], "ERR_ARGUMENT", /3 axes are indexed, but shape \[3, 4\] has 2/],
  ["index", [x, "...", "..."], "ERR_ARGUMENT", /only one "\.\.\."/],
  ["index", [x, "a:b"], "ERR_ARGUMENT", /a slice is "start:stop:step".*got "a:b"/],
  ["index", [x, "1"], "ERR_ARGUMENT", /a slice is/],
  ["index", [x, "::0"], "ERR_ARGUMENT", /step of slice "::0" must not be 0/],
  ["index", [x, [0, 1], [0, 1, 2]], "ERR_SHAPE", /do not broadcast together: \[2\], \[3\]/],
  ["index", [x, [0, 9]], "ERR_ARGUMENT", /entry 1 of the indices is out of range/],
  ["index", [x, [0], [9]], "ERR_ARGUMENT", /entry 0 of the indices is out of range/],
  ["index", [x, [9], [0]], "ERR_ARGUMENT", /entry 0 of the indices is out of range/],
  ["index", [x, [0.5]], "ERR_DTYPE", /must be an int32, got 0\.5/],
  ["index", [x, tensor([1])], "ERR_DTYPE", /a tensor of indices must be int32 or bool, got float64/],
  ["index", [x, [true, false]], "ERR_SHAPE", /a mask of shape \[2\] does not fit axis 0 of shape \[3, 4\]/],
  ["index", [x, true], "ERR_ARGUMENT", /an index has numbers, slices/],
  ["index", [[1, 2], 0], "ERR_ARGUMENT", /x must be a tensor.*Wrap it/],
  ["indexUpdate", [x, 0, 1], "ERR_ARGUMENT", /must be an array of its parts/],
  ["indexUpdate", [x, [0], numbers(3)], "ERR_SHAPE", /v has shape \[3\], which does not broadcast to \[4\]/],
  ["indexUpdate", [x, [0], tensor([1, 2, 3, 4], { dtype: "float32" })], "ERR_DTYPE", /precisions do not mix/],
  ["indexAdd", [x, [[0, 7]], 1], "ERR_ARGUMENT", /^indexAdd: .*entry 1 of the indices/],
  ["take", [x, [0, 12]], "ERR_ARGUMENT", /^take: .*entry 1 of the indices/],
  ["take", [x, 0, { axis: 2 }], "ERR_ARGUMENT", /axis 2 is out of range/],
  ["split", [x, 3, { axis: 1 }], "ERR_SHAPE", /an axis of 4 is not cut into 3 equal parts/],
  ["split", [x, 0], "ERR_ARGUMENT", /parts must be a positive integer, got 0/],
  ["squeeze", [x, { axis: 0 }], "ERR_SHAPE", /axis 0 of shape \[3, 4\] is not of size 1/],
  ["moveAxis", [x, [0, 1], 0], "ERR_ARGUMENT", /source has 2 axes, destination 1/],
  ["moveAxis", [x, [0, 0], [0, 1]], "ERR_ARGUMENT", /names an axis twice/],
  ["flip", [x, { axis: 2 }], "ERR_ARGUMENT", /axis 2 is out of range for 2 axes/],
  ["roll", [x, 0.5], "ERR_ARGUMENT", /shift must be an integer/],
  ["roll", [x, [1, 2], { axis: 0 }], "ERR_ARGUMENT", /must have a number for each of the axes/],
  ["tile", [x, -1], "ERR_ARGUMENT", /times must be a non-negative integer/],
  ["repeat", [x, [1, 2], { axis: 0 }], "ERR_SHAPE", /times has 2 numbers for an axis of 3/],
  ["pad", [x, [1, 2, 3]], "ERR_ARGUMENT", /widths must be a number/],
  ["pad", [x, 1, { mode: "nope" }], "ERR_ARGUMENT", /option mode must be one of/],
  ["pad", [x, 1, { mode: "edge", value: 1 }], "ERR_ARGUMENT", /option value is for mode "constant"/],
  ["pad", [numbers(0), 1, { mode: "edge" }], "ERR_SHAPE", /axis 0 of shape \[0\] has no elements to pad with/],
  ["block", [[[x], x]], "ERR_ARGUMENT", /must stand equally deep/],
  ["block", [[]], "ERR_ARGUMENT", /must not be empty/],
  ["diagonal", [x, { axis1: 1, axis2: -1 }], "ERR_ARGUMENT", /must be different/],
  ["setDiag", [x, numbers(4)], "ERR_SHAPE", /does not broadcast/],
  ["einsum", ["ij,jk", x], "ERR_ARGUMENT", /are for 2 operands, got 1/],
  ["einsum", ["ij,jk->ik", x, x], "ERR_SHAPE", /j is 4 and 3 in "ij,jk->ik" for shapes \[3, 4\], \[3, 4\]/],
  ["einsum", ["ijk->i", x], "ERR_SHAPE", /subscripts "ijk" do not fit an operand of 2 axes/],
  ["einsum", ["ij->k", x], "ERR_ARGUMENT", /the result names "k" which no operand has/],
  ["einsum", ["ij->ii", x], "ERR_ARGUMENT", /the result names "i" twice/],
  ["einsum", ["i$->i", x], "ERR_ARGUMENT", /subscripts have letters/],
  ["einsum", ["...j->j", x], "ERR_ARGUMENT", /the result must have the "\.\.\."/],
  ["einsum", ["i->j->k", x], "ERR_ARGUMENT", /one "->"/],
  ["einsum", [x, x], "ERR_ARGUMENT", /subscripts must be a text/],
  ["einsum", ["ij,ij", x, tensor([[1]], { dtype: "float32" })], "ERR_DTYPE", /precisions do not mix/],
  ["dot", [x, x], "ERR_SHAPE", /axis 1 of a, shape \[3, 4\], and axis 0 of b, shape \[3, 4\], must be equal/],
  ["vdot", [x, numbers(3)], "ERR_SHAPE", /as many elements/],
  ["cross", [x, x], "ERR_SHAPE", /vectors must have 3 elements/],
  ["tensordot", [x, x, 3], "ERR_ARGUMENT", /axes must be from 0 to 2, got 3/],
  ["tensordot", [x, x, [[0], [0, 1]]], "ERR_ARGUMENT", /names 1 axes of a and 2 of b/],
  ["multiDot", [[x]], "ERR_ARGUMENT", /two tensors or more/],
  ["multiDot", [[x, numbers(2, 2, 2)]], "ERR_SHAPE", /xs\[1\] must be a matrix or a vector/],
  ["meshgrid", [[x]], "ERR_SHAPE", /xs\[0\] must be a vector/],
  ["fromFunction", [() => "a", [2]], "ERR_DTYPE", /element 0 must be a number/],
  ["topK", [x, 5], "ERR_ARGUMENT", /k must be from 0 to 4, got 5/],
  ["searchSorted", [x, 1, { side: "up" }], "ERR_ARGUMENT", /option side must be "left" or "right"/],
  ["variance", [ints([1])], "ERR_DTYPE", /x must be float32.*Cast it/],
  ["variance", [x, { ddof: "1" }], "ERR_ARGUMENT", /option ddof must be a finite number/],
  ["quantile", [x, 1.5], "ERR_ARGUMENT", /q must be a number from 0 to 1/],
  ["quantile", [x, 0.5, { method: "nope" }], "ERR_ARGUMENT", /option method must be one of/],
  ["median", [b.complex(x, x)], "ERR_DTYPE", /is defined for real tensors, got complex128/],
  ["softmax", [b.complex(x, x)], "ERR_DTYPE", /is defined for real tensors/],
  ["softmax", [tensor(1)], "ERR_ARGUMENT", /axis -1 is out of range/],
  ["cov", [x, { rowVar: 1 }], "ERR_ARGUMENT", /option rowVar must be true or false/],
  ["any", [x, { axis: 5 }], "ERR_ARGUMENT", /axis 5 is out of range/],
  ["bincount", [x], "ERR_DTYPE", /x must be int32, got float64/],
  ["bincount", [ints([0, -1])], "ERR_ARGUMENT", /^bincount: x must be from 0 and below 1, got -1 at 1/],
  ["bincount", [ints([5]), { length: 3 }], "ERR_ARGUMENT", /^bincount: x must be from 0 and below 3, got 5 at 0/],
  ["bincount", [ints([2 ** 31 - 1])], "ERR_ARGUMENT", /^bincount: x must be from 0 and below 2147483647/],
  ["bincount", [ints([1]), { length: 2 ** 31 }], "ERR_ARGUMENT", /^bincount: option length must be an integer from 0 to 2147483647/],
  [
    "bincount",
    [ints([1]), { weights: tensor([1, 2]) }],
    "ERR_SHAPE",
    /^bincount: option weights must have the shape of x, \[1\], got \[2\]/,
  ],
  ["tri", [-1], "ERR_SHAPE", /^tri: /],
  ["max", [b.zeros([0])], "ERR_SHAPE", /no elements/],
  ["bandPart", [x, 0.5, 1], "ERR_ARGUMENT", /must be integers, got 0\.5/],
];

describe("functions of arrays refuse", () => {
  for (const [name, args, code, message] of REFUSED)
    it(`${name}: ${message.source}`, () => {
      const error = caught(() => loose((b as never)[name])(...args));
      expect(error.code, error.message).to.equal(code);
      expect(error.message).to.match(message);
    });
  it("a mask that is computed in a program", () => {
    const f = (t: F64): F64 => b.index(t, b.greater(t, 0));
    expect(caught(() => b.compile(f, b.float64(3))).message).to.match(/^index: a mask that is computed inside a compiled function/);
    expect(
      b
        .grad((t: F64) => b.sum(f(t)))(tensor([1, -2, 3]))
        .toArray(),
    ).to.deep.equal([1, 0, 1]);
  });
});
