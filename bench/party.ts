// Sides of the benchmark: long-lived processes that speak bench/protocol.ts.
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, renameSync } from "node:fs";
import { basename, join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { buildSync } from "esbuild";
import type { Failed, Hello, Prepare, Prepared, Time, Timed } from "./protocol";

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** How long a side may take to answer. */
const PATIENCE = 180_000;
const TASKSET = "/usr/bin/taskset";

export class Party {
  private constructor(
    readonly hello: Hello,
    private readonly child: ChildProcess,
    private readonly lines: Lines,
  ) {}

  /** Held to as many processors as it has threads: pools of threads that nobody asked for gain nothing. */
  static async start({ program, args, env }: Command, threads: number): Promise<Party> {
    const held = existsSync(TASKSET) ? [TASKSET, "-c", threads === 1 ? "0" : `0-${threads - 1}`, program] : [program];
    const child = spawn(held[0] as string, [...held.slice(1), ...args], {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, BACKSOLVE_BENCH_THREADS: String(threads), ...env },
    });
    const lines = new Lines(createInterface({ input: child.stdout as NodeJS.ReadableStream }), child);
    return new Party(await lines.next<Hello>(), child, lines);
  }

  prepare(request: Prepare): Promise<Prepared | Failed> {
    return this.ask(request);
  }
  time(calls: number): Promise<Timed | Failed> {
    return this.ask({ do: "time", calls } satisfies Time);
  }
  close(): void {
    this.child.kill();
  }
  private async ask<A>(request: object): Promise<A | Failed> {
    this.child.stdin?.write(`${JSON.stringify(request)}\n`);
    return this.lines.next<A | Failed>();
  }
}

/** The lines of a process in order; an error once it has ended or is silent for too long. */
class Lines {
  private readonly got: string[] = [];
  private wake: (() => void) | undefined;
  private ended: string | undefined;

  constructor(from: Interface, child: ChildProcess) {
    from.on("line", (line) => {
      this.got.push(line);
      this.wake?.();
    });
    const end = (why: string): void => {
      this.ended ??= why;
      this.wake?.();
    };
    child.on("error", (error) => end(String(error)));
    child.on("close", (code, signal) => end(`the process ended (${signal ?? code})`));
  }

  async next<A>(): Promise<A> {
    const until = performance.now() + PATIENCE;
    while (this.got.length === 0) {
      if (this.ended) throw new Error(this.ended);
      const left = until - performance.now();
      if (left <= 0) throw new Error(`no answer in ${PATIENCE / 1000} s`);
      await new Promise<void>((done) => {
        const timer = setTimeout(done, left);
        this.wake = () => {
          clearTimeout(timer);
          done();
        };
      });
    }
    return JSON.parse(this.got.shift() as string) as A;
  }
}

const root = join(__dirname, "..");
const OPENBLAS_CHOICES = ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"];
/** The interpreter that bench/setup-peers.mjs made, or another with the same packages. */
export const python = (): string | undefined =>
  [process.env.BACKSOLVE_BENCH_PYTHON, join(root, ".cache/bench-python/bin/python")].find((p) => p !== undefined && existsSync(p));

/** An addon with the OpenBLAS that the package ships beside it (bench/setup-peers.mjs), so that it is found first. */
export function withShippedBlas(addon: string): string {
  const folder = join(root, ".cache/bench-addon");
  if (!existsSync(join(folder, "libscipy_openblas.so"))) return addon;
  const path = join(folder, `${createHash("sha256").update(addon).digest("hex").slice(0, 12)}.node`);
  copyFileSync(addon, `${path}.new`);
  renameSync(`${path}.new`, path); // a process may have the old one mapped
  return path;
}
/** Has this process and its children take it, and kernels for this processor, not those that the environment names for an older OpenBLAS. */
export function takeShippedBlas(): void {
  process.env.BACKSOLVE_BINARY ??= withShippedBlas(localBuild(root));
  if (process.env.BACKSOLVE_BINARY !== localBuild(root)) for (const name of OPENBLAS_CHOICES) delete process.env[name];
}
const localBuild = (folder: string): string => join(folder, "build/Release/backsolve.node");

/** Another addon, or another checkout's build. */
export function other(path: string): Command {
  const addon = path.endsWith(".node");
  return ours(addon ? root : path, { BACKSOLVE_BINARY: withShippedBlas(addon ? path : localBuild(path)) });
}

/** A side in plain JavaScript: a loader's heap has V8 mark all the time while arrays are taken, which makes them cost twice as much. */
function compiled(file: string): string {
  const outfile = join(root, ".cache/bench-sides", `${basename(file, ".ts")}.cjs`);
  buildSync({ entryPoints: [join(__dirname, file)], outfile, bundle: true, platform: "node", format: "cjs", target: "node20" });
  return outfile;
}
/** Our side, of this checkout or another. */
export const ours = (folder = root, env: Command["env"] = {}): Command => ({
  program: process.execPath,
  args: [compiled("ours.ts"), folder],
  env,
});
/** A kernel chosen for our OpenBLAS by hand is not chosen for theirs, which are newer. */
const peer = (file: string, threads: number): Command => ({
  program: python() as string,
  args: [join(__dirname, "peers", file)],
  env: {
    ...Object.fromEntries(OPENBLAS_CHOICES.map((name) => [name, undefined])),
    OMP_NUM_THREADS: String(threads),
    MKL_NUM_THREADS: String(threads),
    OPENBLAS_NUM_THREADS: String(threads),
    TF_CPP_MIN_LOG_LEVEL: "3",
    CUDA_VISIBLE_DEVICES: "",
    JAX_PLATFORMS: "cpu",
    ...(threads === 1 ? { XLA_FLAGS: "--xla_cpu_multi_thread_eigen=false" } : {}),
  },
});
export const PEERS: Readonly<Record<string, (threads: number) => Command>> = {
  pytorch: (threads) => peer("pytorch.py", threads),
  jax: (threads) => peer("jax_.py", threads),
  tensorflow: (threads) => peer("tensorflow_.py", threads),
  numpy: (threads) => peer("numpy_.py", threads),
  "numpy-ts": () => ({
    program: process.execPath,
    args: [compiled("peers/numpy-ts.ts"), join(root, ".cache/bench-node")],
  }),
};
