// Factors and solves of one matrix by kernels of our own, on every instruction set.
import { spawnSync } from "node:child_process";
import { expect } from "chai";
import { info } from "../lib/index";
import { cells, long } from "./grid";
import { CHECKS, SIZES } from "./packed";
import { DTYPES } from "./ratios";

describe("one matrix", function () {
  this.timeout(120_000);
  for (const [name, check] of Object.entries(CHECKS)) {
    long(name, () => {
      for (const [dtype, n] of cells(name, [DTYPES, SIZES])) check(n, dtype);
    });
  }
  for (const isa of info().isas) {
    if (isa === info().isa) continue;
    long(`on ${isa}`, () => {
      const done = spawnSync(process.execPath, ["--import", "tsx", "test/packed.ts"], {
        encoding: "utf8",
        env: { ...process.env, BACKSOLVE_ISA: isa },
      });
      expect(done.stderr).to.equal("");
      expect(done.stdout).to.equal("checked\n");
    });
  }
});
