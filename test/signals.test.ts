// Signals that abort a call.
import { expect } from "chai";
import { compile, eye, float64, full, linalg, type Tensor } from "../lib/index";
import { rejected, wrong } from "./support";

type F64 = Tensor<"float64">;

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
