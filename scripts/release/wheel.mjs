// Tools that are wheels of the Python index, pinned by hash in requirements.txt, unpacked in .cache/release.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = join(dirname(fileURLToPath(import.meta.url)), "../..");

/** The platform package's name of this machine, without its scope. */
export function platformHere() {
  const libc = process.platform !== "linux" ? "" : process.report.getReport().header.glibcVersionRuntime ? "-gnu" : "-musl";
  return `${process.platform}-${process.arch}${libc}`;
}

/** The files of a wheel, for this machine or for a tag of Python's (manylinux_2_27_aarch64). @throws Error with what pip said. */
export function wheel(name, tag) {
  const requirement = readFileSync(join(root, "scripts/release/requirements.txt"), "utf8")
    .replace(/\\\n/g, " ")
    .split("\n")
    .find((line) => line.startsWith(`${name}==`));
  const version = /==(\S+)/.exec(requirement)[1];
  const folder = join(root, ".cache/release", `${name}-${version}-${tag ?? platformHere()}`);
  if (existsSync(join(folder, "done"))) return { folder, version };
  const run = (...args) => {
    const { status, error, stderr } = spawnSync("python3", ["-m", ...args], { encoding: "utf8" });
    if (error || status !== 0) throw new Error(`python3 -m ${args.join(" ")} failed: ${error ? error.message : stderr}`);
  };
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const list = join(folder, "requirements.txt");
  writeFileSync(list, `${requirement}\n`);
  const where = tag ? ["--platform", tag] : [];
  run("pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes", ...where, "-d", folder, "-r", list);
  const file = join(
    folder,
    readdirSync(folder).find((f) => f.endsWith(".whl")),
  );
  run("zipfile", "-e", file, folder);
  rmSync(file);
  writeFileSync(join(folder, "done"), "");
  return { folder, version };
}
