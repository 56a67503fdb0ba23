// Functions of complex numbers, and integers, in loops: every bit as one op at a time gives it, at all the edges of the numbers.
import { expect } from "chai";
import { storageOf } from "../lib/core/tensor";
import * as b from "../lib/index";
import { itemOf, plan, type T } from "./fused";

type Any = b.Tensor;
type F = (...xs: never[]) => Any;
const ops = b as unknown as Readonly<Record<string, (...xs: unknown[]) => never>>;
const op = (name: string): ((...xs: unknown[]) => never) => ops[name] as (...xs: unknown[]) => never;

/** A tensor whose elements are given, cyclically, in an order of their own. */
function filled(dtype: b.DType, shape: readonly number[], values: readonly number[], step: number): Any {
  const t = b.zeros(shape as number[], { dtype: dtype as "float64" }) as Any;
  const array = storageOf(t as never).array as unknown as Float64Array;
  for (let i = 0; i < array.length; i++) array[i] = values[(i * step + (i >> 4)) % values.length] as number;
  return t;
}

const spec = (dtype: b.DType, shape: readonly number[]): never => op(dtype)(...shape) as never;

/** The parts' bits; which NaN it is does not matter. */
const bits = (t: Any): string[] =>
  Array.from(storageOf(t as never).array as unknown as ArrayLike<number>, (x) => (Object.is(x, -0) ? "-0" : `${x}`));

/** Of each item by itself, one op at a time: nothing is fused. */
const oneByOne = (f: F, items: number, args: readonly Any[]): Any[] =>
  Array.from({ length: items }, (_, item) => f(...(args.map((t) => itemOf(t as T, item)) as never[])));

/** A function in a loop, between other instructions of it, against the same one op at a time. */
function agrees(f: F, dtypes: readonly b.DType[], shapes: readonly (readonly number[])[], values: readonly number[], whole = true): void {
  const program = b.compile(f as never, ...shapes.map((s, i) => spec(dtypes[i] as b.DType, s))) as unknown as {
    runSync(args: readonly Any[], options?: object): Any;
  };
  for (const items of [1, 3, 8, 9]) {
    const args = shapes.map((s, i) => filled(dtypes[i] as b.DType, [items, ...s], values, [1, 5, 7][i] as number));
    const want = oneByOne(f, items, args).flatMap(bits);
    expect(bits((b.vmap(f as never) as F)(...(args as never[]))), `vmap, ${items} items`).to.deep.equal(want); // a program, too
    for (const layout of ["lanes", "single"]) {
      expect(bits(program.runSync(args, { layout })), `${layout}, ${items} items`).to.deep.equal(want);
      if (whole) expect(plan(program as never, args, layout as "lanes").length, `steps ${layout}`).to.equal(1);
    }
  }
}

const [tiny, huge] = [
  [5e-324, 2.3e-308, 1e-160],
  [1.7e308, 1e200, 1e155],
] as const;
const reals = [
  1,
  -0.5,
  2,
  0,
  -0,
  3.25,
  -1,
  Number.NaN,
  Infinity,
  -Infinity,
  ...tiny,
  ...huge,
  -7e-310,
  -3e300,
  0.125,
  17,
  40,
  -800,
] as const;
const singles = reals.map((x) => (Math.abs(x) > 1e100 && Number.isFinite(x) ? Math.sign(x) * 3e38 : Math.abs(x) < 1e-100 ? x * 1e263 : x));

const unary = ["sqrt", "exp", "log", "log1p", "expm1", "sin", "cos", "cosh", "sinh", "tanh", "sign", "conj", "square", "neg"] as const;
const shapes = [[19], [3, 5], [4, 2, 17], [1], []] as const;

describe("fused loops, bit for bit", () => {
  for (const dtype of ["complex128", "complex64"] as const) {
    const values = dtype === "complex128" ? reals : singles;
    for (const name of unary)
      it(`${name} of ${dtype}`, () => {
        const f = op(name) as (x: Any) => Any;
        for (const s of shapes) agrees((x: Any) => b.conj(f(b.neg(x as never) as Any) as never) as Any, [dtype], [s], values);
        // one of the parts alone, and both of a function of a function
        agrees((x: Any) => b.neg(b.imag(f(x) as never)) as Any, [dtype], [[7]], values);
        agrees((x: Any) => b.add(b.real(f(x) as never), b.imag(f(x) as never)) as Any, [dtype], [[7]], values);
        agrees((x: Any) => f(f(x)), [dtype], [[9]], values);
      });
    it(`quotients of ${dtype}`, () => {
      for (const s of shapes) {
        agrees((x: Any, y: Any) => b.neg(b.div(x as never, b.conj(y as never))) as Any, [dtype, dtype], [s, s], values);
        agrees((x: Any, y: Any) => b.neg(b.div(b.conj(x as never), y as never)) as Any, [dtype, dtype], [s, []], values);
      }
      agrees((x: Any) => b.div(b.neg(x as never), x as never) as Any, [dtype], [[19]], values);
      // a transposed operand: numbers that are not side by side
      agrees(
        (x: Any, y: Any) => b.conj(b.div(b.transpose(x as never), y as never)) as Any,
        [dtype, dtype],
        [
          [5, 9],
          [9, 5],
        ],
        values,
      );
    });
    it(`absolute values and truth of ${dtype}`, () => {
      const real = dtype === "complex128" ? "float64" : "float32";
      agrees((x: Any) => b.neg(b.abs(x as never)) as Any, [dtype], [[19]], values);
      agrees((x: Any) => b.logicalNot(b.cast(x as never, "bool")) as Any, [dtype], [[19]], values);
      agrees((x: Any) => b.cast(b.logicalNot(b.neg(x as never)), real) as Any, [dtype], [[19]], values);
      for (const name of ["logicalAnd", "logicalOr", "logicalXor"] as const)
        agrees((x: Any, y: Any) => b.logicalNot(op(name)(b.neg(x as never), y as never)), [dtype, dtype], [[19], [19]], values);
    });
  }

  const ints = [0, 1, -1, 2, -3, 7, 2147483647, -2147483648, 46341, -65536, 1000003, -2147483647] as const;
  for (const beside of ["float64", "float32", undefined] as const) {
    const end = (x: Any): Any => (beside ? b.neg(b.cast(x as never, beside)) : b.neg(x as never)) as Any;
    const truth = (x: Any): Any => (beside ? b.cast(x as never, beside) : b.logicalNot(x as never)) as Any;
    it(`int32 beside ${beside ?? "nothing"}`, () => {
      for (const name of ["add", "sub", "mul", "mod", "maximum", "minimum"] as const)
        for (const s of shapes) agrees((x: Any, y: Any) => end(op(name)(b.neg(x as never), y as never)), ["int32", "int32"], [s, s], ints);
      for (const name of ["neg", "abs", "sign", "square", "floor", "ceil", "round", "trunc"] as const)
        agrees((x: Any) => end(op(name)(b.add(x as never, 1 as never))), ["int32"], [[19]], ints);
      for (const name of [
        "greater",
        "greaterEqual",
        "less",
        "lessEqual",
        "equal",
        "notEqual",
        "logicalAnd",
        "logicalOr",
        "logicalXor",
      ] as const)
        agrees((x: Any, y: Any) => truth(op(name)(b.neg(x as never), y as never)), ["int32", "int32"], [[19], [19]], ints);
      for (const name of ["logicalNot", "isNaN", "isFinite", "isInf"] as const)
        agrees((x: Any) => truth(op(name)(b.neg(x as never))), ["int32"], [[19]], ints);
      agrees((x: Any) => truth(b.cast(b.neg(x as never), "bool") as Any), ["int32"], [[19]], ints);
      agrees(
        (x: Any, y: Any) => end(b.where(b.less(x as never, y as never), b.neg(x as never), y as never) as Any),
        ["int32", "int32"],
        [[5, 9], [9]],
        ints,
      );
      // columns, which are not side by side, of one that stays
      agrees(
        (x: Any, y: Any) => end(b.add(b.transpose(x as never), y as never) as Any),
        ["int32", "int32"],
        [
          [17, 4],
          [4, 1],
        ],
        ints,
      );
    });
  }

  it("squares whose halves mirror each other, of integers and of complex numbers between real ones", () => {
    const outer = (x: Any): Any => op("sub")(b.expandDims(x as never, 1), b.expandDims(x as never, 0));
    for (const n of [17, 33]) {
      agrees((i: Any) => outer(i), ["int32"], [[n]], ints, false);
      agrees((i: Any) => op("mul")(outer(i), op("abs")(outer(i))), ["int32"], [[n]], ints);
      agrees((i: Any) => op("mod")(outer(i), 7), ["int32"], [[n]], ints);
      const angle = (x: Any): Any => op("complex")(op("square")(outer(x)), op("square")(outer(x)));
      agrees((x: Any) => op("real")(op("exp")(angle(x))), ["float64"], [[n]], [1, -0.5, 2, 0.25, 3]);
    }
  });

  it("inside gradients, batches and loops of programs", () => {
    const z = filled("complex128", [3, 9], [0.5, -0.25, 1.5, 0.75, 2], 1) as T;
    const loss = (x: Any): Any => op("sum")(op("abs")(op("div")(op("exp")(x), op("add")(op("sqrt")(x), 2))));
    const gradient = op("grad")(loss as never) as (x: Any) => Any;
    const program = b.compile(gradient as never, b.complex128(9)) as unknown as { runSync(args: T[]): T };
    const compiled = (x: T): T => program.runSync([x]);
    const numbers = (t: Any): number[] => Array.from(storageOf(t as never).array as unknown as Float64Array);
    const one = oneByOne(gradient as F, 3, [z]).flatMap(numbers);
    const got = numbers(compiled(z));
    one.forEach((w, i) => expect(Math.abs((got[i] as number) - w)).to.be.lessThan(1e-14));
    const count = (i: Any): Any =>
      op("scan")(
        (c: Any) => ({ carry: op("where")(op("greater")(c, 100), op("sub")(c, 99), op("mul")(op("add")(c, 1), 3)), y: c }),
        i,
        undefined,
        { length: 7 },
      );
    const loop = b.compile(count as never, b.int32(5)) as unknown as { runSync(args: Any[]): { carry: Any } };
    const i = filled("int32", [4, 5], [1, 30, -7, 2147483647, 0], 1);
    const want = oneByOne(((i: Any) => (count as unknown as (i: Any) => { carry: Any })(i).carry) as F, 4, [i]).flatMap(bits);
    expect(bits(loop.runSync([i]).carry)).to.deep.equal(want);
  });

  it("int32 beside complex numbers", () => {
    agrees((z: Any, i: Any) => b.mul(z as never, b.cast(i as never, "complex128")) as Any, ["complex128", "int32"], [[9], [9]], ints);
    agrees(
      (z: Any, i: Any) => b.neg(b.cast(b.greater(b.real(z as never), b.cast(i as never, "float64")), "complex128")) as Any,
      ["complex128", "int32"],
      [[9], [9]],
      ints,
    );
  });
});

/** Integers written to memory beside reals, and through views. */
describe("integers that leave a fused loop", () => {
  const f = (x: Any, i: Any): T[] => {
    const j = b.add(i as never, 1);
    const y = b.mul(x as never, b.cast(j as never, (x as T).dtype));
    return [j, y, b.transpose(j as never), b.sum(y as never)] as T[];
  };
  for (const dtype of ["float64", "float32"] as const)
    it(dtype, () => {
      const program = b.compile(f as never, spec(dtype, [3, 5]), spec("int32", [3, 5])) as never as {
        runSync(args: readonly Any[], options?: object): Any[];
      };
      for (const items of [1, 7, 16, 17]) {
        const args = [filled(dtype, [items, 3, 5], [1, 2, -3, 0.5], 1), filled("int32", [items, 3, 5], [5, -6, 7, 2147483647], 3)];
        const want = f(...(args as [Any, Any]));
        for (const layout of ["lanes", "single"]) {
          const got = program.runSync(args, { layout });
          for (const o of [0, 1]) expect(bits(got[o] as Any)).to.deep.equal(bits(want[o] as Any));
          const j = want[0] as Any;
          expect(bits(got[2] as Any)).to.deep.equal(bits(b.transpose(j as never, [0, 2, 1]) as Any));
        }
      }
    });
});
