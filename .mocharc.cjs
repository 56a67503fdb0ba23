// How `mocha` runs the tests. It alone: all files, in as many processes as there are processors. With files named (npx mocha test/eigh.test.ts): these, in one.
const { readdirSync } = require("node:fs");
const { availableParallelism } = require("node:os");

const named = process.argv.some((word) => word.endsWith(".test.ts"));

// Files that take long come first: one that starts last keeps its process busy when the others have nothing left.
const LONG = ["packaging", "examples/co2", "ends", "ops", "tiles", "threads", "jobs", "boundary-jobs", "lanes", "types", "hostile-calls", "plans", "control-grid"];
const place = (file) => (LONG.findIndex((name) => file === `${name}.test.ts`) + LONG.length + 1) % (LONG.length + 1);
const files = readdirSync("test", { recursive: true }).filter((file) => file.endsWith(".test.ts"));

module.exports = {
  import: ["tsx"],
  extension: ["ts"],
  require: ["test/setup.ts"],
  spec: named ? [] : files.sort((a, b) => place(a) - place(b)).map((file) => `test/${file}`),
  timeout: 180000, // of what hangs: a busy machine takes three times as long as a quiet one, whose longest test takes 20 s
  parallel: !named,
  jobs: Math.max(2, availableParallelism()), // mocha's own choice leaves one processor out, and of two makes one
};
