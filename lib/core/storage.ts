import { type AnyArray, allocate, copyOf, type DType, isPartOfSlab, partOfSlab, viewOf } from "./dtype";
import { disposed, guard } from "./errors";
import { debug, putBy, takeSpare } from "./spare";

// What the engine makes where nobody sees it: in parts of it that run one in another, `depth` of them, of which the last began at `from`.
const made: Storage[] = [];
let from = -1; // -1: what is made now, somebody sees
let depth = 0;
let hidden = 0; // storages that belong to such parts

/** Nobody sees what is made from here on. Ends with endUnseen of what it returned. */
export function beginUnseen(): number {
  const before = from;
  from = made.length;
  depth++;
  return before;
}
/** Puts by what was made since and nobody holds. */
export function endUnseen(before: number): void {
  for (let i = from; i < made.length; i++) {
    const storage = made[i] as Storage;
    if (storage.unheld) storage.recycle();
  }
  made.length = from;
  from = before;
  depth--;
}
/** Others compute from here on, who may keep what they make. Ends with endSeen of what it returned. */
export function beginSeen(): number {
  const before = from;
  from = -1;
  return before;
}
export const endSeen = (before: number): void => void (from = before);
/** Whether there is anything to be held, released and handed out. */
export const anyUnseen = (): boolean => hidden > 0;

const NOTHING = new Uint8Array(0);
/** `handles` of memory that others than tensors have, too. */
const SHARED = -(2 ** 30);

interface Hidden {
  readonly part: number; // which made it, by its depth
  holders: number; // how many of that part need it
}
/** Data that several tensors may share (reshape). No user ever holds `array` itself, only another view of its memory. */
export class Storage {
  array: AnyArray;
  /** What users hold. They may write to it or take its memory away, so asynchronous calls copy it first. */
  view: AnyArray | undefined;
  busy = 0; // asynchronous jobs that have not left it, aborted ones included
  kept = false; // a pullback reads its memory whenever it is called
  handles = SHARED; // tensors over it that were not disposed of

  literal = false; // every element is one number that the program's text says

  #hidden: Hidden | undefined; // nobody but a part of the engine has it

  shared = false; // its memory lies beside other results', which nobody who sees one is to see

  constructor(array: AnyArray, view?: AnyArray) {
    this.array = array;
    this.view = view;
  }
  /** For a result, whose elements are not yet written. @throws RangeError when there is no memory. */
  static forResult(dtype: DType, size: number): Storage {
    const spare = takeSpare(dtype, size);
    const part = spare ? undefined : partOfSlab(dtype, size);
    const storage = new Storage(spare ?? part ?? allocate(dtype, size));
    storage.handles = 1;
    storage.shared = spare ? isPartOfSlab(spare) : part !== undefined;
    if (from >= 0 && (debug || !storage.shared)) storage.#hide();
    return storage;
  }
  #hide(): void {
    this.#hidden = { part: depth, holders: 0 };
    made.push(this);
    hidden++;
  }
  /** One more of the running part needs it, if it is of that part. */
  hold(): void {
    if (this.#hidden?.part === depth) this.#hidden.holders++;
  }
  /** One less. */
  release(): void {
    if (this.#hidden?.part === depth && --this.#hidden.holders === 0) this.recycle();
  }
  /** Whoever runs the part that ended gets it. */
  handOut(): void {
    if (this.#hidden?.part !== depth + 1) return;
    this.show();
    if (from >= 0) this.#hide();
  }
  /** Somebody may have it. */
  show(): void {
    if (this.#hidden) hidden--;
    this.#hidden = undefined;
  }
  get unheld(): boolean {
    return this.#hidden?.holders === 0;
  }
  /** Without memory: it went to another result, or nobody may read it here any more. */
  get disposed(): boolean {
    return this.array === NOTHING;
  }
  /** A tensor less; what it has instead. */
  drop(): Storage {
    if (this.disposed) return this;
    this.handles--;
    this.settle();
    return new Storage(NOTHING);
  }
  /** Gives the memory to another result if no tensor and no job has it any more. */
  settle(): void {
    if (this.handles === 0) this.recycle();
  }
  /** Nobody reads it any more: its memory goes to another result. */
  recycle(): void {
    this.show();
    if (this.exposed || this.kept || this.busy > 0) return;
    const { array } = this;
    this.array = NOTHING;
    this.shared = false;
    putBy(array);
  }
  get exposed(): boolean {
    return this.view !== undefined;
  }
  /** The data for users. */
  expose(): AnyArray {
    if (this.disposed) throw disposed("data", "the tensor");
    if (!this.view) {
      // A job or a pullback reads the old memory, which from now on nobody else can reach: what is handed out could be changed or transferred.
      this.array = guard("data", () => (this.busy > 0 || this.kept || this.shared ? copyOf(this.array) : fromNative(this.array)));
      this.kept = this.shared = false;
      this.view = viewOf(this.array);
    }
    return this.view;
  }
}
let fromNative = (array: AnyArray): AnyArray => array;
/** @internal Sets what makes native memory JavaScript's own before users get it. */
export const whenExposed = (f: (array: AnyArray) => AnyArray): void => void (fromNative = f);
