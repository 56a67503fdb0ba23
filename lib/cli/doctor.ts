import { spawnSync } from "node:child_process";
import { realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { type Attempt, type NativeInfo, platform, type Search, search, version } from "../boundary/addon";
import { compile, float64, grad, linalg, matmul, sum, tensor } from "../index";
import type { Command } from "./command";

interface Test {
  readonly name: string;
  readonly ok: boolean;
  /** What was computed and expected, or what was thrown. */
  readonly why?: string;
}
/** What --json prints. */
export interface Report {
  readonly ok: boolean;
  readonly version: string;
  readonly node: string;
  readonly platform: string;
  readonly libc: string | null;
  readonly binary: { readonly path: string; readonly from: string } | null;
  readonly native: NativeInfo | null;
  /** What failed before something was loaded. */
  readonly tried: readonly Attempt[];
  readonly remedy: string | null;
  readonly tests: readonly Test[];
}

/** The C library, where Node.js knows it. */
function libc(): string | null {
  if (process.platform !== "linux") return null;
  if (platform().endsWith("-musl")) return "musl";
  const report = process.report as unknown as { excludeNetwork: boolean; getReport(): { header: { glibcVersionRuntime?: string } } };
  report.excludeNetwork = true; // it would look up the names of hosts
  const known = report.getReport().header.glibcVersionRuntime;
  return known === undefined ? null : `glibc ${known}`;
}

/** Small problems with known answers: the lanes, LAPACK, derivatives, compiled programs and the threads all take part. */
function problems(): readonly [name: string, expected: readonly number[], run: () => unknown][] {
  const a = tensor([
    [4, 1],
    [2, 3],
  ]);
  const spd = tensor([
    [4, 2],
    [2, 5],
  ]);
  const b = tensor([1, 2]);
  const both = { a, b };
  return [
    ["cholesky", [2, 0, 1, 2], () => linalg.cholesky(spd).toArray()],
    ["solve", [0.1, 0.6], () => linalg.solve(a, b).toArray()],
    [
      "gradient of solve", // x = a^-1 b, f = sum x: g = a^-T 1 for b, -g x^T for a
      [-0.01, -0.06, -0.03, -0.18, 0.1, 0.3],
      () => {
        const g = grad((p: typeof both) => sum(linalg.solve(p.a, p.b)))(both);
        return [g.a.toArray(), g.b.toArray()];
      },
    ],
    [
      "compiled program",
      [4, 2, 2, 5, Math.log(16)],
      async () => {
        const program = compile(
          (x) => {
            const l = linalg.cholesky(x);
            return { again: matmul(l, linalg.adjoint(l)), logdet: linalg.logdet(x) };
          },
          float64(2, 2),
        );
        const { again, logdet } = await program.run([spd]);
        return [again.toArray(), logdet.toArray()];
      },
    ],
  ];
}

async function tests(): Promise<Test[]> {
  const done: Test[] = [];
  for (const [name, expected, run] of problems()) {
    try {
      const got = [await run()].flat(Number.POSITIVE_INFINITY as 4) as number[];
      const ok =
        got.length === expected.length && expected.every((x, i) => Math.abs((got[i] as number) - x) <= 1e-14 * Math.max(1, Math.abs(x)));
      done.push({ name, ok, ...(!ok && { why: `got ${got.join(", ")}, expected ${expected.join(", ")}` }) });
    } catch (error) {
      done.push({ name, ok: false, why: (error as Error).message });
    }
  }
  return done;
}

/** Loads an addon in a process of its own first: a file that lacks its end, or a library beside it that does, ends the process by a signal. */
function open(path: string): ReturnType<NonNullable<Parameters<typeof search>[0]>> {
  let signal: NodeJS.Signals | null = null;
  try {
    ({ signal } = spawnSync(process.execPath, [...process.execArgv, "-e", "require(process.argv[1])", path], { stdio: "ignore" }));
  } catch {} // no processes are allowed: --permission
  if (signal !== null) throw new Error(`loading it ended the process by ${signal}`);
  return createRequire(path)(path);
}

async function examine(): Promise<Report> {
  const { found, wrong, tried, remedy }: Search = search(open);
  const results = found ? await tests() : [];
  return {
    ok: found !== undefined && results.every((t) => t.ok),
    version,
    node: process.version,
    platform: platform(),
    libc: libc(),
    binary: found ? { path: found.path, from: found.from } : null,
    native: found ? found.binding.info() : null,
    tried,
    remedy: found ? null : (wrong?.message ?? remedy),
    tests: results,
  };
}

const THREADS: { readonly [from in NativeInfo["threadsFrom"]]: string } = {
  hardware: "the processors of this machine",
  affinity: "the processors that this process may run on (taskset, cpuset)",
  quota: "the CPU quota of the container (cgroup)",
  BACKSOLVE_THREADS: "BACKSOLVE_THREADS says so",
  setThreads: "setThreads said so",
};
const MALLOC: { readonly [state in NativeInfo["malloc"]]: string } = {
  tuned: "pages of large results stay mapped until no more are made",
  BACKSOLVE_MALLOC: "malloc is left as it was: BACKSOLVE_MALLOC says so",
  environment: "malloc is left as it was: the environment sets MALLOC_ variables or GLIBC_TUNABLES",
  replaced: "malloc is another library's, and left as it was",
  "not glibc": "the C library's malloc is left as it was",
};
const PARALLEL = ["is sequential", "has threads of its own, held at one", "has OpenMP, held at one thread"];

function text(r: Report): string {
  const lines: [string, string][] = [
    ["backsolve", r.version],
    ["Node.js", `${r.node} on ${r.platform}${r.libc === null ? "" : `, ${r.libc}`}`],
  ];
  if (r.binary) lines.push(["addon", `${r.binary.path} (${r.binary.from})`]);
  if (r.native) {
    const n = r.native;
    const path = n.blasPath && realpathSync(n.blasPath);
    const others = r.binary?.from === "platform package" && dirname(path) !== dirname(realpathSync(r.binary.path));
    const note = others ? "\nis not the one of the platform package, which is missing or damaged there" : "";
    lines.push(
      [
        "OpenBLAS",
        `${path}\n${n.blas.trim()}\n${PARALLEL[n.blasParallel] ?? ""}; large matrices are spread over backsolve's threads${note}`,
      ],
      ["threads", `${n.threads}: ${THREADS[n.threadsFrom]}`],
      ["memory", MALLOC[n.malloc]],
      ["instruction set", `${n.isa}; this processor can use ${n.isas.join(", ")}; compiled are ${n.isasCompiled.join(", ")}`],
      ["vector math", n.vectorMath === "SLEEF" ? "SLEEF" : "libm (SLEEF was not there when the addon was built: exp, log, sin are slower)"],
    );
  }
  for (const t of r.tests) lines.push(["test", `${t.name}: ${t.ok ? "ok" : `FAILED, ${t.why}`}`]);
  for (const t of r.tried) {
    if (!r.binary) lines.push(["tried", `${t.from} ${t.path}: ${t.why}`]);
    else if (t.kind !== "absent") lines.push(["not used", `${t.from} ${t.path}: ${t.why}`]);
  }
  if (r.remedy !== null) lines.push(["what helps", r.remedy]);
  const width = 17;
  const rows = lines.map(([name, what]) => `${name.padEnd(width)}${what.replaceAll("\n", `\n${" ".repeat(width)}`)}`);
  const verdict = r.ok ? "All is well." : r.binary ? "The addon computes wrong answers or none." : "The native addon cannot be loaded.";
  return `${rows.join("\n")}\n${verdict}`;
}

export const doctor: Command = {
  summary: "Says what is loaded, or why nothing can be, and tests it.",
  usage: "backsolve doctor [--json]",
  help: `It says which addon and which OpenBLAS are loaded from where, how many threads there are and why so many,
which instruction sets there are, and computes small problems whose answers are known. Where the addon
cannot be loaded, it says what was tried and what helps. The exit code is 1 then, or where an answer is wrong.

  --json   the same as one JSON object`,
  options: { json: { type: "boolean" } },
  async run({ json }) {
    const report = await examine();
    process.stdout.write(`${json ? JSON.stringify(report, null, 2) : text(report)}\n`);
    return report.ok ? 0 : 1;
  },
};
