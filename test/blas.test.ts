// OpenBLAS as the addon loads it: at one thread, from beside itself, under either kind of names, or with an error that says what was tried.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { expect } from "chai";
import { info } from "../lib/index";
import { binary, child, libraryChild } from "./child";
import { long } from "./grid";

/** The file of OpenBLAS that a process has mapped. */
const LIBRARY = `/\\S*\\/lib(scipy_)?openblas\\S*/.exec(fs.readFileSync("/proc/self/maps", "utf8"))?.[0]`;
const compile = (output: string, ...args: string[]): unknown =>
  execFileSync(process.env.CXX ?? "c++", ["-O1", ...args, "-o", output], { stdio: ["ignore", "inherit", "inherit"] });

/** What a library must have to stand in for OpenBLAS under the names of the scipy-openblas32 builds: each jumps to the plain one. */
function scipyNames(broken?: string): string {
  const [real, both, complex] = [
    ["syrk", "trsv", "syevd", "sytrd", "stedc", "ormqr", "ormlq", "orgqr", "sytrf", "orghr"],
    ["potrf", "trsm", "gemm", "gesdd", "geqrf", "gelqf", "geqp3", "gbsv", "pbtrf", "trcon", "gees", "trsyl", "gges", "geev", "gehrd"],
    ["herk", "heevd", "unmqr", "unmlq", "ungqr", "hetrf", "unghr"],
  ];
  const all = [
    ...["s", "d"].flatMap((l) => [...real, ...both].map((n) => `${l}${n}_`)),
    ...["c", "z"].flatMap((l) => [...complex, ...both].map((n) => `${l}${n}_`)),
    ...["set_num_threads", "get_num_threads", "get_parallel"].map((n) => `openblas_${n}`),
  ];
  const jump = (n: string) => (process.arch === "arm64" ? `b ${n}` : `jmp ${n}@PLT`);
  return `asm(".text");\n${all.map((n) => `asm(".globl scipy_${n}\\nscipy_${n}: ${n === broken ? "ret" : jump(n)}");`).join("\n")}
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
  it("computes by its own functions where another BLAS is seen by the whole process", () => {
    const names = [
      "gemm",
      "gemv",
      "ger",
      "trmm",
      "trmv",
      "trsm",
      "trsv",
      "syrk",
      "symv",
      "scal",
      "swap",
      "copy",
      "axpy",
      "larf",
      "larft",
      "larfb",
    ];
    const source = names.map((n) => `extern "C" void d${n}_() { __builtin_trap(); }`).join("\n");
    compile(join(folder, "other.so"), "-shared", "-fPIC", file("other.cc", source));
    const { status, out } = libraryChild(
      `const a = b.eye(100).mul(2).add(1);
       console.log(b.linalg.eigvalsh(a).data.at(-1).toFixed(9), b.linalg.lstsq(a, b.ones([100]), { rcond: 1e-9 }).data[0].toFixed(9));`,
      { LD_PRELOAD: join(folder, "other.so") },
    );
    expect([status, out]).to.deep.equal([0, `102.000000000 ${(1 / 102).toFixed(9)}`]);
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
  it("passes over one whose products are wrong", function () {
    if (basename(library) === "libscipy_openblas.so") this.skip(); // it has not the plain names that these jump to
    const beside = join(folder, "libscipy_openblas.so");
    for (const broken of ["dgemm_", "cgemm_"]) {
      compile(beside, "-shared", "-fPIC", file("wrong.cc", scipyNames(broken)), realpathSync(library));
      const { out } = child(`console.log(compute(inverse(100)), fs.realpathSync(native.info().blasPath));`, { ADDON: ADDON() });
      expect(out).to.equal(`ok ${realpathSync(library)}`);
    }
    rmSync(beside);
  });
  long("passes over what is no OpenBLAS, has other integers or lacks a function, and tells of all in the end", () => {
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
      int main() { std::puts(backsolve::la::load().c_str()); }`;
    const program = join(folder, "program"),
      sources = [file("main.cc", main), "native/base/lapack/library.cc"];
    compile(program, "-std=c++20", '-DBS_OPENBLAS="/gone/libopenblas.so"', "-Inative", ...sources, "-ldl", "-lpthread");
    const told = execFileSync(program, { encoding: "utf8", env: { LD_LIBRARY_PATH: folder } }).trim();
    const beside = ["libscipy_openblas.so is no OpenBLAS", "libopenblas.so has 64-bit integers", "libopenblas.so.0 has no "];
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
