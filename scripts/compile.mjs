// The native build by cmake-js, for npm run setup and for `backsolve build`.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { sets } from "./native-config.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
export const addon = join(root, "build/Release/backsolve.node");
const stamp = join(root, "build/.backsolve-stamp");
const readJson = (path) => JSON.parse(readFileSync(path, "utf8"));

/** Everything that the addon is made from. */
function digest() {
  const hash = createHash("sha256").update(`${process.platform} ${process.arch} ${process.env.BACKSOLVE_OPENBLAS_DIR ?? ""}\n`);
  hash.update(`${sets().map((set) => set.name)}\n`);
  const add = (path) => {
    if (statSync(join(root, path)).isDirectory()) for (const f of readdirSync(join(root, path)).sort()) add(`${path}/${f}`);
    else hash.update(`${path}\n`).update(readFileSync(join(root, path)));
  };
  for (const path of ["CMakeLists.txt", "scripts/native-config.mjs", "scripts/package-managers.mjs", "native"]) add(path);
  return hash.digest("hex");
}
/** Whether the build that is there is of the sources that are there. */
export const isBuilt = () => existsSync(addon) && existsSync(stamp) && readFileSync(stamp, "utf8") === digest();

const SECONDS = 5;
/** Shows how far the build is: one line that changes on a terminal, elsewhere a line now and then. */
function progress(say) {
  const start = Date.now();
  const seconds = () => Math.round((Date.now() - start) / 1000);
  const live = process.stdout.isTTY;
  let at = "configuring";
  const show = () => (live ? process.stdout.write(`\r\x1b[K${at}, ${seconds()} s`) : say(`${at}, ${seconds()} s`));
  const timer = setInterval(show, live ? 1000 : SECONDS * 1000);
  return {
    /** Whether this line of ninja or make is about progress alone. */
    takes(line) {
      const [, n, of, percent] = /^\[ *(?:(\d+)\/(\d+)|(\d+)%)\]/.exec(line) ?? [];
      if (n === undefined && percent === undefined) return false;
      at = n === undefined ? `compiling: ${percent}%` : `compiling: ${n} of ${of}`;
      if (live) show();
      return true;
    },
    end() {
      clearInterval(timer);
      if (live) process.stdout.write("\r\x1b[K");
      return seconds();
    },
  };
}

/** Builds the addon, on all processors, as far as anything has changed. @throws Error with what the tools said. */
export async function compile(say) {
  const jobs = String(availableParallelism());
  const manifest = createRequire(join(root, "package.json")).resolve("cmake-js/package.json");
  const cli = join(dirname(manifest), readJson(manifest).bin["cmake-js"]);
  const before = digest();
  rmSync(stamp, { force: true });
  say(`building the native addon (cmake-js, ${jobs} ${jobs === "1" ? "job" : "jobs"})`);
  const child = spawn(process.execPath, [cli, "compile", "--out", "build", "--parallel", jobs], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const shown = progress(say);
  const said = [];
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on("line", (line) => {
      if (!shown.takes(line)) said.push(line);
    });
  const code = await new Promise((done) => {
    child.on("error", (error) => done(error.message));
    child.on("close", (status, signal) => done(status ?? signal));
  });
  const seconds = shown.end();
  if (code !== 0) throw new Error(`${said.join("\n")}\nthe native build failed (${code}); what it said is above.`);
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, before);
  say(`built ${addon} in ${seconds} s`);
}
