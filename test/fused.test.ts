// Loops over several instructions against the same work one op at a time.
import { expect } from "chai";
import { storageOf } from "../lib/core/tensor";
import * as b from "../lib/index";
import { randoms } from "./hostile/randoms";

type T = b.Tensor<"float32" | "float64">;
type F = "float32" | "float64";
interface Step {
  readonly kernel: string;
  readonly kernels?: readonly string[];
  readonly tile?: number | string;
}

const plan = (program: b.Program<never, never>, args: readonly unknown[], layout: "lanes" | "single" = "lanes"): Step[] =>
  JSON.parse((program as unknown as { explain(a: readonly unknown[], o: object): string }).explain(args, { layout })).code;

/** A function of tensors [n], [n, k], [m, n, k] and [], out of everything that a loop may hold and of some that it may not. */
function randomFunction(random: () => number): (...xs: T[]) => T[] {
  const pick = (count: number) => Math.floor(random() * count);
  const seeds = Array.from({ length: 4 + pick(14) }, () => [pick(14), pick(100), pick(100), pick(100)] as const);
  return (...xs) => {
    const known = [...xs];
    for (const [kind, i, j, l] of seeds) {
      const x = known[i % known.length] as T;
      const like = known.filter(
        (y) => y.shape.length <= x.shape.length && y.shape.every((s, d) => s === x.shape[x.shape.length - y.shape.length + d]),
      );
      const y = like[j % like.length] as T;
      const z = like[l % like.length] as T;
      const axis = x.shape.length > 0 ? j % x.shape.length : 0;
      const of: (() => T)[] = [
        () => b.add(x, b.mul(y, 0.5)),
        () => b.mul(b.tanh(x), z),
        () => b.sub(y, x),
        () => b.exp(b.neg(b.square(x))),
        () => b.where(b.greater(x, y), z, b.mul(x, 0.25)),
        () => b.maximum(x, b.minimum(y, z)),
        () => (x.shape.length > 0 ? b.tanh(b.sum(x, { axis })) : b.abs(x)),
        () => (x.shape.length > 0 ? b.sub(x, b.max(x, { axis, keepDims: true })) : b.sqrt(b.add(b.square(x), 1))),
        () => (x.shape.length > 1 ? b.transpose(x) : b.neg(x)),
        () => (x.shape.length === 2 && x.shape[0] === x.shape[1] ? b.diag(x) : b.div(x, b.add(b.square(y), 1))),
        () => (x.shape.length === 1 ? b.sub(b.reshape(x, [x.size, 1]), b.reshape(x, [1, x.size])) : b.cos(x)),
        () =>
          x.shape.length > 0 && (x.shape[0] as number) > 1
            ? b.slice(
                x,
                x.shape.map((_, d) => (d === 0 ? 1 : 0)),
                x.shape.map((c, d) => (d === 0 ? c - 1 : c)),
              )
            : x,
        () => (x.shape.length > 1 ? b.exp(b.neg(b.square(b.reshape(b.transpose(x), x.shape)))) : b.sub(1, x)),
        () => (x.shape.length > 1 ? b.sum(b.square(x), { axis: -1 }) : b.mul(b.sum(x), x)),
      ] as never;
      const next = (of[kind] as () => T)();
      if (next.size <= 4000) known.push(next);
    }
    return known.slice(-4);
  };
}

const itemOf = (t: T, i: number): T => {
  const shape = t.shape.slice(1);
  return b.reshape(
    b.slice(
      t,
      t.shape.map((_, d) => (d === 0 ? i : 0)),
      [1, ...shape],
    ),
    shape,
  ) as T;
};

const difference = (got: T, want: T): number => {
  expect(got.shape).to.deep.equal(want.shape);
  let worst = 0;
  want.data.forEach((w, i) => {
    const g = got.data[i] as number;
    if (!Object.is(g, w) && g !== w && !(Number.isNaN(g) && Number.isNaN(w))) worst = Math.max(worst, Math.abs(g - w) / (1 + Math.abs(w)));
  });
  return worst;
};

describe("fused loops", () => {
  const sizes = [
    [2, 3, 3],
    [3, 8, 4],
    [1, 5, 2],
    [4, 17, 3],
    [2, 9, 9],
    [1, 1, 1],
    [1, 43, 2],
    [2, 19, 18],
  ] as const;
  const count = process.env.BACKSOLVE_TESTS === "all" ? 400 : 60;
  for (let seed = 1; seed <= count; seed++)
    it(`random functions, seed ${seed}`, () => {
      const random = randoms(seed * 7919);
      const size = sizes[seed % sizes.length] as (typeof sizes)[number];
      const [m, n, k] = size;
      const f = randomFunction(random);
      const dtype: F = seed % 3 === 0 ? "float32" : "float64";
      const shapes = [[], [n], [n, k], [m, n, k], [n, n]];
      const program = b.compile(f as never, ...shapes.map((s) => (dtype === "float32" ? b.float32(...s) : b.float64(...s)))) as unknown as {
        runSync(args: readonly T[], options?: object): T[];
      };
      for (const items of [1, 3, 8, 17]) {
        const shared = shapes.map(() => random() < 0.2);
        const args = shapes.map(
          (s, i) => b.random.normal(b.random.key(seed * 100 + i), [...(shared[i] ? [] : [items]), ...s], { dtype }) as T,
        );
        if (seed % 5 === 0)
          for (const t of args) storageOf(t).array[0] = [Number.NaN, Infinity, -Infinity, -0, 5e-324][(seed / 5) % 5] as number;
        const batched = shared.every((s) => s) ? undefined : items;
        const want = Array.from({ length: items }, (_, item) => f(...args.map((t, i) => (shared[i] ? t : itemOf(t, item)))));
        for (const options of [{ layout: "lanes" }, { layout: "lanes", chunk: 1 }, { layout: "single" }, {}]) {
          const got = program.runSync(args, options);
          if (options.chunk === 1) {
            const bits = (ts: readonly T[]) =>
              ts.map((t) => Buffer.from(t.data.buffer, t.data.byteOffset, t.data.byteLength).toString("hex"));
            expect(bits(got), "chunks and threads").to.deep.equal(bits(program.runSync(args, { layout: "lanes", threads: 2 })));
          }
          got.forEach((t, o) => {
            for (let item = 0; item < (batched ?? 1); item++) {
              const mine = (batched === undefined ? t : itemOf(t, item)) as T;
              const bound = dtype === "float32" ? 2e-4 : 1e-12;
              expect(
                difference(mine, want[item]?.[o] as T),
                `${JSON.stringify(options)} items ${items} item ${item} output ${o}`,
              ).to.be.lessThan(bound);
            }
          });
        }
      }
    });

  it("of a kernel matrix: distances and the matrix in one, distances again in the pullback", () => {
    const loss = (scale: T, x: T) => {
      const z = b.mul(x, b.exp(scale));
      const d = b.sub(b.reshape(z, [8, 1, 3]), b.reshape(z, [1, 8, 3]));
      const k = b.add(b.exp(b.mul(-0.5, b.sum(b.square(d), { axis: -1 }))), b.eye(8));
      return b.sum(b.log(b.diag(b.linalg.cholesky(k as never))));
    };
    const program = b.compile(b.valueAndGrad(loss as never), b.float64(3), b.float64(8, 3)) as never;
    const steps = plan(program, [b.zeros([64, 3]), b.random.normal(1, [64, 8, 3])]);
    const loops = steps.map((s) => s.kernels?.join(" ")).filter((s) => s !== undefined);
    expect(loops.some((s) => s.startsWith("sub square sum mul exp add"))).to.equal(true);
    expect(loops.some((s) => s.includes("sub mul scale"))).to.equal(true);
    // nothing of 8 x 8 x 3 has memory
    expect(steps.flatMap((s) => (s as unknown as { shapes: number[][] }).shapes).filter((s) => s?.join() === "8,8,3")).to.deep.equal([]);
  });
});
