// The package in empty folders of a machine that has nothing but Node.js, on each release of Node.js: the README's examples, worker
// threads, and npm ci afterwards.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { CAPTURE, expectLogs, type Program, programs } from "./readme";
import { consumer, OLDEST, output, RELEASES, root, run, write } from "./root";
import { compile } from "./types";

const consumers = join(process.cwd(), "test/install/consumers");

describe("the bare root", () => {
  const walk = (folder: string): string[] =>
    readdirSync(folder, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? walk(join(folder, e.name)) : [join(folder, e.name)]));
  let system: string[];
  before(() => {
    system = ["usr", "etc"].filter((f) => existsSync(join(root, f))).flatMap((f) => walk(join(root, f)));
  });

  it("has a C library and a shell", () => {
    const names = new Set(system.map((f) => f.slice(f.lastIndexOf("/") + 1)));
    for (const name of ["libc.so.6", "libstdc++.so.6", "busybox"]) expect(names.has(name), name).to.equal(true);
  });
  it("has no compiler, no build tools, no Python", () => {
    const names = /^(.*-)?(cc|gcc|g\+\+|c\+\+|cpp|clang|clang\+\+|ld|as|cmake|make|gmake|ninja|node-gyp|python[\d.]*)(-[\d.]+)?$/;
    expect(system.filter((f) => names.test(f.slice(f.lastIndexOf("/") + 1)))).to.deep.equal([]);
    expect(system.filter((f) => f.includes("/include/"))).to.deep.equal([]);
  });
  it("has no OpenBLAS, LAPACK or SLEEF of its own", () => {
    expect(system.filter((f) => /blas|lapack|sleef|gfortran/i.test(f))).to.deep.equal([]);
  });
  it("reaches no network", async () => {
    const program = `fetch("http://192.0.2.1/").then(() => console.log("reached"), (e) => console.log(e.cause.code))`;
    expect(await output(RELEASES[0], "/tmp", "node", ["-e", program])).to.equal("ENETUNREACH\n");
  });
});

/** The README's programs by extension of their files, the TypeScript ones as the compiler wrote them. */
const LANGUAGES = { mjs: "ESM", cjs: "CommonJS", mts: "TypeScript, ESM", cts: "TypeScript, CommonJS" } as const;
const examples = programs().flatMap((program, i) =>
  Object.entries(program.sources).map(([extension, source]) => {
    const [name, language] = [`example${i + 1}`, LANGUAGES[extension as keyof typeof LANGUAGES]];
    return {
      program,
      source,
      language,
      typed: extension.endsWith("ts") && `${name}.${extension}`,
      file: `${name}.${extension.replace("t", "j")}`,
    };
  }),
);
const compiled = "/home/tools/examples";
let compiling: Promise<string> | undefined;
/** Compiles the TypeScript ones, once. @returns what the compiler says. */
const compileAll = (): Promise<string> =>
  (compiling ??= (async () => {
    await consumer(OLDEST, compiled, { "package.json": "{}" });
    const sources = Object.fromEntries(examples.flatMap(({ typed, source }) => (typed ? [[typed, source]] : [])));
    return compile(OLDEST, "typescript", compiled, sources, { module: "nodenext", outDir: "out" });
  })());

describe("the README's examples", () => {
  it("promise numbers", () => {
    const text = '```ts\nimport { a } from "backsolve";\nconsole.log(a); // it is [1, -2.50]\n```\n';
    const [program] = programs(text) as [Program];
    expect(expectLogs("[[1,-2.504]]\n", program)).to.equal(2);
    expect(() => expectLogs("[[1,-2.506]]\n", program)).to.throw(/README says/);
    expect(() => expectLogs("[[1]]\n", program)).to.throw(/README says/);
    expect(() => expectLogs("", program)).to.throw(/lines logged/);
    expect(programs().some(({ comments }) => comments.some((c) => /\d/.test(c ?? "")))).to.equal(true);
  });
  it("compile as strict TypeScript", async () => {
    expect(await compileAll()).to.equal("");
    expect(readdirSync(join(root, compiled, "out"))).to.include.members(["example1.mjs", "example1.cjs"]);
  });
});

for (const release of RELEASES) {
  describe(`in an empty folder, ${release.node}`, () => {
    const folder = `/home/empty/${release.node}`;
    const check = async ({ program, typed, file, source }: (typeof examples)[number]): Promise<void> => {
      const name = typed ? `compiled-${file}` : file;
      write(folder, { [name]: typed ? readFileSync(join(root, compiled, "out", file), "utf8") : source, "capture.cjs": CAPTURE });
      expectLogs(await output(release, folder, "node", ["--require", "./capture.cjs", name]), program);
    };
    before(async () => {
      await compileAll();
      await consumer(release, folder);
    });

    it("runs on the release that is meant", async () => {
      expect(await output(release, folder, "node", ["--version"])).to.match(new RegExp(`^v${release.node.slice(4)}\\.`));
    });
    it("holds the two packages and nothing else", () => {
      expect(readdirSync(join(root, folder, "node_modules")).filter((f) => !f.startsWith("."))).to.deep.equal(["@backsolve", "backsolve"]);
      expect(readdirSync(join(root, folder, "node_modules/@backsolve"))).to.deep.equal(["linux-x64-gnu"]);
    });
    for (const example of examples) it(`${example.program.title}, ${example.language}`, () => check(example));
    it("computes in worker threads, which may end while they compute", async () => {
      write(folder, { "workers.mjs": readFileSync(join(consumers, "workers.mjs"), "utf8") });
      expect(await output(release, folder, "node", ["workers.mjs"])).to.equal("0.25,0.125,0.0625,0.03125\nterminated\n");
    });
    it("loads the platform package's addon and the OpenBLAS beside it", async () => {
      const program = `const b = require("backsolve"); b.linalg.inv(b.eye(2));
        console.log(require("node:fs").readFileSync("/proc/self/maps", "utf8").match(/\\/\\S*(?:openblas|sleef|backsolve)\\S*\\.(?:so|node)\\S*/g).join("\\n"))`;
      const files = [...new Set((await output(release, folder, "node", ["-e", program])).trim().split("\n"))];
      expect(files.filter((f) => !f.startsWith(`${folder}/node_modules/@backsolve/linux-x64-gnu/`))).to.deep.equal([]);
      expect(files.some((f) => f.endsWith("/backsolve.node"))).to.equal(true);
      expect(files.some((f) => /openblas/.test(f.slice(f.lastIndexOf("/"))))).to.equal(true);
    });
    it("has the program backsolve: doctor is content, build says what is missing", async () => {
      expect(await output(release, folder, "npx", ["backsolve", "doctor"])).to.match(/\nAll is well\.\n$/);
      const { code, stdout, stderr } = await run(release, folder, "npx", ["backsolve", "build"]);
      expect(code, stdout + stderr).to.be.greaterThan(0);
      expect(stdout + stderr)
        .to.match(/compiler/)
        .and.match(/CMake/i)
        .and.match(/OpenBLAS/i);
    });
    it("works after npm ci", async () => {
      write(folder, { "node_modules/backsolve/left-over": "" });
      await output(release, folder, "npm", ["ci"]); // scripts allowed: there are none
      expect(existsSync(join(root, folder, "node_modules/backsolve/left-over"))).to.equal(false);
      for (const example of examples) await check(example);
    });
    it("says what is missing where optional dependencies were omitted", async () => {
      await output(release, folder, "npm", ["uninstall", "@backsolve/linux-x64-gnu"]);
      await output(release, folder, "npm", ["ci", "--omit=optional"]);
      const { code, stderr } = await run(release, folder, "node", ["-e", `const b = require("backsolve"); b.linalg.inv(b.eye(2))`]);
      expect(code).to.equal(1);
      expect(stderr)
        .to.match(/ERR_NO_BINARY/)
        .and.match(/optional/i);
    });
  });
}
