// Run where there is little memory (ulimit -v): what does not fit is an error, and the next call works.
import { BacksolveError, compile, eye, float64, linalg, matmul, ones, random, sum, type Tensor, tensor, zeros } from "../../lib/index";

type F64 = Tensor<"float64">;
const large = zeros([13000, 13000]); // now: how many addresses the runtime takes for itself later differs from run to run
const wide = compile((x: F64) => sum(x.broadcastTo([2 ** 30])), float64(1));
const cases: [string, () => unknown][] = [
  ["eye", () => eye(50000)],
  ["zeros", () => zeros([2 ** 30])],
  ["zeros", () => zeros([2 ** 33])],
  ["random.normal", () => random.normal(1, [2 ** 16, 2 ** 14])],
  ["broadcastTo", () => ones([1]).broadcastTo([2 ** 30])],
  ["matmul", () => matmul(zeros([2 ** 15, 1]), zeros([1, 2 ** 15]))],
  ["program", () => wide.runSync([tensor([1])])],
  ["program", () => wide.run([tensor([1])])],
  ["eigh", () => linalg.eigh.async(large)],
];
async function main(): Promise<void> {
  for (const [op, f] of cases) {
    let got = "no error";
    try {
      await f();
    } catch (error) {
      got = error instanceof BacksolveError ? `${error.code} ${error.op}` : String((error as Error).stack);
    }
    if (got !== `ERR_OUT_OF_MEMORY ${op}`) console.log(`${f}: ${got}`);
    if (linalg.det(eye(2)).item() !== 1) console.log("broken afterwards");
  }
  console.log("done");
}
void main();
