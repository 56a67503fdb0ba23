// Our side: a process that prepares and times cells through the public API of a built package. Argument: the folder whose dist/ is used.
import { join, resolve } from "node:path";
import { rowOf } from "./cells";
import { programOf } from "./program";
import type { Prepare } from "./protocol";
import { type Call, load, serve } from "./serve";
import type { Backsolve, T } from "./table/row";

const b = require(join(resolve(process.argv[2] ?? "."), "dist/index.js")) as Backsolve;

function make({ op, n, dtype, way, sets }: Prepare): Call[] {
  const row = rowOf(op);
  const loaded = sets.map(({ inputs, cotangents }) => {
    const [args = [], g = []] = [inputs, cotangents].map((list) =>
      list.map((s) => {
        const numbers = load(s, dtype);
        return b.reshape(numbers instanceof Float64Array ? b.tensor(numbers) : (b.tensor(numbers) as unknown as T), s.shape);
      }),
    );
    return { args, g };
  });
  const f = (...args: T[]): T[] => row.call(b, ...args);
  let last: readonly T[] = [];
  const givingBack =
    (call: Call): Call =>
    () => {
      for (const t of last) t[Symbol.dispose]();
      last = call() as readonly T[];
      return last;
    };
  if (row.compiled || way === "program") {
    let program: ReturnType<typeof programOf> | undefined; // compiled by the first call, as jit does
    return loaded.map(({ args, g }) => givingBack(() => (program ??= programOf(b, row, n, dtype, way)).runSync([...args, ...g])));
  }
  if (way === "forward")
    return loaded.map(
      ({ args }) =>
        () =>
          f(...args),
    );
  if (way === "freed") return loaded.map(({ args }) => givingBack(() => f(...args)));
  return loaded.map(({ args, g }) => () => {
    const { value, pullback } = b.vjp(f, ...args);
    return [...value, ...pullback(g)];
  });
}

/** Magnitudes of complex ones, as the peers' sums are of these. */
const numbersOf = (result: unknown): ArrayLike<number> =>
  ((result as T).dtype as string).startsWith("complex") ? b.abs(result as T).data : (result as T).data;

b.setThreads(Number(process.env.BACKSOLVE_BENCH_THREADS ?? 1));
const { blas, isa } = b.info();
serve({ name: "backsolve", version: `${isa}, ${blas}` }, { make, numbersOf });
