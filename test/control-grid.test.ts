// Loops, batches and conditions over a fixed set of bodies, alone and in each other, against the same work written out.
import type { Float } from "../lib/core/dtype";
import { bodies } from "./control/bodies";
import { checks } from "./control/checks";
import { problemOf, words } from "./control/words";
import { cells } from "./grid";

const DTYPES = ["float64", "float32", "complex128"] as const satisfies readonly Float[];

describe("the grid of controls", () => {
  for (const [name, check] of Object.entries(checks))
    describe(name, () => {
      for (const [body, word, dtype] of cells(`controls ${name}`, [bodies, words, DTYPES])) {
        if (body.dtypes && !body.dtypes.includes(dtype)) continue;
        if (name === "differences" && (dtype === "float32" || body.ruled)) continue;
        const p = problemOf(body, word, dtype);
        it(p.name, () => check(p));
      }
    });
});
