// The addon by node-gyp, into build-gyp/Release, beside what cmake-js leaves in build/. Node-gyp always writes to build/ under the folder
// of binding.gyp, so it works in build-gyp/source, a mirror made of links. Nothing is downloaded: node-gyp would fetch Node's headers from
// nodejs.org, but a Node-API addon needs no more than the npm package node-api-headers, which build-gyp/headers presents the way a
// --nodedir is laid out. Incremental; `rm -r build-gyp` starts afresh.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const require = createRequire(import.meta.url);
const link = (target, path) => {
  rmSync(path, { force: true, recursive: true }); // the link, never what it points to
  symlinkSync(target, path);
};

const nodedir = join(root, "build-gyp/headers");
const include = join(nodedir, "include/node");
mkdirSync(include, { recursive: true });
const { include_dir: headers } = require("node-api-headers");
for (const name of readdirSync(headers)) link(join(headers, name), join(include, name));
// What node-gyp reads of Node's own build: its configuration, and the defaults of every target.
writeFileSync(join(include, "config.gypi"), JSON.stringify(process.config));
const configurations = { Release: { cflags: ["-O3"], defines: ["NDEBUG"] }, Debug: { cflags: ["-O0", "-g"] } };
const defaults = { default_configuration: "Release", configurations, cflags: ["-fPIC", "-pthread"], ldflags: ["-pthread"] };
writeFileSync(join(include, "common.gypi"), JSON.stringify({ target_defaults: defaults }));

const mirror = join(root, "build-gyp/source");
mkdirSync(mirror, { recursive: true });
for (const name of ["binding.gyp", "native", "scripts", "package.json", "node_modules"]) link(join(root, name), join(mirror, name));
const cli = require.resolve("node-gyp/bin/node-gyp.js");
const args = [cli, "configure", "build", "--release", "--jobs", "max", "--nodedir", nodedir];
const { status } = spawnSync(process.execPath, args, { cwd: mirror, stdio: "inherit" });
if (status !== 0) process.exit(status ?? 1);
link("source/build/Release", join(root, "build-gyp/Release"));
