// Small helpers that several files of tests use.
import { expect } from "chai";
import { rowNames } from "../lib/core/registry";
import { BacksolveError, type Code, type LinalgError } from "../lib/index";

/**
 * The ops of the package, hidden ones too. Read when the first file of a process is loaded (setup.ts): the files before another in one process leave the ops that
 * they define in the registry.
 */
export const packageOps: readonly string[] = rowNames();

/** An argument that the types refuse. */
export const wrong = <X>(x: X): never => x as never;

/** A call that the types refuse. */
export const loose = (f: unknown) => f as (...args: unknown[]) => unknown;

/** The error of this package that f throws. */
export function caught(f: () => unknown): BacksolveError {
  try {
    f();
  } catch (error) {
    expect(error, String((error as Error)?.stack ?? error)).to.be.instanceOf(BacksolveError);
    return error as BacksolveError;
  }
  return expect.fail("nothing was thrown");
}

/** What the promise rejects with. */
export const rejected = (p: Promise<unknown>): Promise<Error & { code?: Code; item?: number; index?: number }> =>
  p.then(
    () => expect.fail("resolved"),
    (e) => e,
  );

/** What an error says of its failure. */
export const fields = (e: unknown) => {
  const { code, op, item, index, message } = e as LinalgError;
  return { code, op, item, index, message };
};
