// Finds OpenBLAS and SLEEF and tells both build systems what to compile and link. OpenBLAS is not linked: the addon loads it itself
// (native/base/lapack/library.cc), from beside itself or from where it is found here.
//   node scripts/native-config.mjs <key>     one line per value (CMake), keys below
//   node scripts/native-config.mjs --gyp <key>   values quoted, separated by spaces (gyp)
// Instruction sets (native/sets.json): the first and the best of this machine, as a build that stays here needs no others; those that
// BACKSOLVE_SETS names ("all", "baseline avx2"). Builds for another machine set BACKSOLVE_ARCH, BACKSOLVE_SLEEF_DIR (include/ and lib/) and
// BACKSOLVE_OPENBLAS=beside: it is looked for beside the addon alone.
// BACKSOLVE_DEBUG=1: workspaces are filled with NaN, and what a kernel takes is compared with what was counted (native/base/workspace.h).
// OpenBLAS, in this order: BACKSOLVE_OPENBLAS_DIR (a folder with lib/ and include/, also that of a scipy-openblas32 wheel), pkg-config, the
// folders where Debian, Fedora, Alpine and Homebrew put it.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { MANAGERS } from "./package-managers.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const require = createRequire(import.meta.url);

const quiet = (command, args) => {
  try {
    return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "";
  }
};

const libraryIn = (folder, name) => {
  if (!folder || !existsSync(folder)) return undefined;
  const found = readdirSync(folder).find((f) => new RegExp(`^lib${name}[^/]*\\.(so|dylib)$`).test(f));
  return found && join(folder, found);
};

/** The commands that install what a build wants of OpenBLAS and SLEEF, one for each package manager. */
const installs = () =>
  MANAGERS.map(({ packages: { openblas, sleef }, commands }) =>
    commands([openblas, ...(sleef ? [sleef] : [])])
      .at(-1)
      .join(" "),
  );

const multiarch = { x64: "x86_64-linux-gnu", arm64: "aarch64-linux-gnu" }[process.arch] ?? "";
const brewed = (name) => (process.platform === "darwin" ? quiet("brew", ["--prefix", name]) : "");

export function findOpenblas() {
  const given = process.env.BACKSOLVE_OPENBLAS_DIR;
  const folders = given
    ? [join(given, "lib"), given]
    : [
        quiet("pkg-config", ["--variable=libdir", "openblas"]),
        `/usr/lib/${multiarch}/openblas-pthread`,
        `/usr/lib/${multiarch}`,
        brewed("openblas") && join(brewed("openblas"), "lib"),
        "/usr/lib64",
        "/usr/lib",
        "/usr/local/lib",
      ];
  const tried = folders.filter(Boolean);
  for (const folder of tried) {
    const library = libraryIn(folder, "(scipy_)?openblas");
    if (library) return library;
  }
  const how = installs().join("\n  ");
  throw new Error(
    `OpenBLAS was not found. Looked in:\n  ${tried.join("\n  ")}\nInstall it with one of\n  ${how}\nor set BACKSOLVE_OPENBLAS_DIR to a folder that has lib/libopenblas.so.`,
  );
}

export function findSleef() {
  const given = process.env.BACKSOLVE_SLEEF_DIR;
  if (given === "none") return undefined;
  for (const prefix of given ? [given] : [brewed("sleef"), "/usr", "/usr/local"].filter(Boolean)) {
    const header = [join(prefix, "include", multiarch, "sleef.h"), join(prefix, "include/sleef.h")].find((f) => existsSync(f));
    const library = [join(prefix, "lib", multiarch), join(prefix, "lib64"), join(prefix, "lib")]
      .map((f) => libraryIn(f, "sleef"))
      .find(Boolean);
    if (header && library) return { header, library };
  }
  return undefined;
}

const sources = () =>
  readFileSync(join(root, "native/sources.txt"), "utf8")
    .split("\n")
    .filter((l) => l && !l.startsWith("#"))
    .map((l) => `native/${l}`);
const perSet = (f) => /^native\/(lanes|packed)\//.test(f);

/** The words that Linux has for what this processor can do; undefined where there are none to read. */
function features() {
  try {
    return new Set(/^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1].trim().split(/\s+/));
  } catch {
    return undefined;
  }
}

/** The sets to build. */
export function sets() {
  const known = JSON.parse(readFileSync(join(root, "native/sets.json"), "utf8"));
  const all = known[process.env.BACKSOLVE_ARCH || process.arch] ?? known.other;
  const named = process.env.BACKSOLVE_SETS;
  if (named === "all") return all;
  if (named) {
    const wanted = named.split(/[ ,]+/);
    const wrong = wanted.find((name) => !all.some((set) => set.name === name));
    if (wrong !== undefined) throw new Error(`BACKSOLVE_SETS names ${wrong}; there are ${all.map((set) => set.name).join(", ")}, or all.`);
    return all.filter((set) => wanted.includes(set.name));
  }
  const here = features();
  if (here === undefined) return all;
  const can = all.filter((set) => set.features.every((f) => here.has(f)));
  return can.length > 1 ? [can[0], can[can.length - 1]] : can;
}
/** Of every file. No errno and no traps: nothing here reads them, and vectors have neither. */
const FLAGS = ["-O3", "-fno-math-errno", "-fno-trapping-math", "-Wall", "-Wextra", "-Werror", "-Wno-psabi"];
const flags = (set) => ["-ffp-contract=fast", ...set.features.map((f) => `-m${f}`), ...(set.flags ?? [])];
const defines = (set) => [`BS_ISA=${set.name}`, `BS_VECTOR_BYTES=${set.bytes}`];
const setNamed = (name) => sets().find((set) => set.name === name);

/** Where the addon was built finds OpenBLAS, or nowhere but beside itself. */
const openblas = () => (process.env.BACKSOLVE_OPENBLAS === "beside" ? "" : findOpenblas());

const keys = {
  sources: () => sources().filter((f) => !perSet(f)),
  lanes: () => sources().filter(perSet),
  sets: () => sets().map((set) => set.name),
  targets: () => sets().map((set) => `lanes_${set.name}`),
  have: () => sets().map((set) => `BS_HAVE_${set.name.toUpperCase()}`),
  "set-defines": (name) => defines(setNamed(name)),
  "set-flags": (name) => flags(setNamed(name)),
  flags: () => FLAGS,
  defines: () => [...(findSleef() ? ["BS_HAVE_SLEEF"] : []), ...(process.env.BACKSOLVE_DEBUG ? ["BS_DEBUG"] : [])],
  openblas: () => [`BS_OPENBLAS=${JSON.stringify(openblas())}`],
  includes: () => [
    require.resolve("node-addon-api/package.json").replace(/package\.json$/, ""),
    ...(findSleef() ? [dirname(findSleef().header)] : []),
  ],
  libraries: () => (findSleef() ? [findSleef().library] : []),
};

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const gyp = process.argv[2] === "--gyp";
  const [key, ...rest] = process.argv.slice(gyp ? 3 : 2);
  try {
    const values = keys[key](...rest);
    process.stdout.write(gyp ? values.map((v) => `'${v}'`).join(" ") : values.join("\n"));
  } catch (error) {
    process.stderr.write(`backsolve: ${error.message}\n`);
    process.exit(1);
  }
}
