// Threads and memory that a system refuses or limits, and the variables that ask for them.
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { info, setThreads } from "../lib/index";
import { binary, child, libraryChild } from "./child";
import { long } from "./grid";

const native: { processorQuota(root: unknown): number } = createRequire(join(process.cwd(), "package.json"))(binary);

function limits(): void {
  describe("a system that refuses", function () {
    this.timeout(120_000);
    it("threads: one large matrix is computed all the same", () => {
      const { status, out, err } = child(`
        addon().setThreads(8);
        const call = inverse(600);
        refuseThreads();
        console.log(compute(call), compute(square("cholesky", 1100)));`);
      expect(`${status} ${out} ${err}`).to.equal("0 ok ok ");
    });
    it("threads from the start", () => {
      const folder = mkdtempSync(join(tmpdir(), "backsolve-addon-")); // where nobody may read it
      chmodSync(folder, 0o755);
      const ADDON = join(folder, "backsolve.node");
      copyFileSync(binary, ADDON);
      const { status, out, err } = child(`refuseThreads(); console.log(compute(inverse(600)));`, { ADDON });
      rmSync(folder, { recursive: true });
      expect(`${status} ${out} ${err}`).to.equal("0 ok ");
    });
    it("the first thread of an asynchronous call: an error that says so", () => {
      const { status, out, err } = libraryChild(`
        const a = b.eye(30);
        b.linalg.inv(a);
        refuseThreads();
        b.linalg.inv.async(a).catch((error) => console.log(error.code, error.message));`);
      expect(err).to.equal("");
      expect(out).to.match(/^ERR_OUT_OF_MEMORY inv: the system refused a thread to compute on \(/);
      expect(status).to.equal(0);
    });
    long("memory for BLAS, before it is loaded: an error, or the result", () => {
      let told = 0;
      for (const megabytes of [75, 100, 140, 200, 400]) {
        for (const [n, threads] of [
          [100, 1],
          [600, 4],
        ]) {
          const { status, out, err, endedByV8 } = child(`
            endMemory(${megabytes} * 2 ** 20);
            const loaded = attempt(addon);
            if (loaded !== "ok") {
              console.log(loaded);
              process.exit();
            }
            native.setThreads(${threads});
            const calls = [inverse(${n}), inverse(100, 3)];
            for (let i = 0; i < 3; i++) console.log(calls.map(compute).join("\\n"));`);
          if (endedByV8) continue; // of 75 MiB it needs most itself
          expect(status, `${megabytes} MiB, n = ${n}: ${err}`).to.equal(0);
          told++;
          for (const line of out.split("\n"))
            expect(line).to.match(/^(ok|ERR_OUT_OF_MEMORY: out of memory|.*(failed to map|cannot allocate memory).*)$/);
        }
      }
      expect(told).to.be.at.least(8);
    });
    it("memory for a second buffer of BLAS: calls take turns", () => {
      const { status, out } = child(`
        addon().setThreads(4);
        const calls = [inverse(600), square("cholesky", 700), inverse(300, 8)];
        native.run(...inverse(8));
        endMemory(60 * 2 ** 20);
        console.log(calls.map(compute).join());`);
      expect(`${status} ${out}`).to.equal("0 ok,ok,ok");
    });
  });

  describe("processors", () => {
    it("follow the affinity mask", () => {
      const { out } = child(`const { threads, threadsFrom } = addon().info(); console.log(threads, threadsFrom);`, {}, [
        "taskset",
        "-c",
        "0",
      ]);
      expect(out).to.match(/^1 (affinity|quota|hardware)$/);
      if (info().threads > 1) expect(out).to.equal("1 affinity");
    });
    it("follow setThreads", () => {
      const before = info().threads;
      setThreads(3);
      expect([info().threads, info().threadsFrom]).to.deep.equal([3, "setThreads"]);
      setThreads(before);
    });
  });
}

/** A root with these files; `mount` lines are those of mountinfo. */
function rooted(cgroup: string, mounts: string[], files: Record<string, string>): number {
  const root = mkdtempSync(join(tmpdir(), "backsolve-cgroup-"));
  try {
    const write = (path: string, text: string): void => {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    };
    write("proc/self/cgroup", cgroup);
    write("proc/self/mountinfo", mounts.map((m) => `${m}\n`).join(""));
    for (const [path, text] of Object.entries(files)) write(path, text);
    return native.processorQuota(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}
const V2 = "24 19 0:20 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw";
const V1 = "33 25 0:28 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 master:1 - cgroup cgroup rw,cpu,cpuacct";
const OTHERS = ["22 1 8:1 / / rw - ext4 /dev/root rw", "40 25 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset"];
const v1 = (folder: string, quota: number, period = 100000): Record<string, string> => ({
  [`sys/fs/cgroup/cpu,cpuacct${folder}/cpu.cfs_quota_us`]: `${quota}\n`,
  [`sys/fs/cgroup/cpu,cpuacct${folder}/cpu.cfs_period_us`]: `${period}\n`,
});

function quotas(): void {
  describe("quotas of cgroups", () => {
    it("version 2: the process's own group and those above it, rounded up", () => {
      const at = (own: string, above: string) =>
        rooted("0::/a/b\n", [...OTHERS, V2], { "sys/fs/cgroup/a/b/cpu.max": own, "sys/fs/cgroup/a/cpu.max": above });
      expect(at("max 100000\n", "max 100000\n")).to.equal(0);
      expect(at("150000 100000\n", "max 100000\n")).to.equal(2);
      expect(at("max 100000\n", "300000 100000\n")).to.equal(3);
      expect(at("400000 100000\n", "100000 50000\n")).to.equal(2);
      expect(at("1000 100000\n", "max 100000\n")).to.equal(1);
    });
    it("version 1, and both", () => {
      const one = "12:cpuset:/x\n4:cpu,cpuacct:/docker/7\n1:name=systemd:/x\n0::/\n";
      expect(rooted(one, [...OTHERS, V1], v1("/docker/7", -1))).to.equal(0);
      expect(rooted(one, [...OTHERS, V1], v1("/docker/7", 250000))).to.equal(3);
      expect(rooted(one, [V1, ...OTHERS], { ...v1("/docker/7", 250000), ...v1("/docker", 50000, 50000) })).to.equal(1);
      const both = { ...v1("/docker/7", 250000), "sys/fs/cgroup/unified/cpu.max": "200000 100000" };
      const unified = "42 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw";
      expect(rooted(one, [V1, unified], both)).to.equal(2);
    });
    it("in a container that sees its own group as the top", () => {
      const inside = V1.replace("0:28 / ", "0:28 /docker/7 ");
      expect(rooted("4:cpu,cpuacct:/docker/7\n", [inside], v1("", 120000))).to.equal(2);
      expect(rooted("4:cpu,cpuacct:/docker/7/in\n", [inside], { ...v1("", 500000), ...v1("/in", 70000) })).to.equal(1);
      expect(rooted("4:cpu,cpuacct:/elsewhere\n", [inside], v1("", 120000))).to.equal(2);
      expect(rooted("0::/\n", [V2], { "sys/fs/cgroup/cpu.max": "120000 100000" })).to.equal(2);
    });
    it("none where there are no such files, or they say nothing", () => {
      expect(native.processorQuota("/nowhere")).to.equal(0);
      expect(rooted("", [], {})).to.equal(0);
      expect(rooted("0::/a\n", [V2], { "sys/fs/cgroup/a/cpu.max": "" })).to.equal(0);
      expect(rooted("0::/a\n", ["nonsense", V2], { "sys/fs/cgroup/a/cpu.max": "1 0" })).to.equal(0);
      expect(() => native.processorQuota(7)).to.throw(/backsolve internal/);
    });
  });
}

describe("BACKSOLVE_ variables", function () {
  this.timeout(180_000);
  const asked = (env: NodeJS.ProcessEnv) =>
    libraryChild(
      `try { const { isa, threads, threadsFrom } = b.info(); console.log(isa, threads, threadsFrom); }
       catch (error) { console.log(error.name, error.code, error.op, error.message); }`,
      env,
    ).out;
  const sets = info().isas;
  long("that are wrong are errors that list what is allowed", () => {
    const allowed = sets.map((s) => `"${s}"`).join(", ");
    for (const isa of ["garbage", "AVX2", "avx", process.arch === "arm64" ? "avx512" : "neon", " baseline"])
      expect(asked({ BACKSOLVE_ISA: isa })).to.equal(
        `ArgumentError ERR_ARGUMENT backsolve backsolve: BACKSOLVE_ISA is "${isa}", expected what this processor has: ${allowed}.`,
      );
    for (const n of ["1e3", "0", "-1", "257", "1.5", "two", "4 ", "0x2", "99999999999"])
      expect(asked({ BACKSOLVE_THREADS: n })).to.equal(
        `ArgumentError ERR_ARGUMENT backsolve backsolve: BACKSOLVE_THREADS is "${n}", expected an integer from 1 to 256.`,
      );
  });
  it("that are right are followed; empty ones are none", () => {
    expect(asked({ BACKSOLVE_ISA: "baseline", BACKSOLVE_THREADS: "7" })).to.equal("baseline 7 BACKSOLVE_THREADS");
    expect(asked({ BACKSOLVE_ISA: "", BACKSOLVE_THREADS: "" })).to.match(/^\w+ \d+ (hardware|affinity|quota)$/);
  });
  long("an addon that is another package's is named", () => {
    const folder = mkdtempSync(join(tmpdir(), "backsolve-other-"));
    const other = join(folder, "other.js");
    for (const text of ["module.exports = { run() {}, info: 3 };", "module.exports = null;", "module.exports = 5;"]) {
      writeFileSync(other, text);
      expect(asked({ BACKSOLVE_BINARY: other })).to.match(
        /^BacksolveError ERR_NO_BINARY backsolve .*Tried:\n.*other\.js: loaded, but it is not this package's addon: it has no function kernels\(\)\n/,
      );
    }
    rmSync(folder, { recursive: true });
  });
});

describe("asynchronous work", function () {
  this.timeout(180_000);
  long("of one large matrix holds up no synchronous call", () => {
    // A call that waited would return when the job is done: there are many while it lasts.
    const { status, out } = libraryChild(`
      const a = b.add(b.random.normal(b.random.key(1), [1500, 1500]), b.mul(b.eye(1500), 1500));
      const program = b.compile((x) => b.linalg.inv(x), b.float64(40, 40)), large = b.mul(b.eye(600), 2);
      let settled = false, calls = 0;
      b.linalg.eigvalsh.async(b.add(a, b.transpose(a))).then(() => (settled = true));
      const one = () => {
        if (settled) return console.log(calls < 8 ? "waited" : "did not wait");
        [() => b.linalg.inv(b.eye(4)), () => b.linalg.cholesky(b.eye(100)), () => b.linalg.cholesky(large), () => program.runSync([b.eye(40)])]
          [calls++ % 4]();
        setImmediate(one);
      };
      setTimeout(one, 20);`);
    expect(`${status} ${out}`).to.equal("0 did not wait");
  });
});

if (process.platform === "linux") {
  limits();
  quotas();
}
