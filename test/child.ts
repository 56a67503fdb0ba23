// Scripts in processes of their own, on the raw addon: what they take away from themselves nobody gives back. One that does not end is
// killed, and then has no status.
import { spawnSync } from "node:child_process";
import { join } from "node:path";

export const binary = process.env.BACKSOLVE_BINARY ?? join(process.cwd(), "build/Release/backsolve.node");

const prelude = `
const { execFileSync } = require("node:child_process"), fs = require("node:fs");
const addon = () => (globalThis.native ??= require(process.env.ADDON));
const F64 = 1;
/** A call of a kernel with one square input and one square output, n x n, once or for some items. */
function square(name, n, attrs = [], items = 1) {
  const shape = [1, F64, 3, items, n, n, 0], id = addon().kernels().find((k) => k.name === name).id;
  const words = Float64Array.from([id, 0, F64, attrs.length, ...attrs, 2, ...shape, ...shape]);
  const entry = (_, i) => ((i % (n * n)) % (n + 1) === 0 ? 2 * n : Math.sin(i));
  return [words, Float64Array.from({ length: items * n * n }, entry), new Float64Array(items * n * n)];
}
const inverse = (n, items) => square("inv", n, [0], items);
/** What a call gives: "ok", or its error. */
function attempt(f) {
  try {
    f();
    return "ok";
  } catch (error) {
    return error.code + ": " + error.message;
  }
}
/** The same for a call of the addon, whose output must be all there afterwards. */
function compute(call) {
  call[2].fill(NaN);
  return attempt(() => {
    addon().run(...call);
    if (!call[2].every(Number.isFinite)) throw new Error("no result");
  });
}
const limit = (what, value) => execFileSync("prlimit", ["--pid", String(process.pid), "--" + what + "=" + value]);
const status = (name) => 1024 * Number(new RegExp(name + ":\\\\s*(\\\\d+)").exec(fs.readFileSync("/proc/self/status", "utf8"))[1]);
/** The address space ends so many bytes from here. */
const endMemory = (bytes) => limit("as", status("VmSize") + bytes);
/** No thread starts from here on. Root is not limited: it becomes nobody. */
function refuseThreads() {
  if (process.getuid() === 0) {
    process.setgroups([]);
    process.setgid(65534);
    process.setuid(65534);
  }
  limit("nproc", 1);
}
`;

/** Without threads of V8's own: where memory ends, it is they whom the lack of it ends first, and the process with them. */
const ALONE = ["--v8-pool-size=0", "--single-threaded-gc"];
/** What V8 says when it ends the process because its own heap gets no memory. */
const V8_ENDS = /[Pp]rocess out of memory|JavaScript heap out of memory/;

export interface Ended {
  status: number | null;
  out: string;
  err: string;
  /** V8 had no memory for itself: what the script would have done is not known. */
  endedByV8: boolean;
}
/** Runs a script by node, `before` it a command such as taskset with its arguments. */
export function child(script: string, env: NodeJS.ProcessEnv = {}, before: string[] = []): Ended {
  const [command, ...args] = [...before, process.execPath, ...ALONE, "--expose-gc", "-e", `${prelude}\n${script}`];
  const { status, stdout, stderr } = spawnSync(command as string, args, {
    encoding: "utf8",
    env: { ...process.env, ADDON: binary, ...env },
    timeout: 180_000,
    killSignal: "SIGKILL",
  });
  return { status, out: stdout.trim(), err: stderr.trim(), endedByV8: status === null && V8_ENDS.test(stderr) };
}
/** Runs a script that uses the library. */
export const libraryChild = (script: string, env: NodeJS.ProcessEnv = {}): Ended =>
  child(`require("tsx/cjs/api").register(); const b = require("./lib/index");\n${script}`, env);
