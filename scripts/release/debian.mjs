// Debian packages of any architecture, fetched and unpacked by apt and dpkg without touching the system: lists, status and cache of apt's
// are folders of our own; where the packages come from is what the system's sources say.
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Fetches `packages` (names) of an architecture (amd64, arm64) into folder/debs, and unpacks them into folder/root. */
export function debianPackages(folder, architecture, packages) {
  const [debs, root, state] = ["debs", "root", "apt"].map((name) => join(folder, name));
  for (const path of [debs, root, join(state, "lists/partial"), join(state, "cache/archives/partial")])
    mkdirSync(path, { recursive: true });
  writeFileSync(join(state, "status"), "");
  const options = [
    `Dir::State=${state}`,
    `Dir::State::status=${join(state, "status")}`,
    `Dir::Cache=${join(state, "cache")}`,
    `APT::Architecture=${architecture}`,
    `APT::Architectures=${architecture}`,
    "Acquire::Languages=none",
    "APT::Sandbox::User=root",
  ].flatMap((option) => ["-o", option]);
  const apt = (...args) => execFileSync("apt-get", [...options, "-qq", ...args], { cwd: debs, stdio: ["ignore", "ignore", "inherit"] });
  apt("update");
  apt("download", ...packages);
  for (const deb of readdirSync(debs)) execFileSync("dpkg-deb", ["-x", join(debs, deb), root]);
  return { root, version: (name) => versionOf(debs, name) };
}

/** name_version_architecture.deb; a colon of an epoch is written %3a. */
function versionOf(debs, name) {
  const deb = readdirSync(debs).find((file) => file.startsWith(`${name}_`));
  return decodeURIComponent(deb.split("_")[1]);
}
