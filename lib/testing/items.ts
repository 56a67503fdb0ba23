// Checks 1, 2, 7, 8, 11 and 12: values, batches, programs, memory.

import { type Bound, bindOp } from "../core/bind";
import { allocate, type DType, type Float, isComplex, isFloat, realOf } from "../core/dtype";
import { BacksolveError, ShapeError } from "../core/errors";
import { runBound } from "../core/evaluate";
import { inputsByName, kernelOutputs, portDType, portOf } from "../core/form";
import { bindFused, hasFused, residuals } from "../core/fused";
import { infer } from "../core/infer";
import { nameOf } from "../core/row";
import { type Shape, sizeOf, storageOf, type Tensor, wrap } from "../core/tensor";
import { add } from "../ops/elementwise";
import { random } from "../ops/random";
import { broadcastTo } from "../ops/structure";
import { compile } from "../program/compile";
import { Spec } from "../program/spec";
import { vjp } from "../transforms/vjp";
import { epsOf, relativeError, sameBits } from "./close";
import { argumentsOf, checkError, cotangents, differentiable, fail, floats, pullback, raw, run, sizeFactor, type Trial } from "./common";
import { inputsOf } from "./sample";

/** 1: the defining equations hold to LAPACK's own measure, |residual| / (n |value| eps) < 30. */
export function law(k: Trial): boolean {
  if (!k.row.law) return false;
  const inputs = inputsOf(k.row, k.c, k.dtype);
  const outputs = raw(k, inputs);
  const byName = Object.fromEntries(k.row.outputs.map((n, i) => [n, outputs[i] as Tensor]));
  k.row.law(inputsByName(k.row, inputs), byName, k.c.attrs).forEach(([a, b], i) => {
    const n = Math.max(1, b.shape.at(-1) ?? 1);
    checkError(`equation ${i + 1} of the law`, relativeError(a, b, 0.1) / (n * epsOf(k.dtype)), 30);
  });
  return true;
}

/** 2: shapes and dtypes as inferred; wrong ranks and sizes are ShapeErrors that name the op. */
export function shapes(k: Trial): void {
  const inputs = inputsOf(k.row, k.c, k.dtype);
  const want = infer(k.row, inputs, k.c.attrs);
  raw(k, inputs).forEach((o, i) => {
    const w = want[i] as { shape: Shape; dtype: string };
    if (o.shape.join() !== w.shape.join() || o.dtype !== w.dtype)
      fail(`output ${k.row.outputs[i]} is ${o.dtype} [${o.shape}], inferred ${w.dtype} [${w.shape}]`);
    if (storageOf(o).array.length !== sizeOf(o.shape) * (isComplex(o.dtype) ? 2 : 1)) fail("the data does not fill the shape");
  });
  if (k.row.signature === undefined) return;
  inputs.forEach((x, i) => {
    if (x.rank === 0 || k.c.batch?.length !== 0) return;
    const flat = wrap(x.dtype, [], storageOf(x).array.slice(0, isComplex(x.dtype) ? 2 : 1));
    expectShapeError(k, inputs.with(i, flat), "rank");
    const longer = [...x.shape.slice(0, -1), (x.shape.at(-1) as number) + 7];
    if (inputs.length > 1 || x.rank > 1) {
      const bad = isFloat(x.dtype)
        ? (random.normal(3, longer, { dtype: x.dtype as Float }) as Tensor)
        : wrap(x.dtype, longer, allocate(x.dtype, sizeOf(longer)).fill(0));
      if (shapesFit(k, inputs.with(i, bad))) return; // a letter that nothing else binds
      expectShapeError(k, inputs.with(i, bad), "size");
    }
  });
}
function shapesFit(k: Trial, inputs: readonly Tensor[]): boolean {
  try {
    infer(k.row, inputs, k.c.attrs);
    return true;
  } catch {
    return false;
  }
}
function expectShapeError(k: Trial, inputs: readonly Tensor[], what: string): void {
  try {
    k.op(...argumentsOf(k.row, inputs), k.c.attrs);
  } catch (error) {
    if (error instanceof ShapeError && error.message.startsWith(`${nameOf(k.row)}: `)) return;
    throw new Error(`a wrong ${what} gave ${String(error)}`);
  }
  fail(`a wrong ${what} gave no error`);
}

/** 7: a batch equals the loop over its items; a broadcast input equals the repeated one, derivatives too. */
export function batching(k: Trial): boolean {
  const { c } = k;
  if (!c.batch || sizeOf(c.batch) < 2) return false;
  const inputs = inputsOf(k.row, c, k.dtype);
  const whole = run(k, inputs);
  const tolerance = sizeFactor(inputs) * epsOf(k.dtype);
  const count = sizeOf(c.batch);
  const rank = c.batch.length;
  for (let b = 0; b < count; b++) {
    const items = run(
      k,
      inputs.map((t) => itemOf(t, rank, b)),
    );
    items.forEach((t, i) => checkError(`item ${b} of the batch`, relativeError(itemOf(whole[i] as Tensor, rank, b), t), tolerance));
  }
  inputs.forEach((x, i) => {
    const one = itemOf(x, rank, 0);
    const ones = wrap(x.dtype, [...x.shape.slice(0, rank).map(() => 1), ...one.shape], storageOf(one).array); // axes of size 1 broadcast, too
    for (const small of [one, ones]) broadcasting(k, inputs.with(i, small), inputs.with(i, broadcastTo(one, x.shape)), i, tolerance);
  });
  return true;
}
function broadcasting(k: Trial, shared: readonly Tensor[], repeated: readonly Tensor[], i: number, tolerance: number): void {
  const name = k.row.inputs[i];
  const [s, r] = [run(k, shared), run(k, repeated)];
  if (s.some((t, o) => t.shape.join() !== (r[o] as Tensor).shape.join())) return; // the only input: nothing to broadcast against
  s.forEach((t, o) => {
    checkError(`broadcast ${name}`, relativeError(t, r[o] as Tensor), tolerance);
  });
  if (!differentiable(k) || !isFloat((shared[i] as Tensor).dtype)) return;
  const g = cotangents(r);
  const [small, whole] = [pullback(k, shared, g, false)[i] as Tensor, pullback(k, repeated, g, false)[i] as Tensor];
  const summed = sumItems(whole, k.c.batch?.length ?? 0);
  const want = wrap(summed.dtype, (shared[i] as Tensor).shape, storageOf(summed).array);
  checkError(`cotangent of broadcast ${name}`, relativeError(small, want), 4 * tolerance);
}
const perItem = (t: Tensor, rank: number): number => sizeOf(t.shape.slice(rank)) * (isComplex(t.dtype) ? 2 : 1);
function itemOf(t: Tensor, rank: number, b: number): Tensor {
  const n = perItem(t, rank);
  return wrap(t.dtype, t.shape.slice(rank), storageOf(t).array.slice(b * n, (b + 1) * n));
}
function sumItems(t: Tensor, rank: number): Tensor {
  const count = sizeOf(t.shape.slice(0, rank));
  let total = itemOf(t, rank, 0);
  for (let b = 1; b < count; b++) total = add(total, itemOf(t, rank, b)) as Tensor;
  return total;
}

/** 8: a compiled program gives the same bits in any chunk and thread setting, and agrees with the eager call; so do its derivatives. */
export function compiled(k: Trial): boolean {
  const { c, row } = k;
  const rank = c.batch?.length ?? 0;
  const inputs = inputsOf(row, c, k.dtype);
  const which = floats(inputs);
  if (which.length < inputs.length && rank > 0) return false; // programs have float inputs only; the others are constants of one item
  const given = which.map((i) => inputs[i] as Tensor);
  const all = (xs: readonly Tensor[]) => inputs.map((t, i) => (which.includes(i) ? (xs[which.indexOf(i)] as Tensor) : t));
  const specs = given.map((t) => new Spec(t.dtype, t.shape.slice(rank)));
  const tolerance = 4 * sizeFactor(inputs) * epsOf(k.dtype);
  const eager = run(k, inputs);
  const programs: [Tensor[], (...xs: Tensor[]) => Tensor[]][] = [[eager, (...xs) => run(k, all(xs))]];
  const smooth = differentiable(k) && eager.every((t) => isFloat(t.dtype));
  if (smooth) {
    // item by item, as the program sees it: a cotangent of ones
    const back = (...xs: Tensor[]): Tensor[] => {
      const { value, pullback: p } = vjp((...ys: Tensor[]) => run(k, all(ys)), ...xs);
      return p((value as Tensor[]).map((o) => onesOf(o))) as Tensor[];
    };
    programs.push([back(...given), back]);
  }
  for (const [want, f] of programs) {
    const program = compile(f, ...specs);
    const first = program.runSync(given, {});
    first.forEach((t, i) => checkError("compiled against eager", relativeError(t, want[i] as Tensor), tolerance));
    for (const layout of ["single", "lanes"] as const) {
      const base = program.runSync(given, { layout, threads: 1 });
      base.forEach((t, i) => checkError(`layout ${layout} against eager`, relativeError(t, want[i] as Tensor), tolerance));
      for (const options of [
        { layout, chunk: 1 },
        { layout, chunk: 2, threads: 2 },
      ]) {
        program.runSync(given, options).forEach((t, i) => {
          if (!sameBits(t, base[i] as Tensor)) fail(`${JSON.stringify(options)} changes the bits`);
        });
      }
    }
  }
  return true;
}

/** 8, shared inputs: in a program they are read, and what depends on them alone is computed, once; that equals the input repeated, and a
 * failure there is every item's. */
export function shared(k: Trial): boolean {
  const { c, row } = k;
  const inputs = inputsOf(row, c, k.dtype);
  if (c.batch?.join() !== "3" || inputs.some((t) => !isFloat(t.dtype))) return false;
  const count = wrap(realOf(k.dtype), [6, 3], storageOf(random.normal(9, [6, 3], { dtype: realOf(k.dtype) }) as Tensor).array); // of each item its own
  const specs = [...inputs.map((t) => new Spec(t.dtype, t.shape.slice(1))), new Spec<DType>(count.dtype, [])];
  const program = compile((...xs: Tensor[]) => [...run(k, xs.slice(0, -1)), add(xs.at(-1) as Tensor, 1)], ...specs);
  const go = (given: readonly Tensor[], options: object) => program.runSync([...given, count], options);
  const tolerance = 4 * sizeFactor(inputs) * epsOf(k.dtype);
  const layouts = (["single", "lanes"] as const).flatMap((layout) => [{ layout }, { layout, chunk: 1, threads: 2 }]);
  const all = inputs.map((_, i) => i);
  for (const same of [[], ...all.map((i) => [i]), all]) {
    const given = inputs.map((t, i) => (same.includes(i) ? itemOf(t, 1, 0) : t));
    const repeated = given.map((t, i) => broadcastTo(t, (inputs[i] as Tensor).shape));
    const want = [...run(k, repeated), add(count, 1) as Tensor];
    for (const options of layouts) {
      go(given, options).forEach((t, i) => {
        const whole = broadcastTo(want[i] as Tensor, t.shape);
        checkError(`inputs [${same}] shared, ${JSON.stringify(options)}`, relativeError(t, whole), tolerance);
      });
    }
  }
  if (!row.failures?.includes("ERR_NOT_FINITE") || inputs.some((t) => sizeOf(t.shape) === 0)) return true;
  const bad = inputs.map((t) => wrap(t.dtype, t.shape.slice(1), allocate(t.dtype, sizeOf(t.shape.slice(1))).fill(Number.NaN)));
  for (const options of layouts) {
    const failures: { item: number }[] = [];
    const out = go(bad, { ...options, onFailure: "nan", failures });
    if (failures.map((f) => f.item).join() !== Array.from({ length: 18 }, (_, i) => i).join())
      fail("a failure of shared inputs is not every item's");
    out.forEach((t, i) => {
      if (!allNaN(t)) fail(`output ${i} of an item that failed is not all NaN`);
    });
  }
  return true;
}
const allNaN = (t: Tensor): boolean => !isFloat(t.dtype) || Array.from(storageOf(t).array as ArrayLike<number>).every(Number.isNaN);

const onesOf = (o: Tensor): Tensor => {
  const array = storageOfOnes(o.dtype as Float, sizeOf(o.shape));
  return wrap(o.dtype, o.shape, array);
};
function storageOfOnes(dtype: Float, n: number): Float32Array | Float64Array {
  const width = isComplex(dtype) ? 2 : 1;
  const array = dtype === "float32" || dtype === "complex64" ? new Float32Array(n * width) : new Float64Array(n * width);
  for (let i = 0; i < n; i++) array[i * width] = 1;
  return array;
}

/** 8, asynchronous: the same bits off the event loop. */
export async function asynchronous(k: Trial): Promise<void> {
  const inputs = inputsOf(k.row, k.c, k.dtype);
  const sync = raw(k, inputs);
  const result = await k.op.async(...argumentsOf(k.row, inputs), k.c.attrs);
  const list = sync.length === 1 ? [result as Tensor] : k.row.outputs.map((o) => (result as Record<string, Tensor>)[o] as Tensor);
  list.forEach((t, i) => {
    if (!sameBits(t, sync[i] as Tensor)) fail("the asynchronous call gives other bits");
  });
}

/** 11: inputs stay as they are, byte for byte; an output that held NaN comes back fully written. */
export function memory(k: Trial): void {
  const inputs = inputsOf(k.row, k.c, k.dtype);
  const before = inputs.map((t) => wrap(t.dtype, t.shape, storageOf(t).array.slice()));
  const outputs = run(k, inputs);
  if (differentiable(k) && outputs.every((o) => isFloat(o.dtype))) pullback(k, inputs, cotangents(outputs), false);
  inputs.forEach((t, i) => {
    if (!sameBits(t, before[i] as Tensor)) fail(`input ${k.row.inputs[i]} was written to`);
  });
  writesAll(k, inputs);
  elsewhere(k, inputs);
}

/** The same inputs at another place in memory, with the least alignment or another one, give the same bits. */
function elsewhere(k: Trial, inputs: readonly Tensor[]): void {
  const here = raw(k, inputs);
  for (const shift of [1, 8, 16]) {
    const moved = inputs.map((t) => {
      const room = allocate(t.dtype, sizeOf(t.shape) + shift + 16);
      const part = room.subarray(shift, shift + storageOf(t).array.length);
      part.set(storageOf(t).array);
      return wrap(t.dtype, t.shape, part);
    });
    raw(k, moved).forEach((t, i) => {
      if (!sameBits(t, here[i] as Tensor)) fail(`output ${k.row.outputs[i]} depends on where the inputs lie in memory`);
    });
  }
}

/** Every output and aux of the kernel, and every cotangent of the fused rule, is written in full, whatever it held before. */
function writesAll({ row, c, dtype }: Trial, inputs: readonly Tensor[]): void {
  if (typeof row.kernel === "function" || row.kernel.alias) return;
  const twice = (bound: Bound, given: readonly (Tensor | undefined)[]): Tensor[] => {
    const [first, second] = [Number.NaN, 77].map((fill) => {
      const outputs = bound.outputs.map((t) => wrap(t.dtype, t.shape, allocate(t.dtype, sizeOf(t.shape)).fill(fill)));
      runBound(bound, given, outputs, { collect: false, failures: [], out: undefined });
      return outputs;
    }) as [Tensor[], Tensor[]];
    first.forEach((t, i) => {
      if (!sameBits(t, second[i] as Tensor)) fail(`output ${i} of ${bound.row.name} depends on what its memory held`);
    });
    return first;
  };
  const outputs = twice(bindOp(row, inputs, c.attrs), inputs);
  if (!hasFused(row, c.attrs)) return;
  const names = [...row.inputs, ...kernelOutputs(row)];
  const saved = residuals(row).map((n) => [...inputs, ...outputs][names.indexOf(n)] as Tensor);
  const g = row.outputs.map((o, i) => {
    const port = portDType(portOf(row, c.attrs, o), dtype);
    return isFloat(port) ? random.normal(2000 + i, (outputs[i] as Tensor).shape, { dtype: port }) : undefined;
  });
  if (row.gauge) return; // random cotangents are not those of a function of the gauge
  twice(bindFused(row, [...saved, ...g], c.attrs), [...saved, ...g]);
}

/** 12: NaN and infinity in one item never reach another. */
export function isolation(k: Trial): boolean {
  const { c } = k;
  if (c.batch?.join() !== "3") return false;
  const inputs = inputsOf(k.row, c, k.dtype);
  const clean = raw(k, inputs);
  for (const poison of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const bad = inputs.map((t) => {
      const array = storageOf(t).array.slice();
      const n = perItem(t, 1);
      if (isFloat(t.dtype)) array.fill(poison, n, 2 * n);
      return wrap(t.dtype, t.shape, array);
    });
    const result = k.op(...argumentsOf(k.row, bad), { ...c.attrs, onFailure: "nan" });
    const list = clean.length === 1 ? [result as Tensor] : k.row.outputs.map((o) => (result as Record<string, Tensor>)[o] as Tensor);
    list.forEach((t, i) => {
      for (const b of [0, 2])
        if (!sameBits(itemOf(t, 1, b), itemOf(clean[i] as Tensor, 1, b))) fail(`${poison} in item 1 changes item ${b}`);
    });
    const names = k.row.failures?.includes("ERR_NOT_FINITE") && sizeOf(c.shapes[0] as Shape) > 0;
    if (names) expectCode(() => k.op(...argumentsOf(k.row, bad), k.c.attrs), "ERR_NOT_FINITE");
    list.forEach((t, i) => {
      if (names && typeof k.row.kernel !== "function" && !allNaN(itemOf(t, 1, 1)))
        fail(`output ${i} of the item that failed is not all NaN`);
    });
    if (inputs.some((t) => !isFloat(t.dtype))) continue;
    // the same side by side in lanes
    const specs = inputs.map((t) => new Spec(t.dtype, t.shape.slice(1)));
    const program = compile((...xs: Tensor[]) => run(k, xs), ...specs);
    const want = program.runSync(inputs, { layout: "lanes" });
    program.runSync(bad, { layout: "lanes", onFailure: "nan" }).forEach((t, i) => {
      for (const b of [0, 2])
        if (!sameBits(itemOf(t, 1, b), itemOf(want[i] as Tensor, 1, b))) fail(`in lanes, ${poison} in item 1 changes item ${b}`);
    });
    if (names) expectCode(() => program.runSync(bad, { layout: "lanes" }), "ERR_NOT_FINITE");
  }
  return true;
}
function expectCode(f: () => unknown, code: string): void {
  try {
    f();
  } catch (error) {
    if (error instanceof BacksolveError && error.code === code && (error as { item?: number }).item === 1) return;
    throw new Error(`expected ${code} of item 1, got ${String(error)}`);
  }
  fail(`expected ${code}, got no error`);
}
