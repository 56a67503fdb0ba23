// Loaded by .mocharc.cjs before any test, in every process that runs some.
import { info } from "../lib/index";
import { text } from "./grid";
import "./support"; // reads the registry before files of tests define ops of their own

// Not to stdout: reporters write there.
const say = () => console.error(`\nRuns ${text}.`);
export const mochaGlobalSetup = say;
export const mochaGlobalTeardown = say;

// Files run in any order, several in one process: each leaves the process as it found it.
const state = (): Readonly<Record<string, unknown>> => ({
  "number of threads": info().threads,
  "working directory": process.cwd(),
  ...Object.fromEntries(Object.entries(process.env).map(([name, value]) => [`variable ${name}`, value])),
});
let before: ReturnType<typeof state>;
export const mochaHooks = {
  beforeAll() {
    before = state();
  },
  afterAll(this: Mocha.Context) {
    const after = state();
    const differ = Object.keys({ ...before, ...after }).filter((what) => after[what] !== before[what]);
    if (differ.length === 0) return;
    const files = [...new Set(this.test?.parent?.suites.map((s) => s.file))].join(", ");
    throw new Error(`${files} left another ${differ.join(", ")} than it found.`);
  },
};
