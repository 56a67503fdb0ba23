// npm run bench:peers: what the benchmark is compared with, into .cache/: a Python environment and a folder with numpy-ts; and the OpenBLAS that the
// package ships, for our side. BACKSOLVE_BENCH_PYTHON names another interpreter that has the packages of bench/peers/requirements.txt.
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { wheel } from "../scripts/release/wheel.mjs";

const NUMPY_TS = "1.7.0";
const here = dirname(fileURLToPath(import.meta.url));
const cache = join(here, "../.cache");
const run = (program, args, cwd) => execFileSync(program, args, { cwd, stdio: "inherit" });

const versionOf = (python) => {
  try {
    return execFileSync(python, ["-c", "import sys; print(*sys.version_info[:2], sep='.')"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return undefined;
  }
};
const WANTED = ["3.12", "3.13"]; // what JAX, TensorFlow and PyTorch have wheels for together
const pyenv = (minor) => {
  try {
    return join(execFileSync("pyenv", ["prefix", minor], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim(), "bin/python");
  } catch {
    return undefined;
  }
};

if (!process.env.BACKSOLVE_BENCH_PYTHON) {
  const venv = join(cache, "bench-python");
  if (!existsSync(venv)) {
    const candidates = [...WANTED.map((v) => `python${v}`), "python3", ...WANTED.map(pyenv)].filter(Boolean);
    const python = candidates.find((p) => WANTED.includes(versionOf(p)));
    if (!python) throw new Error(`no Python ${WANTED.join(" or ")} among ${candidates.join(", ")}`);
    run(python, ["-m", "venv", venv]);
  }
  run(join(venv, "bin/pip"), ["install", "--quiet", "-r", join(here, "peers/requirements.txt")]);
}
const folder = join(cache, "bench-node");
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, dependencies: { "numpy-ts": NUMPY_TS } }));
run("npm", ["install", "--silent", "--no-audit", "--no-fund"], folder);

const addon = join(cache, "bench-addon");
mkdirSync(addon, { recursive: true });
copyFileSync(join(wheel("scipy-openblas32").folder, "scipy_openblas32/lib/libscipy_openblas.so"), join(addon, "libscipy_openblas.so"));
