// Programs of random bodies in bodies, against the same work one op at a time.
import { expect } from "chai";
import { storageOf } from "../lib/core/tensor";
import { add, greater, less, linalg, mul, sub, sum, type Tensor, tanh } from "../lib/index";
import { Builder, body, differences, f64, numbers } from "./bodies";
import { many } from "./grid";
import { randoms } from "./hostile/randoms";

const N = 3;
type Shape = readonly number[];
/** Values by their shapes: scalars, vectors, square matrices and stacks of vectors. */
class Writer {
  readonly b = new Builder();
  readonly known: { id: number; shape: Shape }[] = [];
  readonly inputs: Shape[] = [];
  constructor(
    readonly random: () => number,
    readonly depth: number,
  ) {}
  pick(n: number): number {
    return Math.floor(this.random() * n);
  }
  input(shape: Shape): void {
    this.inputs.push(shape);
    this.known.push({ id: this.b.input(f64(...shape)), shape });
  }
  put(id: number | undefined, shape: Shape): void {
    if (id !== undefined) this.known.push({ id, shape });
  }
  /** A value of this shape, which may have to be made. */
  of(shape: Shape): number {
    const fit = this.known.filter((v) => v.shape.join() === shape.join());
    if (fit.length > 0 && (this.random() < 0.9 || this.known.length === 0)) return (fit[this.pick(fit.length)] as { id: number }).id;
    const any = this.known[this.pick(this.known.length)] as { id: number };
    const [id] = this.b.call([any.id], (x) => mul(add(sum(tanh(x)), 0.1), ones(shape)));
    this.put(id, shape);
    return id as number;
  }
  shape(): Shape {
    return [[], [N], [N], [N, N], [4, N]][this.pick(5)] as Shape;
  }

  op(): void {
    const v = this.of([N]);
    const kinds: (() => [number | undefined, Shape])[] = [
      () => [this.b.call([v, this.of([N])], (x, y) => tanh(add(x, mul(y, 0.5))))[0], [N]],
      () => [this.b.call([v, this.of([])], (x, s) => mul(x, tanh(s)))[0], [N]],
      () => [this.b.call([v], (x) => sum(x))[0], []],
      () => [this.b.call([this.of([4, N])], (x) => sum(x, { axis: 0 }))[0], [N]],
      () => [this.b.call([v, this.of([N, N])], (x, a) => tanh(linalg.solve(add(mul(tanh(a), 0.1), unit()), x)))[0], [N]],
      () => [this.b.call([this.of([N, N])], (a) => tanh(sub(linalg.matmul(a, a), a)))[0], [N, N]],
    ];
    const [id, shape] = (kinds[this.pick(kinds.length)] as () => [number | undefined, Shape])();
    this.put(id, shape);
  }

  /** Code of these inputs and outputs. */
  body(inputs: readonly Shape[], outputs: readonly Shape[]): ReturnType<Builder["code"]> {
    const w = new Writer(this.random, this.depth - 1);
    for (const s of inputs) w.input(s);
    if (inputs.length === 0) w.put(w.b.call([], () => mul(ones([N]), 0.3))[0], [N]);
    w.write(1 + this.pick(3));
    return w.b.code(outputs.map((s) => w.of(s)));
  }
  shapes(most: number): Shape[] {
    return Array.from({ length: this.pick(most + 1) }, () => this.shape());
  }

  loop(): void {
    const [carries, mapped, shared, results] = [this.shapes(2), this.pick(3), this.shapes(2), this.shapes(2)];
    const length = this.random() < 0.8 ? 4 : this.pick(3);
    const stacks = length === 4 ? Array.from({ length: mapped }, () => [N]) : [];
    if (carries.length + results.length === 0) carries.push([N]);
    const code = this.body([...carries, ...stacks, ...shared], [...carries, ...results]);
    const ids = [...carries, ...stacks.map(() => [4, N]), ...shared].map((s) => this.of(s));
    const sums = results.map(() => this.random() < 0.4);
    const all = carries.length + results.length;
    const unwanted = all > 1 && this.random() < 0.3 ? [this.pick(all)] : [];
    const out = this.b.loop(code, ids, {
      length,
      carries: carries.length,
      mapped: stacks.length,
      sums,
      unwanted,
      reverse: this.random() < 0.5,
    });
    const whole = [...carries, ...results.map((s, i) => (sums[i] ? s : [length, ...s]))];
    whole.forEach((s, i) => !unwanted.includes(i) && this.put(out[i], s));
  }
  cond(): void {
    const [inputs, outputs] = [this.shapes(3), [...this.shapes(1), this.shape()]];
    const [p] = this.b.call([this.of([])], (s) => greater(s, 0)) as [number];
    const ids = inputs.map((s) => this.of(s));
    this.b.cond(this.body(inputs, outputs), this.body(inputs, outputs), [p, ...ids]).forEach((id, i) => this.put(id, outputs[i] as Shape));
  }
  /** Up to four steps, as many as a number says. */
  repeat(): void {
    const [limit] = this.b.call([this.of([])], (s) => add(mul(add(tanh(s), 1), 1.9), 0.05)) as [number];
    const [from] = this.b.call([limit], (s) => mul(s, 0)) as [number];
    const carries = [...this.shapes(1), [N]];
    const w = new Writer(this.random, this.depth - 1);
    for (const s of [[], ...carries, []]) w.input(s);
    const [next] = w.b.call([(w.known[0] as { id: number }).id], (s) => add(s, 1)) as [number];
    w.write(1 + this.pick(2));
    const code = w.b.code([next, ...carries.map((s) => w.of(s))]);
    const test = body(
      [[], ...carries, []].map((s) => f64(...s)),
      (...x) => less(x[0] as never, x.at(-1) as never),
    );
    const ids = carries.map((s) => this.of(s));
    this.b.whileLoop(test, code, [from, ...ids, limit], 9).forEach((id, i) => this.put(id, i === 0 ? [] : (carries[i - 1] as Shape)));
  }
  write(count: number): void {
    for (let k = 0; k < count; k++) {
      if (this.depth > 0 && this.random() < 0.6)
        [() => this.loop(), () => this.loop(), () => this.cond(), () => this.repeat()][this.pick(4)]?.();
      else this.op();
    }
  }
}
const filled = (shape: Shape, x: (i: number) => number) => {
  const t = numbers(f64(...shape), 1);
  storageOf(t).array.forEach((_, i, array) => (array[i] = x(i)));
  return t as Tensor<"float64">;
};
const ones = (shape: Shape) => filled(shape, () => 1);
const unit = () => filled([N, N], (i) => (i % (N + 1) === 0 ? 1 : 0));

describe("random bodies in bodies", () => {
  const count = many(150, 25);
  const from = Number(process.env.BACKSOLVE_TESTS_SEED ?? 1) % 100_000;
  for (let seed = from; seed < from + count; seed++)
    it(`seed ${seed}`, () => {
      const random = randoms(1 + seed * 7919);
      const w = new Writer(random, 3);
      for (const shape of [[], [N], [N, N], [4, N]]) w.input(shape);
      w.write(5);
      const ids = w.known.slice(-6).map((v) => v.id);
      const shared = [0, 1, 2, 3].filter(() => random() < 0.25);
      expect(differences(w.b.code(ids), { shared, batches: [1, 9, 20], tolerance: 1e-9 }).slice(0, 3)).to.deep.equal([]);
    });
});
