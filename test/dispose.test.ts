// Memory that is given back at once: `using`, and scope(). Nobody has to.
import { expect } from "chai";
import { dropSpare, takeSpare } from "../lib/core/spare";
import { storageOf } from "../lib/core/tensor";
import {
  add,
  BacksolveError,
  checkpoint,
  compile,
  exp,
  float64,
  grad,
  hvp,
  jvp,
  linalg,
  linearize,
  mul,
  ones,
  reshape,
  scope,
  sum,
  type Tensor,
  tensor,
  valueAndGrad,
  vjp,
  vmap,
  zeros,
} from "../lib/index";
import { libraryChild } from "./child";
import { long } from "./grid";

type T = Tensor<"float64">;
const SIZE = 1000;
const some = (x = 1): T => mul(ones([SIZE]), x) as T;
const dispose = (t: Tensor): void => t[Symbol.dispose]();
const memoryOf = (t: Tensor) => storageOf(t).array;
/** What was put by of this size. */
const spares = (size = SIZE): unknown[] => {
  const found: unknown[] = [];
  for (let a = takeSpare("float64", size); a; a = takeSpare("float64", size)) found.push(a);
  return found;
};
const codeOf = (f: () => unknown): string => {
  try {
    f();
    return "none";
  } catch (error) {
    expect(error).to.be.instanceOf(BacksolveError);
    return `${(error as BacksolveError).code} ${(error as BacksolveError).op}`;
  }
};
const gone = (t: Tensor): boolean => codeOf(() => t.toArray()) === "ERR_DISPOSED toArray";

describe("a tensor that was disposed of", () => {
  beforeEach(dropSpare);

  it("gives its memory to the next result of its size", () => {
    const t = some();
    const memory = memoryOf(t);
    dispose(t);
    expect(memoryOf(some(2))).to.equal(memory);
  });
  it("is an error of its own where it is used, which names op and argument", () => {
    const t = some();
    dispose(t);
    dispose(t); // once or more often
    expect(() => add(1, t)).to.throw(
      BacksolveError,
      "add: b (float64, shape [1000]) was disposed of, by using or at the end of the scope() that it was made in.",
    );
    const uses: Record<string, () => unknown> = {
      add: () => add(t, t),
      reshape: () => reshape(t, [10, 100]),
      data: () => t.data,
      at: () => t.at(0),
      toArray: () => t.toArray(),
      toJSON: () => t.toJSON(),
      sum: () => grad((x: T) => sum(x))(t),
      exp: () => vjp((x: T) => exp(x), t),
      mul: () => jvp((x: T) => mul(x, x) as T, [t], [t]),
      compile: () => compile((x: T) => mul(x, t) as T, float64(SIZE)),
    };
    for (const [op, use] of Object.entries(uses)) expect(codeOf(use), op).to.equal(`ERR_DISPOSED ${op}`);
    expect(codeOf(() => add(some(), some(), { out: t }))).to.equal("ERR_DISPOSED add");
    const program = compile((x: T) => exp(x) as T, float64(SIZE));
    expect(() => program.runSync([t])).to.throw(/input .*was disposed of/);
    expect(() => vmap((x: T) => exp(x))(t)).to.throw(/was disposed of/);
    expect(String(t)).to.equal("Tensor<float64> [1000] (its memory is gone)");
    const empty = zeros([0]);
    dispose(empty);
    expect(codeOf(() => exp(empty))).to.equal("ERR_DISPOSED exp");
  });
  it("is one for jobs, too", async () => {
    const t = some();
    dispose(t);
    const program = compile((x: T) => exp(x) as T, float64(SIZE));
    for (const start of [() => exp.async(t), () => program.run([t])]) {
      const error = await start().then(
        () => undefined,
        (e: unknown) => e,
      );
      expect((error as BacksolveError).code).to.equal("ERR_DISPOSED");
    }
  });
  it("leaves other tensors over its memory alone: the last one gives it back", () => {
    const t = some(3);
    const [view, other] = [reshape(t, [10, 100]), reshape(t, [100, 10])];
    const memory = memoryOf(t);
    dispose(t);
    dispose(view);
    expect(gone(t) && gone(view)).to.equal(true);
    expect(other.at(0, 0)).to.equal(3);
    expect(spares()).to.deep.equal([]);
    dispose(other);
    expect(spares()).to.deep.equal([memory]);
  });
  it("leaves what its user holds alone", () => {
    const mine = new Float64Array(SIZE).fill(7);
    const [over, result] = [tensor(mine), some(8)];
    const { data } = result;
    dispose(over);
    dispose(result);
    expect(spares()).to.deep.equal([]);
    for (let i = 0; i < 5; i++) some(i);
    expect(mine[5]).to.equal(7);
    expect(data[5]).to.equal(8);
  });
  it("leaves pullbacks and linear maps what they need", () => {
    const x = some(2);
    const { value, pullback } = vjp((t: T) => mul(exp(t), t) as T, x);
    const linear = linearize((t: T) => mul(exp(t), t) as T, x);
    const before = [pullback(some())[0], linear.pushforward(some())].map((t) => t.toArray());
    for (const t of [x, value, linear.value]) dispose(t);
    for (let i = 0; i < 5; i++) some(i);
    expect([pullback(some())[0], linear.pushforward(some())].map((t) => t.toArray())).to.deep.equal(before);
  });
  it("waits for jobs: small ones, large ones whose memory they hold, aborted ones", async () => {
    for (const size of [SIZE, 2 ** 18]) {
      const t = mul(ones([size]), 0.5) as T;
      const want = exp(t);
      const job = exp.async(t);
      const abort = new AbortController();
      const lost = exp.async(t, { signal: abort.signal }).catch(() => {});
      abort.abort();
      const storage = storageOf(t);
      const { array } = storage;
      dispose(t);
      expect(spares(size)).to.deep.equal([]);
      for (let i = 0; i < 5; i++) mul(ones([size]), i);
      expect((await job).toArray()).to.deep.equal(want.toArray());
      await lost;
      while (storage.busy > 0) await new Promise((done) => setImmediate(done));
      expect(spares(size)).to.include(array);
    }
  });
  it("of a job's result, its memory is another's: also of a large one, which users then get as their own", async () => {
    const size = 2 ** 18;
    const t = await exp.async(zeros([size]));
    const memory = memoryOf(t);
    dispose(t);
    const next = mul(ones([size]), 5);
    expect(memoryOf(next)).to.equal(memory);
    expect(structuredClone(next.data, { transfer: [next.data.buffer as ArrayBuffer] })[7]).to.equal(5);
  });
  it("stays where a transform or a trace is open: these need what they saw", () => {
    const x = some(2);
    const loss = (t: T): T => {
      const c = some(3);
      const y = mul(t, c) as T;
      for (const z of [c, y, x]) dispose(z);
      return sum(mul(y, c)) as T;
    };
    expect(grad(loss)(x).at(0)).to.equal(9);
    expect((hvp(loss, x, x) as T).at(0)).to.equal(0);
    expect(jvp(loss, [x], [x]).tangent.item()).to.equal(18 * SIZE);
    const body = (t: T): T => {
      const y = exp(t);
      dispose(y);
      return mul(y, 2) as T;
    };
    expect(
      compile(body, float64())
        .runSync([some(0)])
        .at(0),
    ).to.equal(2);
    expect(vmap(body)(some(0)).at(0)).to.equal(2);
    expect(grad((t: T) => sum(checkpoint(body)(t)))(some(0)).at(0)).to.equal(2);
  });
  long("is what `using` disposes of", () => {
    const { out, err } = libraryChild(`
      const ts = require("typescript");
      const f = new Function("b", ts.transpile("let kept; { using x = b.exp(b.ones([500])); kept = x; } return kept;", { target: "ES2022" }));
      try { f(b).at(0); } catch (error) { console.log(error.code); }`);
    expect(`${out}${err}`).to.equal("ERR_DISPOSED");
  });
});

describe("scope", () => {
  beforeEach(dropSpare);

  it("gives back all that its function made, but for what it returns", () => {
    const made: T[] = [];
    const keep = (t: T): T => {
      made.push(t);
      return t;
    };
    const before = some(4);
    const { a, list } = scope(() => {
      const y = keep(add(keep(exp(before)), keep(some(1))) as T);
      keep(tensor([1, 2, 3]));
      return { a: keep(mul(y, 2) as T), list: [3, "text", keep(reshape(y, [10, 100])), before] as const };
    });
    expect(made.map(gone)).to.deep.equal([true, true, true, true, false, false]);
    expect(a.at(0)).to.be.closeTo(2 * (Math.exp(4) + 1), 1e-12);
    expect(list[2].at(9, 99)).to.be.closeTo(Math.exp(4) + 1, 1e-12);
    expect(before.at(0)).to.equal(4);
    expect(spares().length).to.be.above(1);
    expect(scope(() => undefined)).to.equal(undefined);
    expect(scope(() => 7)).to.equal(7);
  });
  it("when it throws", () => {
    const made: T[] = [];
    expect(() =>
      scope(() => {
        made.push(some());
        linalg.cholesky(tensor([[-1]]));
      }),
    ).to.throw(/not positive definite/);
    expect(made.map(gone)).to.deep.equal([true]);
    expect(() => scope(3 as never)).to.throw("scope: expected a function, got 3.");
  });
  it("inside another: what the inner one returns is the outer one's", () => {
    let inner: T | undefined;
    const outer = scope(() => {
      inner = scope(() => exp(some(0)));
      expect(inner.at(0)).to.equal(1);
      return mul(inner, 5) as T;
    });
    expect(gone(inner as T)).to.equal(true);
    expect(outer.at(0)).to.equal(5);
  });
  it("of an asynchronous function, to its end, and of no other's tensors", async () => {
    const made: T[] = [];
    const work = async (x: number): Promise<T> => {
      const a = some(x);
      await new Promise((done) => setTimeout(done, 5));
      const b = (await exp.async(a)) as T;
      made.push(a, b);
      return add(b, a) as T;
    };
    const first = scope(() => work(1));
    const second = work(2); // meanwhile, outside
    const third = scope(() => work(3));
    const outside = some(9);
    const [p, q, r] = await Promise.all([first, second, third]);
    expect([p, q, r].map((t) => t.at(0))).to.deep.equal([1, 2, 3].map((x) => Math.exp(x) + x));
    expect(outside.at(0)).to.equal(9);
    expect(made.map(gone).sort()).to.deep.equal([false, false, true, true, true, true]);
    const failed: T[] = [];
    const error = await scope(async () => {
      failed.push(some());
      await Promise.resolve();
      throw new Error("late");
    }).catch((e: unknown) => e);
    expect((error as Error).message).to.equal("late");
    expect(failed.map(gone)).to.deep.equal([true]);
  });
  it("leaves a job that was not awaited to its end, and what it gives", async () => {
    let job: Promise<T> | undefined;
    scope(() => {
      job = exp.async(mul(ones([2 ** 18]), 2)) as Promise<T>;
    });
    for (let i = 0; i < 5; i++) mul(ones([2 ** 18]), i);
    expect(((await job) as T).at(77)).to.equal(Math.exp(2));
  });
  it("around and inside transforms, traces and programs", () => {
    const x = some(2);
    const loss = (t: T): T =>
      scope(
        () =>
          sum(
            mul(
              exp(t),
              scope(() => mul(t, t) as T),
            ),
          ) as T,
      );
    const plain = (t: T): T => sum(mul(exp(t), mul(t, t))) as T;
    const want = valueAndGrad(plain)(x);
    for (const got of [scope(() => valueAndGrad(loss)(x)), valueAndGrad(loss)(x)]) {
      expect(got.value.item()).to.equal(want.value.item());
      expect(got.grad.toArray()).to.deep.equal(want.grad.toArray());
    }
    const made: T[] = [];
    scope(() => grad((t: T) => scope(() => sum(mul(made[made.push(some(3)) - 1] as T, t))))(x));
    expect(made.map(gone)).to.deep.equal([true]);
    expect((scope(() => hvp(loss, x, x)) as T).toArray()).to.deep.equal((hvp(plain, x, x) as T).toArray());
    expect(jvp(loss, [x], [x]).tangent.item()).to.equal(jvp(plain, [x], [x]).tangent.item());
    const program = scope(() => compile((t: T) => mul(loss(t), some(3)) as T, float64(SIZE)));
    for (let i = 0; i < 5; i++) some(i);
    expect(program.runSync([x]).at(0)).to.be.closeTo(3 * want.value.item(), 1e-6);
    const { pullback, value } = scope(() => vjp((t: T) => mul(exp(t), some(5)) as T, x));
    expect(pullback(some())[0].toArray()).to.deep.equal(value.toArray());
    const seen = some(2);
    expect(seen.data[0]).to.equal(2);
    expect(scope(() => vjp((t: T) => mul(t, t) as T, seen).pullback)(some())[0].at(0)).to.equal(4);
    const { pushforward } = scope(() => linearize((t: T) => mul(exp(t), some(5)) as T, x));
    expect(pushforward(some()).toArray()).to.deep.equal(value.toArray());
  });
});
