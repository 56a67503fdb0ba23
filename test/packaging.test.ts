// The package as others get it: packed, unpacked in an empty folder, used from ESM, CommonJS and strict TypeScript.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { buildSync } from "esbuild";
import { platform } from "../lib/core/loader";

const root = process.cwd();
const binary = process.env.BACKSOLVE_BINARY ?? join(root, "build/Release/backsolve.node");
const run = (command: string, args: string[], cwd: string, BACKSOLVE_BINARY = binary): string =>
  execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, BACKSOLVE_BINARY } });
const bin = (name: string): string => join(root, "node_modules/.bin", name);

const program = `
const l = linalg.cholesky(tensor([[4, 1], [1, 3]]));
console.log(l.at(0, 0), grad((x) => linalg.logdet(x))(tensor([[4, 0], [0, 16]])).toArray().join());
`;

describe("the package", function () {
  this.timeout(180_000);
  let folder: string;

  before(() => {
    run("npm", ["run", "build:js"], root);
    folder = mkdtempSync(join(tmpdir(), "backsolve-package-"));
    const [packed] = JSON.parse(run("npm", ["pack", "--json", "--pack-destination", folder], root)) as [
      { filename: string; files: { path: string }[] },
    ];
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
      "native/table.cc",
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
  it("works inside a bundle, as CommonJS and as an ES module, in the program and in its workers", () => {
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
  it("compiles in strict TypeScript, as ESM and as CommonJS", () => {
    const source = `import { compile, defineOp, float64, grad, linalg, mul, registry, tensor, type Tensor, valueAndGrad } from "backsolve";
      import { checkGrads } from "backsolve/testing";
      const a: Tensor<"float64"> = tensor([[4, 1], [1, 3]]);
      const l: Tensor<"float64"> = linalg.cholesky(a);
      const c: Tensor<"complex128"> = mul(tensor([{ re: 1, im: 2 }]), a);
      const f = (p: { ls: Tensor<"float64">; layers: Tensor<"float64">[] }) => p.ls.mul(2).sum();
      const g: { ls: Tensor<"float64">; layers: Tensor<"float64">[] } = grad(f)({ ls: 1, layers: [a] });
      const { value, grad: h } = valueAndGrad(f)({ ls: a, layers: [] });
      const x: number = value.item();
      const z: { readonly re: number; readonly im: number } = c.at(0, 0);
      const program = compile((y: Tensor<"float64">) => ({ twice: mul(2, y) }), float64(3));
      const t: Tensor<"float64"> = program.runSync([a]).twice;
      // @ts-expect-error float32 and float64 do not mix into a float64
      const bad: Tensor<"float32"> = mul(a, 2);
      const ls: Tensor<"complex128"> = linalg.lstsq(c, a, { l2Regularizer: tensor(0.1), method: "svd" });
      const { w, v }: { readonly w: Tensor<"float64">; readonly v: Tensor<"complex128"> } = linalg.eigh(c, { degenerate: "mask" });
      const { sign, logabsdet }: { readonly sign: Tensor<"complex128">; readonly logabsdet: Tensor<"float64"> } = linalg.slogdet(c);
      const fa: Tensor<"complex128"> = linalg.funmHermitian(c, (u: Tensor<"float64">) => u.exp());
      const later: Promise<Tensor<"float64">> = linalg.solve.async(a, l, { adjoint: true, signal: new AbortController().signal });
      const failed: readonly { item: number; code: string }[] = linalg.solve.checked(a, l).failures;
      const modes: readonly string[] = registry.capabilities().map((one) => one.op);
      // @ts-expect-error lambda is real
      linalg.lstsq(a, a, { l2Regularizer: c });
      // @ts-expect-error there is no such policy
      linalg.eigh(a, { degenerate: "ignore" });
      console.log(ls, w, v, sign, logabsdet, fa, later, failed, modes);
      // @ts-expect-error there is no such option
      linalg.solveTriangular(l, a, { uper: true });
      checkGrads((y: Tensor<"float64">) => y.sum(), [a]);
      const op = defineOp({ name: "typed", inputs: ["x"], outputs: ["y"], kernel: ({ x }) => mul(3, x) });
      const r: Tensor<"float64"> = op(a);
      console.log(g, h, x, z, t, bad, r);`;
    const names = ["c.mts", "c.cts"]; // in one compilation, which reads the standard library once
    for (const name of names) writeFileSync(join(folder, name), source);
    const strict = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess"];
    const options = [...strict, "--module", "nodenext", "--target", "es2022", "--types", "node"];
    try {
      run(bin("tsc"), [...options, "--typeRoots", join(root, "node_modules/@types"), ...names], folder);
    } catch (error) {
      expect.fail((error as { stdout: string }).stdout);
    }
  });
});
