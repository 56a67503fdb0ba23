// exp and log, which the package computes itself, against mpmath: at most one unit in the last place, wherever a number stands.
import { expect } from "chai";
import { compile, exp, float32, float64, log, type Tensor, tensor } from "../lib/index";
import goldens from "./golden/exp-log.json";

const UNITS = 0.9;
const formats = { float64: { bits: 52, least: -1022 }, float32: { bits: 23, least: -126 } } as const;

describe("exp and log", () => {
  for (const [name, rows] of Object.entries(goldens as unknown as Record<string, [number, number, number][]>)) {
    const [op, dtype] = name.split(" ") as ["exp" | "log", "float64" | "float32"];
    const f = { exp, log }[op] as (x: Tensor) => Tensor;
    const { bits, least } = formats[dtype];
    const worst = (y: ArrayLike<number>): number => {
      let units = 0;
      rows.forEach(([, high, low], i) => {
        const exponent = Math.max(Math.floor(Math.log2(Math.abs(high))), least);
        // in two steps: 2^-1074 is the last that there is
        const off = (((y[i] as number) - high) / 2 ** (exponent + 100)) * 2 ** (bits + 100);
        units = Math.max(units, high === 0 ? (y[i] === 0 ? 0 : Infinity) : Math.abs(off - low));
      });
      return units;
    };
    const x = tensor(
      rows.map(([x]) => x),
      { dtype },
    ) as Tensor;
    it(`${name}, one after the other`, () => {
      expect(worst(f(x).data as Float64Array)).to.be.lessThan(UNITS);
    });
    it(`${name}, side by side`, () => {
      const spec = dtype === "float64" ? float64() : float32();
      const program = compile(((t: Tensor) => f(t)) as never, spec) as unknown as { runSync(x: Tensor[], o: object): Tensor };
      expect(worst(program.runSync([x], { layout: "lanes" }).data as Float64Array)).to.be.lessThan(UNITS);
    });
  }
  it("end where numbers end", () => {
    for (const dtype of ["float64", "float32"] as const) {
      const of = (f: typeof exp, xs: number[]) => Array.from(f(tensor(xs, { dtype })).data as Float64Array);
      expect(of(exp, [Number.NaN, Infinity, -Infinity, 0, -0, 1000, -1000, 1])).to.deep.equal([
        Number.NaN,
        Infinity,
        0,
        1,
        1,
        Infinity,
        0,
        dtype === "float64" ? Math.E : Math.fround(Math.E),
      ]);
      expect(of(log, [Number.NaN, Infinity, -Infinity, 0, -0, -1, 1])).to.deep.equal([
        Number.NaN,
        Infinity,
        Number.NaN,
        -Infinity,
        -Infinity,
        Number.NaN,
        0,
      ]);
    }
  });
});
