// `backsolve build`, but for the look at what was built: node scripts/build.mjs [folder that gets a copy of the addon].
import { copyFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { addon, compile } from "./compile.mjs";
import { cannotWrite, missingFromNpm, missingFromSystem } from "./requirements.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const folder = process.argv[2];

/** Everything that stands in the way of a build, with what to do, or undefined. */
function obstacles() {
  const { needs, commands, mayRun } = missingFromSystem();
  const npm = missingFromNpm(root);
  const closed = [join(root, "build"), folder].map((f) => f && cannotWrite(f)).filter(Boolean);
  const system = needs.some((n) => !n.optional);
  if (!system && npm.missing.length === 0 && closed.length === 0) {
    for (const { what } of needs) console.log(`not here: ${what}`);
    return undefined;
  }
  const missing = [...needs.map((n) => n.what), ...npm.missing.map((p) => `the npm package ${p}`)];
  const lines = missing.length > 0 ? ["this is missing:", ...missing.map((m) => `  ${m}`)] : [];
  lines.push(...closed);
  if (system && commands) lines.push(mayRun ? "Install it with" : "Install it, as root, with", ...commands.map((c) => `  ${c.join(" ")}`));
  else if (system) lines.push("Install it with the package manager of this system.");
  if (npm.missing.length > 0) lines.push("In your project run", `  ${npm.command}`);
  return [...lines, "Then run backsolve build again."].join("\n");
}

const fail = (text) => {
  console.error(`backsolve build: ${text}`);
  process.exit(1);
};
const wrong = obstacles();
if (wrong !== undefined) fail(wrong);
await compile((text) => console.log(text)).catch((error) => fail(error.message));
if (folder !== undefined) {
  mkdirSync(folder, { recursive: true });
  copyFileSync(addon, join(folder, "backsolve.node"));
}
