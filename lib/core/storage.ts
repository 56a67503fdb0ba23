import { type AnyArray, copyOf, viewOf } from "./dtype";
import { guard } from "./errors";

/** Data that several tensors may share (reshape). No user ever holds `array` itself, only another view of its memory. */
export class Storage {
  array: AnyArray;
  /** What users hold. They may write to it or take its memory away, so asynchronous calls copy it first. */
  view: AnyArray | undefined;
  busy = 0; // asynchronous jobs that have not left it, aborted ones included
  kept = false; // a pullback reads its memory whenever it is called

  constructor(array: AnyArray, view?: AnyArray) {
    this.array = array;
    this.view = view;
  }
  get exposed(): boolean {
    return this.view !== undefined;
  }
  /** The data for users. */
  expose(): AnyArray {
    if (!this.view) {
      // A job or a pullback reads the old memory, which from now on nobody else can reach: what is handed out could be changed or transferred.
      this.array = guard("data", () => (this.busy > 0 || this.kept ? copyOf(this.array) : fromNative(this.array)));
      this.kept = false;
      this.view = viewOf(this.array);
    }
    return this.view;
  }
}
let fromNative = (array: AnyArray): AnyArray => array;
/** @internal Sets what makes native memory JavaScript's own before users get it. */
export const whenExposed = (f: (array: AnyArray) => AnyArray): void => void (fromNative = f);
