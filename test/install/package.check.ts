// The tarballs themselves: what is in them, what package.json says, and what publint and attw find.
import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { expect } from "chai";
import { consumer, NEWEST, OLDEST, PLATFORM, run, tarball } from "./root";

type Json = Record<string, unknown>;
const list = (file: string): string[] =>
  execFileSync("tar", ["tzf", file], { encoding: "utf8" })
    .trim()
    .split("\n")
    .map((f) => f.replace(/^package\//, ""));
const text = (file: string, name: string): string => execFileSync("tar", ["xzOf", file, `package/${name}`], { encoding: "utf8" });
const repository = JSON.parse(readFileSync("package.json", "utf8")) as Json;

describe("the tarball of the main package", () => {
  const file = tarball();
  let files: string[];
  let manifest: Json;
  before(() => {
    files = list(file);
    manifest = JSON.parse(text(file, "package.json")) as Json;
  });

  it("has the entries, the sources of the addon, and no more", () => {
    expect(files).to.include.members([
      "dist/index.js",
      "dist/index.mjs",
      "dist/testing.js",
      "dist/testing.mjs",
      "README.md",
      "CHANGELOG.md",
      "LICENSE",
      "native/sources.txt",
      "CMakeLists.txt",
    ]);
    const roots = ["package.json", "README.md", "CHANGELOG.md", "LICENSE", "CMakeLists.txt"];
    const strange = files.filter(
      (f) => !roots.includes(f) && !/^(dist|native)\/|^scripts\/(?!build-gyp|esm-entries|lint)[\w-]+\.mjs$/.test(f),
    );
    expect(strange).to.deep.equal([]);
    expect(files.filter((f) => /\.(node|so|dylib|dll|gyp)(\.|$)|\.test\./.test(f))).to.deep.equal([]);
  });
  it("has what a build from source reads", () => {
    const wanted = new Set<string>();
    for (const line of text(file, "native/sources.txt").split("\n")) if (line && !line.startsWith("#")) wanted.add(`native/${line}`);
    const readers = files.filter((f) => /^scripts\/|^CMakeLists\.txt$|^dist\/.*js$/.test(f));
    for (const reader of readers) {
      const source = text(file, reader);
      for (const [, name] of source.matchAll(/\bscripts\/([\w-]+\.(?:mjs|json|txt))\b/g)) wanted.add(`scripts/${name}`);
      if (reader.startsWith("scripts/")) for (const [, name] of source.matchAll(/"\.\/([\w-]+\.\w+)"/g)) wanted.add(`scripts/${name}`);
    }
    expect(wanted.size).to.be.greaterThan(20);
    expect([...wanted].filter((f) => !files.includes(f))).to.deep.equal([]);
  });
  it("names every file that its entries name", () => {
    const named: string[] = [];
    JSON.stringify([manifest.main, manifest.module, manifest.types, manifest.exports, manifest.typesVersions, manifest.bin], (_, v) => {
      if (typeof v === "string") named.push(v.replace(/^\.\//, ""));
      return v;
    });
    expect(named).to.include("dist/testing.d.mts");
    expect(named.filter((f) => !files.includes(f))).to.deep.equal([]);
  });
  it("asks for the platform package of its version, and for nothing else", () => {
    expect(manifest.optionalDependencies).to.have.property(`@backsolve/${PLATFORM}`, repository.version);
    for (const [name, version] of Object.entries(manifest.optionalDependencies as Json)) {
      expect(name).to.match(/^@backsolve\//);
      expect(version).to.equal(repository.version);
    }
    for (const key of ["dependencies", "devDependencies", "scripts"]) expect(manifest, key).not.to.have.property(key);
    expect(repository).not.to.have.property("optionalDependencies"); // npm ci would look for what is not published
  });
  it("says where it comes from", () => {
    expect(JSON.stringify(manifest.repository)).to.include("github.com/backsolve/backsolve");
    for (const key of ["homepage", "bugs", "license", "engines", "description", "keywords"]) expect(manifest, key).to.have.property(key);
  });
});

describe(`the tarball of ${PLATFORM}`, () => {
  const file = tarball(PLATFORM);
  let files: string[];
  let manifest: Json;
  before(() => {
    files = list(file);
    manifest = JSON.parse(text(file, "package.json")) as Json;
  });

  it("installs on its platform alone, without scripts", () => {
    const { name, version, os, cpu, libc } = manifest;
    const wanted = { name: `@backsolve/${PLATFORM}`, version: repository.version, os: ["linux"], cpu: ["x64"], libc: ["glibc"] };
    expect({ name, version, os, cpu, libc }).to.deep.equal(wanted);
    for (const key of ["scripts", "dependencies", "optionalDependencies"]) expect(manifest, key).not.to.have.property(key);
  });
  it("has the addon, OpenBLAS and licences, and is at most 15 MB", () => {
    expect(files).to.include("backsolve.node");
    expect(files.filter((f) => /openblas.*\.so/.test(f))).to.have.length(1);
    expect(files.filter((f) => /licen[cs]e/i.test(f))).not.to.deep.equal([]);
    expect(statSync(file).size).to.be.lessThan(15e6);
  });
});

describe("linters of packages", () => {
  const folder = "/home/tools/linters";
  before(async () => {
    await consumer(OLDEST, folder, { "package.json": "{}" });
  });
  for (const name of ["", PLATFORM]) {
    const file = `/home/${tarball(name).split("/").at(-1)}`;
    it(`publint finds nothing in backsolve${name && ` ${name}`}`, async () => {
      const script = `const { publint } = await import("publint"), { formatMessage } = await import("publint/utils"), { readFileSync } = await import("node:fs");
        const { messages, pkg } = await publint({ pack: { tarball: readFileSync("${file}").buffer }, strict: true });
        console.log(pkg.version, messages.map((m) => formatMessage(m, pkg, { color: false })).join("\\n"));`;
      const { code, stdout, stderr } = await run(NEWEST, folder, "node", ["--input-type=module", "-e", script]);
      expect({ code, stdout, stderr }).to.deep.equal({ code: 0, stdout: `${repository.version} \n`, stderr: "" });
    });
  }
  it("attw finds nothing in backsolve", async () => {
    const { code, stdout, stderr } = await run(NEWEST, folder, "node", [
      "/home/tools/node_modules/@arethetypeswrong/cli/dist/index.js",
      `/home/${tarball().split("/").at(-1)}`,
      "--format",
      "json",
    ]);
    expect(code, stdout + stderr).to.equal(0);
    const { analysis } = JSON.parse(stdout) as { analysis: { problems: unknown[]; entrypoints: Json } };
    expect(analysis.problems).to.deep.equal([]);
    expect(Object.keys(analysis.entrypoints)).to.include.members([".", "./testing"]);
  });
});
