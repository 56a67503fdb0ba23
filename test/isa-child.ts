// Run by lanes.test.ts with BACKSOLVE_ISA set: checkOp of every op with lane kernels on that instruction set.
import { binding } from "../lib/boundary/addon";
import { info, registry } from "../lib/index";
import { checkOp } from "../lib/testing/index";
import { checkGeneral, GENERAL_SIZES } from "./general-lanes";
import { cells, sampled } from "./grid";
import { checkSpectra, DTYPES, SIZES } from "./spectra";

/** Whose rows have other names. */
const ROWS: Readonly<Record<string, readonly string[]>> = {
  fractionalPower: ["realPower"],
  fractionalPowerAlong: ["functionAlong"],
  hermitianFunction: ["expmHermitian", "logmHermitian", "sqrtmHermitian", "inverseSqrtmHermitian", "powmHermitian"],
  logmAlong: ["functionAlong"],
  matrixPowerAlong: ["functionAlong"],
  qrComplete: ["qr"],
  signmAlong: ["functionAlong"],
  singularGaps: ["svd"],
  sqrtmAlong: ["functionAlong"],
  sumQuotient: ["svd"],
};

async function main(): Promise<void> {
  if (info().isa !== process.env.BACKSOLVE_ISA) throw new Error(`runs on ${info().isa}`);
  const matrices = binding()
    .kernels()
    .filter((k) => k.family === "matrix" && k.lanes.length > 0)
    .map((k) => k.name.replace("_vjp", ""))
    .flatMap((name) => ROWS[name] ?? [name]);
  for (const name of new Set([...matrices, "exp", "log", "sqrt", "div", "where", "sum"])) {
    const only = ["law", "reverse", "batching", "compiled", "isolation"] as const;
    await checkOp(registry.op(name) as Parameters<typeof checkOp>[0], { sizes: [1, 4, 9], only, ...sampled });
    console.log(name);
  }
  for (const [dtype, n] of cells("spectra", [DTYPES, SIZES])) checkSpectra(dtype, n, 17);
  console.log("spectra");
  for (const [dtype, n] of cells("general matrices", [DTYPES, GENERAL_SIZES])) checkGeneral(dtype, n, 19);
  console.log("general matrices");
}
main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
