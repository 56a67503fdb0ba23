// npm run release:dry: checks the tarballs in release/ as users get them, in a root without compiler and OpenBLAS (test/install/root.ts).
// Packs first where there are none (npm run pack:local makes them anew).  --pack packs in any case.  What follows -- goes to mocha.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const release = join(root, "release");
const run = (...args) => {
  const { status, error } = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
};

const packed = existsSync(release) && readdirSync(release).some((f) => f.endsWith(".tgz"));
const args = process.argv.slice(2);
if (!packed || args.includes("--pack")) run(join(root, "scripts/release/pack.mjs"));
const mocha = join(root, "node_modules/mocha/bin/mocha.js");
run(mocha, "--config", "test/install/mocharc.json", ...args.filter((a) => a !== "--pack"));
