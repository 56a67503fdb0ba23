// What users write with loops: types are inferred, without casts. Compiled by test/types.test.ts.
import {
  add,
  compile,
  cond,
  customRoot,
  exp,
  float64,
  grad,
  int32,
  jacfwd,
  less,
  linearize,
  mul,
  random,
  scan,
  sub,
  sum,
  type Tensor,
  tensor,
  treeMap,
  treeReduce,
  vmap,
  whileLoop,
} from "../../lib";

type T = Tensor<"float64">;
type F32 = Tensor<"float32">;
const xs = tensor([1, 2, 3]);

// carries: a tensor, a number, a tuple, an object, numbers deep in it
const plain: T = scan((c: T, x: T) => ({ carry: add(c, x) }), tensor(0), xs).carry;
const number: T = scan((c, x: T) => ({ carry: add(c, x), y: c }), 0, xs).ys;
const tuple: [T, T] = scan(([a, b]: [T, T], x: T) => ({ carry: [b, add(a, x)] }), [tensor(1), tensor(2)], xs).carry;
const object: { m: T; first: T } = scan((c, x: T) => ({ carry: { m: add(c.m, x), first: 1 } }), { m: 1, first: 2 }, xs).carry;
const single: F32 = scan((c: F32, x: F32) => ({ carry: add(c, x) }), 0, tensor([1], { dtype: "float32" })).carry;
const results: { z: T; w: T } = scan((c: T, x: T) => ({ carry: c, y: { z: 1, w: x } }), 0, xs).ys;
const none: undefined = scan((c: T) => ({ carry: c }), 0, undefined, { length: 2 }).ys;
const keys: Tensor<"int32"> = scan((k: Tensor<"int32">) => ({ carry: random.split(k)[0] ?? k }), random.key(1), undefined, {
  length: 2,
}).carry;

// vmap keeps the function's types
const distance: T = vmap((x: T, y: T) => sum(mul(x, y)), { in: [0, null] })(xs, 1);
const pair: { a: T; b: Tensor<"bool"> } = vmap((x: T) => ({ a: exp(x), b: less(x, 1) }))(xs);
const later: Promise<T> = vmap((x: T) => exp(x)).async(xs, { signal: new AbortController().signal });
const failures: readonly { readonly item: number }[] = vmap((x: T) => exp(x)).checked(xs).failures;

const chosen: T = cond(less(plain, 1), (x: T) => exp(x), () => 0, plain); // biome-ignore format: one line
const found: T = whileLoop((c) => less(c, 100), (c) => mul(c, 2), 1); // biome-ignore format: one line
const many: { n: T; k: T } = whileLoop((c) => less(c.n, 3), (c) => ({ n: add(c.n, 1), k: mul(c.k, 2) }), { n: 0, k: 1 }); // biome-ignore format: one line
const root: T = customRoot((y: T, a: T) => sub(mul(y, y), a), (y: T) => y)(1, 2); // biome-ignore format: one line
const slope: T = linearize((x: T) => exp(x), 1).pushforward(1);
const jacobian: { a: T } = jacfwd((p: { a: T }) => mul(p.a, xs))({ a: 1 });
const mapped: { a: T; b: T } = treeMap((t) => t, { a: 1, b: xs });
const stepped: { a: T; b: T } = treeMap((t: T, g: T) => sub(t, mul(0.1, g)), mapped, mapped);
const total: T = treeReduce((found: T, t: T) => add(found, sum(t)), mapped, tensor(0));
const program = compile((c: T, k: Tensor<"int32">) => ({ g: grad((d: T) => scan((e: T) => ({ carry: mul(e, d) }), d, undefined, { length: 3 }).carry)(c), k }), float64(), int32(2)); // biome-ignore format: one line
const out: { g: T; k: Tensor<"int32"> } = program.runSync([1, random.key(1)]);

// @ts-expect-error the carry is of another dtype
scan((c: T, x: T) => ({ carry: less(c, x) }), 0, xs);
// @ts-expect-error the truth value is no tensor of bools
whileLoop((c) => c, (c) => c, 1); // biome-ignore format: one line
// @ts-expect-error a function of an object
vmap((p: { x: T }) => p.x)(xs);

export const used = [plain, number, tuple, object, single, results, none, keys, distance, pair, later, failures, chosen, found, many, root, slope, jacobian, mapped, stepped, total, out]; // biome-ignore format: one line
