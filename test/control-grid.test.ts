// Loops, batches and conditions over a fixed set of bodies, alone and in each other, against the same work written out.
import { bodies } from "./control/bodies";
import { checks } from "./control/checks";
import { programs } from "./control/programs";
import { problemOf, words } from "./control/words";
import { cells, partOf } from "./grid";

const DTYPES = ["float64", "float32", "complex128"] as const;
/** Short words in every dtype, long ones in one. */
const places = words.flatMap((word) => DTYPES.filter((d) => d === "float64" || word.length !== 2).map((dtype) => ({ word, dtype })));
const all = Object.entries({ ...checks, ...programs });
/** A cell costs some 50 ms, and there are 25,000: fewer than of other grids. */
const sample = partOf(1 / 8);

/** Where NaN goes other ways: an inverse spreads it, a Jacobian written out multiplies it by zeros, a body run for its types alone reads it. */
const NAN_ELSEWHERE: ReadonlySet<string> = new Set(["root", "jacobians", "none", "vmapNone"]);

/** Programs take longer: what nests in them is of these bodies. */
const NESTED: ReadonlySet<string> = new Set(["elementwise", "cholesky", "tree", "swap", "inputs", "constants"]);

describe("the grid of controls", () => {
  for (const [[name, check], body, { word, dtype }] of cells("controls", [all, bodies, places], sample ? { sample } : {})) {
    if (body.dtypes && !body.dtypes.includes(dtype)) continue;
    if (name === "differences" && (dtype === "float32" || body.ruled)) continue;
    if (name in programs && word.length > 1 && !NESTED.has(body.name)) continue;
    if (name === "nan" && word.some((w) => NAN_ELSEWHERE.has(w))) continue;
    if (dtype === "complex128" && word.some((w) => w === "jacobians" || w === "root")) continue; // defined for real functions
    const p = problemOf(body, word, dtype);
    it(`${name}: ${p.name}`, () => check(p));
  }
});
