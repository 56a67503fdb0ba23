import type { ParseArgsConfig } from "node:util";

/** A command of the program `backsolve`. */
export interface Command {
  readonly summary: string;
  /** All that --help says beyond it. */
  readonly help: string;
  readonly usage: string;
  readonly options: NonNullable<ParseArgsConfig["options"]>;
  /** Whether it takes arguments beside options. */
  readonly files?: boolean;
  /** Returns the exit code. */
  run(options: { readonly [name: string]: unknown }, files: readonly string[]): Promise<number> | number;
}
