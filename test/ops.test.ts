// Every row of the registry goes through checkOp; nothing is skipped by name.
import { expect } from "chai";
import { registry } from "../lib/index";
import { checkOp } from "../lib/testing/index";

describe("checkOp", () => {
  for (const name of registry.list()) {
    it(name, async () => {
      const report = await checkOp(registry.op(name) as Parameters<typeof checkOp>[0]);
      expect(Object.values(report).every((n) => n > 0)).to.equal(true);
    });
  }
});
