// Words of one to three of {grad, jvp, vmap, scan, cond, compile} against JAX (tools/goldens/loops.py, COMBINE): each maps functions of (x, a, b),
// x of three elements, to such functions, so that they nest to any depth. In JAX compile is the identity.
import { expect } from "chai";
import {
  add,
  compile,
  cond,
  expandDims,
  float64,
  grad,
  greater,
  jvp,
  mean,
  mul,
  scan,
  sin,
  square,
  sub,
  sum,
  tanh,
  tensor,
  vmap,
} from "../../lib/index";
import { cells } from "../grid";
import { compare, load, loadOne, read, type Stored, type T } from "./golden";

type F = (x: T, a: T, b: T) => T;
const W = tensor([0.3, -0.7, 0.5]);
const M1 = tensor([[1], [0.5], [-0.8], [1.2]]);
const M2 = tensor([0.9, 1.1, 0.7, -0.6]);
const M3 = tensor([[0.4], [-0.3], [0.6], [0.5]]);
const XS = tensor([0.2, -0.4, 0.1, 0.3]);

const base: F = (x, a, b) => add(tanh(mul(a, x)), mul(mul(b, sin(x)), mean(x)));

const COMBINE = {
  grad: (f: F): F => {
    const g = grad((x: T, a: T, b: T) => sum(mul(W, f(x, a, b))), { argnums: [0, 1, 2] });
    return (x, a, b) => {
      const [gx, ga, gb] = g(x, a, b);
      return sub(add(gx, mul(ga, x)), gb);
    };
  },
  jvp:
    (f: F): F =>
    (x, a, b) => {
      const { value, tangent } = jvp(f, [x, a, b], [W, 0.6, -0.4]);
      return add(mul(0.5, value), tangent);
    },
  vmap:
    (f: F): F =>
    (x, a, b) => {
      const y = vmap(f, { in: [0, 0, null] })(mul(M1, expandDims(x, 0)), mul(M2, a), b);
      return sum(mul(M3, y), { axis: 0 });
    },
  scan:
    (f: F): F =>
    (x, a, b) => {
      const step = (c: T, t: T) => {
        const next = add(mul(0.5, f(c, a, b)), t);
        return { carry: next, y: sum(square(next)) };
      };
      const { carry, ys } = scan(step, x, XS);
      return add(carry, mul(0.1, sum(ys)));
    },
  cond:
    (f: F): F =>
    (x, a, b) =>
      cond(
        greater(sum(x), 0),
        (x: T) => f(x, a, b),
        (x: T) => mul(sin(x), a),
        x,
      ),
  compile: (f: F): F => {
    const program = compile(f, float64(3), float64(), float64());
    return (x, a, b) => program.runSync([x, a, b]);
  },
};
type Word = keyof typeof COMBINE;
const WORDS = Object.keys(COMBINE) as Word[];
const functionOf = (word: readonly Word[]): F => word.reduceRight((f, name) => COMBINE[name](f), base);

interface Nested {
  readonly args: readonly Stored[];
  readonly word: string;
  readonly value: readonly number[];
}
const [first, ...rest] = read<Nested>("loops-nested");
const args = (first as Nested).args;
const values = new Map(rest.map(({ word, value }) => [word, value]));
const wantOf = (word: readonly Word[]): Stored => {
  const others = word.filter((name) => name !== "compile");
  const data = others.length === 0 ? Array.from(onlyBase().data) : values.get(others.join(" "));
  if (data === undefined) throw new Error(`no value of ${word.join(" ")}`);
  return { dtype: "float64", shape: [3], data };
};
const onlyBase = (): T => vmap(base)(...(args.map((a) => load(a, [0, 1, 2])) as [T, T, T]));

const ITEMS = [0, 1, 2];
const BATCH = [0, 1, 2, 1, 0, 2, 0, 2, 1, 1, 0];
function checkEager(word: readonly Word[]): void {
  const f = functionOf(word);
  for (const i of ITEMS) {
    const y = f(...(args.map((a) => loadOne(a, i)) as [T, T, T]));
    compare(`${word.join(" ")}, item ${i}`, y, wantOf(word), [i], false);
  }
}
function checkCompiled(word: readonly Word[]): void {
  const program = compile(functionOf(word), float64(3), float64(), float64());
  for (const layout of ["lanes", "single"] as const) {
    const y = program.runSync(args.map((a) => load(a, BATCH)) as [T, T, T], { layout });
    compare(`${word.join(" ")}, compiled, ${layout}`, y, wantOf(word), BATCH, true);
  }
}

describe("words of transforms against JAX", () => {
  for (const word of [...WORDS.map((w) => [w]), ...WORDS.flatMap((a) => WORDS.map((b) => [a, b]))]) {
    it(word.join(" of "), () => checkEager(word));
    it(`compile of ${word.join(" of ")}`, () => checkCompiled(word));
  }
  for (const first of WORDS) {
    const words = cells("words of three", [[first], WORDS, WORDS]);
    it(`three, from ${first}: ${words.length}`, () => words.forEach(checkEager));
    it(`compile of three, from ${first}: ${words.length}`, () => words.forEach(checkCompiled));
  }
  it("the golden words are all there are", () => {
    expect(values.size).to.equal(5 + 25 + 125);
    // cond of cond is cond, and in cond of grad and cond of jvp the predicate is that of the outer one
    expect(new Set([...values.values()].map((v) => v.join())).size).to.equal(values.size - 12);
  });
});
