// What a build from source needs beside Node.js, and how to see that it is there: for npm run setup and for `backsolve build`.
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { findOpenblas, findSleef } from "./native-config.mjs";
import { MANAGERS, OTHERWISE } from "./package-managers.mjs";

const onPath = (command) =>
  (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
const found = (find) => {
  try {
    return find() !== undefined;
  } catch {
    return false;
  }
};

/** The compiler that CMake takes. It says the standard's date only when it has all of it: GCC from 11 on, Clang from 14 on. */
function compiles() {
  const [command, ...args] = (process.env.CXX || ["c++", "g++", "clang++"].find(onPath) || "c++").split(" ");
  const input = "#include <span>\n#if __cplusplus < 202002L\n#error\n#endif\n";
  return spawnSync(command, [...args, "-std=c++20", "-x", "c++", "-fsyntax-only", "-"], { input }).status === 0;
}
function cmakeIsNew() {
  const [, major, minor] = /version (\d+)\.(\d+)/.exec(spawnSync("cmake", ["--version"], { encoding: "utf8" }).stdout ?? "") ?? [];
  return Number(major) > 3 || (Number(major) === 3 && Number(minor) >= 20);
}
const hasPip = () => spawnSync("python3", ["-m", "pip", "--version"], { stdio: "ignore" }).status === 0;

const asked = (variable) => (process.env[variable] ? `, which ${variable}=${process.env[variable]} is not` : "");
const NEEDS = {
  compiler: { what: `a C++20 compiler (GCC 11, Clang 14 or newer)${asked("CXX")}`, there: compiles },
  make: { what: "ninja or make", there: () => onPath("ninja") || onPath("make") },
  cmake: { what: "CMake 3.20 or newer", there: cmakeIsNew },
  openblas: { what: `OpenBLAS${asked("BACKSOLVE_OPENBLAS_DIR")}`, there: () => found(findOpenblas) },
  sleef: {
    what: "SLEEF (optional: without it exp, log, sin and their like are slower)",
    there: () => found(findSleef),
    optional: true,
  },
  python: { what: "Python 3 with pip, for node-gyp and tools that are wheels", there: hasPip, development: true },
};

/**
 * What of the system is missing: `needs` with their texts, and `commands` that install it. `commands` is undefined where there is no
 * package manager that is known here; `mayRun` is false where they are for root and this is not root and has no sudo.
 */
export function missingFromSystem({ development = false } = {}) {
  const needs = Object.entries(NEEDS)
    .filter(([, need]) => (development || !need.development) && !need.there())
    .map(([id, { what, optional = false }]) => ({ id, what, optional }));
  const manager = MANAGERS.find((m) => onPath(m.name));
  if (needs.length === 0 || manager === undefined) return { needs, packages: [], commands: undefined, mayRun: false };
  const packages = [...new Set(needs.map((n) => manager.packages[n.id]).filter(Boolean))];
  const others = needs.map((n) => OTHERWISE[manager.name]?.[n.id]?.join(" ")).filter(Boolean);
  const mayRun = !manager.root || process.getuid?.() === 0;
  const asRoot = !mayRun && onPath("sudo") ? ["sudo"] : [];
  const commands = [
    ...[...new Set(others)].map((c) => c.split(" ")),
    ...(packages.length > 0 ? manager.commands(packages).map((c) => [...asRoot, ...c]) : []),
  ];
  return { needs, packages, commands, mayRun: mayRun || asRoot.length > 0 };
}

/** The npm packages that a build takes from the project around the package. */
export function missingFromNpm(root) {
  const require = createRequire(join(root, "package.json"));
  const missing = ["cmake-js", "node-addon-api"].filter((name) => !found(() => require.resolve(`${name}/package.json`)));
  const [agent] = (process.env.npm_config_user_agent ?? "").split("/");
  const add = { pnpm: "pnpm add --save-dev", yarn: "yarn add --dev" }[agent] ?? "npm install --save-dev";
  return { missing, command: `${add} ${missing.join(" ")}` };
}

/** Why no file can be written to a folder, if so; it need not be there yet. */
export function cannotWrite(folder) {
  let there = folder;
  while (!existsSync(there)) there = dirname(there);
  if (!statSync(there).isDirectory()) return `${there} is no folder.`;
  try {
    accessSync(there, constants.W_OK);
    return undefined;
  } catch (error) {
    return `${there} cannot be written to (${error.code}).`;
  }
}
