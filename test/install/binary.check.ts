// The files of the platform package: what they ask of the system, what they let it see, that they are what the SBOM says; that the addon is
// right with the OpenBLAS that it brings, and on processors that lack what this one has.
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { PLATFORM, project, release } from "./root";

const folder = join(release, PLATFORM);
const addon = join(folder, "backsolve.node");
const { floor } = JSON.parse(readFileSync(join(project, "scripts/release/platforms.json"), "utf8"))[PLATFORM] as { floor: string };
const libraries = readdirSync(folder).filter((f) => /\.(node|so(\.\d+)*)$/.test(f));
const tool = (name: string, ...args: string[]): string => execFileSync(name, args, { encoding: "utf8", maxBuffer: 2 ** 26 });
const after = (a: string, b: string): boolean => a.localeCompare(b, "en", { numeric: true }) > 0;

/** A run of tests by itself; its output where it fails. */
function passes(args: string[], env: NodeJS.ProcessEnv = {}): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: project, encoding: "utf8", env: { ...process.env, ...env } });
  expect(status, `${stdout}\n${stderr}`).to.equal(0);
  expect(stdout).to.match(/^ *[1-9]\d* passing/m);
}

describe(`the files of ${PLATFORM}`, () => {
  it("are the addon, OpenBLAS and SLEEF", () => {
    expect(libraries.sort()).to.deep.equal(["backsolve.node", "libscipy_openblas.so", "libsleef.so.3"]);
  });
  for (const file of libraries) {
    it(`${file} asks for nothing younger than glibc ${floor}, and for no C++ library`, () => {
      const symbols = tool("objdump", "-T", join(folder, file));
      const versions = [...new Set([...symbols.matchAll(/\bGLIBC_([\d.]+)/g)].map((m) => m[1] as string))];
      expect(versions).not.to.deep.equal([]);
      expect(versions.filter((v) => after(v, floor))).to.deep.equal([]);
      expect(symbols).not.to.match(/GLIBCXX|CXXABI|GCC_/);
      const needed = [...tool("objdump", "-p", join(folder, file)).matchAll(/NEEDED +(\S+)/g)].map((m) => m[1] as string);
      const system = /^(libc\.so\.6|libm\.so\.6|libdl\.so\.2|libpthread\.so\.0|ld-linux-x86-64\.so\.2)$/;
      expect(needed.filter((n) => !system.test(n) && !existsSync(join(folder, n)))).to.deep.equal([]);
    });
  }
  it("the addon shows Node's entry points alone, and looks for libraries beside itself", () => {
    const shown = tool("nm", "-D", "--defined-only", addon).trim().split("\n");
    expect(shown.map((line) => line.split(" ").at(-1)).sort()).to.deep.equal([
      "napi_register_module_v1",
      "node_api_module_get_api_version_v1",
    ]);
    expect(tool("objdump", "-p", addon)).to.match(/(RUNPATH|RPATH) +\$ORIGIN\n/);
  });
  it("are those of the SBOM, each part with its licence", () => {
    const { metadata, components } = JSON.parse(readFileSync(join(folder, "sbom.cdx.json"), "utf8"));
    const files = metadata.component.components as { name: string; hashes: { content: string }[] }[];
    expect(files.map((f) => f.name).sort()).to.deep.equal(libraries.sort());
    for (const { name, hashes } of files)
      expect(hashes[0]?.content).to.equal(
        createHash("sha256")
          .update(readFileSync(join(folder, name)))
          .digest("hex"),
      );
    const parts = (components as { name: string }[]).map((c) => c.name);
    expect(parts).to.include.members(["scipy-openblas32", "sleef", "libcxx", "node-addon-api"]);
    expect(readdirSync(join(folder, "licenses")).sort()).to.deep.equal(parts.map((name) => `${name}.txt`).sort());
  });
});

describe("the addon of the package", () => {
  it("gives the golden values, with its own OpenBLAS", () =>
    passes(["node_modules/mocha/bin/mocha.js", "test/goldens.test.ts"], { BACKSOLVE_BINARY: addon }));
  for (const [cpu, sets] of [
    ["Nehalem", ["baseline"]],
    ["Haswell", ["baseline", "avx2"]],
  ] as const)
    it(`runs on a processor with no more than ${sets.at(-1)}, and gives the golden values`, () => {
      const emulate = ["scripts/release/emulate.mjs", PLATFORM, "--cpu", cpu];
      const { stdout, stderr } = spawnSync(process.execPath, [...emulate, "--info"], { cwd: project, encoding: "utf8" });
      expect(JSON.parse(stdout).isas, stderr).to.deep.equal(sets);
      passes([...emulate, "test/goldens.test.ts"]);
    });
});
