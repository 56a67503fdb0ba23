// `checked` of loops where what all items share fails: every item fails, as items do whose own copy of it fails, and as in compiled programs.
import { expect } from "chai";
import {
  add,
  compile,
  cond,
  type DType,
  div,
  eye,
  type Failure,
  float64,
  gather,
  grad,
  greater,
  jacfwd,
  jacrev,
  jvp,
  LinalgError,
  less,
  linalg,
  logsumexp,
  mul,
  neg,
  real,
  scan,
  stack,
  stopGradient,
  sub,
  sum,
  type Tensor,
  tensor,
  valueAndGrad,
  vjp,
  vmap,
  whileLoop,
  zeros,
} from "../lib/index";
import { lbfgs } from "../lib/optimize/index";
import { caught, fields, wrong } from "./support";

type F64 = Tensor<"float64">;
type F = (x: F64, s: F64) => F64;
const total = (x: Tensor): F64 => sum(wrong(x)) as F64;

const indefinite = tensor([[1, 2], [2, 1]]); // biome-ignore format: a matrix
const good = tensor([[4, 1], [1, 3]]); // biome-ignore format: a matrix
const singular = zeros([2, 2]);
const nan = mul(good, Number.NaN) as F64;
const sizes = [0, 1, 7, 9];
const items = (n: number): F64 => tensor(Float64Array.from({ length: n }, (_, i) => i + 1));
const copies = (s: F64, n: number): F64 => (n === 0 ? zeros([0, ...s.shape]) : (stack(new Array<F64>(n).fill(s)) as F64));
const what = ({ item, code, index, op }: Failure) => [item, code, index, op];
const list = (t: Tensor): number[] => [...(t.data as Float64Array)];
const nans = (n: number): number[] => new Array<number>(n).fill(Number.NaN);

/** Functions that fail at s, the op that does, and the code. */
const failing: { [name: string]: [f: F, s: F64, op: string, code: string] } = {
  cholesky: [(x, s) => add(x, total(linalg.cholesky(s))), indefinite, "cholesky", "ERR_NOT_POSITIVE_DEFINITE"],
  "composed, logdet": [(x, s) => mul(x, linalg.logdet(s)), indefinite, "logdet", "ERR_NOT_POSITIVE_DEFINITE"],
  inv: [(x, s) => add(x, total(linalg.inv(s))), singular, "inv", "ERR_SINGULAR"],
  "solve, shared right-hand side": [(x, s) => mul(x, total(linalg.solve(s, eye(2)))), singular, "solve", "ERR_SINGULAR"],
  "qr of NaN": [(x, s) => add(x, total(linalg.qr(s).r)), nan, "qr", "ERR_NOT_FINITE"],
  sqrtm: [(x, s) => add(x, total(linalg.sqrtm(s))), neg(good) as F64, "sqrtm", "ERR_ARGUMENT"],
  "eigh of NaN": [(x, s) => add(x, total(linalg.eigh(s).w)), nan, "eigh", "ERR_NOT_FINITE"],
  "what the others read on": [(x, s) => mul(x, logsumexp(linalg.cholesky(add(s, 0)).index(0))) as F64, indefinite, "cholesky", "ERR_NOT_POSITIVE_DEFINITE"], // biome-ignore format: one line
  "a loop over what is shared": [
    (x, s) => add(x, total(vmap((row: F64) => linalg.cholesky(add(s, sum(mul(row, 0)))))(s))),
    indefinite,
    "cholesky",
    "ERR_NOT_POSITIVE_DEFINITE",
  ],
  "a while that does not end": [
    (x, s) => add(x, whileLoop((c: F64) => less(c, 9), (c: F64) => mul(c, 1), total(s), { maxSteps: 5 })) as F64, // biome-ignore format: one line
    good.div(9) as F64,
    "whileLoop",
    "ERR_NO_CONVERGENCE",
  ],
  "a gradient": [(x, s) => add(x, total(grad((a: F64) => linalg.logdet(a))(s))), indefinite, "logdet", "ERR_NOT_POSITIVE_DEFINITE"],
  "a rule in one kernel": [(x, s) => add(x, total(grad((a: F64) => total(linalg.eigh(a).v))(s))), mul(eye(2), 3) as F64, "eigh", "ERR_DEGENERATE"], // biome-ignore format: one line
  "forward mode": [(x, s) => add(x, total(jvp((a: F64) => linalg.cholesky(a), [s], [s]).tangent)), indefinite, "cholesky", "ERR_NOT_POSITIVE_DEFINITE"], // biome-ignore format: one line
  jacobians: [(x, s) => add(x, total(add(jacfwd((a: F64) => linalg.inv(a))(s), jacrev((a: F64) => linalg.inv(a))(s)))), singular, "inv", "ERR_SINGULAR"], // biome-ignore format: one line
};

describe("checked, where what all items share fails", () => {
  for (const [name, [f, s, op, code]] of Object.entries(failing))
    it(`fails every item: ${name}`, () => {
      for (const n of sizes) {
        const forms = {
          argument: vmap(f, { in: [0, null] }).checked(items(n), s),
          "null first": vmap((a: F64, x: F64) => f(x, a), { in: [null, 0] }).checked(s, items(n)),
          tree: vmap(({ x, own }: { x: F64; own: { s: F64 } }) => f(x, own.s), { in: { x: 0, own: { s: null } } }).checked({
            x: items(n),
            own: { s },
          }),
          closure: vmap((x: F64) => f(x, s)).checked(items(n)),
        };
        const own = vmap(f).checked(items(n), copies(s, n));
        expect(own.failures.map((x) => [x.code, x.op])).to.deep.equal(new Array(n).fill([code, op]));
        for (const [form, { value, failures }] of Object.entries(forms)) {
          expect(list(value), `${n} ${form}`).to.deep.equal(nans(n));
          expect(failures, `${n} ${form}`).to.deep.equal(own.failures);
        }
        const listed: Failure[] = [];
        const out = compile(f, float64(), float64(2, 2)).runSync([items(n), s], { onFailure: "nan", failures: listed }) as Tensor;
        expect(list(out)).to.deep.equal(nans(n));
        expect(own.failures.map(what), "a compiled program").to.deep.equal(listed.map(what));
        const plain = caught(() => vmap(f, { in: [0, null] })(items(n), s)) as LinalgError;
        expect(fields(plain), "unchecked").to.deep.equal(fields(caught(() => f(tensor(1), s))));
      }
    });

  it("is NaN in all that the function gives, whatever of it reads what failed", () => {
    const f = (x: F64, s: F64) => ({ a: mul(x, 2), b: { c: linalg.cholesky(s), d: less(x, 2) } });
    const { value, failures } = vmap(f, { in: [0, null], out: { a: 0, b: { c: 1, d: 0 } } }).checked(items(7), indefinite);
    expect(list(value.a)).to.deep.equal(nans(7));
    expect([value.b.c.shape, list(value.b.c)]).to.deep.equal([[2, 7, 2], nans(28)]);
    expect(failures.map((x) => x.item)).to.deep.equal([0, 1, 2, 3, 4, 5, 6]);
  });
  it("names of two ops that which fails first in the item", () => {
    const spd = copies(good, 7);
    const own = stack([...new Array<F64>(3).fill(good), singular, ...new Array<F64>(3).fill(good)]) as F64;
    const sharedFirst = (a: F64, s: F64) => add(total(linalg.cholesky(s)), total(linalg.inv(a)));
    const ownFirst = (a: F64, s: F64) => {
      const y = total(linalg.inv(a));
      return add(y, total(linalg.cholesky(add(s, mul(y, 0)))));
    };
    const both = (a: F64, s: F64) => add(total(linalg.cholesky(s)), add(total(a), total(linalg.inv(sub(s, s)))));
    const named = (f: F, a: F64) => {
      const { failures } = vmap(f, { in: [0, null] }).checked(a, indefinite);
      expect(failures.map((x) => x.item)).to.deep.equal([0, 1, 2, 3, 4, 5, 6]);
      expect(failures).to.deep.equal(vmap(f).checked(a, copies(indefinite, 7)).failures);
      return failures.map((x) => x.op);
    };
    expect(new Set(named(sharedFirst, own))).to.deep.equal(new Set(["cholesky"]));
    expect(named(ownFirst, own).indexOf("inv")).to.equal(3);
    expect(new Set(named(both, spd))).to.deep.equal(new Set(["cholesky"]));
  });
  it("but for what nobody reads, and branches that nobody takes", () => {
    const unread = vmap((x: F64) => [linalg.cholesky(indefinite), mul(x, 2)][1] as F64).checked(items(3));
    expect([list(unread.value), unread.failures]).to.deep.equal([[2, 4, 6], []]);
    const branch = (x: F64, s: F64) => cond(greater(x, 2), (a: F64) => total(linalg.cholesky(a)), () => x, s); // biome-ignore format: one line
    const some = vmap(branch, { in: [0, null] }).checked(items(4), indefinite);
    expect(list(some.value)).to.deep.equal([1, 2, Number.NaN, Number.NaN]);
    expect(some.failures.map((x) => x.item)).to.deep.equal([2, 3]);
    const known = (x: F64, s: F64) => cond(greater(total(s), 99), () => total(linalg.cholesky(s)), () => mul(x, 0).add(1)); // biome-ignore format: one line
    const other = vmap((x: F64, s: F64) => mul(x, known(x, s)), { in: [0, null] }).checked(items(2), indefinite);
    expect([list(other.value), other.failures]).to.deep.equal([[1, 2], []]);
    const reads = (x: F64) => mul(x.item(), cond(greater(total(x), 99), () => total(linalg.cholesky(indefinite)), () => 1)); // biome-ignore format: one line
    expect(caught(() => vmap(reads).checked(items(2))).code).to.equal("ERR_TRACED");
    const dtypes = (x: F64) => [cond(false, () => total(linalg.cholesky(indefinite)), () => 1), x.item()][0] as F64; // biome-ignore format: one line
    expect(caught(() => vmap(dtypes).checked(items(2))).code, "of the branch that is not taken").to.equal("ERR_TRACED");
  });
  it("in other dtypes, and of elements alone", () => {
    for (const dtype of ["float32", "complex64", "complex128"] as const) {
      const s = tensor([[1, 2], [2, 1]], { dtype: dtype as DType } as never) as Tensor<"complex128">; // biome-ignore format: a matrix
      const f = (x: Tensor<"complex128">, a: typeof s) => mul(x, sum(linalg.cholesky(a)));
      const xs = tensor([1, 2, 3], { dtype: dtype as DType } as never) as Tensor<"complex128">;
      const { value, failures } = vmap(f, { in: [0, null] }).checked(xs, s);
      expect([value.dtype, failures.length, value.data.every(Number.isNaN)]).to.deep.equal([dtype, 3, true]);
    }
    const at = tensor(Int32Array.of(5)) as unknown as Tensor<"int32">;
    const { failures } = vmap((x: F64, i: typeof at) => gather(x, wrong(i)), { in: [0, null] }).checked(zeros([3, 4]), at);
    expect(failures.map((x) => [x.item, x.code])).to.deep.equal([0, 1, 2].map((i) => [i, "ERR_ARGUMENT"]));
  });
});

describe("checked in one another and in transforms, where what all items share fails", () => {
  const f: F = (x, s) => mul(x, total(linalg.cholesky(s)));
  it("nested: what inner items share fails the outer item that it belongs to, what both share all", () => {
    const grid = tensor([[1, 2, 3], [4, 5, 6]]); // biome-ignore format: a matrix
    const inner = (row: F64, s: F64) => vmap(f, { in: [0, null] })(row, s);
    const outerMapped = vmap(inner).checked(grid, stack([good, indefinite]) as F64);
    expect(outerMapped.failures.map((x) => [x.item, x.path?.[0]])).to.deep.equal([[1, "vmap, item 1"]]);
    expect(list(outerMapped.value).map(Number.isNaN)).to.deep.equal([false, false, false, true, true, true]);
    const outerShared = vmap(inner, { in: [0, null] }).checked(grid, indefinite);
    expect([outerShared.failures.map((x) => x.item), list(outerShared.value)]).to.deep.equal([[0, 1], nans(6)]);
    const each = stack([good, indefinite, good]) as F64; // one for each inner item, shared by the outer ones
    const innerMapped = vmap((row: F64, ss: F64) => vmap(f)(row, ss), { in: [0, null] }).checked(grid, each);
    expect([innerMapped.failures.map((x) => x.item), list(innerMapped.value)]).to.deep.equal([[0, 1], nans(6)]);
    const alone = vmap((row: F64) => add(sum(row), total(vmap((a: F64) => linalg.cholesky(a))(each)))).checked(grid);
    expect(alone.failures.map((x) => x.path)).to.deep.equal([0, 1].map((i) => [`vmap, item ${i}`, "vmap, item 1"]));
    // one that lists its own failures leaves none to the outer one
    const own = vmap((row: F64) => add(sum(row), vmap(f, { in: [0, null] }).checked(items(2), indefinite).failures.length)).checked(grid);
    expect([list(own.value), own.failures]).to.deep.equal([[8, 17], []]);
  });
  it("derivatives are NaN where those of items with their own copy are, and their sum for what is shared", () => {
    for (const [name, [g, s]] of Object.entries({ ...failing, fine: [f, good] } as { [name: string]: [F, F64] })) {
      if (/while/.test(name)) continue; // has no reverse mode
      for (const n of sizes) {
        const shared = (xs: F64, a: F64) => total(vmap(g, { in: [0, null] }).checked(xs, a).value);
        const own = (xs: F64, as: F64) => total(vmap(g).checked(xs, as).value);
        const [x1, s1] = vjp(shared, items(n), s).pullback(tensor(1)) as unknown as [F64, F64];
        const [x2, s2] = vjp(own, items(n), copies(s, n)).pullback(tensor(1)) as unknown as [F64, F64];
        near(x1, x2, `${name} ${n}`);
        near(s1, sum(s2, { axis: 0 }) as F64, `${name} ${n}`);
        const both = valueAndGrad((a: F64) => shared(items(n), a))(s);
        near(both.grad as F64, s1, `${name} ${n}`);
        const t1 = jvp((a: F64) => vmap(g, { in: [0, null] }).checked(items(n), a).value, [s], [s]).tangent as F64;
        const t2 = jvp((a: F64) => vmap(g).checked(items(n), a).value, [copies(s, n)], [copies(s, n)]).tangent as F64;
        near(t1, t2, `${name} ${n}`);
      }
    }
  });
  const near = (a: F64, b: F64, of: string) => {
    expect(a.shape, of).to.deep.equal(b.shape);
    const right = list(b);
    list(a).forEach((x, i) => {
      const y = right[i] as number;
      const same = Number.isNaN(y) ? Number.isNaN(x) : Math.abs(x - y) <= 1e-12 * (1 + Math.abs(y));
      expect(same, `${of}: ${x} ${y}`).to.equal(true);
    });
  };
  it("derivatives that fail alone are NaN, too", () => {
    const g: F = (x, s) => mul(x, total(linalg.eigh(s).v)); // has a value at equal eigenvalues, but no derivative
    const loss = (s: F64) => total(vmap(g, { in: [0, null] }).checked(items(7), s).value);
    expect(list(grad(loss)(eye(2)))).to.deep.equal(nans(4));
    expect(list(jvp(loss, [eye(2)], [good]).tangent as F64)).to.deep.equal(nans(1));
    expect(caught(() => grad((s: F64) => total(vmap(g, { in: [0, null] })(items(7), s)))(eye(2))).code).to.equal("ERR_DEGENERATE");
  });
  it("programs that the function calls fail as the ops that they are made of", () => {
    const p = compile((s: F64) => total(linalg.cholesky(s)), float64(2, 2));
    const g: F = (x, s) => mul(x, p.runSync([s], { layout: "single" }) as F64);
    for (const value of [vmap(g, { in: [0, null] }).checked(items(3), indefinite), vmap((x: F64) => g(x, indefinite)).checked(items(3))])
      expect([list(value.value), value.failures.map((x) => x.op)]).to.deep.equal([nans(3), ["cholesky", "cholesky", "cholesky"]]);
    const loss = (s: F64) => total(vmap(g, { in: [0, null] }).checked(items(3), s).value);
    expect(list(grad(loss)(indefinite))).to.deep.equal(nans(4));
    const batch = vmap((x: F64) => add(x, total(p.runSync([stack([good, indefinite])]) as F64))).checked(items(2));
    expect([list(batch.value), batch.failures.map((x) => x.item)]).to.deep.equal([nans(2), [0, 1]]);
    const told = compile((s: F64) => total(vmap((x: F64) => f(x, s))(items(3))), float64(2, 2));
    expect(caught(() => vmap((x: F64) => mul(x, told.runSync([indefinite]) as F64))(items(2))).code).to.equal("ERR_NOT_POSITIVE_DEFINITE");
  });
  it("scan: the loop fails, with no runs it does not", () => {
    const step = (s: F64) => (c: F64, x: F64) => ({ carry: add(c, f(x, s)), y: c });
    for (const n of sizes) {
      const { value, failures } = scan.checked(step(indefinite), tensor(0), items(n));
      expect(failures.map((x) => [x.item, x.op])).to.deep.equal(n === 0 ? [] : [[0, "cholesky"]]);
      expect([list(value.carry as F64), list(value.ys as F64)]).to.deep.equal(n === 0 ? [[0], []] : [nans(1), nans(n)]);
    }
    const slope = grad((s: F64) => scan.checked(step(s), tensor(0), items(7), { checkpoint: 3 }).value.carry as F64);
    expect(list(slope(indefinite))).to.deep.equal(nans(4));
    near(slope(good), grad((s: F64) => scan(step(s), tensor(0), items(7)).carry as F64)(good), "good");
  });
});

describe("checked, where what all items share fails and the function", () => {
  it("reads the value: the error is the one of an unchecked call", () => {
    const f = (x: F64, s: F64) => mul(x, linalg.logdet(s).item());
    const error = caught(() => vmap(f, { in: [0, null] }).checked(items(3), indefinite));
    expect(error).to.be.instanceOf(LinalgError);
    expect(fields(error)).to.deep.equal(fields(caught(() => vmap(f, { in: [0, null] })(items(3), indefinite))));
    expect(list(vmap(f, { in: [0, null] }).checked(items(2), eye(2)).value)).to.deep.equal([0, 0]);
    const memory = (x: F64, s: F64) => add(x, total(linalg.cholesky(s, { out: zeros([2, 2]) }))); // which others may read
    expect(caught(() => vmap(memory, { in: [0, null] }).checked(items(3), indefinite)).code).to.equal("ERR_NOT_POSITIVE_DEFINITE");
    const wrongShapes = (x: F64, s: F64) => add(x, add(linalg.cholesky(s), zeros([3])));
    expect(caught(() => vmap(wrongShapes, { in: [0, null] }).checked(items(3), indefinite)).code).to.equal("ERR_SHAPE");
  });
  it("lists failures itself, or optimises: they are told as ever", () => {
    const own = vmap((x: F64) => add(x, linalg.cholesky.checked(indefinite).failures.length)).checked(items(2));
    expect([list(own.value), own.failures]).to.deep.equal([[2, 3], []]);
    let outside = 0;
    const f = (v: F64) => {
      outside += linalg.cholesky.checked(mul(eye(2), stopGradient(v))).failures.length;
      return sub(mul(v, 3000), linalg.logdet(mul(eye(2), v))) as F64;
    };
    const least = () => lbfgs(f, tensor(0.5), { compile: false }).x as F64;
    least();
    expect(outside, "steps that leave the domain").to.be.greaterThan(0);
    const { value, failures } = vmap((x: F64) => mul(x, stopGradient(least()))).checked(items(2));
    expect([failures, list(value)]).to.deep.equal([[], list(mul(items(2), least()))]);
  });
  it("leaves nothing behind: calls after it throw, also when the function threw", () => {
    vmap((x: F64) => mul(x, total(linalg.cholesky(indefinite)))).checked(items(2));
    const throws = vmap((x: F64) => {
      linalg.cholesky(indefinite);
      throw new Error(`of rank ${x.rank}`);
    });
    expect(() => throws.checked(items(2))).to.throw(Error, "of rank 0");
    expect(caught(() => linalg.cholesky(indefinite)).code).to.equal("ERR_NOT_POSITIVE_DEFINITE");
  });
  it("runs off the event loop: it rejects as ever", async () => {
    const f = vmap((x: F64, s: F64) => div(x, total(real(linalg.cholesky(s)))), { in: [0, null] });
    const error = await f.async(items(3), indefinite).then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(fields(error as Error)).to.deep.equal(fields(caught(() => linalg.cholesky(indefinite))));
  });
});
