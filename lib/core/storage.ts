import { type AnyArray, allocate, copyOf, type DType, partOfSlab, viewOf } from "./dtype";
import { guard } from "./errors";

/** Data that several tensors may share (reshape). No user ever holds `array` itself, only another view of its memory. */
export class Storage {
  array: AnyArray;
  /** What users hold. They may write to it or take its memory away, so asynchronous calls copy it first. */
  view: AnyArray | undefined;
  busy = 0; // asynchronous jobs that have not left it, aborted ones included
  kept = false; // a pullback reads its memory whenever it is called

  literal = false; // every element is one number that the program's text says

  shared = false; // its memory lies beside other results', which nobody who sees one is to see

  constructor(array: AnyArray, view?: AnyArray) {
    this.array = array;
    this.view = view;
  }
  /** For a result, whose elements are zero or not yet written. @throws RangeError when there is no memory. */
  static forResult(dtype: DType, size: number): Storage {
    const part = partOfSlab(dtype, size);
    const storage = new Storage(part ?? allocate(dtype, size));
    storage.shared = part !== undefined;
    return storage;
  }
  get exposed(): boolean {
    return this.view !== undefined;
  }
  /** The data for users. */
  expose(): AnyArray {
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
