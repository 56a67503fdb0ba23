// A bare root: the system that a slim image has, Node.js and npm, and nothing that builds. Packages are installed and used in it as on
// a machine of a user. It is made of the distribution's packages, unpacked into a private folder; nothing is installed on this machine.
// Each command runs in it by chroot, in mount and network namespaces of its own: nothing that it does can ask a registry.
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { debsIn, download, unpack } from "../../scripts/release/debian.mjs";

const here = dirname(fileURLToPath(import.meta.url));
export const project = join(here, "../..");
const cache = join(project, ".cache/release-dry");
export const tools = join(cache, "tools");
export const root = join(cache, "root");
export const release = join(project, "release");

const say = (text: string) => console.log(`release:dry: ${text}`);

/** What Node.js needs (libatomic1 from 26 on), and a shell. */
const PACKAGES = ["libc6", "libgcc-s1", "libstdc++6", "libatomic1", "busybox-static"];

/** The Node.js releases, oldest first, each with an npm that runs on it: dependencies of test/install/package.json. */
export const RELEASES = [
  { node: "node20", npm: "npm11" },
  { node: "node22", npm: "npm12" },
  { node: "node24", npm: "npm12" },
  { node: "node26", npm: "npm12" },
] as const;
export type Release = (typeof RELEASES)[number];
export const OLDEST = RELEASES[0];
export const NEWEST = RELEASES[RELEASES.length - 1] as Release;

/** The tarball of the main package (an empty name) or of a platform. */
export function tarball(platform = ""): string {
  const { version } = JSON.parse(readFileSync(join(project, "package.json"), "utf8")) as { version: string };
  return join(release, `backsolve-${platform && `${platform}-`}${version}.tgz`);
}
export const PLATFORM = "linux-x64-gnu";

/** Unpacks the distribution's packages, or those of another release that BACKSOLVE_DRY_DEBS names, as one with an older C library. */
function debian(): void {
  const given = process.env.BACKSOLVE_DRY_DEBS;
  const debs = given ? debsIn(given, PACKAGES) : download(join(cache, "debs"), "amd64", PACKAGES);
  const missing = PACKAGES.filter((_, i) => debs[i] === undefined);
  if (missing.length > 0) throw new Error(`${given} has no package ${missing.join(", ")}.`);
  unpack(debs, root);
}

/** What the checks run, in the cache: node_modules as test/install/package-lock.json has it. */
function thirdParties(): void {
  const lock = join(here, "package-lock.json");
  const done = join(tools, "installed.json");
  if (existsSync(done) && readFileSync(done, "utf8") === readFileSync(lock, "utf8")) return;
  say("installing the third parties' packages");
  rmSync(done, { force: true });
  mkdirSync(tools, { recursive: true });
  for (const name of ["package.json", "package-lock.json"]) cpSync(join(here, name), join(tools, name));
  execFileSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: tools, stdio: ["ignore", "ignore", "pipe"] });
  cpSync(lock, done);
}

const BENCH = "/home/tools"; // folders below it find the third parties' packages, those below /home/empty nothing

function furnish(): void {
  for (const folder of ["proc", "sys", "dev", "tmp", "root", "home/empty", `${BENCH}/node_modules`])
    mkdirSync(join(root, folder), { recursive: true });
  for (const name of ["sh", "env", "ls", "cat", "find", "uname", "ps", "true"])
    if (!existsSync(join(root, "bin", name))) symlinkSync("busybox", join(root, "bin", name));
  for (const { node, npm } of RELEASES) {
    const bin = join(root, "opt", node, "bin");
    mkdirSync(bin, { recursive: true });
    symlinkSync(`${BENCH}/node_modules/${node}/bin/node`, join(bin, "node"));
    for (const name of ["npm", "npx"]) symlinkSync(`${BENCH}/node_modules/${npm}/bin/${name}-cli.js`, join(bin, name));
  }
  writeFileSync(join(root, "root/.npmrc"), "audit=false\nfund=false\nupdate-notifier=false\nfetch-retries=0\n");
  for (const name of ["", PLATFORM]) cpSync(tarball(name), join(root, "home", basename(tarball(name))));
}

/** Makes the root anew; says what is missing where it cannot be made. */
export async function mochaGlobalSetup(): Promise<void> {
  const missing: string[] = [];
  if (`${process.platform}-${process.arch}` !== "linux-x64") missing.push("Linux on x64: the root holds binaries of that platform");
  for (const [command, whose] of [
    ["unshare", "util-linux"],
    ["mount", "mount"],
    ["tar", "tar"],
    ["apt-get", "apt, of Debian and Ubuntu"],
    ["dpkg-deb", "dpkg"],
  ])
    if (spawnSync("sh", ["-c", `command -v ${command}`]).status !== 0) missing.push(`${command} (${whose})`);
  for (const name of ["", PLATFORM]) if (!existsSync(tarball(name))) missing.push(`${tarball(name)} (npm run pack:local)`);
  if (missing.length > 0) throw new Error(`the bare root needs\n  ${missing.join("\n  ")}`);
  try {
    debian();
    thirdParties();
    furnish();
  } catch (error) {
    throw new Error(`the bare root cannot be made: ${(error as Error).message}\n${(error as { stderr?: Buffer }).stderr ?? ""}`);
  }
  const refused: string[] = [];
  for (namespaces of [[], ["--user", "--map-root-user"]]) {
    const { code, stderr } = await run(OLDEST, "/", "true");
    if (code === 0) return;
    refused.push(`  ${["unshare", "--mount", "--net", ...namespaces].join(" ")}: ${stderr.trim()}`);
  }
  throw new Error(`no command can be run in the bare root: that takes mount and network namespaces.\n${refused.join("\n")}`);
}

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The mounts belong to namespaces that end with the command. Who may not make them may in a user namespace, as its root. */
let namespaces: readonly string[] = [];
const script = `set -e
PATH="$PATH:/usr/sbin:/sbin"
for d in proc sys dev; do mount --rbind "/$d" "$0/$d"; done
mount --bind "$1" "$0${BENCH}/node_modules"
root="$0"; shift
exec chroot "$root" "$@"`;

/** Runs a command in the root, in a folder of it. */
export function run(
  release: Release,
  folder: string,
  command: string,
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<Ended> {
  const variables = { PATH: `/opt/${release.node}/bin:/bin`, HOME: "/root", NO_COLOR: "1", CI: "1", ...env };
  const inside = [
    "/bin/env",
    "-i",
    ...Object.entries(variables).map(([k, v]) => `${k}=${v}`),
    "/bin/sh",
    "-c",
    'cd "$0" && exec "$@"',
    folder,
    command,
    ...args,
  ];
  const all = ["--mount", "--net", ...namespaces, "sh", "-c", script, root, join(tools, "node_modules"), ...inside];
  return new Promise((resolve, reject) =>
    execFile("unshare", all, { timeout: 110_000, killSignal: "SIGKILL", maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      if (error && typeof error.code !== "number") reject(new Error(`${command} ${args.join(" ")}: ${error.message}\n${stdout}${stderr}`));
      else resolve({ code: (error?.code as number | undefined) ?? 0, stdout, stderr });
    }),
  );
}

/** The same for a command that should succeed: its output, or an error that has it. */
export async function output(
  release: Release,
  folder: string,
  command: string,
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<string> {
  const { code, stdout, stderr } = await run(release, folder, command, args, env);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} in ${folder} ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}

/** A folder of the root with the package installed as from a registry, and files. */
export async function consumer(release: Release, folder: string, files: Record<string, string> = {}): Promise<string> {
  mkdirSync(join(root, folder), { recursive: true });
  write(folder, files);
  const tarballs = ["", PLATFORM].map((name) => `/home/${basename(tarball(name))}`);
  await output(release, folder, "npm", ["install", ...tarballs, "--ignore-scripts"]);
  return folder;
}
export function write(folder: string, files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, folder, name)), { recursive: true });
    writeFileSync(join(root, folder, name), text);
  }
}
