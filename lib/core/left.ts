// While the body of a run that collects (`checked`) is recorded, an op of what all items share is computed at once, as it is no value of the
// trace. Where it fails it is left to the run: it becomes an instruction of the body, which fails every item there, as in a compiled program.
import { BacksolveError, LinalgError } from "./errors";
import type { Level } from "./levels";
import type { Trace } from "./trace";

interface Room {
  readonly trace: Trace;
  first: LinalgError | undefined; // of what was left
  busy: boolean; // an op is being tried: it is left whole, with the ops that it is made of
}
let room: Room | undefined;

function during<R>(inner: Room | undefined, f: () => R): R {
  const before = room;
  room = inner;
  try {
    return f();
  } finally {
    room = before;
  }
}

/** Runs f, of which the trace records a body: what fails in it is left to the body's run. */
export function leaving<R>(trace: Trace, f: () => R): R {
  const inner: Room = { trace, first: undefined, busy: false };
  try {
    return during(inner, f);
  } catch (error) {
    // What was left has no values: who reads them learns why.
    throw inner.first && error instanceof BacksolveError && error.code === "ERR_TRACED" ? inner.first : error;
  }
}

/** Runs f, in which failures are thrown: they are for whoever calls this. */
export const throwing = <R>(f: () => R): R => (room ? during(undefined, f) : f());

/** Whether a call on tensors of this level may be left: levels that were opened since record it themselves, and ask again of what they compute. */
export const mayLeave = (level: Level | undefined): boolean =>
  room !== undefined && !room.busy && (level === undefined || level.id < room.trace.id);

/** What `compute` gives, or, where mayLeave() says so and it fails, `record`, which is to make instructions of the trace. */
export function orLeft<R>(compute: () => R, record: (trace: Trace) => R): R {
  const here = room as Room;
  here.busy = true;
  try {
    return compute();
  } catch (error) {
    if (!(error instanceof LinalgError)) throw error;
    here.busy = false;
    here.first ??= error;
    return record(here.trace);
  } finally {
    here.busy = false;
  }
}
