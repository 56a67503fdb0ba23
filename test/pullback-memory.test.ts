// A pullback may be called long after vjp returned: nobody can change what it reads meanwhile.
import { expect } from "chai";
import {
  add,
  compile,
  customGrad,
  exp,
  float64,
  grad,
  linalg,
  matmul,
  mul,
  reshape,
  square,
  sum,
  type Tensor,
  tensor,
  vjp,
} from "../lib/index";

type T = Tensor<"float64">;
const one = tensor(1);

describe("memory of pullbacks", () => {
  it("an argument over a user's array, written to", () => {
    const x = Float64Array.of(3);
    const { value, pullback } = vjp((t: T) => mul(t, t), tensor(x, { shape: [] }));
    x[0] = 100;
    expect(value.item()).to.equal(9);
    expect(pullback(one)[0].item()).to.equal(6);
    expect(pullback(one)[0].item()).to.equal(6);
  });
  it("its buffer, transferred", () => {
    const x = Float64Array.of(3, 4);
    const { pullback } = vjp((t: T) => sum(square(t)), tensor(x));
    structuredClone(x.buffer, { transfer: [x.buffer] });
    expect(pullback(one as never)[0].toArray()).to.deep.equal([6, 8]);
  });
  it("a constant that the function closes over, and another view of it", () => {
    const c = Float64Array.of(5, 6);
    const k = tensor(c);
    const { pullback } = vjp((t: T) => sum(mul(reshape(t, [1, 2]), reshape(k, [1, 2]))), tensor([1, 2]));
    c.fill(-1);
    expect(pullback(one as never)[0].toArray()).to.deep.equal([5, 6]);
  });
  it("the result, its memory asked for and written to afterwards", () => {
    const { value, pullback } = vjp((t: T) => exp(t), tensor([0, 1]));
    value.data.fill(1000);
    expect(value.toArray()).to.deep.equal([1000, 1000]);
    expect(pullback(tensor([1, 1]))[0].toArray()).to.deep.equal([1, Math.E]);
  });
  it("the argument's memory asked for afterwards; it stays one memory for its owner", () => {
    const x = tensor([2, 3]);
    const { pullback } = vjp((t: T) => square(t), x);
    const seen = x.data;
    seen[0] = 50;
    expect(x.data).to.equal(seen);
    expect(x.toArray()).to.deep.equal([50, 3]);
    expect(pullback(tensor([1, 1]))[0].toArray()).to.deep.equal([4, 6]);
  });
  it("a result given as out to another call", () => {
    const { value, pullback } = vjp((t: T) => exp(t), tensor([0]));
    add(tensor([40]), tensor([2]), { out: value });
    expect(value.toArray()).to.deep.equal([42]);
    expect(pullback(tensor([1]))[0].toArray()).to.deep.equal([1]);
  });
  it("what a rule of one's own gives back, writes to, or gives as out", () => {
    const x = tensor([2, 3]);
    const returned = vjp(
      customGrad(
        (t: T) => square(t),
        ({ inputs: [t] }) => [t as T],
      ),
      x,
    );
    returned.pullback(tensor([1, 1]))[0].data.fill(0);
    expect([x.toArray(), returned.pullback(tensor([1, 1]))[0].toArray()]).to.deep.equal([
      [2, 3],
      [2, 3],
    ]);
    const written = vjp(
      customGrad(
        (t: T) => square(t),
        ({ inputs: [t] }, [g]) => {
          const given = mul(g as T, mul(2, t as T)) as T;
          (t as T).data.fill(9);
          add(tensor([40, 40]), 1, { out: t as T });
          return [given];
        },
      ),
      x,
    );
    for (let i = 0; i < 2; i++) expect(written.pullback(tensor([1, 1]))[0].toArray()).to.deep.equal([4, 6]);
    expect(x.toArray()).to.deep.equal([2, 3]);
  });
  it("factors, inside another transform, and in a program", () => {
    const m = Float64Array.of(4, 1, 1, 3);
    const a = tensor(m, { shape: [2, 2] });
    const want = grad((t: T) => linalg.logdet(t) as T)(tensor([4, 1, 1, 3].slice(), { shape: [2, 2] } as never));
    const logdet = vjp((t: T) => linalg.logdet(t), a);
    const p = compile((t: T) => linalg.logdet(t), float64(2, 2));
    const program = vjp((t: T) => p.runSync([t]), a);
    const nested = vjp((k: T) => sum(vjp((t: T) => sum(matmul(mul(k, t), t)), a).pullback(one as never)[0]), 2);
    m.fill(7);
    const near = (got: Tensor) => got.data.forEach((x, i) => expect(x).to.be.closeTo(want.data[i] as number, 1e-15));
    near(logdet.pullback(one as never)[0]);
    near(program.pullback(one as never)[0]);
    expect(nested.pullback(one as never)[0].item()).to.equal(2 * 2 * (4 + 1 + 1 + 3)); // Σ over both factors, rows and columns
  });
});
