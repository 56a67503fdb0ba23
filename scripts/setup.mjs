// Sets up what is missing: system packages, npm packages, the native addon. Plain Node.js, as node_modules may not be there yet.
// When everything is there it returns in a fraction of a second. --native: always runs the (incremental) native build.
// Nothing but the npm registry and the system's package manager is asked: Node-API headers are the npm package node-api-headers.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const addon = join(root, "build/Release/backsolve.node");
const say = (text) => console.log(`setup: ${text}`);
const fail = (text) => {
  console.error(`setup: ${text}`);
  process.exit(1);
};

const has = (command) => spawnSync("sh", ["-c", `command -v ${command}`], { stdio: "ignore" }).status === 0;
const header = (...names) => names.some((n) => existsSync(n));
const multiarch = { x64: "x86_64-linux-gnu", arm64: "aarch64-linux-gnu" }[process.arch] ?? "none";

/** What a build needs, per package manager, and how to see that it is there. */
const managers = [
  {
    name: "apt-get",
    packages: {
      "build-essential": () => has("g++") && has("make"),
      cmake: () => has("cmake"),
      python3: () => has("python3"),
      "libopenblas-dev": () => header(`/usr/lib/${multiarch}/openblas-pthread/libopenblas.so`, `/usr/lib/${multiarch}/libopenblas.so`),
      "libsleef-dev": () => header(`/usr/include/${multiarch}/sleef.h`, "/usr/include/sleef.h"),
    },
    commands: (list) => [
      ["apt-get", "update"],
      ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "--no-install-recommends", ...list],
    ],
    root: true,
  },
  {
    name: "dnf",
    packages: {
      "gcc-c++": () => has("g++"),
      make: () => has("make"),
      cmake: () => has("cmake"),
      python3: () => has("python3"),
      "openblas-devel": () => header("/usr/lib64/libopenblas.so"),
      "sleef-devel": () => header("/usr/include/sleef.h"),
    },
    commands: (list) => [["dnf", "install", "-y", ...list]],
    root: true,
  },
  {
    name: "apk",
    packages: {
      "build-base": () => has("g++") && has("make"),
      cmake: () => has("cmake"),
      python3: () => has("python3"),
      "openblas-dev": () => header("/usr/lib/libopenblas.so"),
    },
    commands: (list) => [["apk", "add", ...list]],
    root: true,
  },
  {
    name: "brew",
    packages: {
      cmake: () => has("cmake"),
      openblas: () => header("/opt/homebrew/opt/openblas", "/usr/local/opt/openblas"),
      sleef: () => header("/opt/homebrew/opt/sleef", "/usr/local/opt/sleef"),
    },
    commands: (list) => [["brew", "install", ...list]],
    root: false,
  },
];

function systemPackages() {
  const manager = managers.find((m) => has(m.name));
  if (!manager) {
    if (!has("g++") || !has("cmake"))
      fail(
        "a C++20 compiler, cmake, OpenBLAS and (better) SLEEF are needed, and no known package manager is here. Install them and run npm run setup again.",
      );
    return;
  }
  const missing = Object.keys(manager.packages).filter((p) => !manager.packages[p]());
  if (missing.length === 0) return;
  const commands = manager.commands(missing);
  const isRoot = process.getuid?.() === 0;
  const sudo = !manager.root || isRoot ? [] : has("sudo") ? ["sudo"] : undefined;
  const text = commands.map((c) => `  ${[...(sudo ?? []), ...c].join(" ")}`).join("\n");
  if (!sudo) fail(`system packages are missing: ${missing.join(", ")}. Run as root:\n${text}\nand then npm run setup again.`);
  say(`installing ${missing.join(", ")} with ${manager.name}`);
  for (const c of commands) {
    const [command, ...args] = [...sudo, ...c];
    const { status } = spawnSync(command, args, { stdio: "inherit" });
    if (status !== 0) fail(`this command failed; run it yourself, then npm run setup again:\n${text}`);
  }
}

const readJson = (path) => JSON.parse(readFileSync(path, "utf8"));

function run(what, command, args) {
  say(what);
  const start = Date.now();
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (error || status !== 0) {
    fail(`${command} ${args.join(" ")} failed (${error ? error.message : `exit code ${status}`}); its message is above.`);
  }
  say(`done in ${Math.round((Date.now() - start) / 1000)} s`);
}

/** Whether node_modules holds what package-lock.json names; npm's own record of what it installed is node_modules/.package-lock.json. */
function packagesAreCurrent() {
  const record = join(root, "node_modules/.package-lock.json");
  if (!existsSync(record)) return false;
  const wanted = readJson(join(root, "package-lock.json")).packages;
  const there = readJson(record).packages;
  return Object.entries(wanted).every(([path, p]) => {
    if (path === "") return true;
    if (there[path] === undefined) return p.optional === true; // binaries for other platforms
    return there[path].version === p.version && existsSync(join(root, path));
  });
}

function npmPackages() {
  if (existsSync(join(root, "package-lock.json"))) {
    if (packagesAreCurrent()) return;
    // The build and the tests need the development packages, whatever NODE_ENV says.
    run("installing npm packages (npm ci)", "npm", ["ci", "--include=dev", "--no-audit", "--no-fund"]);
    return;
  }
  // A copy installed by npm has no lock file: the two packages that a build needs come from the project around it.
  const require = createRequire(join(root, "package.json"));
  const missing = ["cmake-js", "node-addon-api"].filter((name) => {
    try {
      return !require.resolve(`${name}/package.json`);
    } catch {
      return true;
    }
  });
  if (missing.length > 0)
    fail(`building from source needs npm packages; in your project run\n  npm install --save-dev ${missing.join(" ")}`);
}

/** Everything that the addon is made from. */
function nativeDigest() {
  const hash = createHash("sha256").update(`${process.platform} ${process.arch} ${process.env.BACKSOLVE_OPENBLAS_DIR ?? ""}\n`);
  const add = (path) => {
    if (statSync(join(root, path)).isDirectory()) for (const f of readdirSync(join(root, path)).sort()) add(`${path}/${f}`);
    else hash.update(`${path}\n`).update(readFileSync(join(root, path)));
  };
  for (const path of ["CMakeLists.txt", "scripts/native-config.mjs", "native"]) add(path);
  return hash.digest("hex");
}

const stamp = join(root, "build/.backsolve-stamp");
const isBuilt = (digest) => existsSync(addon) && existsSync(stamp) && readFileSync(stamp, "utf8") === digest;

function nativeBuild(digest) {
  const jobs = String(availableParallelism());
  const require = createRequire(join(root, "package.json"));
  const manifest = require.resolve("cmake-js/package.json");
  const cli = join(dirname(manifest), readJson(manifest).bin["cmake-js"]);
  rmSync(stamp, { force: true });
  run(`building the native addon (cmake-js, ${jobs} jobs)`, process.execPath, [cli, "compile", "--out", "build", "--parallel", jobs]);
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, digest);
}

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 17)) fail(`Node.js 20.17 or newer is needed, this is ${process.version}.`);
const always = process.argv.includes("--native");
const digest = nativeDigest();
const build = always || (!process.env.BACKSOLVE_BINARY && !isBuilt(digest)); // BACKSOLVE_BINARY: somebody brings a build of their own
if (build) systemPackages();
npmPackages();
if (build) nativeBuild(digest);
