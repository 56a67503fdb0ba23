// Functions of arrays against NumPy, their gradients against JAX (tools/goldens/arrays_*.py), and in every way that a function is computed.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import * as b from "../lib/index";
import { type DType, grad, isTensor, mul, type Shape, sum, type Tensor, tensor } from "../lib/index";

type F64 = Tensor<"float64">;
type Call = (...args: unknown[]) => Tensor | Tensor[];
interface Stored {
  readonly d: DType;
  readonly s: Shape;
  readonly v: (number | string)[];
}
interface Case {
  readonly f: string;
  readonly x: unknown[];
  readonly y: Stored | Stored[];
  readonly g?: Stored[];
  /** In units of the last place of the largest element; 0 where nothing is computed. */
  readonly ulp?: number;
}

const folder = join(process.cwd(), "test/golden/arrays");
const SPECIAL: Readonly<Record<string, number>> = { inf: Number.POSITIVE_INFINITY, "-inf": Number.NEGATIVE_INFINITY, nan: Number.NaN };
const numbers = ({ v }: Stored): number[] => v.map((x) => (typeof x === "string" ? (SPECIAL[x] as number) : x));
const isStored = (x: unknown): x is Stored => typeof x === "object" && x !== null && "d" in x && "v" in x;
const ARRAYS: Partial<Record<DType, unknown>> = { float32: Float32Array, complex64: Float32Array, int32: Int32Array, bool: Uint8Array };
const load = (x: Stored): Tensor => {
  const Made = (ARRAYS[x.d] ?? Float64Array) as Float64ArrayConstructor;
  return tensor(Made.from(numbers(x)), { dtype: x.d, shape: x.s } as never);
};
const loaded = (x: unknown): unknown => (isStored(x) ? load(x) : Array.isArray(x) ? x.map(loaded) : x);

function compare(what: string, got: Tensor, want: Stored, ulp: number): void {
  expect([got.dtype, got.shape], what).to.deep.equal([want.d, want.s]);
  const numbersOf = numbers(want);
  const scale = Math.max(...numbersOf.filter(Number.isFinite).map(Math.abs), Number.MIN_VALUE);
  const eps = want.d === "float32" || want.d === "complex64" ? 2 ** -23 : 2 ** -52;
  Array.from(got.data as ArrayLike<number>).forEach((y, i) => {
    const w = numbersOf[i] as number;
    const close = Object.is(y, w) || y === w || Math.abs(y - w) <= ulp * eps * scale;
    expect(close, `${what}: element ${i} is ${y}, not ${w}`).to.equal(true);
  });
}
const functionOf = (name: string): Call => ((b as never)[name] ?? (b.linalg as never)[name]) as Call;
/** As `weights` of tools/goldens/arrays_cases.py. */
const weighed = (y: F64): F64 =>
  sum(
    mul(
      y,
      tensor(
        Float64Array.from({ length: y.size }, (_, i) => (((i * 7) % 13) - 6) / 8),
        { shape: y.shape },
      ),
    ),
  );

for (const file of readdirSync(folder).sort()) {
  const { cases } = JSON.parse(readFileSync(join(folder, file), "utf8")) as { cases: Case[] };
  describe(`arrays: ${file}`, () => {
    for (const name of new Set(cases.map((c) => c.f)))
      it(`${name} has NumPy's values and JAX's gradients`, () => {
        for (const c of cases.filter(({ f }) => f === name)) {
          const args = c.x.map(loaded);
          const text = `${name}(${JSON.stringify(c.x).slice(1, 400)})`;
          const y = functionOf(name)(...args);
          const want = Array.isArray(c.y) ? c.y : [c.y];
          const list = isTensor(y) ? [y] : y;
          expect(list.length, text).to.equal(want.length);
          list.forEach((t, i) => compare(text, t, want[i] as Stored, c.ulp ?? 0));
          if (!c.g) continue;
          const places = args.flatMap((a, i) => (isTensor(a) && a.dtype === "float64" ? [i] : []));
          const loss = (...xs: F64[]): F64 =>
            weighed(functionOf(name)(...args.map((a, i) => (places.includes(i) ? xs[places.indexOf(i)] : a))) as F64);
          const gradients = grad(loss, { argnums: places.map((_, i) => i) })(...(places.map((i) => args[i]) as F64[]));
          gradients.forEach((g, i) => compare(`gradient ${i} of ${text}`, g, c.g?.[i] as Stored, (c.ulp ?? 0) * 8 + 64));
        }
      });
  });
}
