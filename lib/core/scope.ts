// Memory that is given back at the end of a function, not when it is collected. docs/memory.md
import { withoutOptions } from "./attrs";
import { ArgumentError, describe } from "./errors";
import { AsyncLocalStorage, disposal, types } from "./node";
import { noneOpen } from "./open";
import { isTensor, primal, type Tensor, whenMade } from "./tensor";
import { isPlain } from "./tree";

interface Made {
  tensors: Tensor[] | undefined; // undefined: the scope has ended
}
/** The scope that code runs in, across what it waits for. Made by the first scope, as promises cost more from then on. */
let running: InstanceType<typeof AsyncLocalStorage<Made>> | undefined;
let open = 0;

const tell = (t: Tensor): void => void running?.getStore()?.tensors?.push(t);

/** The tensors of a tree; what else is in it, functions and instances of classes, is not looked into. */
function tensorsIn(x: unknown, found: Set<unknown>): Set<unknown> {
  if (typeof x !== "object" || x === null || found.has(x)) return found;
  found.add(isTensor(x) ? primal(x) : x);
  if (Array.isArray(x)) for (const y of x) tensorsIn(y, found);
  else if (!isTensor(x) && isPlain(x)) for (const y of Object.values(x)) tensorsIn(y, found);
  return found;
}

/** Disposes of what was made, but for what is in `result`, which belongs to the scope around, if there is one. */
function end(made: Made, result: unknown): void {
  if (--open === 0) whenMade(undefined);
  const kept = tensorsIn(result, new Set());
  const list = made.tensors ?? [];
  made.tensors = undefined;
  for (const t of list) {
    if (kept.has(t)) tell(t);
    else t[disposal]();
  }
}

/**
 * Runs f, and gives back at once the memory of all tensors that it made, but for those that it returns, in a tensor or a tree of plain objects
 * and arrays. f may be asynchronous: then what it awaits belongs to it, too. A tensor of f that is used afterwards is ERR_DISPOSED; pullbacks and
 * programs that f made keep what they need. Inside transforms and `compile` it is f alone. No scope is needed: what no tensor holds is collected.
 */
export const scope = withoutOptions("scope", 1, <R>(f: () => R): R => {
  if (typeof f !== "function") throw new ArgumentError("scope", `expected a function, got ${describe(f)}.`);
  if (!noneOpen()) return f();
  const made: Made = { tensors: [] };
  running ??= new AsyncLocalStorage<Made>();
  open++;
  whenMade(tell);
  let result: R;
  try {
    result = running.run(made, f);
  } catch (error) {
    end(made, undefined);
    throw error;
  }
  if (types.isPromise(result)) return settled(result, made) as R;
  end(made, result);
  return result;
});

async function settled(promise: Promise<unknown>, made: Made): Promise<unknown> {
  let result: unknown;
  try {
    result = await promise;
  } finally {
    end(made, result);
  }
  return result;
}
