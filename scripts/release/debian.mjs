// Debian packages of any architecture, fetched and unpacked by apt and dpkg without touching the system: lists, status and cache of apt's
// are folders of our own; where the packages come from is what the system's sources say.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The files of packages in a folder, in their order; undefined for one that is not there. */
export const debsIn = (folder, packages) =>
  packages.map((name) => {
    const deb = (existsSync(folder) ? readdirSync(folder) : []).find((f) => f.startsWith(`${name}_`) && f.endsWith(".deb"));
    return deb && join(folder, deb);
  });

/** Fetches packages (names) of an architecture (amd64, arm64) into a folder, unless they are there. Returns their files. */
export function download(folder, architecture, packages) {
  if (!debsIn(folder, packages).includes(undefined)) return debsIn(folder, packages);
  mkdirSync(join(folder, "apt/lists/partial"), { recursive: true });
  mkdirSync(join(folder, "apt/cache/archives/partial"), { recursive: true });
  // As if nothing was installed here: what is would be asked for in the very version that it has.
  writeFileSync(join(folder, "apt/status"), "");
  const options = [
    `Dir::State=${folder}/apt`,
    `Dir::State::status=${folder}/apt/status`,
    `Dir::Cache=${folder}/apt/cache`,
    `APT::Architecture=${architecture}`,
    `APT::Architectures=${architecture}`,
    "Acquire::Languages=none",
    "APT::Sandbox::User=root",
  ].flatMap((option) => ["-o", option]);
  const apt = (...args) => execFileSync("apt-get", [...options, "-qq", ...args], { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  apt("update");
  apt("download", ...packages);
  return debsIn(folder, packages);
}

/** Unpacks packages into a root, made anew. */
export function unpack(debs, root) {
  rmSync(root, { recursive: true, force: true });
  for (const name of ["bin", "sbin", "lib", "lib64"]) {
    mkdirSync(join(root, "usr", name), { recursive: true });
    symlinkSync(`usr/${name}`, join(root, name)); // older and newer packages, with and without /usr before their paths
  }
  const script = 'set -e; dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink -C "$2"';
  for (const deb of debs) execFileSync("sh", ["-c", script, "sh", deb, root], { stdio: ["ignore", "ignore", "pipe"] });
}

/** name_version_architecture.deb; a colon of an epoch is written %3a. */
export const versionOf = (deb) => decodeURIComponent(deb.split("_").at(-2));
