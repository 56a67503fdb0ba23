// The bodies: what a run makes of a carry, an element and what is shared. Each computes in a dtype of choice.
import type { Float } from "../../lib/core/dtype";
import {
  add,
  cast,
  complex,
  conj,
  cos,
  customGrad,
  diagEmbed,
  div,
  exp,
  eye,
  gather,
  type Key,
  less,
  linalg,
  logsumexp,
  matmul,
  maximum,
  mul,
  ones,
  random,
  real,
  reshape,
  sin,
  square,
  stopGradient,
  sub,
  sum,
  type Tensor,
  tensor,
  transpose,
  where,
} from "../../lib/index";
import type { Stepped, Tree } from "./reference";

type Named = { readonly [key: string]: Tensor };
export interface Body {
  readonly name: string;
  /** The dtypes it is for; by default all. */
  readonly dtypes?: readonly Float[];
  /** Its derivative is what it says, not the slope. */
  readonly ruled?: true;
  /** What it is given, drawn anew for every seed. */
  carry(draw: Draw): Tree;
  x(draw: Draw): Tree;
  shared(draw: Draw): Tree;
  step(c: never, x: never, s: never): Stepped;
}

/** Numbers of a dtype. */
export class Draw {
  #key: Key;
  readonly dtype: Float;
  constructor(seed: number, dtype: Float) {
    this.#key = random.key(seed);
    this.dtype = dtype;
  }
  #next(): Key {
    const [key, own] = random.split(this.#key) as [Key, Key];
    this.#key = key;
    return own;
  }
  /** Normal, of this scale. */
  normal(shape: readonly number[], scale = 0.5): Tensor {
    return mul(scale, random.normal(this.#next(), shape, { dtype: this.dtype }));
  }
  integer(shape: readonly number[], high = 3): Tensor<"int32"> {
    return cast(mul(high, random.uniform(this.#next(), shape)), "int32");
  }
  bool(shape: readonly number[]): Tensor<"bool"> {
    return less(random.uniform(this.#next(), shape), 0.5);
  }
  key(): Key {
    return this.#next();
  }
}

const nothing = (): Tree => ({});
const times = (a: Tensor, x: Tensor): Tensor => reshape(matmul(a, reshape(x, [...x.shape, 1])), [x.shape[0] as number]);
const squared = (x: Tensor): Tensor => mul(x, x);
/** With a rule of its own, that is not the derivative of its instructions. */
const thrice = customGrad(
  (x: Tensor): Tensor => sin(x),
  ({ inputs: [x] }, [g]) => [mul(3, mul(g as Tensor, x as Tensor))],
);

export const bodies: readonly Body[] = [
  {
    name: "linear",
    carry: (d) => d.normal([2]),
    x: (d) => d.normal([2]),
    shared: (d) => ({ a: d.normal([2, 2]), w: d.normal([2]) }),
    step: (c: Tensor, x: Tensor, { a, w }: Named) => {
      const next = add(times(a as Tensor, c), x);
      return { carry: next, y: mul(next, w as Tensor) };
    },
  },
  {
    name: "elementwise",
    carry: (d) => d.normal([]),
    x: (d) => d.normal([]),
    shared: (d) => d.normal([]),
    step: (c: Tensor, x: Tensor, s: Tensor) => ({ carry: sin(add(mul(c, s), x)), y: mul(exp(mul(0.5, c)), x) }),
  },
  {
    name: "cholesky",
    dtypes: ["float32", "float64"],
    carry: (d) => ({ p: eye(3, { dtype: d.dtype }), m: d.normal([3]) }),
    x: (d) => d.normal([3]),
    shared: (d) => d.normal([3, 3], 0.4),
    step: ({ p: given, m }: { p: Tensor; m: Tensor }, x: Tensor, a: Tensor) => {
      const p = mul(0.5, add(given, transpose(given))) as Tensor; // whatever the direction, as cholesky reads one triangle
      const spread = add(matmul(matmul(a, p), transpose(a)), diagEmbed(add(1, squared(x)) as Tensor)) as Tensor;
      const l = linalg.cholesky(spread as never) as Tensor;
      const z = linalg.solveTriangular(l as never, reshape(sub(x, m), [3, 1]) as never) as Tensor;
      return { carry: { p: mul(0.5, add(p, spread)), m: times(a, add(m, reshape(z, [3]))) }, y: { z, d: linalg.logdet(spread as never) } };
    },
  },
  {
    name: "solve",
    carry: (d) => d.normal([2]),
    x: (d) => d.normal([2, 2]),
    shared: (d) => d.normal([2, 2]),
    step: (c: Tensor, x: Tensor, s: Tensor) => {
      const a = add(matmul(x, s), mul(3, eye(2, { dtype: c.dtype as Float }))) as Tensor;
      return { carry: reshape(linalg.solve(a as never, reshape(c, [2, 1]) as never), [2]), y: linalg.det(a as never) };
    },
  },
  {
    name: "tree", // with integers, truth values and a complex number beside
    carry: (d) => ({ v: d.normal([2]), n: d.integer([]), on: d.bool([2]), deep: [d.normal([1, 2])] }),
    x: (d) => ({ u: d.normal([2]), i: d.integer([2], 2), p: d.bool([]) }),
    shared: (d) => [d.normal([2]), d.integer([2])],
    step: (
      c: { v: Tensor; n: Tensor<"int32">; on: Tensor<"bool">; deep: [Tensor] },
      x: { u: Tensor; i: Tensor<"int32">; p: Tensor<"bool"> },
      [s, k]: [Tensor, Tensor<"int32">],
    ) => {
      const picked = gather(where(c.on, c.v, mul(s, x.u)) as Tensor, x.i, { axis: 0 });
      const n = add(c.n, 1) as Tensor<"int32">;
      return {
        carry: { v: add(mul(0.5, picked), x.u), n, on: less(add(x.i, n), add(k, 2)), deep: [add(c.deep[0], reshape(picked, [1, 2]))] },
        y: [where(x.p, picked, s), add(x.i, k), [c.on, { n: c.n }]],
      };
    },
  },
  {
    name: "swap", // carries change places
    carry: (d) => [d.normal([2]), d.normal([2]), d.normal([2])],
    x: (d) => d.normal([2]),
    shared: nothing,
    step: ([a, b, c]: Tensor[], x: Tensor) => ({
      carry: [b as Tensor, c as Tensor, add(mul(a as Tensor, x), b as Tensor)],
      y: mul(a as Tensor, c as Tensor),
    }),
  },
  {
    name: "inputs", // given back as they are
    carry: (d) => [d.normal([2]), d.normal([2])],
    x: (d) => ({ a: d.normal([2]), n: d.integer([]) }),
    shared: (d) => d.normal([2]),
    step: ([a, b]: Tensor[], x: Named, s: Tensor) => ({
      carry: [b as Tensor, x.a as Tensor],
      y: [a as Tensor, x.a as Tensor, x.n as Tensor, s],
    }),
  },
  {
    name: "constants",
    carry: (d) => [d.normal([2]), d.integer([])],
    x: (d) => d.normal([2]),
    shared: nothing,
    step: ([c]: Tensor[], x: Tensor) => {
      const { dtype } = x as { dtype: Float };
      return { carry: [ones([2], { dtype }), tensor(7, { dtype: "int32" })], y: [ones([2], { dtype }), mul(2, c as Tensor), tensor(true)] };
    },
  },
  {
    name: "twice", // one value in several places
    carry: (d) => [d.normal([2]), d.normal([2])],
    x: (d) => d.normal([2]),
    shared: nothing,
    step: ([a, b]: Tensor[], x: Tensor) => {
      const z = mul(add(a as Tensor, x), b as Tensor) as Tensor;
      return { carry: [z, z], y: [z, z, a as Tensor, a as Tensor] };
    },
  },
  {
    name: "ignoring", // carry and element: every run does the same
    carry: (d) => d.normal([2]),
    x: (d) => d.normal([2]),
    shared: (d) => d.normal([2]),
    step: (_c: Tensor, _x: Tensor, s: Tensor) => ({ carry: sin(s), y: squared(s) }),
  },
  {
    name: "unread", // what is carried, but read by no result
    carry: (d) => ({ used: d.normal([2]), unused: d.normal([2]), count: d.integer([]) }),
    x: (d) => d.normal([2]),
    shared: (d) => d.normal([2]),
    step: ({ used, unused, count }: Named, x: Tensor, s: Tensor) => ({
      carry: { used: sin(add(used as Tensor, x)), unused: mul(unused as Tensor, s), count: add(count as Tensor, 1) },
      y: mul(used as Tensor, x),
    }),
  },
  {
    name: "rules", // functions with a derivative of their own, and one that has none
    ruled: true,
    dtypes: ["float32", "float64"],
    carry: (d) => d.normal([2]),
    x: (d) => d.normal([2]),
    shared: (d) => d.normal([2]),
    step: (c: Tensor, x: Tensor, s: Tensor) => {
      const z = add(thrice(add(c, x)), s) as Tensor;
      return { carry: mul(z, stopGradient(c)), y: [logsumexp(z as never) as Tensor, maximum(c as never, x as never)] };
    },
  },
  {
    name: "keys",
    dtypes: ["float32", "float64"],
    carry: (d) => ({ k: d.key(), v: d.normal([2]) }),
    x: (d) => d.normal([2]),
    shared: nothing,
    step: ({ k, v }: { k: Key; v: Tensor }, x: Tensor) => {
      const [key, own] = random.split(k) as [Key, Key];
      const u = random.uniform(own, [2], { dtype: v.dtype as "float64" });
      return { carry: { k: key, v: add(mul(v, u), x) }, y: add(u, x) };
    },
  },
  {
    name: "parts", // a complex number by its parts, and its square
    dtypes: ["complex128"],
    carry: (d) => [d.normal([2]), real(d.normal([2]))],
    x: (d) => d.normal([2]),
    shared: (d) => real(d.normal([2])),
    step: ([z, r]: Tensor[], x: Tensor, s: Tensor) => {
      const size = real(mul(z as Tensor, conj(x)));
      return {
        carry: [mul(complex(cos(size as never), s as never), z as Tensor), div(r as Tensor, add(2, square(size)))],
        y: [size, mul(x, r as Tensor)],
      };
    },
  },
  {
    name: "matrices",
    carry: (d) => d.normal([2, 3]),
    x: (d) => d.normal([3, 2]),
    shared: (d) => d.normal([2]),
    step: (c: Tensor, x: Tensor, s: Tensor) => {
      const product = matmul(c, x);
      return { carry: matmul(product, c), y: { t: sum(mul(product, s)), r: sum(c, { axis: 0 }) } };
    },
  },
];
