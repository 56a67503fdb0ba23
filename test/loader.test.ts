// Where the addon is looked for, and what is said where it cannot be loaded: a package of one file in folders of its own, in processes of
// their own.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { buildSync } from "esbuild";
import { platform, version } from "../lib/boundary/addon";
import { binary } from "./child";

const here = platform();
const elsewhere = here === "darwin-arm64" ? "win32-x64" : "darwin-arm64";
const ADDON = Symbol("the addon");
/** What a file holds: the addon, or text; the "addon" of a text that begins with "throw " fails to load with the rest. */
type Content = typeof ADDON | string | Buffer;
const own = "node_modules/backsolve";
const LOCAL = `${own}/build/Release/backsolve.node`;
/** A platform package. */
const binaries = (name = here, content: Content = ADDON, its = version): Record<string, Content> => ({
  [`node_modules/@backsolve/${name}/backsolve.node`]: content,
  [`node_modules/@backsolve/${name}/package.json`]: JSON.stringify({ name: `@backsolve/${name}`, version: its }),
});
const PACKAGE = `node_modules/@backsolve/${here}/backsolve.node`;

const preload = `
const { Module } = require("node:module"), fs = require("node:fs"), load = Module._extensions[".node"];
Module._extensions[".node"] = (module, file) => {
  const [, why] = /^throw ([^]*)/.exec(fs.readFileSync(file, "latin1")) ?? [];
  if (why) throw new Error(why);
  load(module, file);
};
for (const [name, value] of Object.entries(JSON.parse(process.env.PROCESS ?? "{}"))) Object.defineProperty(process, name, { value });
`;

/** The head of an executable that asks for this loader. */
function executable(interpreter: string): Buffer {
  const file = Buffer.alloc(64 + 2 * 56 + interpreter.length);
  file.writeBigUInt64LE(64n, 32);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(2, 56);
  file.writeUInt32LE(6, 64); // the table itself
  file.writeUInt32LE(3, 64 + 56);
  file.writeBigUInt64LE(BigInt(64 + 2 * 56), 64 + 56 + 8);
  file.writeBigUInt64LE(BigInt(interpreter.length), 64 + 56 + 32);
  file.write(interpreter, 64 + 2 * 56);
  return file;
}

interface Case {
  readonly files?: Record<string, Content>;
  readonly env?: NodeJS.ProcessEnv;
  /** Properties of `process` that are others there. */
  readonly process?: Record<string, string>;
  /** How the program has the package; "silent": an ES bundle that does not say where it is; "url": imported by somebody elsewhere. */
  readonly as?: "package" | "bundle" | "es bundle" | "silent" | "url";
  /** The file that is loaded, or what the error says, where FOLDER is the program's. */
  readonly gives: string | readonly (string | RegExp)[];
}
const program = "info().binary";
let folder: string;
const made: { [as: string]: string } = {};

function attempt({ files = {}, env = {}, process: other = {}, as = "package" }: Case): string {
  const app = realpathSync(mkdtempSync(join(folder, "app-")));
  const write = (path: string, content: Content): void => {
    mkdirSync(dirname(join(app, path)), { recursive: true });
    if (content === ADDON) copyFileSync(binary, join(app, path));
    else writeFileSync(join(app, path), content as string | Buffer);
  };
  write("package.json", '{ "name": "app" }');
  if (as === "package") {
    write(`${own}/package.json`, JSON.stringify({ name: "backsolve", version, main: "dist/index.js" }));
    write(`${own}/dist/index.js`, readFileSync(made.package as string, "utf8"));
  }
  for (const [path, content] of Object.entries(files)) write(path, content);
  const main = as === "package" || as === "bundle" ? "dist/main.cjs" : as === "silent" ? "dist/silent.mjs" : "dist/main.mjs";
  write(main, as === "package" ? `const { info } = require("backsolve"); ${show(program)}` : readFileSync(made[main] as string, "utf8"));
  const start = as === "url" ? ["-e", `import(${JSON.stringify(join(app, main))})`] : [join(app, main)];
  const inFolder = (of: object) => Object.fromEntries(Object.entries(of).map(([k, v]) => [k, String(v).replaceAll("FOLDER", app)]));
  const { stdout, stderr } = spawnSync(process.execPath, ["--require", join(folder, "preload.cjs"), ...start], {
    encoding: "utf8",
    cwd: as === "url" || as === "silent" ? "/" : app,
    env: { ...process.env, BACKSOLVE_BINARY: "", PROCESS: JSON.stringify(other).replaceAll("FOLDER", app), ...inFolder(env) },
  });
  return `${stdout}${stderr}`.replaceAll(app, "FOLDER").trim();
}
const show = (what: string): string =>
  `try { const { from, path } = ${what}; console.log(from + ": " + path); } catch (error) { console.log(error.code + " " + error.message); }`;

const blind = (): Buffer => Buffer.from(readFileSync(binary, "latin1").replaceAll("openblas.so", "openblax.so"), "latin1");
const NO_BINARY = `ERR_NO_BINARY backsolve: the native addon cannot be loaded (${here}, Node.js ${process.version}). Tried:\n`;
const noLocal = `  local build FOLDER/${LOCAL}: there is no such file\n`;

const cases: { readonly [name: string]: Case } = {
  "the platform package": { files: binaries(), gives: `platform package: FOLDER/${PACKAGE}` },
  "a local build goes first": { files: { ...binaries(), [LOCAL]: ADDON }, gives: `local build: FOLDER/${LOCAL}` },
  "a local build that cannot be loaded is no end": {
    files: { ...binaries(), [LOCAL]: "throw made for another machine" },
    gives: `platform package: FOLDER/${PACKAGE}`,
  },
  "BACKSOLVE_BINARY goes before all, from the working folder": {
    files: { ...binaries(), [LOCAL]: ADDON, "mine/a.node": ADDON },
    env: { BACKSOLVE_BINARY: "mine/a.node" },
    gives: "BACKSOLVE_BINARY: FOLDER/mine/a.node",
  },
  "BACKSOLVE_BINARY as the URL of a file": {
    files: { "mine/a b.node": ADDON },
    env: { BACKSOLVE_BINARY: "file://FOLDER/mine/a%20b.node" },
    gives: "BACKSOLVE_BINARY: FOLDER/mine/a b.node",
  },
  "BACKSOLVE_BINARY as a URL that is no file's": {
    env: { BACKSOLVE_BINARY: "file://elsewhere/a.node" },
    gives: ["  BACKSOLVE_BINARY file://elsewhere/a.node: there is no such file\n", "Unset BACKSOLVE_BINARY"],
  },
  "BACKSOLVE_BINARY stands alone": {
    files: { ...binaries(), [LOCAL]: ADDON },
    env: { BACKSOLVE_BINARY: "mine/a.node" },
    gives: [
      `${NO_BINARY}  BACKSOLVE_BINARY FOLDER/mine/a.node: there is no such file\n`,
      "Unset BACKSOLVE_BINARY or point it at a backsolve.node of this platform.",
    ],
  },
  "BACKSOLVE_BINARY that is a folder": {
    files: { "mine/backsolve.node": ADDON },
    env: { BACKSOLVE_BINARY: "mine" },
    gives: [`  BACKSOLVE_BINARY FOLDER/mine: is a folder, expected the path of a file\n`, "Unset"],
  },
  "BACKSOLVE_BINARY that is no addon": {
    files: { "mine/a.node": "hello" },
    env: { BACKSOLVE_BINARY: "mine/a.node" },
    gives: [/ {2}BACKSOLVE_BINARY FOLDER\/mine\/a.node: (?!FOLDER)\w.*\nUnset/],
  },
  "an addon of another version": {
    files: { "a.js": "module.exports = { ...require(process.env.ADDON), boundary: 0 };" },
    env: { BACKSOLVE_BINARY: "a.js", ADDON: binary },
    gives: [`FOLDER/a.js: loaded, but it was built from another version of backsolve than ${version}\nBuild it again from this version`],
  },
  "nothing is installed": {
    gives: [
      `${NO_BINARY}${noLocal}  platform package @backsolve/${here}/backsolve.node: is not installed, as seen from FOLDER/${own}/package.json\n`,
      `@backsolve/${here} is an optional dependency that this installation left out: install with npm i --include=optional`,
      "Where a tool gathers the files of an application, let it take node_modules/@backsolve along",
      "npx backsolve build",
    ],
  },
  "packages of another platform": {
    files: binaries(elsewhere),
    gives: [
      `The packages were installed for another platform: @backsolve/${elsewhere} is there, @backsolve/${here} is not.`,
      "Do not copy node_modules from one system to another",
    ],
  },
  "a platform without binary": {
    process: { platform: "sunos" },
    files: binaries(),
    gives: [/\(sunos-\w+, .*\n.*\nThere are binaries for linux-x64-gnu, .*\. For sunos-\w+, build it from source: npx backsolve build$/],
  },
  "a platform that this release has no binary for": {
    files: {
      ...binaries(elsewhere),
      [`${own}/package.json`]: JSON.stringify({
        name: "backsolve",
        version,
        main: "dist/index.js",
        optionalDependencies: { [`@backsolve/${elsewhere}`]: version },
      }),
    },
    gives: [new RegExp(`\\nThere are binaries for ${elsewhere}\\. For ${here}, build it from source: npx backsolve build$`)],
  },
  "a Node.js that loads no addons": {
    files: binaries(),
    env: { NODE_OPTIONS: "--no-addons" },
    gives: ["\nNode.js was told to load no addons: start it with --allow-addons where --permission is given, and without --no-addons."],
  },
  "another version of the platform package": {
    files: binaries(here, ADDON, "9.9.9"),
    gives: [
      `  platform package FOLDER/${PACKAGE}: @backsolve/${here} is version 9.9.9, backsolve is version ${version}: they must be the same\n`,
      `Install both again: npm i backsolve@${version}`,
    ],
  },
  "a platform package that is damaged": {
    files: binaries(here, "hello"),
    gives: [
      `Its file or a library beside it is missing, damaged, or made for another platform: install @backsolve/${here} again`,
      "build it from source",
    ],
  },
  "the addon of a platform package copied without SLEEF": {
    files: binaries(here, "throw libsleef.so.3: cannot open shared object file: No such file or directory"),
    gives: [
      ": libsleef.so.3: cannot open shared object file: No such file or directory\n",
      "where files are copied, copy its whole folder",
    ],
  },
  "a local build that cannot be loaded, and nothing else": {
    files: { [LOCAL]: "throw made for another machine\nin two lines" },
    gives: [`  local build FOLDER/${LOCAL}: made for another machine\n  platform package`, "Delete the local build ("],
  },
  "a system that is older": {
    files: binaries(here, "throw /lib/libc.so.6: version `GLIBC_2.99' not found (required by x)"),
    gives: ["The C or C++ library of this system is older than the binary needs."],
  },
  "a clone of the repository": {
    files: { [`${own}/binding.gyp`]: "" },
    gives: [`Build it from source: cd FOLDER/${own} && npm run setup`],
  },
  "a bundle and a package beside it": { as: "bundle", files: binaries(), gives: `platform package: FOLDER/${PACKAGE}` },
  "a bundle that is an ES module": { as: "es bundle", files: binaries(), gives: `platform package: FOLDER/${PACKAGE}` },
  "a bundle that a program elsewhere loads": { as: "url", files: binaries(), gives: `platform package: FOLDER/${PACKAGE}` },
  "a program that is a bundle, run from elsewhere": { as: "silent", files: binaries(), gives: `platform package: FOLDER/${PACKAGE}` },
  "a bundle beside the package with a local build": {
    as: "bundle",
    files: { [LOCAL]: ADDON, [`${own}/package.json`]: JSON.stringify({ name: "backsolve", version }) },
    gives: `local build: FOLDER/${LOCAL}`,
  },
  "a bundle in an application with a build folder of its own": {
    as: "bundle",
    files: { "build/Release/backsolve.node": ADDON },
    gives: [/^ERR_NO_BINARY/],
  },
  "a bundle alone": {
    as: "bundle",
    gives: [
      `  platform package @backsolve/${here}/backsolve.node: is not installed, as seen from FOLDER/dist/main.cjs, FOLDER\n`,
      "backsolve is part of a bundle here, and an addon cannot be. Mark it as external",
      "Where a tool gathers the files of an application, let it take node_modules/@backsolve along",
    ],
  },
  "a bundle of another version": {
    as: "bundle",
    files: binaries(here, ADDON, "9.9.9"),
    gives: [`is version 9.9.9, backsolve is version ${version}`, "Bundle again with the backsolve that is installed"],
  },
  "the addon alone copied beside a bundle": { as: "bundle", files: { [PACKAGE]: ADDON }, gives: `platform package: FOLDER/${PACKAGE}` },
  "no OpenBLAS beside the addon of the platform package": {
    files: { ...binaries(here, "throw OpenBLAS cannot be loaded. Tried: a; b") },
    gives: [
      `  platform package FOLDER/${PACKAGE}: OpenBLAS cannot be loaded. Tried: a; b\n`,
      `OpenBLAS is a part of @backsolve/${here}, beside its backsolve.node`,
    ],
  },
};

const onLinux: { readonly [name: string]: Case } = {
  "no OpenBLAS for a local build": {
    files: { [LOCAL]: "" }, // the addon that looks for other names, made below
    gives: [
      /local build FOLDER\/.*: OpenBLAS cannot be loaded\. Tried: .*libopenblax\.so: cannot open shared object file/,
      "Install OpenBLAS.",
    ],
  },
  "musl is told from glibc": {
    process: { execPath: "FOLDER/node" },
    files: { ...binaries(), node: executable("/lib/ld-musl-x86_64.so.1\0") },
    gives: [`(linux-${process.arch}-musl, `, `@backsolve/${here} is there, @backsolve/linux-${process.arch}-musl is not.`],
  },
  "glibc in a folder of its own is told from musl": {
    process: { execPath: "FOLDER/node" },
    files: { ...binaries(`linux-${process.arch}-gnu`), node: executable("/nix/store/x-glibc-2.40/lib/ld-linux-x86-64.so.2\0") },
    gives: `platform package: FOLDER/node_modules/@backsolve/linux-${process.arch}-gnu/backsolve.node`,
  },
};

describe("the loader", function () {
  this.timeout(180_000);
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "backsolve-loader-"));
    writeFileSync(join(folder, "preload.cjs"), preload);
    const bundle = (to: string, entry: string, format: "cjs" | "esm"): void => {
      made[to] = join(folder, to);
      const stdin = { contents: entry, resolveDir: process.cwd() };
      buildSync({ stdin, bundle: true, platform: "node", format, outfile: made[to] as string, logLevel: "error" });
    };
    bundle("package", 'module.exports = require("./lib/index");', "cjs");
    bundle("dist/main.cjs", `import { info } from "./lib/index"; ${show(program)}`, "cjs");
    bundle("dist/silent.mjs", `import { info } from "./lib/index"; ${show(program)}`, "esm");
    // as the ES entry does it (scripts/esm-entries.mjs)
    bundle(
      "dist/main.mjs",
      `import { info } from "./lib/index"; import { from as tell } from "./lib/boundary/addon"; tell(import.meta.url); ${show(program)}`,
      "esm",
    );
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const [name, one] of Object.entries({ ...cases, ...(process.platform === "linux" ? onLinux : {}) }))
    it(name, () => {
      const files = { ...one.files };
      if (files[LOCAL] === "") files[LOCAL] = blind();
      const got = attempt({ ...one, files });
      if (process.env.SHOW) console.log(got);
      if (typeof one.gives === "string") expect(got).to.equal(one.gives);
      else
        for (const part of one.gives) {
          if (typeof part === "string") expect(got).to.include(part);
          else expect(got).to.match(part);
        }
    });

  it("a package that is linked into place sees what it sees from its real folder", () => {
    const real = realpathSync(mkdtempSync(join(folder, "store-")));
    for (const path of [`store/${own}/dist`, `store/node_modules/@backsolve/${here}`, "app/node_modules"])
      mkdirSync(join(real, path), { recursive: true });
    writeFileSync(join(real, "store", own, "package.json"), JSON.stringify({ name: "backsolve", version, main: "dist/index.js" }));
    copyFileSync(made.package as string, join(real, "store", own, "dist/index.js"));
    copyFileSync(binary, join(real, "store", PACKAGE));
    symlinkSync(join(real, "store", own), join(real, "app", own));
    writeFileSync(join(real, "app/main.cjs"), `const { info } = require("backsolve"); ${show(program)}`);
    copyFileSync(made["dist/main.cjs"] as string, join(real, "app/bundle.cjs")); // a bundle sees what the package beside it sees
    const env = { ...process.env, BACKSOLVE_BINARY: "" };
    for (const main of ["main.cjs", "bundle.cjs"])
      expect(spawnSync(process.execPath, [main], { cwd: join(real, "app"), encoding: "utf8", env }).stdout).to.equal(
        `platform package: ${join(real, "store", PACKAGE)}\n`,
      );
  });
});
