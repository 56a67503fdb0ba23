// Sets up what is missing: system packages, npm packages, the native addon. Plain Node.js, as node_modules may not be there yet.
// When everything is there it returns in a fraction of a second. --native: always runs the (incremental) native build.
// Nothing but the npm registry and the system's package manager is asked: Node-API headers are the npm package node-api-headers.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile, isBuilt } from "./compile.mjs";
import { missingFromNpm, missingFromSystem } from "./requirements.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const say = (text) => console.log(`setup: ${text}`);
const fail = (text) => {
  console.error(`setup: ${text}`);
  process.exit(1);
};

function systemPackages() {
  const { needs, packages, commands, mayRun } = missingFromSystem({ development: true });
  const list = needs.map((n) => n.what).join("\n  ");
  if (commands === undefined) {
    if (needs.some((n) => !n.optional))
      fail(`this is missing, and no known package manager is here:\n  ${list}\nInstall it and run npm run setup again.`);
    return;
  }
  if (commands.length === 0) return; // optional, and not to be had here
  const text = commands.map((c) => `  ${c.join(" ")}`).join("\n");
  if (!mayRun) fail(`this is missing:\n  ${list}\nRun as root:\n${text}\nand then npm run setup again.`);
  say(`installing ${packages.join(", ")}`);
  for (const [command, ...args] of commands) {
    const { status } = spawnSync(command, args, { stdio: "inherit" });
    if (status !== 0) fail(`this command failed; run it yourself, then npm run setup again:\n${text}`);
  }
}

const readJson = (path) => JSON.parse(readFileSync(path, "utf8"));

function run(what, command, args) {
  say(what);
  const start = Date.now();
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (error || status !== 0) {
    fail(`${command} ${args.join(" ")} failed (${error ? error.message : `exit code ${status}`}); its message is above.`);
  }
  say(`done in ${Math.round((Date.now() - start) / 1000)} s`);
}

/** Whether node_modules holds what package-lock.json names; npm's own record of what it installed is node_modules/.package-lock.json. */
function packagesAreCurrent() {
  const record = join(root, "node_modules/.package-lock.json");
  if (!existsSync(record)) return false;
  const wanted = readJson(join(root, "package-lock.json")).packages;
  const there = readJson(record).packages;
  return Object.entries(wanted).every(([path, p]) => {
    if (path === "") return true;
    if (there[path] === undefined) return p.optional === true; // binaries for other platforms
    return there[path].version === p.version && existsSync(join(root, path));
  });
}

function npmPackages() {
  if (existsSync(join(root, "package-lock.json"))) {
    if (packagesAreCurrent()) return;
    // The build and the tests need the development packages, whatever NODE_ENV says.
    run("installing npm packages (npm ci)", "npm", ["ci", "--include=dev", "--no-audit", "--no-fund"]);
    return;
  }
  // A copy installed by npm has no lock file: the two packages that a build needs come from the project around it.
  const { missing, command } = missingFromNpm(root);
  if (missing.length > 0) fail(`building from source needs npm packages; in your project run\n  ${command}`);
}

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 17)) fail(`Node.js 20.17 or newer is needed, this is ${process.version}.`);
const always = process.argv.includes("--native");
const build = always || (!process.env.BACKSOLVE_BINARY && !isBuilt()); // BACKSOLVE_BINARY: somebody brings a build of their own
if (build) systemPackages();
npmPackages();
if (build) await compile(say).catch((error) => fail(error.message));
