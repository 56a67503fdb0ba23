// Loops over several instructions against the same work one op at a time.
import { expect } from "chai";
import { storageOf } from "../lib/core/tensor";
import * as b from "../lib/index";
import { difference, itemOf, plan, type Step, type T } from "./fused";
import { many } from "./grid";
import { randoms } from "./hostile/randoms";

type F = "float32" | "float64";
/** Without its last element along the first axis, and with zeros before that one instead. */
const shifted = (x: T): T => {
  const start = x.shape.map(() => 0);
  const rest = front(x, start, [(x.shape[0] as number) - 1, ...x.shape.slice(1)]);
  return b.pad(rest, [[1, 0], ...start.slice(1).map(() => [0, 0])] as never) as T;
};
const front = (x: T, start: readonly number[], shape: readonly number[]): T => b.slice(x, start, shape) as T;

/** A function of tensors [n], [n, k], [m, n, k] and [], out of everything that a loop may hold and of some that it may not. */
function randomFunction(random: () => number): (...xs: T[]) => T[] {
  const pick = (count: number) => Math.floor(random() * count);
  const seeds = Array.from({ length: 4 + pick(14) }, () => [pick(16), pick(100), pick(100), pick(100)] as const);
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
        // elements that move, which parts no loop: read, or not, by what comes next
        () =>
          x.shape.length > 0 ? b.concat([b.exp(b.neg(b.abs(y.shape.length === x.shape.length ? y : x))), x].slice(0, 1 + (l % 2))) : x,
        () => (x.shape.length === 0 || (x.shape[0] as number) < 2 ? b.tanh(x) : shifted(x)),
      ] as never;
      const next = (of[kind] as () => T)();
      if (next.size <= 4000) known.push(next);
    }
    return known.slice(-4);
  };
}

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
  const count = many(400, 60);
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
        const shared = shapes.map(() => random() < (seed % 4 === 0 ? 0.7 : 0.2));
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
            // but for the sign of NaN, which is that of either operand
            const one = (t: T) => (t.data as Float64Array).map((x) => (Number.isNaN(x) ? Number.NaN : x));
            const bits = (ts: readonly T[]) => ts.map(one).map((x) => Buffer.from(x.buffer, x.byteOffset, x.byteLength).toString("hex"));
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

  describe("squares whose halves mirror each other", () => {
    const antisymmetric = (x: T, y: T): T => b.sub(b.reshape(x, [x.size, 1]), b.reshape(y, [1, y.size])) as T;
    /** What of these distances a program may ask for: matrices, sums along either side or all, sums that are alike, truth values. */
    const functions: Record<string, (d: T, w: T, n: number) => T[]> = {
      matrix: (d) => [b.exp(b.neg(b.square(d))), b.cos(b.mul(3, b.tanh(d)))],
      sums: (d, w) => [b.sum(b.mul(w, b.exp(b.neg(b.square(d)))), { axis: 1 }), b.sum(b.mul(w, b.abs(b.tanh(d))), { axis: 0 })],
      opposite: (d, w) => {
        const h = b.mul(w, b.exp(b.sin(b.mul(d, b.tanh(d)))));
        return [b.sum(b.mul(h, d), { axis: 1 }), b.sum(b.neg(b.mul(h, d)), { axis: 0 }), b.sum(b.mul(d, h), { axis: 0 })];
      },
      all: (d, w) => [b.sum(b.mul(w, b.exp(b.neg(b.square(d))))), b.sum(b.exp(b.mul(w, d))), b.sum(b.mul(d, w))],
      largest: (d) => [b.max(b.exp(b.cos(d)), { axis: 0 }), b.min(b.exp(b.abs(d)), { axis: 1 }), b.max(b.exp(d), { axis: 0 })],
      truth: (d, _w, n) => [b.where(b.greater(b.exp(b.square(d)), 1.5), b.exp(b.abs(d)), b.mul(2, b.eye(n, { dtype: d.dtype }))) as T],
      "one side": (d, w) => [b.where(b.greater(d, b.tanh(d)), b.exp(b.abs(d)), w) as T],
      not: (d, w) => [b.exp(b.mul(d, w))],
    };
    for (const [name, f] of Object.entries(functions))
      for (const dtype of ["float32", "float64"] as const)
        it(`${name}, ${dtype}`, () => {
          const spec = dtype === "float32" ? b.float32 : b.float64;
          for (const n of [1, 2, 7, 8, 9, 16, 17, 31, 40, 67]) {
            const of = (x: T, c: T) => {
              const d = antisymmetric(x, x);
              // symmetric because Cholesky's argument has a symmetric cotangent
              const a = b.add(b.exp(b.neg(b.square(d))), b.mul(2, b.eye(n, { dtype }))) as T;
              return f(d, b.vjp(b.linalg.cholesky, a as b.Tensor<"float64">).pullback(c as b.Tensor<"float64">)[0] as T, n);
            };
            const program = b.compile(of as never, spec(n) as never, spec(n, n) as never) as unknown as {
              runSync(args: readonly T[], options?: object): T[];
            };
            for (const items of [1, 7, 9]) {
              const x = b.random.normal(1, [items, n], { dtype }) as T;
              if (items === 7 && n > 2) storageOf(x).array[n + 1] = Number.NaN;
              if (items === 9 && n > 2) storageOf(x).array[2 * n + 2] = Infinity;
              const c = b.random.normal(2, [items, n, n], { dtype }) as T;
              for (const layout of ["lanes", "single"] as const) {
                const got = program.runSync([x, c], { layout, onFailure: "nan" });
                for (let item = 0; item < items; item++) {
                  if ((items === 7 && item === 1) || (items === 9 && item === 2)) continue; // fails: NaN by contract
                  of(itemOf(x, item), itemOf(c, item)).forEach((want, o) => {
                    const bound = dtype === "float32" ? 1e-4 : 1e-12;
                    expect(difference(itemOf(got[o] as T, item), want), `${layout} n ${n} item ${item} of ${items}`).to.be.below(bound * n);
                  });
                }
              }
            }
          }
        });

    it("are walked by half, sums that others have are copied", () => {
      const steps = (f: (x: T) => T[], layout: "lanes" | "single" = "lanes") =>
        plan(b.compile(f as never, b.float64(32)) as never, [b.random.normal(1, [64, 32])], layout) as (Step & { triangle?: boolean })[];
      const halves = (f: (x: T) => T[], layout?: "single") => steps(f, layout).filter((s) => s.triangle).length;
      const kernel = (x: T): T => b.exp(b.neg(b.square(antisymmetric(x, x)))) as T;
      expect(halves((x) => [kernel(x)])).to.equal(1);
      expect(halves((x) => [b.sum(b.mul(kernel(x), antisymmetric(x, x)), { axis: 0 }) as T])).to.equal(1);
      expect(
        halves((x) => [b.mul(kernel(x), b.reshape(x, [32, 1])) as T]),
        "not symmetric",
      ).to.equal(0);
      expect(
        halves((x) => [b.exp(antisymmetric(x, x)) as T]),
        "the exponential is neither",
      ).to.equal(0);
      expect(
        halves((x) => [b.exp(b.abs(antisymmetric(x, b.cos(x) as T))) as T]),
        "of two different vectors",
      ).to.equal(0);
    });

    it("NaN and infinity in both halves", () => {
      const program = b.compile(
        ((x: T) => {
          const d = antisymmetric(x, x);
          return [b.exp(b.neg(b.square(d))), b.sum(b.mul(d, b.exp(b.abs(d))), { axis: 0 }), b.max(b.exp(b.abs(d)), { axis: 1 })];
        }) as never,
        b.float64(20),
      ) as unknown as { runSync(args: readonly T[], options?: object): T[] };
      const x = b.random.normal(3, [9, 20]) as T;
      storageOf(x).array.set([Number.NaN, Infinity, -Infinity, 800, -1e308, 5e-324], 45);
      const want = Array.from({ length: 9 }, (_, i) => program.runSync([itemOf(x, i)], { layout: "single" }));
      const d = antisymmetric(itemOf(x, 2), itemOf(x, 2));
      expect(difference(want[2]?.[0] as T, b.exp(b.neg(b.square(d))) as T)).to.equal(0);
      expect(difference(want[2]?.[2] as T, b.max(b.exp(b.abs(d)), { axis: 1 }) as T)).to.equal(0);
      program.runSync([x], { layout: "lanes" }).forEach((t, o) => {
        for (let i = 0; i < 9; i++) expect(difference(itemOf(t, i), want[i]?.[o] as T), `output ${o} item ${i}`).to.be.below(1e-12);
      });
    });
  });

  it("values that are read in two directions", () => {
    const distances = (z: T): T => b.sub(b.reshape(z, [z.size, 1]), b.reshape(z, [1, z.size])) as T;
    const functions: Record<string, (z: T, a: T) => T[]> = {
      "cheap ones": (z) => [b.minimum(distances(z), b.transpose(distances(z))) as T],
      "of one in memory": (z, a) => [b.maximum(b.sub(a, z), b.transpose(b.sub(a, z))) as T],
      "both, and beside others": (z, a) => {
        const d = distances(z);
        const e = b.add(a, z) as T;
        return [b.mul(b.minimum(b.transpose(d), b.sub(d, e)), b.transpose(e)) as T, b.sum(b.mul(e, b.transpose(e)), { axis: 0 })];
      },
    };
    for (const [name, f] of Object.entries(functions)) {
      const program = b.compile(f as never, b.float64(9), b.float64(9, 9)) as unknown as {
        runSync(args: readonly T[], options: object): T[];
      };
      const args = [b.random.normal(1, [17, 9]), b.random.normal(2, [17, 9, 9])] as T[];
      for (const layout of ["lanes", "single"])
        program.runSync(args, { layout }).forEach((got, o) => {
          for (let i = 0; i < 17; i++) {
            const want = f(...(args.map((t) => itemOf(t, i)) as [T, T]))[o] as T;
            expect(difference(itemOf(got, i), want), `${name}, ${layout}, item ${i}`).to.be.lessThan(1e-14);
          }
        });
    }
  });

  it("of a kernel matrix: distances and the matrix in one, distances again in the pullback", () => {
    const loss = (scale: T, x: T, amplitudes: T) => {
      const z = b.mul(x, b.exp(scale));
      const d = b.sub(b.reshape(z, [8, 1, 3]), b.reshape(z, [1, 8, 3]));
      const [v, s] = [front(amplitudes, [0], [1]), front(amplitudes, [1], [1])];
      const k = b.add(b.mul(v, b.exp(b.mul(-0.5, b.sum(b.square(d), { axis: -1 })))), b.mul(s, b.eye(8)));
      return b.sum(b.log(b.diag(b.linalg.cholesky(k as never))));
    };
    const gradient = b.valueAndGrad(loss as never, { argnums: [0, 2] } as never);
    const program = b.compile(gradient, b.float64(3), b.float64(8, 3), b.float64(2)) as never;
    const steps = plan(program, [b.zeros([64, 3]), b.random.normal(1, [64, 8, 3]), b.ones([64, 2])]);
    const loops = steps.map((s) => s.kernels?.join(" ")).filter((s) => s !== undefined);
    expect(loops.some((s) => s.startsWith("sub square sum mul exp mul mul add"))).to.equal(true);
    // where gradients of slices go parts no loop: the distances' cotangents are summed where they are made
    expect(loops.some((s) => s.includes("sub mul scale neg sum sum"))).to.equal(true);
    // nothing of 8 x 8 x 3 has memory
    expect(steps.flatMap((s) => (s as unknown as { shapes: number[][] }).shapes).filter((s) => s?.join() === "8,8,3")).to.deep.equal([]);
  });
});
