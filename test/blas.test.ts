// OpenBLAS as the addon loads it: at one thread, from beside itself, under either kind of names, or with an error that says what was tried.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { expect } from "chai";
import { info } from "../lib/index";
import { binary, child } from "./child";

/** The file of OpenBLAS that a process has mapped. */
const LIBRARY = `/\\S*\\/lib(scipy_)?openblas\\S*/.exec(fs.readFileSync("/proc/self/maps", "utf8"))?.[0]`;
const compile = (output: string, ...args: string[]): unknown =>
  execFileSync(process.env.CXX ?? "c++", ["-O1", ...args, "-o", output], { stdio: ["ignore", "inherit", "inherit"] });

/** What a library must have to stand in for OpenBLAS under the names of the scipy-openblas32 builds: each jumps to the plain one. */
function scipyNames(): string {
  const [real, both, complex] = [
    ["syrk", "syevd", "ormqr", "ormlq"],
    ["potrf", "trsm", "gemm", "gesdd", "geqrf", "gelqf", "trcon"],
    ["herk", "heevd", "unmqr", "unmlq"],
  ];
  const all = [
    ...["s", "d"].flatMap((l) => [...real, ...both].map((n) => `${l}${n}_`)),
    ...["c", "z"].flatMap((l) => [...complex, ...both].map((n) => `${l}${n}_`)),
    ...["set_num_threads", "get_num_threads", "get_parallel"].map((n) => `openblas_${n}`),
  ];
  const jump = (n: string) => (process.arch === "arm64" ? `b ${n}` : `jmp ${n}@PLT`);
  return `asm(".text");\n${all.map((n) => `asm(".globl scipy_${n}\\nscipy_${n}: ${jump(n)}");`).join("\n")}
    extern "C" const char* scipy_openblas_get_config() { return "by its other names"; }`;
}

function loading(): void {
  let folder: string, library: string;
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "backsolve-blas-"));
    library = child(`addon(); console.log(${LIBRARY});`).out;
    copyFileSync(binary, join(folder, "backsolve.node"));
  });
  after(() => rmSync(folder, { recursive: true }));
  const ADDON = () => join(folder, "backsolve.node");

  it("starts no thread and leaves the environment as it was", () => {
    for (const given of [undefined, "7"]) {
      const { out } = child(
        `const tasks = () => fs.readdirSync("/proc/self/task").length, variables = () => execFileSync("env", { encoding: "utf8" });
         const before = [tasks(), variables()];
         const { blasThreads } = addon().info();
         console.log(blasThreads, tasks() - before[0], variables() === before[1], process.env.OPENBLAS_NUM_THREADS);`,
        { OPENBLAS_NUM_THREADS: given },
      );
      expect(out).to.equal(`1 0 true ${given}`);
    }
  });
  it("holds one that was loaded before, with threads, to one thread", () => {
    const { status, out } = child(
      `const { threads, blasThreads } = addon().info();
       console.log(blasThreads, compute(inverse(600)), compute(square("cholesky", 600)));`,
      { LD_PRELOAD: library, OPENBLAS_NUM_THREADS: "3" },
    );
    expect(`${status} ${out}`).to.equal("0 1 ok ok");
  });
  it("takes a library beside the addon first", () => {
    copyFileSync(realpathSync(library), join(folder, "libopenblas.so"));
    const { out } = child(`console.log(compute(inverse(50)), ${LIBRARY});`, { ADDON: ADDON() });
    expect(out).to.equal(`ok ${join(folder, "libopenblas.so")}`);
    rmSync(join(folder, "libopenblas.so"));
  });
  it("takes the names of scipy-openblas32", () => {
    const beside = join(folder, "libscipy_openblas.so"),
      has = basename(library) === basename(beside);
    if (has)
      copyFileSync(library, beside); // an addon that was built for others brings it
    else compile(beside, "-shared", "-fPIC", file("names.cc", scipyNames()), realpathSync(library));
    const { status, out } = child(
      `for (const name of ["inv", "cholesky"]) console.log(compute(name === "inv" ? inverse(100) : square(name, 100)));
       console.log(native.info().blas);`,
      { ADDON: ADDON() },
    );
    expect(`${status} ${out}`).to.equal(`0 ok\nok\n${has ? info().blas : "by its other names"}`);
    rmSync(join(folder, "libscipy_openblas.so"));
  });
  it("passes over what is no OpenBLAS, has other integers or lacks a function, and tells of all in the end", () => {
    const openblas = (config: string) =>
      `extern "C" { void openblas_set_num_threads(int) {} int openblas_get_num_threads() { return 1; } int openblas_get_parallel() { return 1; }
       const char* openblas_get_config() { return "${config}"; } }`;
    const fakes = {
      "libscipy_openblas.so": "int nothing;",
      "libopenblas.so": openblas("OpenBLAS 0.3 USE64BITINT"),
      "libopenblas.so.0": openblas("OpenBLAS 0.3"),
    };
    for (const [name, text] of Object.entries(fakes)) compile(join(folder, name), "-shared", "-fPIC", file("fake.cc", text));
    file("libopenblas.so.3", "not a library");
    // A program with the addon's loader, built where there was a library that is gone.
    const main = `#include <cstdio>
      #include "base/lapack/symbols.h"
      #include "base/ends.h"
      namespace backsolve::ends {  // no thread of this program is parked
      Waiting::Waiting() {}
      Waiting::~Waiting() {}
      }
      const auto& used = backsolve::la::symbol::gemm<double>;
      int main() { std::puts(backsolve::la::load().c_str()); }`;
    const program = join(folder, "program"),
      sources = [file("main.cc", main), "native/base/lapack/library.cc"];
    compile(program, "-std=c++20", '-DBS_OPENBLAS="/gone/libopenblas.so"', "-Inative", ...sources, "-ldl", "-lpthread");
    const told = execFileSync(program, { encoding: "utf8", env: { LD_LIBRARY_PATH: folder } }).trim();
    const beside = ["libscipy_openblas.so is no OpenBLAS", "libopenblas.so has 64-bit integers", "libopenblas.so.0 has no dgemm_"];
    expect(told).to.match(/^OpenBLAS cannot be loaded\. Tried: [^\n]*$/);
    for (const said of [
      ...beside.map((b) => join(folder, b)),
      join(folder, "libopenblas.so.3: "),
      "/gone/libopenblas.so: ",
      beside.join("; "),
    ])
      expect(told).to.include(said);
  });
}

if (process.platform === "linux") {
  describe("OpenBLAS", function () {
    this.timeout(120_000);
    loading();
  });
}
