// Keys in loops: each item and each step draws from its own.
import { expect } from "chai";
import { add, grad, jvp, type Key, less, mul, random, scan, stack, sum, type Tensor, tensor, vmap, whileLoop } from "../lib/index";
import { sameBits } from "../lib/testing/index";

type F64 = Tensor<"float64">;
const keys = random.split(21, 5);
const whole = stack(keys);
const expectRows = (got: F64, want: readonly F64[]): void => {
  expect(got.shape[0]).to.equal(want.length);
  expect(sameBits(got, stack(want))).to.equal(true);
};

/** A walk that splits its key at every step. */
const walk = (key: Key, x0: F64, length: number): { carry: { key: Key; x: F64 }; ys: F64 } =>
  scan(
    ({ key: k, x }: { key: Key; x: F64 }) => {
      const [next, own] = random.split(k) as [Key, Key];
      const y = add(mul(x, random.uniform(own, [2])), random.normal(own, [2])) as F64;
      return { carry: { key: next, x: y }, y };
    },
    { key, x: x0 },
    undefined as never,
    { length },
  );
/** The same, step by step; with the product of the factors that x was multiplied by. */
function walked(key: Key, x0: F64, length: number): { key: Key; ys: F64[]; slope: F64 } {
  let [k, x, slope] = [key, x0, tensor([1, 1]) as F64];
  const ys: F64[] = [];
  for (let i = 0; i < length; i++) {
    const [next, own] = random.split(k) as [Key, Key];
    const u = random.uniform(own, [2]);
    [k, x, slope] = [next, add(mul(x, u), random.normal(own, [2])) as F64, mul(slope, u) as F64];
    ys.push(x);
  }
  return { key: k, ys, slope };
}

describe("random keys in loops", () => {
  const x0 = tensor([0.5, -1]);

  it("vmap: each item has the numbers of its key; one that is shared gives all the same", () => {
    expectRows(vmap((k: Key) => random.normal(k, [3]))(whole), keys.map((k) => random.normal(k, [3]))); // biome-ignore format: one line
    const both = vmap((k: Key, x: F64) => add(x, random.uniform(k, [2], { low: -1 })) as F64, { in: [null, 0] });
    const xs = random.normal(2, [4, 2]);
    expect(sameBits(both(keys[0] as Key, xs), add(xs, random.uniform(keys[0] as Key, [2], { low: -1 })))).to.equal(true);
    const twice = vmap(vmap((k: Key) => random.normal(k, [])));
    const one = keys.map((k) => random.normal(k, []).item());
    expect(twice(stack([whole, whole])).toArray()).to.deep.equal([one, one]);
    expectRows(vmap((k: Key) => random.normal(random.split(k, 3)[2] as Key, [2]))(whole), keys.map((k) => random.normal(random.split(k, 3)[2] as Key, [2]))); // biome-ignore format: one line
  });

  it("scan: a key that is carried and split, and keys that are walked over", () => {
    const got = walk(random.key(9), x0, 4);
    const want = walked(random.key(9), x0, 4);
    expectRows(got.ys, want.ys);
    expect([...got.carry.key.data]).to.deep.equal([...want.key.data]);
    const over = scan((c: F64, k: Key) => ({ carry: add(c, 1) as F64, y: random.normal(k, [2]) }), tensor(0), whole);
    expectRows(over.ys, keys.map((k) => random.normal(k, [2]))); // biome-ignore format: one line
  });

  it("whileLoop: a key that is carried", () => {
    const want = walked(random.key(9), x0, 3);
    const got = whileLoop(
      ({ n }: { n: F64; key: Key }) => less(n, 3),
      ({ n, key }) => ({ n: add(n, 1) as F64, key: random.split(key)[0] as Key }),
      { n: tensor(0), key: random.key(9) },
    );
    expect([...got.key.data]).to.deep.equal([...want.key.data]);
  });

  it("derivatives take what is drawn for constants", () => {
    const last = (x: F64, k: Key): F64 => walk(k, x, 4).carry.x;
    const want = walked(random.key(9), x0, 4).slope;
    const close = (got: F64): void => got.data.forEach((g, i) => expect(g).to.be.closeTo(want.at(i) as number, 1e-15));
    close(grad((x: F64) => sum(last(x, random.key(9))))(x0));
    close(jvp((x: F64) => last(x, random.key(9)), [x0], [tensor([1, 1])]).tangent);
    const each = vmap((k: Key) => grad((x: F64) => sum(last(x, k)))(x0))(whole);
    keys.forEach((k, i) => expect(each.at(i, 1)).to.be.closeTo(walked(k, x0, 4).slope.at(1) as number, 1e-15));
  });
});
