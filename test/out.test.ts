// The option out.
import { expect } from "chai";
import {
  ArgumentError,
  add,
  type CallOptions,
  compile,
  float64,
  grad,
  linalg,
  mul,
  random,
  registry,
  reshape,
  sum,
  type Tensor,
  tensor,
  zeros,
} from "../lib/index";
import { caught, rejected, wrong } from "./support";

type F64 = Tensor<"float64">;

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
