// What all items of a run share is computed once, before them, in loops of its own.
import { expect } from "chai";
import * as b from "../lib/index";

type F64 = b.Tensor<"float64">;
interface Code {
  readonly kernel: string;
  readonly kernels?: readonly string[];
  readonly hoisted: boolean;
  readonly triangle?: boolean;
}
type Program = { runSync(args: readonly F64[], options?: object): never; explain(args: readonly F64[], options?: object): string };
const normal = (seed: number, ...shape: number[]): F64 => b.random.normal(seed, shape);
const programOf = (f: unknown, ...shapes: number[][]): Program => b.compile(f as never, ...shapes.map((s) => b.float64(...s))) as never;
const codeOf = (p: Program, args: readonly F64[], options = {}): Code[] => JSON.parse(p.explain(args, options)).code;
const LAYOUTS = [{ layout: "lanes" }, { layout: "single" }, { layout: "lanes", chunk: 1 }, { threads: 2 }] as const;
const leaves = (t: unknown): F64[] => (Array.isArray(t) ? t : [t]) as F64[];
const itemOf = (t: F64, item: number): F64 => b.take(t as never, item, { axis: 0 }) as never;

/** A kernel matrix of what is shared, and its gradient's sums. */
const squares = (x: F64): F64 => b.sum(b.square(b.sub(b.expandDims(x, 1), b.expandDims(x, 0))), { axis: 2 }) as F64;
const rbf = (y: F64, x: F64): F64 => b.mul(y, b.sum(b.exp(b.mul(-0.5, squares(x))))) as F64;

const CASES: readonly [string, (y: F64, x: F64) => unknown, number[]][] = [
  ["a kernel matrix that is summed", rbf, [12, 3]],
  [
    "a value that items read, a view of it, a sum",
    (y, x) => {
      const e = b.exp(b.mul(x, 0.5));
      return [b.add(b.mul(y, e), b.matrixTranspose(e)), b.mul(b.sum(e, { axis: 0 }), y), e];
    },
    [6, 6],
  ],
  [
    "views and pads across the border",
    (y, x) => {
      const e = b.tanh(b.add(x, b.matrixTranspose(x)));
      return [
        b.mul(b.slice(e as never, [1, 0], [4, 3]) as F64, y),
        b.mul(b.concat([e, b.mul(2, e)] as never) as never, y),
        b.sum(b.triu(e as never)),
      ];
    },
    [6, 6],
  ],
  [
    "loops on both sides of a factorization",
    (y, x) => {
      const k = b.add(b.exp(b.neg(squares(x))), b.eye(x.shape[0] as number));
      const l = b.linalg.cholesky(k as F64);
      const z = b.mul(b.log(b.add(b.square(l as F64), 1)), 3);
      return [b.add(b.mul(z, y), k), b.sum(z as F64), b.linalg.logdet(b.add(k, b.mul(b.square(y), b.eye(x.shape[0] as number))) as F64)];
    },
    [9, 2],
  ],
];

describe("loops of what all items share", () => {
  for (const [name, f, shape] of CASES)
    it(`${name}: as each item by itself, and before all of them`, () => {
      const program = programOf(f, [], shape);
      const x = normal(2, ...shape);
      for (const items of [2, 7, 9, 33]) {
        const y = normal(items, items);
        for (const options of LAYOUTS) {
          const got = leaves(program.runSync([y, x], options));
          const code = codeOf(program, [y, x], options);
          expect(
            code.some((c) => c.kernel === "fused" && c.hoisted),
            JSON.stringify(code),
          ).to.equal(true);
          for (let item = 0; item < items; item++) {
            const want = leaves(f(itemOf(y, item), x));
            got.forEach((t, o) => {
              const gap = b.max(b.abs(b.sub(itemOf(t, item), want[o] as F64)) as F64) as F64;
              expect(gap.item(), `${name} ${items} ${item} ${o}`).to.be.at.most(
                1e-12 * (1 + (b.max(b.abs(want[o] as F64) as F64) as F64).item()),
              );
            });
          }
        }
      }
    });
  it("have the bits of a run of one item, whatever the layout and threads", () => {
    const program = programOf((_y: F64, x: F64) => rbf(b.tensor(1) as never, x), [], [40, 3]);
    const x = normal(3, 40, 3);
    const one = leaves(program.runSync([normal(1), x]))[0] as F64;
    for (const options of LAYOUTS)
      expect(new Set(leaves(program.runSync([normal(4, 9), x], options)).flatMap((t) => [...t.data]))).to.deep.equal(new Set(one.data));
  });
  it("with gradients: those of each item by itself", () => {
    const program = programOf(b.valueAndGrad(rbf as never, { argnums: [0, 1] } as never), [], [12, 3]);
    const [y, x] = [normal(5, 9), normal(6, 12, 3)];
    const all = program.runSync([y, x]) as unknown as { value: F64; grad: F64[] };
    for (let item = 0; item < 9; item++) {
      const one = (b.valueAndGrad(rbf as never, { argnums: [0, 1] } as never) as never as (y: F64, x: F64) => typeof all)(
        itemOf(y, item),
        x,
      );
      expect(b.max(b.abs(b.sub(itemOf(all.grad[1] as F64, item), one.grad[1] as F64)) as F64).item()).to.be.at.most(1e-12);
    }
  });

  // What items report by instructions before the shared one that fails depends on shared values that wait for a reader.
  it("run before what fails although they wait: each item names its own first failure", () => {
    const f = (y: F64, x: F64, zero: F64): unknown => {
      const e = b.exp(x);
      const first = b.linalg.cholesky(b.mul(y, e) as F64); // where y < 0: of the item
      const then = b.linalg.inv(zero); // of all
      return [first, then, b.sum(b.mul(e, 2) as F64)];
    };
    const program = programOf(f, [], [3, 3], [3, 3]);
    const x = b.tensor([
      [3, 0, 0],
      [0, 3, 0],
      [0, 0, 3],
    ]) as F64;
    for (const items of [2, 7, 9])
      for (const options of LAYOUTS) {
        const y = b.tensor(Array.from({ length: items }, (_, i) => (i % 3 === 1 ? -1 : 1))) as F64;
        const failures: b.Failure[] = [];
        program.runSync([y, x, b.zeros([3, 3])], { ...options, onFailure: "nan", failures });
        const [own, common] = ["ERR_NOT_POSITIVE_DEFINITE", "ERR_SINGULAR"];
        expect(failures.map((one) => [one.item, one.code])).to.deep.equal(
          Array.from({ length: items }, (_, i) => [i, i % 3 === 1 ? own : common]),
        );
      }
  });
});
