// The addon for others' machines, with the OpenBLAS and SLEEF that it brings:
//   node scripts/release/build.mjs [platform]     platforms.json; this machine's by default. Leaves release/<platform>/.
// One compiler builds for all of them: Zig's Clang, which brings the headers and stubs of every libc, so that the binary asks for no symbol
// younger than the C library named by `target`, and links the C++ library statically. It and OpenBLAS are wheels of the Python index,
// pinned by hash in requirements.txt; SLEEF is Debian's. Downloads and objects stay in .cache/release.
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { download, unpack, versionOf } from "./debian.mjs";
import { describe } from "./describe.mjs";
import { platformHere, root, wheel } from "./wheel.mjs";

export { platformHere, root };
export const platforms = JSON.parse(readFileSync(join(root, "scripts/release/platforms.json"), "utf8"));
const cache = join(root, ".cache/release");
const require = createRequire(import.meta.url);

const run = (command, args, options = {}) => {
  const { status, error } = spawnSync(command, args, { stdio: "inherit", ...options });
  if (error || status !== 0) throw new Error(`${command} ${args.join(" ")} failed: ${error ? error.message : `exit code ${status}`}`);
};

/** A script that is the compiler for a target, as build systems want one file. */
function compiler(platform) {
  const { folder, version } = wheel("ziglang");
  const zig = join(folder, "ziglang/zig");
  chmodSync(zig, 0o755);
  const script = join(cache, `zig-${version}-${platform}`);
  writeFileSync(script, `#!/bin/sh\nexec "${zig}" c++ -target ${platforms[platform].target} "$@"\n`, { mode: 0o755 });
  return { script, licences: join(folder, "ziglang/lib"), version };
}

/** Debian's SLEEF, or none. */
function sleef(platform) {
  const { debian } = platforms[platform];
  if (!debian) return undefined;
  const folder = join(cache, `sleef-${debian}`);
  if (!existsSync(join(folder, "done"))) {
    rmSync(folder, { recursive: true, force: true });
    const [library, headers] = download(folder, debian, ["libsleef3", "libsleef-dev"]);
    const unpacked = join(folder, "root");
    unpack([library, headers], unpacked);
    const triple = readdirSync(join(unpacked, "usr/lib")).find((name) => name.endsWith("-linux-gnu"));
    const at = (path) => join(unpacked, "usr", path);
    mkdirSync(join(folder, "include"));
    mkdirSync(join(folder, "lib"));
    const header = [at(`include/${triple}/sleef.h`), at("include/sleef.h")].find((f) => existsSync(f));
    copyFileSync(header, join(folder, "include/sleef.h"));
    copyFileSync(at(`lib/${triple}/libsleef.so.3`), join(folder, "lib/libsleef.so.3"));
    copyFileSync(at(`lib/${triple}/libsleef.so.3`), join(folder, "lib/libsleef.so")); // what the linker is given; it notes the soname
    copyFileSync(at("share/doc/libsleef3/copyright"), join(folder, "copyright"));
    writeFileSync(join(folder, "done"), versionOf(library));
  }
  return { folder, version: readFileSync(join(folder, "done"), "utf8") };
}

export function build(platform = platformHere()) {
  const { target, system, wheel: tag, cpu } = platforms[platform] ?? {};
  if (!target) throw new Error(`there is no platform ${platform}; there are ${Object.keys(platforms).join(", ")}.`);
  const [zig, blas, vector] = [compiler(platform), wheel("scipy-openblas32", tag), sleef(platform)];

  const tree = join(cache, `build-${platform}`);
  const env = {
    ...process.env,
    BACKSOLVE_ARCH: cpu,
    BACKSOLVE_SETS: "all",
    BACKSOLVE_OPENBLAS: "beside",
    BACKSOLVE_SLEEF_DIR: vector?.folder ?? "none",
    CCACHE_COMPILERTYPE: "clang",
    CCACHE_COMPILERCHECK: "content", // of the script
  };
  const link = { linux: "-s", darwin: "-s -undefined dynamic_lookup", win32: "-s" }[platforms[platform].os];
  const defines = {
    CMAKE_BUILD_TYPE: "Release",
    CMAKE_CXX_COMPILER: zig.script,
    CMAKE_SYSTEM_NAME: system[0],
    CMAKE_SYSTEM_PROCESSOR: system[1],
    CMAKE_JS_INC: require("node-api-headers").include_dir,
    CMAKE_SHARED_LINKER_FLAGS: link,
    CMAKE_BUILD_WITH_INSTALL_RPATH: "ON",
    CMAKE_INSTALL_RPATH: "$ORIGIN",
  };
  run("cmake", ["-S", root, "-B", tree, ...Object.entries(defines).map(([key, value]) => `-D${key}=${value}`)], { env });
  run("cmake", ["--build", tree, "--parallel", String(availableParallelism())], { env });

  const out = join(root, "release", platform);
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  copyFileSync(join(tree, "backsolve.node"), join(out, "backsolve.node"));
  const libraries = join(blas.folder, "scipy_openblas32/lib");
  const openblas = readdirSync(libraries).find((f) => /^libscipy_openblas\.(so|dylib|dll)$/.test(f));
  copyFileSync(join(libraries, openblas), join(out, openblas));
  if (vector) copyFileSync(join(vector.folder, "lib/libsleef.so.3"), join(out, "libsleef.so.3"));
  describe(platform, out, { zig, blas, vector });
  return out;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    console.log(`release: ${build(process.argv[2])}`);
  } catch (error) {
    console.error(`release: ${error.message}`);
    process.exitCode = 1;
  }
}
