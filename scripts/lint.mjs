// Biome, the TypeScript compiler, and clang-format where it is installed. --fix mends layout instead of checking it.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const fix = process.argv.includes("--fix");
let failed = false;
const run = (command, args) => {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (error || status !== 0) failed = true;
};
const bin = (name) => join(root, "node_modules/.bin", name);

run(bin("biome"), ["check", ...(fix ? ["--write"] : []), "."]);
if (!fix) run(bin("tsc"), ["--noEmit", "-p", "."]);
const cpp = readdirSync(join(root, "native"), { recursive: true })
  .filter((f) => /\.(cc|h)$/.test(f))
  .map((f) => `native/${f}`);
const clang = ["clang-format-19", "clang-format"].find((c) => spawnSync(c, ["--version"], { stdio: "ignore" }).status === 0);
if (clang) run(clang, fix ? ["-i", ...cpp] : ["--dry-run", "-Werror", ...cpp]);
else console.log("lint: clang-format is not installed; C++ formatting was not checked.");
process.exit(failed ? 1 : 0);
