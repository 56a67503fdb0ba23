// Sets up what is missing: system packages, npm packages, the native addon. Plain Node.js, as node_modules may not be there yet.
// When everything is there it returns in a fraction of a second.
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
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
      ["apt-get", "install", "-y", "--no-install-recommends", ...list],
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
  const text = commands.map((c) => `  ${(sudo ?? ["sudo"]).concat(c).join(" ")}`).join("\n");
  if (!sudo) fail(`system packages are missing: ${missing.join(", ")}. Run as root:\n${text}\nand then npm run setup again.`);
  say(`installing ${missing.join(", ")} with ${manager.name}`);
  for (const c of commands) {
    const [command, ...args] = [...sudo, ...c];
    const { status } = spawnSync(command, args, {
      stdio: ["inherit", "inherit", "inherit"],
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
    if (status !== 0) fail(`this command failed; run it yourself, then npm run setup again:\n${text}`);
  }
}

const digest = (files) => {
  const hash = createHash("sha256");
  for (const f of files) hash.update(`${f}\n`).update(readFileSync(join(root, f)));
  return hash.digest("hex");
};
const stamp = (name) => join(root, "node_modules", `.backsolve-${name}`);
const isCurrent = (name, value) => existsSync(stamp(name)) && readFileSync(stamp(name), "utf8") === value;

function run(what, command, args) {
  say(what);
  const start = Date.now();
  const { status } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (status !== 0) fail(`${command} ${args.join(" ")} failed (exit code ${status}); its message is above.`);
  say(`done in ${Math.round((Date.now() - start) / 1000)} s`);
}

function npmPackages() {
  const now = digest(["package-lock.json"]);
  if (isCurrent("packages", now)) return;
  run("installing npm packages (npm ci)", "npm", ["ci", "--no-audit", "--no-fund"]);
  writeFileSync(stamp("packages"), now);
}

const nativeFiles = () => {
  const list = ["CMakeLists.txt", "scripts/native-config.mjs"];
  const walk = (folder) => {
    for (const f of readdirSync(join(root, folder)).sort()) {
      const path = `${folder}/${f}`;
      if (statSync(join(root, path)).isDirectory()) walk(path);
      else list.push(path);
    }
  };
  walk("native");
  return list;
};

function nativeBuild() {
  if (process.env.BACKSOLVE_BINARY) return; // somebody brings a build of their own
  const now = digest(nativeFiles());
  if (existsSync(addon) && isCurrent("native", now)) return;
  const jobs = String(
    Math.max(1, Number(execFileSync(process.execPath, ["-p", "require('os').availableParallelism()"], { encoding: "utf8" }))),
  );
  run(`building the native addon (cmake-js, ${jobs} jobs)`, join(root, "node_modules/.bin/cmake-js"), [
    "compile",
    "--out",
    "build",
    "--parallel",
    jobs,
  ]);
  mkdirSync(join(root, "node_modules"), { recursive: true });
  writeFileSync(stamp("native"), now);
}

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 17)) fail(`Node.js 20.17 or newer is needed, this is ${process.version}.`);
systemPackages();
npmPackages();
nativeBuild();
