// Calls that are prepared once and made again: whatever is sent, an Error or the answer.
import { expect } from "chai";
import { cholesky, F64, id, native, operand, refusal, spd, transfer } from "./native";

/** null: nothing failed, and large memory of another call waits. */
const nothing = (answer: unknown): unknown => answer ?? undefined;
const prepared = (): number => native.prepare(cholesky(0, 2, 2));

describe("prepared calls", () => {
  it("compute what a descriptor says, again and again, with failures listed or the first", () => {
    const plan = native.prepare(cholesky(0, 2, 1, 1));
    const out = new Float64Array(2);
    expect(nothing(native.call(plan, false, Float64Array.of(4, 9), out))).to.equal(undefined);
    expect([...out]).to.deep.equal([2, 3]);
    expect([...(native.call(plan, true, Float64Array.of(-1, -4), out) as Float64Array)]).to.deep.equal([0, 0, 1, 1, 1, 0, 1, 1]);
    expect([...out]).to.deep.equal([Number.NaN, Number.NaN]);
    expect([...(native.call(plan, false, Float64Array.of(-1, -4), out) as Float64Array)]).to.deep.equal([0, 0, 1, 1]);
    native.forget(Float64Array.of(plan));
    expect(refusal(() => native.call(plan, false, spd(2), out)).message).to.include("no such call");
    expect(native.prepare(cholesky(0, 2, 1, 1)), "numbers are not given again").to.be.above(plan);
  });

  it("refuse numbers, flags and buffers that are none", () => {
    const plan = prepared();
    const out = new Float64Array(4);
    for (const p of [undefined, null, -1, 0.5, 1e9, Number.NaN, Infinity, "0", {}, 2 ** 32 + 0.5])
      if (p !== plan) refusal(() => native.call(p, false, spd(2), out));
    for (const c of [undefined, null, 0, 1, "true", {}]) refusal(() => native.call(plan, c, spd(2), out));
    const detached = new Float64Array(4);
    transfer(detached);
    for (const w of [
      undefined,
      null,
      {},
      [1, 0, 0, 1],
      new Float32Array(4),
      new Float64Array(3),
      new DataView(new ArrayBuffer(32)),
      detached,
      new Proxy(out, {}),
    ]) {
      refusal(() => native.call(plan, false, w, out));
      refusal(() => native.call(plan, false, spd(2), w));
    }
    expect(refusal(() => native.call(plan, false, spd(2), detached)).code).to.equal("ERR_BUFFER");
    refusal(() => native.call(plan, false, spd(2)));
    refusal(() => native.call());
    for (const w of [undefined, 1, [1], Float64Array.of(-1), Float64Array.of(0.5), Float64Array.of(2 ** 33)])
      refusal(() => native.forget(w));
    expect(() => native.forget(Float64Array.of(2 ** 32 - 1))).not.to.throw();
    expect(nothing(native.call(plan, false, spd(2), out))).to.equal(undefined);
  });

  it("refuse outputs that overlap an input", () => {
    const plan = prepared();
    const memory = new Float64Array(12);
    memory.set(spd(2));
    for (const from of [0, 3]) refusal(() => native.call(plan, false, memory.subarray(0, 4), memory.subarray(from, from + 4)));
    expect(nothing(native.call(plan, false, memory.subarray(0, 4), memory.subarray(4, 8)))).to.equal(undefined);
  });

  it("are refused where the call would be, and with offsets", () => {
    for (const d of [undefined, 1, new Float64Array(3), cholesky(0, 2, 3), Float64Array.of(1e9)]) refusal(() => native.prepare(d));
    refusal(() => native.prepare(Float64Array.from([id("cholesky"), 0, F64, 0, 2, 1, F64, 2, 2, 2, 1, ...operand(2, 2)])));
  });
});
