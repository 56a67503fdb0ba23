// Rows bound to attributes and types: found again, never mixed up, bounded. Small results lie side by side in memory that nobody sees.
import assert from "node:assert";
import { expect } from "chai";
import { attrsOf, bindOp } from "../lib/core/bind";
import { rowOf } from "../lib/core/registry";
import { storageOf } from "../lib/core/tensor";
import {
  type AnyRow,
  add,
  compile,
  cos,
  div,
  exp,
  float64,
  grad,
  linalg,
  matmul,
  maximum,
  minimum,
  mul,
  neg,
  sin,
  sub,
  sum,
  type Tensor,
  tensor,
  transpose,
  vjp,
  zeros,
} from "../lib/index";
import { native } from "./native";

const f64 = (...shape: number[]) => ({ dtype: "float64" as const, shape });

describe("bound rows", () => {
  const row: AnyRow = { ...rowOf("sum") }; // with a memo of its own, which other tests do not fill
  it("are found again by attributes, dtypes and shapes, and by nothing else", () => {
    const of = (axis: number[], keepDims: boolean, type = f64(2, 3)) => bindOp(row, [type], { axis, keepDims });
    const first = of([0], false);
    expect(of([0], false)).to.equal(first);
    const others = [
      of([1], false),
      of([0], true),
      of([0, 1], false),
      of([], false),
      of([0], false, f64(3, 2)),
      of([0], false, f64(2, 3, 1)),
      of([0], false, { dtype: "float32", shape: [2, 3] } as never),
    ];
    expect(new Set([first, ...others]).size).to.equal(8);
    for (const [i, b] of others.entries()) expect([of([1], false), of([0], true)][i] ?? b).to.equal(b);
    expect(of([0], false).outputs[0]).to.deep.equal(f64(3));
    expect(of([0], false, { dtype: "float32", shape: [2, 3] } as never).outputs[0]?.dtype, "right after the same of float64").to.equal(
      "float32",
    );
    expect(of([1], true).outputs[0]).to.deep.equal(f64(2, 1));
  });
  it("tell -0 from 0 and NaN from what it is not in attributes", () => {
    const solve = rowOf("lstsq") as AnyRow;
    const fallback = attrsOf(solve);
    expect(attrsOf(solve, { ...fallback })).to.be.an("object");
    expect(attrsOf(solve, { ...fallback, rcond: 0 })).not.to.equal(attrsOf(solve, { ...fallback, rcond: -0 }));
    expect(attrsOf(solve, { ...fallback, rcond: 0.1 })).to.equal(attrsOf(solve, { ...fallback, rcond: 0.1 }));
  });
  it("tell thousands of attributes apart of any magnitude, without comparing them all", () => {
    const solve = rowOf("lstsq") as AnyRow;
    const fallback = attrsOf(solve);
    const values = Array.from({ length: 2000 }, (_, i) => (i + 1) * (i % 2 ? 1e-13 : 2 ** 40));
    for (const rcond of values) attrsOf(solve, { ...fallback, rcond });
    let reads = 0;
    for (const value of values) {
      const given = {
        ...fallback,
        get rcond() {
          reads++; // for its hash, and once for each that it is compared with
          return value;
        },
      };
      expect(attrsOf(solve, given).rcond).to.equal(value);
    }
    expect(reads).to.be.below(4 * values.length);
  });
  it("do not see what a caller does to the attributes and shapes afterwards", () => {
    const axis = [0];
    const b = bindOp(row, [f64(2, 3)], { axis, keepDims: false });
    axis[0] = 1;
    expect(b.attrs.axis).to.deep.equal([0]);
    expect(Object.isFrozen(b.attrs) && Object.isFrozen(b.attrs.axis) && Object.isFrozen(b.outputs[0]?.shape)).to.equal(true);
    const y = sum(
      tensor([
        [1, 2, 3],
        [4, 5, 6],
      ]),
      { axis: 0 },
    );
    expect(() => ((y.shape as number[])[0] = 7)).to.throw(TypeError);
    expect(
      sum(
        tensor([
          [1, 2, 3],
          [4, 5, 6],
        ]),
        { axis: 0 },
      ).toArray(),
    ).to.deep.equal([5, 7, 9]);
  });
  it("stay right over more shapes than are kept, in one op and in many", () => {
    for (let k = 0; k < 3; k++) {
      for (let n = 1; n <= 700; n++) {
        const x = tensor(Float64Array.from({ length: n }, (_, i) => i));
        expect(sum(x).item()).to.equal((n * (n - 1)) / 2);
        expect(add(x, x).data[n - 1]).to.equal(2 * (n - 1));
      }
    }
    const a = tensor([
      [4, 2],
      [2, 5],
    ]);
    for (let n = 1; n <= 1500; n++) transpose(zeros([n, 2]));
    for (let k = 0; k < 3; k++)
      expect(linalg.cholesky(a).toArray()).to.deep.equal([
        [2, 0],
        [1, 2],
      ]);
  });
  it("outlive native code's forgetting: more calls are prepared than it keeps", () => {
    const ops = [add, sub, mul, div, maximum, minimum] as const;
    for (let n = 1; n <= 450; n++) {
      const x = tensor(Float64Array.from({ length: n }, (_, i) => i + 1));
      for (let k = 0; k < 2; k++) for (const op of ops) op(x, x);
      for (let k = 0; k < 2; k++) for (const op of [exp, sin, cos, neg] as const) op(x);
    }
    for (let n = 1; n <= 450; n++) {
      const x = tensor(Float64Array.from({ length: n }, (_, i) => i + 1));
      expect([add(x, x).data[n - 1], mul(x, x).data[n - 1], neg(x).data[n - 1]]).to.deep.equal([2 * n, n * n, -n]);
    }
  });
  it("give the failure of the call that fails, and its op, whoever called before", () => {
    const bad = tensor([
      [-1, 0],
      [0, 1],
    ]);
    for (let k = 0; k < 3; k++) {
      expect(() => linalg.cholesky(bad)).to.throw(/^cholesky: the matrix \(shape \[2, 2\]\) is not positive definite/);
      expect(() => linalg.logdet(bad)).to.throw(/^logdet: /);
      expect(linalg.cholesky.checked(bad).failures).to.have.length(1);
      expect(
        linalg
          .cholesky(
            tensor([
              [1, 0],
              [0, 1],
            ]),
          )
          .toArray(),
      ).to.deep.equal([
        [1, 0],
        [0, 1],
      ]);
    }
  });
  it("a program of thousands of instructions plans nothing in its second run", () => {
    const p = compile(
      (x: Tensor<"float64">) => {
        let y = x;
        for (let i = 0; i < 1000; i++) y = add(mul(y, 0.5 + i / 1e4), matmul(y, x));
        return sum(y);
      },
      float64(2, 2),
    );
    const x = tensor([
      [0.1, 0.2],
      [0.2, 0.1],
    ]);
    const first = p.runSync([x]);
    const before = native.plansMade();
    expect(p.runSync([x]).item()).to.equal(first.item());
    expect(before).to.be.above(0);
    expect(native.plansMade()).to.equal(before);
  });
});

describe("small results", () => {
  const two = () => [add(tensor([1, 2]), 1), add(tensor([3, 4]), 1)] as const;
  it("lie side by side, and whoever looks gets an array over memory of its own", () => {
    // a slab may end between the two of one pair, not of both
    const [x, y] = [two(), two()].find(([a, b]) => storageOf(a).array.buffer === storageOf(b).array.buffer) ?? expect.fail("apart");
    const [p, q] = [x.data, y.data];
    expect(p.buffer.byteLength).to.equal(16);
    expect(q.buffer).not.to.equal(p.buffer);
    p[0] = 100;
    expect(x.toArray()).to.deep.equal([100, 3]);
    expect(y.toArray()).to.deep.equal([4, 5]);
    structuredClone(p.buffer, { transfer: [p.buffer as ArrayBuffer] });
    expect(() => x.toArray()).to.throw(/gone/);
    expect(add(y, 1).toArray()).to.deep.equal([5, 6]);
  });
  it("compare, clone and print as others", () => {
    const [x] = two();
    assert.deepStrictEqual(x, tensor([2, 3]));
    assert.notDeepStrictEqual(x, tensor([2, 4]));
    expect(structuredClone(x).elements).to.deep.equal(Float64Array.of(2, 3));
    expect((structuredClone(x).elements as Float64Array).buffer.byteLength).to.equal(16);
    expect(String(x)).to.equal(String(tensor([2, 3])));
  });
  it("are what a pullback kept, whatever is done to those that were given out", () => {
    const [x] = two();
    const { value, pullback } = vjp((t: Tensor<"float64">) => mul(t, t), x);
    x.data.fill(0);
    value.data.fill(0);
    expect(pullback(tensor([1, 1]))[0].toArray()).to.deep.equal([4, 6]);
    expect(grad((t: Tensor<"float64">) => sum(mul(t, t)))(x).toArray()).to.deep.equal([0, 0]);
  });
  it("take part in jobs", async () => {
    const [x, y] = two();
    const job = linalg.cholesky.async(
      matmul(
        transpose(
          tensor([
            [2, 1],
            [0, 1],
          ]),
        ),
        tensor([
          [2, 1],
          [0, 1],
        ]),
      ),
    );
    x.data.fill(9);
    expect((await job).toArray()).to.deep.equal([
      [2, 0],
      [1, 1],
    ]);
    expect(y.toArray()).to.deep.equal([4, 5]);
  });
});
