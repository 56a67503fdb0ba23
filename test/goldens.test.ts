// Matrix functions against other systems: values of NumPy and SciPy, gradients and Hessian-vector products on which JAX, PyTorch and
// TensorFlow agree (tools/goldens/linalg.py).
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import {
  add,
  arange,
  compile,
  conj,
  type DType,
  div,
  grad,
  hvp,
  linalg,
  matmul,
  mul,
  real,
  type Shape,
  Spec,
  sum,
  type Tensor,
  tensor,
  vjp,
} from "../lib/index";

// The functions under test are the same for all dtypes: one name for the compiler, the dtype at run time comes from the file.
type T = Tensor<"float64">;
type Named = Record<string, T>;
type Options = Record<string, boolean | string | number>;

interface Stored {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly data: number[];
}
type StoredNamed = Record<string, Stored>;
interface Case {
  readonly dtype: DType;
  readonly attrs: Options;
  readonly inputs: StoredNamed;
  readonly outputs: StoredNamed;
  readonly cotangents: StoredNamed;
  readonly gradients: StoredNamed;
  readonly directions: StoredNamed;
  readonly hvp: StoredNamed;
}
interface File {
  readonly op: string;
  readonly cases: Case[];
}

const folder = join(process.cwd(), "test/golden/linalg");
const read = (name: string) => JSON.parse(readFileSync(join(folder, name), "utf8")) as File;
const files = readdirSync(folder).sort().map(read);

const isSingle = (dtype: DType) => dtype === "float32" || dtype === "complex64";
const load = ({ dtype, shape, data }: Stored): T =>
  tensor(isSingle(dtype) ? Float32Array.from(data) : Float64Array.from(data), { dtype, shape }) as Tensor as T;
const mapped = <A, B>(o: Record<string, A>, f: (x: A, name: string) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(o).map(([k, x]) => [k, f(x, k)]));

/** What does not depend on the phases of the vectors: w, |V|² and V diag(c) Vᴴ, c_k = 1/(k + 2). */
function projections({ w, v }: { w: T; v: T }): Named {
  const c = div(1, add(arange(0, w.shape.at(-1) as number, 1, { dtype: w.dtype }), 2)) as T;
  return { w, s: real(mul(v, conj(v))), m: matmul(mul(v, c), v, { adjointB: true }) };
}

const functions: Record<string, (x: Named, options: Options) => Named> = {
  cholesky: ({ a }) => ({ l: linalg.cholesky(a as T) }),
  choleskySolve: ({ l, b }) => ({ x: linalg.choleskySolve(l as T, b as T) }),
  det: ({ a }) => ({ d: linalg.det(a as T) }),
  eigh: ({ a }) => projections(linalg.eigh(a as T)),
  eigvalsh: ({ a }) => ({ w: linalg.eigvalsh(a as T) }),
  expmHermitian: ({ a }) => ({ y: linalg.expmHermitian(a as T) }),
  inv: ({ a }, options) => ({ y: linalg.inv(a as T, options) }),
  logdet: ({ a }) => ({ y: linalg.logdet(a as T) }),
  logmHermitian: ({ a }) => ({ y: linalg.logmHermitian(a as T) }),
  lstsq: ({ a, b, l2 }, options) => ({
    x: linalg.lstsq(a as T, b as T, { ...options, ...(l2 === undefined ? {} : { l2Regularizer: l2 }) }),
  }),
  lu: ({ a }) => ({ ...linalg.lu(a as T) }),
  matmul: ({ a, b }, options) => ({ c: matmul(a as T, b as T, options) }),
  slogdet: ({ a }) => ({ ...linalg.slogdet(a as T) }),
  solve: ({ a, b }, options) => ({ x: linalg.solve(a as T, b as T, options) }),
  solveTriangular: ({ a, b }, options) => ({ x: linalg.solveTriangular(a as T, b as T, options) }),
  sqrtmHermitian: ({ a }) => ({ y: linalg.sqrtmHermitian(a as T) }),
};

/** L = Re Σ conj(cotangent) · output. */
function loss(y: Named, cotangents: Named): T {
  const terms = Object.entries(cotangents).map(([k, c]) => sum(real(mul(conj(c), y[k] as T))) as T);
  return terms.reduce((s, t) => add(s, t));
}

// double: the peers agree to 1e-10 themselves; single: 2^-23 times a thousand, for second derivatives of up to 6 x 6 matrices
const toleranceOf = (dtype: DType): number => (isSingle(dtype) ? 1e-4 : 1e-10);

function compare(what: string, got: Tensor | undefined, want: Stored): void {
  if (got === undefined) throw new Error(`${what} is missing`);
  expect(got.dtype, `${what}: dtype`).to.equal(want.dtype);
  expect(got.shape, `${what}: shape`).to.deep.equal(want.shape);
  const scale = want.data.reduce((m, x) => Math.max(m, Math.abs(x)), 0) || 1; // a reference of zeros is compared absolutely
  const data = Array.from(got.data);
  const worst = want.data.reduce((m, x, i) => Math.max(m, Math.abs(x - (data[i] as number))), 0);
  expect(data.every(Number.isFinite), `${what}: finite`).to.equal(true);
  expect(worst / scale, what).to.be.below(toleranceOf(want.dtype));
}
const compareAll = (what: string, got: Record<string, Tensor>, want: StoredNamed): void => {
  for (const [k, w] of Object.entries(want)) compare(`${what} ${k}`, got[k], w);
};

function label({ attrs, inputs }: Case): string {
  const arrays = Object.entries(inputs).map(([k, x]) => `${k} ${x.dtype}[${x.shape.join()}]`);
  return `${JSON.stringify(attrs)} ${arrays.join(" ")}`;
}

function check(op: string, c: Case): void {
  const f = functions[op];
  if (f === undefined) throw new Error(`no function for ${op}`);
  const [x, v, cotangents] = [mapped(c.inputs, load), mapped(c.directions, load), mapped(c.cotangents, load)];
  const where = label(c);
  compareAll(`${where}: output`, f(x, c.attrs), c.outputs);
  // lu: p has no cotangent
  const wanted = (y: Named) => mapped(cotangents, (_, k) => y[k] as T);
  const [pulled] = vjp((z: Named) => wanted(f(z, c.attrs)), x).pullback(cotangents);
  compareAll(`${where}: vjp`, pulled, c.gradients);
  const objective = (z: Named) => loss(f(z, c.attrs), cotangents);
  compareAll(`${where}: gradient`, grad(objective)(x), c.gradients);
  compareAll(`${where}: hvp`, hvp(objective, x, v), c.hvp);
}

const dtypes: readonly DType[] = ["float32", "float64", "complex64", "complex128"];

describe("golden values", () => {
  for (const { op, cases } of files) {
    for (const dtype of dtypes) {
      const list = cases.filter((c) => c.dtype === dtype);
      it(`${op} ${dtype}: ${list.length} cases`, () => {
        expect(list.length).to.be.at.least(5);
        for (const c of list) check(op, c);
      });
    }
    // one function per item: what is shared by all items has a gradient per item, so these are the cases where nothing is shared
    const batched = cases.filter(
      (c) => !isSingle(c.dtype) && Object.values(c.inputs).every(({ shape }) => shape.length === 3 && shape[0] === 3),
    );
    it(`${op} compiled: ${batched.length} cases`, () => {
      expect(batched.length).to.be.at.least(2);
      for (const c of batched) checkCompiled(op, c);
    });
  }

  it("there is a file for every function", () => {
    expect(files.map(({ op }) => op).sort()).to.deep.equal(Object.keys(functions).sort());
  });
  it("a change by 1e-8 is seen in every file", () => {
    const changed = ({ data, ...rest }: Stored): Stored => ({ ...rest, data: data.map((x, i) => (i === 0 ? x + 1e-8 : x)) });
    for (const { op, cases } of files) {
      const c = cases.find(({ dtype }) => dtype === "float64") as Case;
      for (const part of ["outputs", "gradients", "hvp"] as const) {
        expect(() => check(op, { ...c, [part]: mapped(c[part], changed) }), `${op} ${part}`).to.throw(/below/);
      }
    }
  });
});

function checkCompiled(op: string, c: Case): void {
  const f = functions[op] as (x: Named, options: Options) => Named;
  const specs = (o: StoredNamed) => mapped(o, ({ dtype, shape }) => new Spec(dtype as "float64", shape.slice(1)));
  const program = compile(
    ({ x, v, cotangents }: { x: Named; v: Named; cotangents: Named }) => {
      const objective = (z: Named) => loss(f(z, c.attrs), cotangents);
      return { outputs: f(x, c.attrs), gradients: grad(objective)(x), hvp: hvp(objective, x, v) };
    },
    { x: specs(c.inputs), v: specs(c.directions), cotangents: specs(c.cotangents) },
  );
  const got = program.runSync([{ x: mapped(c.inputs, load), v: mapped(c.directions, load), cotangents: mapped(c.cotangents, load) }]);
  compareAll(`${label(c)}: compiled output`, got.outputs, c.outputs);
  compareAll(`${label(c)}: compiled gradient`, got.gradients, c.gradients);
  compareAll(`${label(c)}: compiled hvp`, got.hvp, c.hvp);
}
