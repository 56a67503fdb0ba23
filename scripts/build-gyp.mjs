// The addon by node-gyp, into build-gyp/Release, beside what cmake-js builds. Node-gyp always writes to build/, so it works on a mirror of
// the sources made of links. Headers come from the running Node.js where it has them; else from node-gyp's own download.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const mirror = join(root, "build-gyp/source");
mkdirSync(mirror, { recursive: true });
for (const name of ["binding.gyp", "native", "scripts", "package.json", "node_modules"]) {
  rmSync(join(mirror, name), { force: true, recursive: false });
  symlinkSync(join(root, name), join(mirror, name));
}
const prefixes = [process.env.npm_config_nodedir, dirname(dirname(process.execPath)), "/usr", "/usr/local"];
const nodedir = prefixes.find((p) => p && existsSync(join(p, "include/node/common.gypi")));
const args = ["rebuild", "--jobs", "max", ...(nodedir ? ["--nodedir", nodedir] : [])];
const { status } = spawnSync(join(root, "node_modules/.bin/node-gyp"), args, { cwd: mirror, stdio: "inherit" });
if (status !== 0) process.exit(status ?? 1);
const release = join(root, "build-gyp/Release");
rmSync(release, { force: true, recursive: true });
symlinkSync(join(mirror, "build/Release"), release);
