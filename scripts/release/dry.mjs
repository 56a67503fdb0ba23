// npm run release:dry: packs, and checks the tarballs as users get them, in a root without compiler and OpenBLAS (test/install/root.ts).
//   node scripts/release/dry.mjs [--packed | --staged | --all] [options of mocha]
//   --packed  takes the tarballs in release/ as they are;  --staged, --all  go to scripts/release/pack.mjs
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const run = (script, ...args) => {
  const { status, error } = spawnSync(process.execPath, [join(root, script), ...args], { cwd: root, stdio: "inherit" });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
};

const args = process.argv.slice(2);
const packing = args.filter((a) => ["--staged", "--all"].includes(a));
if (!args.includes("--packed")) run("scripts/release/pack.mjs", ...packing);
const rest = args.filter((a) => a !== "--packed" && !packing.includes(a));
run("node_modules/mocha/bin/mocha.js", "--config", "test/install/mocharc.json", ...rest);
