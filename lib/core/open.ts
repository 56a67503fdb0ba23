// What transforms and traces have in common: they are open while a function of the user's runs under them.

/** One call of a transform or of `compile`, as tensors know it; levels.ts has what it does. A box of a level that is no longer live is a constant. */
export interface LevelTag {
  readonly id: number; // increases: levels that are opened inside have higher ones
  readonly live: boolean;
  readonly title: string; // in errors
}

/** A value of a program being traced. */
export interface Traced {
  readonly trace: LevelTag;
  readonly id: number;
}

let lastId = 0;
/** Ids of levels and of what they record, in the order of their making. */
export const nextId = (): number => ++lastId;

let count = 0;
/** Whether no transform and no trace is open: then nothing but tensors that users hold has a use for its memory later. */
export const noneOpen = (): boolean => count === 0;

/** What all levels are. */
export abstract class Open {
  readonly id = nextId();
  live = true;
  constructor() {
    count++;
  }
  /** The end, once or more often. */
  close(): void {
    if (this.live) count--;
    this.live = false;
  }
}
