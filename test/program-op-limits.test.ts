// What a program called inside a transform cannot do, or does item by item: failures of derivatives, derivatives of one's own.
import { expect } from "chai";
import {
  add,
  broadcastTo,
  compile,
  customGrad,
  exp,
  eye,
  type Failure,
  float64,
  grad,
  greater,
  jvp,
  linalg,
  mul,
  Program,
  registerGradient,
  reshape,
  square,
  stopGradient,
  sum,
  type Tensor,
  tensor,
} from "../lib/index";

type T = Tensor<"float64">;

describe("limits of a program inside transforms", () => {
  it("with onFailure nan, a tangent that exists is there beside one that fails", () => {
    const p = compile((m: T) => linalg.eigh(m), float64(2, 2));
    const many = tensor([
      [
        [1, 0],
        [0, 2],
      ],
      [
        [1, 0],
        [0, 1],
      ],
    ]);
    const along = broadcastTo(
      tensor([
        [1, 2],
        [2, -3],
      ]),
      [2, 2, 2],
    ) as T;
    const failures: Failure[] = [];
    const of = (name: "w" | "v") => jvp((m: T) => p.runSync([m], { onFailure: "nan", failures })[name], [many], [along]).tangent;
    expect(of("w").toArray()).to.deep.equal([
      [1, -3],
      [1, -3],
    ]);
    expect(failures).to.deep.equal([]);
    const v = of("v");
    expect([v.at(0, 0, 1), v.at(1, 0, 0)].map(Number.isNaN)).to.deep.equal([false, true]);
    expect(failures).to.have.length(1);
    expect(failures[0]).to.include({ item: 1, code: "ERR_DEGENERATE" });
  });
  it("failures of the derivative alone are listed", () => {
    const p = compile((m: T) => linalg.slogdet(m).logabsdet, float64(2, 2));
    const many = tensor([
      [
        [1, 2],
        [2, 4],
      ],
      [
        [1, 2],
        [2, 5],
      ],
    ]);
    const failures: Failure[] = [];
    const g = grad((m: T) => sum(p.runSync([m], { onFailure: "nan", failures })) as T)(many);
    expect(failures.map((f) => [f.item, f.code])).to.deep.equal([[0, "ERR_SINGULAR"]]);
    expect([g.at(0, 0, 0), g.at(1, 0, 0)].map(Number.isNaN)).to.deep.equal([true, false]);
  });
  it("stopGradient stops derivatives of the program, saved and loaded too", () => {
    const p = compile((x: T) => mul(stopGradient(x), x) as T, float64());
    const loaded = Program.from(JSON.stringify(p)) as unknown as typeof p;
    for (const f of [(x: T) => p.runSync([x]), (x: T) => loaded.runSync([x] as never) as T]) {
      expect(f(tensor(3)).item()).to.equal(9);
      expect(grad(f)(3).item()).to.equal(3);
      expect(jvp(f, [3], [1] as never).tangent.item()).to.equal(3);
      expect(compile(grad(f), float64()).runSync([3]).item()).to.equal(3);
    }
    const s = compile(
      grad((x: T) => mul(mul(stopGradient(x), x), x) as T),
      float64(),
    );
    expect(grad((x: T) => s.runSync([x]))(3).item()).to.equal(6);
    expect(
      compile((x: T) => stopGradient(greater(x, 1)), float64())
        .runSync([2])
        .item(),
    ).to.equal(true);
  });
  it("derivatives of one's own go with a program; of a saved one, which does not hold them, they are refused with the way out", () => {
    const f = customGrad(
      (x: T) => square(x),
      (_, [g]) => [mul(100, g as T) as T],
    ) as (x: T) => T;
    const p = compile(f, float64());
    const loaded = Program.from(JSON.stringify(p)) as unknown as typeof p;
    const nested = compile((x: T) => add(p.runSync([x]), 1) as T, float64());
    for (const q of [p, nested]) {
      expect(grad((x: T) => q.runSync([x]))(3).item()).to.equal(100);
      expect(jvp((x: T) => q.runSync([x]), [3], [2] as never).tangent.item()).to.equal(200);
      const inside = compile(
        grad((x: T) => q.runSync([x])),
        float64(),
      );
      expect(inside.runSync([3]).item()).to.equal(100);
    }
    expect(() => grad((x: T) => loaded.runSync([x] as never) as T)(3))
      .to.throw(/derivative of its own.*compile\(grad/)
      .with.property("code", "ERR_ARGUMENT");
    expect(() =>
      compile(
        grad((x: T) => loaded.runSync([x] as never) as T),
        float64(),
      ),
    ).to.throw(/derivative of its own/);
    expect(p.runSync([3]).item()).to.equal(9);
    expect(compile(grad(f), float64()).runSync([3]).item()).to.equal(100);
    const spectral = compile((m: T) => sum(linalg.funmHermitian(m, (x) => exp(x))) as T, float64(2, 2));
    expect(() => grad((m: T) => spectral.runSync([m]))(eye(2))).to.throw(/funmHermitian/);
    const restore = registerGradient("logdet", (_, [g]) => [mul(0, reshape(g as T, [1, 1])) as Tensor]);
    const ruled = compile((m: T) => linalg.logdet(m) as T, float64(2, 2));
    restore();
    expect(grad((m: T) => ruled.runSync([m]))(eye(2)).toArray()).to.deep.equal([
      [1, 0],
      [0, 1],
    ]); // by the rules of now
  });
  it("a tensor of a transform outside is no constant of a program; one of a finished transform is what it holds", () => {
    for (const f of [
      (x: T) => compile((_: T) => x, float64()).runSync([5]),
      (x: T) => compile((y: T) => mul(x, y) as T, float64()).runSync([5]),
    ])
      expect(() => grad(f)(3))
        .to.throw(/give it to the program as an input/)
        .with.property("code", "ERR_TRACED");
    const both = compile((x: T) => {
      let aux: T | undefined;
      const g = grad((y: T) => {
        aux = mul(y, y) as T;
        return exp(aux);
      })(x);
      return { g, aux: aux as T };
    }, float64());
    const { g, aux } = both.runSync([2]);
    expect([g.item(), aux.item()]).to.deep.equal([4 * Math.exp(4), 4]);
  });
});
