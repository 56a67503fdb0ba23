// A row bound to attributes, dtypes and shapes: all that a call is but for its memory. Made once, found again by what it was bound to.
// docs/adr/0016-bound-rows.md
import { NativeCall } from "../boundary/descriptor";
import { dtypes } from "./dtype";
import { dtypeOf, kernelName } from "./form";
import { encodeAttrs, inferAll } from "./infer";
import { Interned, numberOf } from "./intern";
import type { ValueType } from "./ir";
import type { AnyRow, Attrs, Native } from "./row";
import { sameShape } from "./signature";

/** What a call reads; undefined: a cotangent that a fused rule does without. */
export type Given = readonly (ValueType | undefined)[];

/** One row with a native kernel, for one set of attributes and one list of types. */
export class Bound {
  readonly row: AnyRow;
  readonly attrs: Attrs;
  readonly inputs: Given;
  /** Outputs, then aux; of a fused rule what it gives. All results share these shapes, which are frozen. */
  readonly outputs: readonly ValueType[];
  next: Bound | undefined; // another one of the same hash
  readonly #calls = new Map<number, NativeCall>(); // by what is wanted
  #wanted = -1; // of the last
  #last: NativeCall | undefined;
  #encoded: readonly number[] | undefined;

  constructor(row: AnyRow, attrs: Attrs, inputs: Given, outputs: readonly ValueType[]) {
    this.row = row;
    this.attrs = attrs;
    this.inputs = inputs.map((t) => t && ownType(t));
    this.outputs = outputs.map(ownType);
  }
  /** The attributes as the numbers that cross to the kernel. */
  get encoded(): readonly number[] {
    const shapes = this.inputs.filter((t) => t !== undefined).map((t) => t.shape);
    this.#encoded ??= encodeAttrs(
      this.row,
      this.row.kernel as Native,
      this.attrs,
      shapes,
      this.outputs.map((t) => t.shape),
    );
    return this.#encoded;
  }
  /** The native call that gives the wanted outputs, bit i for output i. */
  call(wanted: number): NativeCall {
    if (wanted === this.#wanted) return this.#last as NativeCall;
    let call = this.#calls.get(wanted);
    if (!call) this.#calls.set(wanted, (call = this.#make(wanted)));
    this.#wanted = wanted;
    this.#last = call;
    return call;
  }
  #make(wanted: number): NativeCall {
    const { row, attrs, inputs, outputs } = this;
    return new NativeCall({
      kernel: kernelName(row.kernel as Native, attrs),
      dtype: dtypeOf(row, attrs, inputs),
      attrs: this.encoded,
      inputs,
      outputs: outputs.map((t, i) => ((wanted >> i) & 1 ? t : undefined)),
    });
  }
  binds(attrs: Attrs, inputs: Given): boolean {
    if (this.attrs !== attrs || this.inputs.length !== inputs.length) return false;
    for (let i = 0; i < inputs.length; i++) {
      const own = this.inputs[i];
      const given = inputs[i];
      if (!own || !given) {
        if (own !== given) return false;
      } else if (own.dtype !== given.dtype || !sameShape(own.shape, given.shape)) return false;
    }
    return true;
  }
}

const ownType = ({ dtype, shape }: ValueType): ValueType => ({ dtype, shape: Object.isFrozen(shape) ? shape : Object.freeze([...shape]) });

const MOST = 512; // of one row; when there are more, all are forgotten
class Memo {
  readonly attrs: Interned;
  last: Bound | undefined; // loops call the same again and again
  readonly #known = new Map<number, Bound>();
  #size = 0;

  constructor(row: AnyRow) {
    this.attrs = new Interned(row);
  }
  find(attrs: Attrs, inputs: Given, hash: number): Bound | undefined {
    let bound = this.#known.get(hash);
    while (bound && !bound.binds(attrs, inputs)) bound = bound.next;
    return bound;
  }
  add(bound: Bound, hash: number): void {
    if (this.#size >= MOST) {
      this.#known.clear();
      this.#size = 0;
    }
    bound.next = this.#known.get(hash);
    this.#known.set(hash, bound);
    this.#size++;
  }
}
const memos = new WeakMap<AnyRow, Memo>();
function memoOf(row: AnyRow): Memo {
  let memo = memos.get(row);
  if (!memo) memos.set(row, (memo = new Memo(row)));
  return memo;
}

/** The one object of these attributes of a row, or, of none, that of a call without options. */
export const attrsOf = (row: AnyRow, attrs?: Attrs): Attrs => {
  const { attrs: interned } = memoOf(row);
  return attrs ? interned.of(attrs) : interned.fallbacks;
};

/** Whether these are attributes that attrsOf gave of this row: checked, and in full. */
export const isAttrsOf = (row: AnyRow, x: object): x is Attrs => memoOf(row).attrs.has(x);

function hashOf(attrs: Attrs, inputs: Given): number {
  let h = numberOf(attrs) as number;
  for (const t of inputs) {
    h = Math.imul(h ^ (t ? dtypes[t.dtype].code : 7), 0x01000193); // FNV-1a
    if (t) for (const d of t.shape) h = Math.imul(h ^ d, 0x01000193);
  }
  return h;
}

/** The row at these attributes and types. `outputs`: their types. @throws ShapeError in the words of the op. */
export function bind(row: AnyRow, given: Given, attrs: Attrs, outputs: (row: AnyRow, given: Given, attrs: Attrs) => ValueType[]): Bound {
  const memo = memoOf(row);
  const own = memo.attrs.of(attrs);
  if (memo.last?.binds(own, given)) return memo.last;
  const hash = hashOf(own, given);
  let bound = memo.find(own, given, hash);
  if (!bound) {
    bound = new Bound(row, own, given, outputs(row, given, own));
    memo.add(bound, hash);
  }
  memo.last = bound;
  return bound;
}

/** The same of a row that is no fused rule. */
export const bindOp = (row: AnyRow, given: readonly ValueType[], attrs: Attrs): Bound => bind(row, given, attrs, outputsOf);
const outputsOf = (row: AnyRow, given: Given, attrs: Attrs): ValueType[] => inferAll(row, given as readonly ValueType[], attrs);
