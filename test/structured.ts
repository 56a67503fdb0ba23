// What the tests of structured matrices share: golden values of SciPy, NumPy, JAX and PyTorch (tools/goldens/structured.py).
import { readFileSync } from "node:fs";

export { close, load, type Stored, type T, weighted, weights } from "./stored";

const golden = JSON.parse(readFileSync("test/golden/structured.json", "utf8")) as { readonly [part: string]: never };
/** Of one function the cases. */
export const cases = <K extends string>(part: string): readonly { readonly [k in K]: never }[] => golden[part] as never;
