// The quick part of the tests on a binary for another processor, by QEMU's user-mode emulation:
//   node scripts/release/emulate.mjs <platform> [--cpu MODEL] [test files | --info]
//   node scripts/release/emulate.mjs linux-arm64-gnu                  NEON
//   node scripts/release/emulate.mjs linux-x64-gnu --cpu Haswell      AVX2 and no AVX-512; Nehalem: neither
// What runs is release/<platform>, tests bundled to JavaScript, and a Node.js of that architecture; QEMU and the C library come from Debian
// packages, Node.js from npm, into .cache/emulate. Left out: tests that start processes (the system runs no program of another
// architecture), that measure memory, and that ask about files.
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { build } from "esbuild";
import { platforms, root } from "./build.mjs";
import { download, unpack } from "./debian.mjs";

const NODE = "22.23.3"; // chai is an ES module, which older ones do not require()
const ALONE = /from "(node:child_process|node:worker_threads|\.{1,2}\/child)"|\b(child|script)\(/;
const LEFT_OUT = /^(copies|endless|pullback-memory|examples\/co2|structure|types|packaging)\.test\.ts$/;

const cache = join(root, ".cache/emulate");
const args = process.argv.slice(2);
const platform = args.shift();
const cpu = args[0] === "--cpu" ? args.splice(0, 2)[1] : undefined;
const { cpu: architecture, debian } = platforms[platform] ?? {};
const binary = join(root, "release", String(platform), "backsolve.node");
if (!debian) throw new Error(`there is no emulation for ${platform}.`);
if (!existsSync(binary)) throw new Error(`${binary} is not there: node scripts/release/build.mjs ${platform}`);

/** The root of some Debian packages. */
function rootOf(name, architecture, packages) {
  const folder = join(cache, name);
  if (!existsSync(join(folder, "root"))) unpack(download(folder, architecture, packages), join(folder, "root"));
  return join(folder, "root");
}
const qemu = rootOf("qemu", "amd64", ["qemu-user-static"]);
const system = rootOf(debian, debian, ["libc6", "libstdc++6", "libgcc-s1", "libatomic1"]);
const node = join(cache, `node-${NODE}-${architecture}`);
if (!existsSync(join(node, "package/bin/node"))) {
  rmSync(node, { recursive: true, force: true });
  mkdirSync(node, { recursive: true });
  execFileSync("npm", ["pack", "--silent", "--pack-destination", node, `node-linux-${architecture}@${NODE}`]);
  execFileSync("tar", ["xzf", join(node, readdirSync(node)[0]), "-C", node]);
  chmodSync(join(node, "package/bin/node"), 0o755);
}

/** A script in an emulated process. */
function run(script) {
  const emulator = join(qemu, `usr/bin/qemu-${{ x64: "x86_64", arm64: "aarch64" }[architecture]}-static`);
  const options = [...(cpu ? ["-cpu", cpu] : []), "-L", system, join(node, "package/bin/node"), "-e", script];
  const { OPENBLAS_CORETYPE, ...env } = process.env; // kernels of another processor than the emulated one
  const { status } = spawnSync(emulator, options, { cwd: root, stdio: "inherit", env: { ...env, BACKSOLVE_BINARY: binary } });
  process.exit(status ?? 1);
}
if (args[0] === "--info") run("console.log(JSON.stringify(require(process.env.BACKSOLVE_BINARY).info()))");

/** A source that finds the files beside it where it was, not where its bundle is. */
const inPlace = ({ path }) => ({
  contents: readFileSync(path, "utf8").replaceAll("__dirname", JSON.stringify(dirname(path))),
  loader: "ts",
});
const tests = join(root, "test");
const wanted = args.length > 0 ? args.map((f) => f.replace(/^test\//, "")) : readdirSync(tests, { recursive: true });
const files = wanted.filter((f) => f.endsWith(".test.ts") && !LEFT_OUT.test(f) && !ALONE.test(readFileSync(join(tests, f), "utf8"))).sort();
const bundles = join(cache, "tests");
rmSync(bundles, { recursive: true, force: true });
await build({
  entryPoints: files.map((f) => join(tests, f)),
  outdir: bundles,
  outbase: tests,
  bundle: true,
  platform: "node",
  plugins: [{ name: "where", setup: (b) => b.onLoad({ filter: /\.ts$/ }, inPlace) }],
  external: ["esbuild", "typescript"],
  logLevel: "warning",
});

console.log(`emulate: ${platform}${cpu ? `, ${cpu}` : ""}: ${files.length} files`);
const options = ["--no-config", "--timeout", "600000", "--reporter", "dot", join(bundles, "**/*.js")];
run(`require("mocha/lib/cli/cli.js").main(${JSON.stringify(options)})`);
