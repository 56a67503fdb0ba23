import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { placeOf } from "../boundary/addon";
import type { Command } from "./command";
import type { Report } from "./doctor";

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const complain = (text: string): number => {
  process.stderr.write(`backsolve build: ${text}\n`);
  return 1;
};

/** What is wrong with an addon, as `backsolve doctor` finds it in a process of its own: this one may have loaded another. */
function wrongWith(binary: string): string | undefined {
  const { stdout, stderr } = spawnSync(process.execPath, [...process.execArgv, process.argv[1] as string, "doctor", "--json"], {
    encoding: "utf8",
    env: { ...process.env, BACKSOLVE_BINARY: binary },
  });
  let report: Report;
  try {
    report = JSON.parse(stdout) as Report;
  } catch {
    return stderr; // it ended before it could say anything
  }
  if (report.ok) return undefined;
  return [...report.tried, ...report.tests].map((t) => t.why).join("\n");
}

export const build: Command = {
  summary: "Builds the native addon from source, for platforms without a binary.",
  usage: "backsolve build [--out FOLDER]",
  help: `It needs a C++20 compiler, CMake, OpenBLAS, better also SLEEF, and the npm packages cmake-js and
node-addon-api. What of them is missing it lists before it begins, with the commands that install it.
The addon is written into the package, where an installation that renews node_modules deletes it.

  --out FOLDER   copies the addon to a folder that stays; BACKSOLVE_BINARY=FOLDER/backsolve.node uses it`,
  options: { out: { type: "string" } },
  run({ out }) {
    const { root } = placeOf();
    const script = root && join(root, "scripts/build.mjs"); // shares its parts with npm run setup, which runs before there is a dist/
    if (!script || !existsSync(script))
      return complain("the sources are not here: run it from an installed package (npx backsolve build).");
    const folder = out === undefined ? undefined : resolve(out as string);
    const { status } = spawnSync(process.execPath, [script, ...(folder === undefined ? [] : [folder])], { stdio: "inherit" });
    if (status !== 0) return 1;
    const binary = join(folder ?? join(root as string, "build/Release"), "backsolve.node");
    const wrong = wrongWith(binary);
    if (wrong !== undefined) return complain(`${binary} was built but does not work:\n${wrong}`);
    say("It loads, and its answers are right.");
    if (folder === undefined)
      say("The next npm ci, or whatever else renews node_modules, deletes it: backsolve build --out FOLDER keeps a copy elsewhere.");
    else say(`Programs use it, also after node_modules is renewed, with\n  BACKSOLVE_BINARY=${binary}`);
    return 0;
  },
};
