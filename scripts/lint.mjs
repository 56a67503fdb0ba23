// Biome, the TypeScript compiler, and clang-format. --fix mends layout instead of checking it.
import { spawnSync } from "node:child_process";
import { chmodSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { wheel } from "./release/wheel.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const fix = process.argv.includes("--fix");
let failed = false;
const run = (command, args) => {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (error || status !== 0) failed = true;
};
const bin = (name) => join(root, "node_modules/.bin", name);

function clangFormat() {
  const program = join(wheel("clang-format").folder, "clang_format/data/bin/clang-format");
  chmodSync(program, 0o755);
  return program;
}

run(bin("biome"), ["check", ...(fix ? ["--write"] : []), "."]);
if (!fix) run(bin("tsc"), ["--noEmit", "-p", "."]);
const cpp = readdirSync(join(root, "native"), { recursive: true })
  .filter((f) => /\.(cc|h)$/.test(f))
  .map((f) => `native/${f}`);
try {
  run(clangFormat(), fix ? ["-i", ...cpp] : ["--dry-run", "-Werror", ...cpp]);
} catch (error) {
  console.log(`lint: the layout of C++ was not checked, as clang-format cannot be had: ${error.message.split("\n")[0]}`);
}
process.exit(failed ? 1 : 0);
