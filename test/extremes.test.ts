// max, min and logsumexp over axes: values of NumPy and SciPy, derivatives, ties, infinities and nothing.
import { readFileSync } from "node:fs";
import { expect } from "chai";
import {
  compile,
  float64,
  grad,
  hessian,
  hvp,
  jvp,
  logsumexp,
  max,
  min,
  mul,
  type Program,
  type Real,
  sum,
  type Tensor,
  tensor,
} from "../lib/index";
import { caught } from "./support";

type F64 = Tensor<"float64">;
interface Case {
  readonly shape: number[];
  readonly x: (number | string)[];
  readonly axis: number | number[] | null;
  readonly keepDims: boolean;
  readonly y: (number | string)[];
  readonly softmax?: number[];
}
const { cases } = JSON.parse(readFileSync("test/golden/logsumexp.json", "utf8")) as { cases: Case[] };
const NAMES: Readonly<Record<string, number>> = { inf: Number.POSITIVE_INFINITY, "-inf": Number.NEGATIVE_INFINITY, nan: Number.NaN };
const numbers = (list: readonly (number | string)[]): number[] => list.map((v) => (typeof v === "string" ? (NAMES[v] as number) : v));

describe("logsumexp", () => {
  it("has SciPy's values, and softmax for its gradient, in every layout and in single precision", () => {
    expect(cases.length).to.be.above(20);
    for (const c of cases) {
      const x = tensor(Float64Array.from(numbers(c.x)), { shape: c.shape });
      const options = { ...(c.axis === null ? {} : { axis: c.axis }), keepDims: c.keepDims };
      const f = (t: F64): F64 => logsumexp(t, options);
      const program = compile(f, float64(...c.shape)) as unknown as Program<unknown[], F64>;
      const two = tensor(Float64Array.from([...x.data, ...x.data]), { shape: [2, ...c.shape] });
      const want = numbers(c.y);
      const single = logsumexp(tensor(Float32Array.from(x.data), { shape: c.shape }), options);
      const close = (got: ArrayLike<number>, eps: number) => {
        const size = Math.max(1, ...want.filter(Number.isFinite).map(Math.abs), ...numbers(c.x).filter(Number.isFinite).map(Math.abs));
        Array.from(got).forEach((y, i) => {
          const w = want[i % want.length] as number;
          expect(Object.is(y, w) || Math.abs(y - w) <= 8 * eps * size, `${c.x}, ${c.axis}: ${y}, not ${w}`).to.equal(true);
        });
      };
      expect(f(x).size).to.equal(want.length);
      close(f(x).data, 2 ** -52);
      if (want.length > 0) close(single.data, 2 ** -23);
      for (const layout of ["lanes", "single"] as const) close(program.runSync([two], { layout }).data, 2 ** -52);
      if (!c.softmax) continue;
      grad((t: F64) => sum(f(t)))(x).data.forEach((g, i) => {
        expect(g).to.be.closeTo(c.softmax?.[i] as number, 1e-12 * Math.max(1, Math.abs(Number(c.x[i]))));
      });
    }
  });
  it("has a gradient of 0 where all is -∞, and none of the infinite ones at ∞", () => {
    const g = (x: number[]): number[] => grad((t: F64) => logsumexp(t))(tensor(x)).toArray() as number[];
    expect(g([-Infinity, -Infinity])).to.deep.equal([0, 0]);
    expect(g([-Infinity, 0])).to.deep.equal([0, 1]);
    expect(g([Infinity, 0])).to.deep.equal([Number.NaN, 0]);
    expect(g([Number.NaN, 0]).every(Number.isNaN)).to.equal(true);
  });
  it("has diag(s) - s sᵀ for its second derivative, in either mode", () => {
    const x = tensor([0.3, -1, 2]);
    const s = grad((t: F64) => logsumexp(t))(x).data;
    const want = [0, 1, 2].map((i) => [0, 1, 2].map((j) => (i === j ? (s[i] as number) : 0) - (s[i] as number) * (s[j] as number)));
    const v = tensor([1, -2, 0.5]);
    (hessian((t: F64) => logsumexp(t) as F64)(x) as F64).data.forEach((h, k) => expect(h).to.be.closeTo(want.flat()[k] as number, 1e-15));
    (hvp((t: F64) => logsumexp(t) as F64, x, v) as F64).data.forEach((h, i) =>
      expect(h).to.be.closeTo(
        want[i]!.reduce((t, w, j) => t + w * (v.data[j] as number), 0),
        1e-15,
      ),
    );
  });
  it("is for real tensors, and its axes are checked", () => {
    expect(caught(() => logsumexp(tensor({ re: 1, im: 1 }) as never)).message).to.equal(
      "logsumexp: is defined for real tensors, got complex128.",
    );
    expect(caught(() => logsumexp(tensor([1]), { axis: 1 })).message).to.match(/^logsumexp: axis 1 is out of range/);
  });
});

describe("max and min", () => {
  const x = tensor([
    [3, 1, 3],
    [-2, 7, 0],
  ]);
  it("over axes", () => {
    expect([max(x).item(), min(x).item()]).to.deep.equal([7, -2]);
    expect(max(x, { axis: 0 }).toArray()).to.deep.equal([3, 7, 3]);
    expect(min(x, { axis: 1, keepDims: true }).toArray()).to.deep.equal([[1], [-2]]);
    expect(max(tensor([1, Number.NaN, 2])).item()).to.deep.equal(Number.NaN);
    expect(max(tensor([-Infinity, -Infinity])).item()).to.equal(-Infinity);
  });
  it("share the cotangent among equals, in both modes", () => {
    expect(grad((t: F64) => sum(mul(max(t, { axis: 1 }), tensor([4, 5]))) as F64)(x).toArray()).to.deep.equal([
      [2, 0, 2],
      [0, 5, 0],
    ]);
    const ones = mul(x, 0).add(1) as F64;
    const { tangent } = jvp(
      (t: F64) => min(t, { axis: 0 }),
      [x],
      [
        mul(
          ones,
          tensor([
            [1, 2, 3],
            [4, 5, 6],
          ]),
        ) as F64,
      ],
    ) as unknown as { tangent: F64 };
    expect(tangent.toArray()).to.deep.equal([4, 2, 6]);
    expect(max<Real>(tensor(Float32Array.of(1, 2))).dtype).to.equal("float32");
  });
  it("of nothing there is none, unless nothing is asked for", () => {
    const empty = tensor(new Float64Array(0), { shape: [0, 3] });
    expect(caught(() => max(empty, { axis: 0 })).message).to.equal("max: x has no elements along the axes [0], got shape [0, 3].");
    expect(max(empty, { axis: 1 }).shape).to.deep.equal([0]);
    expect(caught(() => min(empty)).code).to.equal("ERR_SHAPE");
  });
});
