// What the types promise, as a project with TypeScript's strictest options uses them. Not a part of this project's own type check:
// "backsolve" is the installed package. Where its types were not found, all would be any, and the expected errors would be missing.
import { compile, defineOp, float64, grad, linalg, mul, registry, type Tensor, tensor, valueAndGrad } from "backsolve";
import { lbfgs } from "backsolve/optimize";
import { checkGrads } from "backsolve/testing";

const a: Tensor<"float64"> = tensor([
  [4, 1],
  [1, 3],
]);
const l: Tensor<"float64"> = linalg.cholesky(a);
const c: Tensor<"complex128"> = mul(tensor([{ re: 1, im: 2 }]), a);
const f = (p: { ls: Tensor<"float64">; layers: Tensor<"float64">[] }) => p.ls.mul(2).sum();
const g: { ls: Tensor<"float64">; layers: Tensor<"float64">[] } = grad(f)({ ls: 1, layers: [a] });
const { value, grad: h } = valueAndGrad(f)({ ls: a, layers: [] });
const x: number = value.item();
const z: { readonly re: number; readonly im: number } = c.at(0, 0);
const program = compile((y: Tensor<"float64">) => ({ twice: mul(2, y) }), float64(3));
const t: Tensor<"float64"> = program.runSync([a]).twice;
// @ts-expect-error float32 and float64 do not mix into a float64
const bad: Tensor<"float32"> = mul(a, 2);
const ls: Tensor<"complex128"> = linalg.lstsq(c, a, { l2Regularizer: tensor(0.1), method: "svd" });
const { w, v }: { readonly w: Tensor<"float64">; readonly v: Tensor<"complex128"> } = linalg.eigh(c, { degenerate: "mask" });
const { sign, logabsdet }: { readonly sign: Tensor<"complex128">; readonly logabsdet: Tensor<"float64"> } = linalg.slogdet(c);
const fa: Tensor<"complex128"> = linalg.funmHermitian(c, (u: Tensor<"float64">) => u.exp());
const later: Promise<Tensor<"float64">> = linalg.solve.async(a, l, { adjoint: true, signal: new AbortController().signal });
const failed: readonly { item: number; code: string }[] = linalg.solve.checked(a, l).failures;
const modes: readonly string[] = registry.capabilities().map((one) => one.op);
// @ts-expect-error lambda is real
linalg.lstsq(a, a, { l2Regularizer: c });
// @ts-expect-error there is no such policy
linalg.eigh(a, { degenerate: "ignore" });
console.log(ls, w, v, sign, logabsdet, fa, later, failed, modes);
// @ts-expect-error there is no such option
linalg.solveTriangular(l, a, { uper: true });
const found: { a: Tensor<"float64">; b: Tensor<"float64"> } = lbfgs((p) => p.a.square().add(p.b.square().sum()), { a: 1, b: a }).x;
checkGrads((y: Tensor<"float64">) => y.sum(), [a]);
const op = defineOp({ name: "typed", inputs: ["x"], outputs: ["y"], kernel: ({ x }) => mul(3, x) });
const r: Tensor<"float64"> = op(a);
console.log(found, g, h, x, z, t, bad, r);
