// The program backsolve, in processes of its own.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { buildSync } from "esbuild";
import { platform, version } from "../lib/boundary/addon";
import type { Report } from "../lib/cli/doctor";
import { binary } from "./child";
import { long } from "./grid";

const root = process.cwd();
interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}
function run(command: string[], env: NodeJS.ProcessEnv): Ended {
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { encoding: "utf8", env: { ...process.env, ...env } });
  return { status, out: stdout.trim(), err: stderr.trim() };
}
let folder: string;
let cli: string;
const backsolve = (args: string[], env: NodeJS.ProcessEnv = {}): Ended => run([cli, ...args], { BACKSOLVE_BINARY: binary, ...env });

describe("the program backsolve", function () {
  this.timeout(120_000);
  before(() => {
    // a package without an addon, whose CMakeLists.txt the tests write
    folder = realpathSync(mkdtempSync(join(tmpdir(), "backsolve-cli-")));
    cli = join(folder, "dist/cli.js");
    buildSync({
      entryPoints: [join(root, "lib/cli/main.ts")],
      bundle: true,
      platform: "node",
      format: "cjs",
      outfile: cli,
      logLevel: "error",
    });
    for (const part of ["scripts", "package.json"]) cpSync(join(root, part), join(folder, part), { recursive: true });
    mkdirSync(join(folder, "native"));
    writeFileSync(join(folder, "native/sources.txt"), "");
    cpSync(join(root, "native/sets.json"), join(folder, "native/sets.json"));
    writeFileSync(join(folder, "CMakeLists.txt"), "");
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  describe("itself", () => {
    long("says what it can do", () => {
      for (const args of [[], ["--help"], ["-h"], ["help"]]) {
        const { status, out } = backsolve(args);
        expect(status).to.equal(0);
        expect(out).to.match(/^Usage: backsolve <command>.*\n {2}build {3}Builds.*\n {2}doctor {2}Says/s);
      }
      for (const args of [["--version"], ["-v"]]) expect(backsolve(args)).to.deep.equal({ status: 0, out: version, err: "" });
    });
    long("says more of each command", () => {
      const listed = [...backsolve([]).out.matchAll(/^ {2}(\w+)/gm)].map((m) => m[1] as string);
      expect(listed).to.deep.equal(["build", "doctor"]);
      for (const name of listed) {
        const { status, out } = backsolve([name, "--help"]);
        expect(status).to.equal(0);
        const [usage = "", ...rest] = out.split("\n");
        for (const [option] of usage.matchAll(/--\w+/g)) expect(rest.join("\n")).to.include(`  ${option}`);
        expect(backsolve(["help", name]).out).to.equal(out);
        expect(backsolve([name, "-h"]).out).to.equal(out);
      }
    });
    it("ends without a word where nobody reads on, with one where nothing can be written", function () {
      if (process.platform !== "linux") this.skip(); // has /dev/full
      const shell = (line: string): string =>
        spawnSync("sh", ["-c", line, process.execPath, cli], { encoding: "utf8", env: { ...process.env, BACKSOLVE_BINARY: binary } })
          .stderr;
      expect(shell('"$0" "$1" doctor | true')).to.equal("");
      expect(shell('"$0" "$1" --version > /dev/full')).to.match(/^backsolve: ENOSPC: [^\n]*\n$/);
    });
    long("refuses what it does not know, with exit code 2", () => {
      for (const [args, text] of [
        [["biuld"], 'backsolve: there is no command "biuld", expected one of build, doctor.'],
        [["help", "toString"], 'backsolve: there is no command "toString", expected one of build, doctor.'],
        [["doctor", "--jsno"], "backsolve: doctor: Unknown option '--jsno'"],
        [["doctor", "here"], "backsolve: doctor: Unexpected argument 'here'"],
        [["build", "--out"], "backsolve: build: Option '--out <value>' argument missing\nUsage: backsolve build [--out FOLDER]"],
      ] as const) {
        const { status, out, err } = backsolve([...args]);
        expect([status, out]).to.deep.equal([2, ""]);
        expect(err.startsWith(text), err).to.equal(true);
      }
    });
  });

  describe("doctor", () => {
    const report = (env: NodeJS.ProcessEnv = {}): Report & { status: number | null } => {
      const { status, out } = backsolve(["doctor", "--json"], env);
      return { status, ...(JSON.parse(out) as Report) };
    };
    it("reports what is loaded and tests it", () => {
      const { status, ok, native, ...rest } = report({ BACKSOLVE_THREADS: "3" });
      expect([status, ok]).to.deep.equal([0, true]);
      expect(rest.binary).to.deep.equal({ path: binary, from: "BACKSOLVE_BINARY" });
      expect([rest.version, rest.node, rest.platform]).to.deep.equal([version, process.version, platform()]);
      expect([native?.threads, native?.threadsFrom]).to.deep.equal([3, "BACKSOLVE_THREADS"]);
      expect(native?.isasCompiled).to.include.members([...(native?.isas ?? [])]);
      expect(existsSync(native?.blasPath as string)).to.equal(true);
      expect(rest.tests).to.deep.equal(["cholesky", "solve", "gradient of solve", "compiled program"].map((name) => ({ name, ok: true })));
      const { out } = backsolve(["doctor"], { BACKSOLVE_THREADS: "3" });
      for (const part of [
        `addon            ${binary} (BACKSOLVE_BINARY)\n`,
        `OpenBLAS         ${realpathSync(native?.blasPath as string)}\n`,
        "threads          3: BACKSOLVE_THREADS says so\n",
        "test             gradient of solve: ok\n",
        "\nAll is well.",
      ])
        expect(out).to.include(part);
      if (process.platform === "linux") expect(rest.libc).to.match(/^(glibc 2\.\d+|musl)$/);
    });
    it("says what was tried and what helps where nothing can be loaded, with exit code 1", () => {
      const { status, ok, binary: none, native, tried, remedy, tests } = report({ BACKSOLVE_BINARY: "" });
      expect({ status, ok, none, native, tests }).to.deep.equal({ status: 1, ok: false, none: null, native: null, tests: [] });
      expect(tried.map((t) => [t.from, t.path])).to.deep.equal([
        ["local build", join(folder, "build/Release/backsolve.node")],
        ["platform package", `@backsolve/${platform()}/backsolve.node`],
      ]);
      expect(remedy).to.include("npx backsolve build");
      const { out } = backsolve(["doctor"], { BACKSOLVE_BINARY: "" });
      expect(out).to.match(/\ntried {12}local build .*: there is no such file\n/);
      expect(out).to.match(/\nwhat helps {7}@backsolve\/.*\nThe native addon cannot be loaded\.$/);
    });
    long("says what it did not use, if it was there", () => {
      mkdirSync(join(folder, "build/Release"), { recursive: true });
      const beside = join(folder, "node_modules/@backsolve", platform());
      mkdirSync(beside, { recursive: true });
      cpSync(binary, join(beside, "backsolve.node"));
      const said = (): string => backsolve(["doctor"], { BACKSOLVE_BINARY: "" }).out;
      expect(said())
        .to.include(`addon            ${join(beside, "backsolve.node")} (platform package)\n`)
        .and.not.include("local build");
      const where = dirname(realpathSync(report().native?.blasPath as string));
      const missing = "\n                 is not the one of the platform package, which is missing or damaged there\n";
      if (where !== dirname(realpathSync(binary))) expect(said()).to.include(missing);
      expect(backsolve(["doctor"]).out).not.to.include(missing);
      writeFileSync(join(folder, "build/Release/backsolve.node"), "hello");
      expect(said()).to.match(/\nnot used {9}local build .*\nAll is well\.$/);
      for (const made of ["build", "node_modules"]) rmSync(join(folder, made), { recursive: true });
    });
    it("outlives an addon that ends the process that loads it", () => {
      const crash = join(folder, "crash.js");
      writeFileSync(crash, 'process.kill(process.pid, "SIGBUS");');
      const { status, ok, tried, remedy } = report({ BACKSOLVE_BINARY: crash });
      expect([status, ok]).to.deep.equal([1, false]);
      expect(tried.map((t) => t.why)).to.deep.equal(["loading it ended the process by SIGBUS"]);
      expect(remedy).to.equal("Unset BACKSOLVE_BINARY or point it at a backsolve.node of this platform.");
    });
    it("repeats what is wrong with a variable", () => {
      const { status, remedy } = report({ BACKSOLVE_THREADS: "two" });
      expect([status, remedy]).to.deep.equal([1, 'backsolve: BACKSOLVE_THREADS is "two", expected an integer from 1 to 256.']);
    });
    it("notices wrong answers, with exit code 1", () => {
      const liar = join(folder, "liar.js");
      writeFileSync(
        liar,
        `const a = require(${JSON.stringify(binary)}), { id } = a.kernels().find((k) => k.name === "cholesky");
         module.exports = { ...a, run(words, ...buffers) {
           const failures = a.run(words, ...buffers);
           if (words[0] === id) buffers.at(-1)[2] += 1e-9;
           return failures;
         } };`,
      );
      const { status, tests } = report({ BACKSOLVE_BINARY: liar });
      expect(status).to.equal(1);
      expect(tests.map((t) => t.ok)).to.deep.equal([false, true, true, true]);
      expect(tests[0]?.why).to.match(/^got 2, 0, 1\.000000001, 2, expected 2, 0, 1, 2$/);
      const { out } = backsolve(["doctor"], { BACKSOLVE_BINARY: liar });
      expect(out).to.match(/\ntest {13}cholesky: FAILED, got .*\nThe addon computes wrong answers or none\.$/s);
    });
  });

  describe("build", () => {
    const at = (file: string): string => join(folder, file);
    const copying = (file: string): string =>
      `cmake_minimum_required(VERSION 3.20)\nproject(copying NONE)\nadd_custom_target(copy ALL COMMAND \${CMAKE_COMMAND} -E copy "${file}" "\${CMAKE_BINARY_DIR}/Release/backsolve.node")\n`;
    const modules = (): void => {
      if (!existsSync(at("node_modules"))) symlinkSync(join(root, "node_modules"), at("node_modules"));
    };
    const without = (...agents: string[]): string => {
      const path = mkdtempSync(join(folder, "path-"));
      for (const name of agents) symlinkSync("/bin/true", join(path, name));
      return path;
    };

    it("lists all that is missing, with the commands that install it, before it does anything", () => {
      writeFileSync(at("file"), "");
      const env = {
        CXX: "",
        BACKSOLVE_OPENBLAS_DIR: "/nowhere",
        npm_config_user_agent: "pnpm/9.0.0 npm/?",
        PATH: without("apt-get", "sudo"),
      };
      const { status, out, err } = backsolve(["build", "--out", at("file/kept")], env);
      expect([status, out]).to.deep.equal([1, ""]);
      const sudo = process.getuid?.() === 0 ? "" : "sudo ";
      const list = [
        "backsolve build: this is missing:",
        "  a C++20 compiler (GCC 11, Clang 14 or newer)",
        "  ninja or make",
        "  CMake 3.20 or newer",
        "  OpenBLAS, which BACKSOLVE_OPENBLAS_DIR=/nowhere is not",
        "  the npm package cmake-js",
        "  the npm package node-addon-api",
        `${at("file")} is no folder.`,
      ];
      expect(
        err
          .replace(/ {2}SLEEF .*\n/, "")
          .split("\n")
          .slice(0, list.length),
      ).to.deep.equal(list);
      expect(err).to.match(
        new RegExp(
          `\\nInstall it with\\n {2}${sudo}apt-get update\\n {2}${sudo}env .*apt-get install -y --no-install-recommends build-essential cmake libopenblas-dev( libsleef-dev)?\\n`,
        ),
      );
      expect(err).to.match(/\nIn your project run\n {2}pnpm add --save-dev cmake-js node-addon-api\nThen run backsolve build again\.$/);
      expect(existsSync(at("build"))).to.equal(false);
    });
    long("knows the names of other package managers, and that there may be none", () => {
      const env = { CXX: "/nowhere/c++", BACKSOLVE_OPENBLAS_DIR: "/nowhere" };
      const said = (...agents: string[]): string => backsolve(["build"], { ...env, PATH: without(...agents, "sudo") }).err;
      expect(said("dnf")).to.match(/dnf install -y gcc-c\+\+ make cmake openblas-devel/);
      expect(said("apk")).to.match(/apk add build-base cmake openblas-dev\n/);
      expect(said("brew")).to.match(/\n {2}xcode-select --install\n {2}brew install cmake openblas/);
      expect(said()).to.include("a C++20 compiler (GCC 11, Clang 14 or newer), which CXX=/nowhere/c++ is not\n");
      expect(said()).to.include("\nInstall it with the package manager of this system.\n");
    });
    long("says so where what it built does not work", () => {
      modules();
      writeFileSync(at("CMakeLists.txt"), copying(at("file.node")));
      writeFileSync(at("file.node"), "no addon");
      const { status, out, err } = backsolve(["build"]);
      expect(status).to.equal(1);
      expect(out).not.to.include("answers are right");
      expect(err).to.match(/^backsolve build: .*build\/Release\/backsolve\.node was built but does not work:\n\S/);
    });
    long("builds into the package, and keeps a copy elsewhere", () => {
      modules();
      writeFileSync(at("CMakeLists.txt"), copying(binary));
      const first = backsolve(["build"], { BACKSOLVE_BINARY: "/nowhere" });
      expect(first.err).to.equal("");
      expect(first.status).to.equal(0);
      expect(first.out).to.match(/^building the native addon \(cmake-js, \d+ jobs?\)\n/m);
      expect(first.out).to.match(/\nIt loads, and its answers are right\.\nThe next npm ci, .* deletes it: backsolve build --out FOLDER/);
      expect(readFileSync(at("build/Release/backsolve.node")).equals(readFileSync(binary))).to.equal(true);
      expect(JSON.parse(backsolve(["doctor", "--json"], { BACKSOLVE_BINARY: "" }).out).binary.from).to.equal("local build");

      const { status, out } = backsolve(["build", "--out", at("a/b")]);
      expect(status).to.equal(0);
      expect(out).to.match(new RegExp(`\\n {2}BACKSOLVE_BINARY=${at("a/b/backsolve.node")}$`));
      expect(backsolve(["doctor"], { BACKSOLVE_BINARY: at("a/b/backsolve.node") }).status).to.equal(0);
    });
    long("shows what the tools say where they fail, and leaves nothing that counts as built", () => {
      modules();
      const cmake = 'cmake_minimum_required(VERSION 3.20)\nproject(broken NONE)\nmessage(FATAL_ERROR "the oven is cold")\n';
      writeFileSync(at("CMakeLists.txt"), copying(binary));
      expect(backsolve(["build"]).status).to.equal(0);
      expect(existsSync(at("build/.backsolve-stamp"))).to.equal(true);
      writeFileSync(at("CMakeLists.txt"), cmake);
      const { status, err } = backsolve(["build"]);
      expect(status).to.equal(1);
      expect(err).to.match(/the oven is cold.*\nthe native build failed \(1\); what it said is above\.$/s);
      expect(existsSync(at("build/.backsolve-stamp"))).to.equal(false);
    });
  });
});
