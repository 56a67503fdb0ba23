// The package, packed and unpacked in an empty folder: what is in it, and that ESM and CommonJS share one registry. How it installs and what
// else it works with is checked by npm run release:dry (test/install).
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { buildSync } from "esbuild";
import { platform } from "../lib/boundary/addon";
import { long } from "./grid";

const root = process.cwd();
const binary = process.env.BACKSOLVE_BINARY ?? join(root, "build/Release/backsolve.node");
const run = (command: string, args: string[], cwd: string, BACKSOLVE_BINARY = binary): string =>
  execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, BACKSOLVE_BINARY } });

/** Whether dist/ is older than what it is made from. */
function isStale(): boolean {
  const made = join(root, "dist/testing.d.mts"); // the last file of the build
  if (!existsSync(made)) return true;
  const sources = ["package.json", "tsup.config.ts", "scripts/esm-entries.mjs", "lib"];
  const below = (path: string): string[] => [
    path,
    ...(path === "lib" ? (readdirSync(path, { recursive: true }) as string[]) : []).map((f) => join(path, f)),
  ];
  return sources.flatMap(below).some((f) => statSync(join(root, f)).mtimeMs > statSync(made).mtimeMs);
}

const program = `
const l = linalg.cholesky(tensor([[4, 1], [1, 3]]));
console.log(l.at(0, 0), grad((x) => linalg.logdet(x))(tensor([[4, 0], [0, 16]])).toArray().join());
`;

describe("the package", function () {
  this.timeout(180_000);
  let folder: string;

  before(() => {
    if (isStale()) run("npm", ["run", "build:js"], root);
    folder = mkdtempSync(join(tmpdir(), "backsolve-package-"));
    type Packed = { filename: string; files: { path: string }[] };
    const told: object = JSON.parse(run("npm", ["pack", "--json", "--pack-destination", folder], root));
    const [packed] = Object.values(told) as [Packed]; // of an array up to npm 11, of an object by name from npm 12 on
    const names = packed.files.map((f) => f.path);
    for (const wanted of [
      "dist/index.js",
      "dist/index.mjs",
      "dist/index.d.ts",
      "dist/testing.js",
      "dist/loader.js",
      "dist/cli.js",
      "scripts/build.mjs",
      "README.md",
      "LICENSE",
      "native/kernels/table.cc",
      "CMakeLists.txt",
    ]) {
      expect(names).to.include(wanted);
    }
    expect(names.filter((n) => /^(test|examples|bench|docs|build|binding\.gyp|node_modules)/.test(n))).to.deep.equal([]);
    run("tar", ["xzf", packed.filename], folder);
    mkdirSync(join(folder, "node_modules"));
    renameSync(join(folder, "package"), join(folder, "node_modules/backsolve"));
    writeFileSync(join(folder, "package.json"), "{}");
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("works from CommonJS and ESM", () => {
    writeFileSync(join(folder, "a.cjs"), `const { tensor, linalg, grad } = require("backsolve");${program}`);
    writeFileSync(join(folder, "a.mjs"), `import { tensor, linalg, grad } from "backsolve";${program}`);
    for (const file of ["a.cjs", "a.mjs"]) expect(run("node", [file], folder)).to.equal("2 0.25,0,0,0.0625\n");
  });
  it("has entries that work alone, with the methods of tensors", () => {
    const calls = { optimize: "lbfgs((x) => x.sub(3).square(), 1).x.item()", testing: "checkGrads((x) => x.square(), [2])" };
    for (const [entry, call] of Object.entries(calls)) {
      const name = call.split("(")[0];
      writeFileSync(join(folder, "c.cjs"), `const { ${name} } = require("backsolve/${entry}"); console.log(${call});`);
      writeFileSync(join(folder, "c.mjs"), `import { ${name} } from "backsolve/${entry}"; console.log(${call});`);
      for (const file of ["c.cjs", "c.mjs"]) expect(run("node", [file], folder)).to.match(/^(3|2\.99999\d*|3\.00000\d*|undefined)\n$/);
    }
  });
  long("works inside a bundle, as CommonJS and as an ES module, in the program and in its workers", () => {
    // not in the folder of the package, and looked at from yet another
    const shipped = join(folder, "shipped");
    const beside = join(shipped, "node_modules/@backsolve", platform());
    mkdirSync(beside, { recursive: true });
    copyFileSync(binary, join(beside, "backsolve.node"));
    writeFileSync(
      join(folder, "bundled.mjs"),
      `import { isMainThread, Worker } from "node:worker_threads";
       import { info, tensor, linalg, grad } from "backsolve";
       import { checkGrads } from "backsolve/testing";
       checkGrads((x) => linalg.logdet(x), [tensor([[4, 0], [0, 16]])]);
       console.log(isMainThread, info().binary.from);${program}
       if (isMainThread && process.argv[1]) new Worker(process.argv[1]);`,
    );
    for (const [format, file] of [
      ["cjs", "a.cjs"],
      ["esm", "a.mjs"],
    ] as const) {
      const outfile = join(shipped, "out", file);
      const { warnings } = buildSync({
        entryPoints: [join(folder, "bundled.mjs")],
        bundle: true,
        platform: "node",
        format,
        outfile,
        logLevel: "error",
      });
      expect(warnings).to.deep.equal([]);
      const lines = (thread: string): string => `${thread} platform package\n2 0.25,0,0,0.0625\n`;
      expect(run("node", [outfile], tmpdir(), "")).to.equal(lines("true") + lines("false"));
      expect(run("node", ["-e", `import(${JSON.stringify(outfile)})`], "/", "")).to.equal(lines("true"));
    }
  });
  it("brings the program backsolve", () => {
    const script = join(folder, "node_modules/backsolve/dist/cli.js");
    expect(run(script, ["doctor"], folder)).to.match(/\nAll is well\.\n$/);
    const fails = () => run(script, ["build"], folder);
    expect(fails).to.throw(/the npm package cmake-js\n {2}the npm package node-addon-api\n/); // it has its scripts
  });
  it("has one registry, whoever loads it how", () => {
    writeFileSync(
      join(folder, "b.mjs"),
      `import { createRequire } from "node:module";
       import { registry, defineOp, mul } from "backsolve";
       import { checkOp } from "backsolve/testing";
       const cjs = createRequire(import.meta.url)("backsolve");
       const op = defineOp({ name: "thrice", inputs: ["x"], outputs: ["y"], kernel: ({ x }) => mul(3, x), vjp: (_, { y: g }) => ({ x: () => mul(3, g) }) });
       await checkOp(op, { sizes: [0, 3] });
       console.log(cjs.registry === registry, cjs.registry.list().includes("thrice"), cjs.isTensor(op(2)));`,
    );
    expect(run("node", ["b.mjs"], folder)).to.equal("true true true\n");
  });
});
