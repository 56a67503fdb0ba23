// Every row of the registry goes through checkOp; nothing is skipped by name.

import { readFileSync } from "node:fs";
import { expect } from "chai";
import { portOf } from "../lib/core/form";
import { registry } from "../lib/index";
import { checkOp } from "../lib/testing/index";
import { asJSON, asMarkdown } from "../scripts/capability-table";
import { sampled } from "./grid";
import { packageOps } from "./support";

describe("checkOp", () => {
  for (const name of packageOps) {
    it(name, async () => {
      const op = registry.op(name) as Parameters<typeof checkOp>[0];
      const report = await checkOp(op, sampled);
      const wanted = ["shapes", "asynchronous", "memory", "compiled"];
      if (op.row.law) wanted.push("law");
      const discrete = op.row.outputs.every((o) => ["bool", "int32"].includes(portOf(op.row, {}, o)));
      if (op.row.vjp && op.row.order !== 0 && !discrete) wanted.push("reverse", "reverseSingle", "forward", "missing");
      if (op.row.fused && !discrete) wanted.push("fusedEqualsComposed");
      expect(Object.keys(report)).to.include.members(wanted);
    });
  }
  it("the shipped capability table says what these checks found", () => {
    for (const [file, now] of [
      ["lib/core/capabilities.json", asJSON(packageOps)],
      ["docs/capabilities.md", asMarkdown(packageOps)],
    ] as const) {
      expect(readFileSync(file, "utf8"), `${file}: npm run capabilities`).to.equal(now);
    }
  });
});
