// npm run pack:local: the tarballs of a release, in release/. docs/releasing.md tells how a release is made.
//   node scripts/release/pack.mjs [--staged] [--all]
//   --staged  packs what is staged under release/ as it is, instead of building this machine's platform anew
//   --all     packs every platform that is staged; without it, this machine's
// The main package names the platform packages as exact optional dependencies. They are written here and never in the repository's
// package.json: npm ci fails on versions that are not published yet.
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { build, platformHere, root } from "./build.mjs";

const release = join(root, "release");
const limit = 15e6; // of one tarball: what people download
const fail = (text) => {
  console.error(`pack: ${text}`);
  process.exit(1);
};
const readJson = (path) => JSON.parse(readFileSync(path, "utf8"));
const main = readJson(join(root, "package.json"));

const options = new Set(process.argv.slice(2));
for (const option of options) if (!["--staged", "--all"].includes(option)) fail(`unknown option ${option}; there are --staged and --all.`);

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (error || status !== 0) fail(`${command} ${args.join(" ")} failed (${error ? error.message : `exit code ${status}`}).`);
}

/** npm's list of what it packs of a folder; with a destination, it does. */
function npmPack(folder, ...args) {
  const text = execFileSync("npm", ["pack", "--json", ...args], { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  const told = JSON.parse(text); // an array up to npm 11, an object by name from npm 12
  return Object.values(told)[0];
}
function pack(folder) {
  const { filename, size, unpackedSize, entryCount } = npmPack(folder, "--pack-destination", release);
  const mb = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
  console.log(`pack: release/${filename}, ${mb(size)} (${entryCount} files, ${mb(unpackedSize)} unpacked)`);
  if (size > limit) fail(`${filename} is larger than ${mb(limit)}.`);
}

/** A platform package must be this version's, install on its platform alone, and bring what it names. */
function checked(name) {
  const folder = join(release, name);
  const manifest = readJson(join(folder, "package.json"));
  const [os, cpu, libc] = name.split("-");
  const wanted = {
    name: `@backsolve/${name}`,
    version: main.version,
    os: [os],
    cpu: [cpu],
    ...(os === "linux" && { libc: [libc === "gnu" ? "glibc" : libc] }),
  };
  for (const [key, value] of Object.entries(wanted)) {
    const [got, expected] = [JSON.stringify(manifest[key]), JSON.stringify(value)];
    if (got !== expected) fail(`release/${name}/package.json has ${key} ${got}, expected ${expected}.`);
  }
  if (!manifest.license) fail(`release/${name}/package.json names no license.`);
  for (const key of ["scripts", "dependencies", "optionalDependencies"])
    if (manifest[key]) fail(`release/${name}/package.json has ${key}; a platform package has none.`);
  for (const file of ["backsolve.node", ...(manifest.files ?? []).filter((f) => !/[*!]/.test(f))])
    if (!existsSync(join(folder, file))) fail(`release/${name}/${file} is missing.`);
  return manifest;
}

/** What npm would pack of the repository, in a folder of its own, with the package.json that users get. */
function stageMain(platforms) {
  const folder = join(release, "backsolve");
  rmSync(folder, { recursive: true, force: true });
  for (const { path } of npmPack(root, "--dry-run").files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    cpSync(join(root, path), join(folder, path));
  }
  const { devDependencies, scripts, ...manifest } = main; // for work on the repository, which users do not have
  manifest.optionalDependencies = Object.fromEntries(platforms.map((p) => [p.name, p.version]));
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  return folder;
}

run("npm", ["run", "build:js"]);
if (!options.has("--staged")) {
  try {
    build();
  } catch (error) {
    fail(error.message);
  }
}
const staged = existsSync(release)
  ? readdirSync(release).filter(
      (f) => f !== "backsolve" && statSync(join(release, f)).isDirectory() && existsSync(join(release, f, "package.json")),
    )
  : [];
const here = platformHere();
const names = options.has("--all") ? staged.sort() : staged.filter((f) => f === here);
if (names.length === 0)
  fail(`nothing is staged under release/${options.has("--all") ? "" : here}: run npm run pack:local without --staged, which builds it.`);
for (const old of readdirSync(release)) if (old.endsWith(".tgz")) rmSync(join(release, old));
const platforms = names.map(checked);
for (const name of names) pack(join(release, name));
pack(stageMain(platforms));
