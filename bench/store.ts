// Measured cells, one JSON text a line, in docs/performance/cells.jsonl: appended as they are measured, so that a run may be cut off and go on.
import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, platform } from "node:os";
import { dirname, join } from "node:path";
import type { Info } from "../lib/index";
import { type Cell, keyOf } from "./cells";
import type { Measured } from "./measure";

export interface Entry extends Measured {
  /** As `keyOf` has it. */
  readonly cell: string;
  /** The last commit that changed what is measured, "+" where files differ from it. */
  readonly commit: string;
  readonly machine: string;
  readonly at: string;
  readonly clock: "wall" | "cpu";
}

export const STORE = join(__dirname, "../docs/performance/cells.jsonl");
/** What runs when a cell of ours is measured. */
const MEASURED = ["lib", "native", "CMakeLists.txt"];

export function commitOf(root = join(__dirname, "..")): string {
  const git = (...args: string[]): string => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();
  return git("log", "-1", "--format=%h", "--", ...MEASURED) + (git("status", "--porcelain", "--", ...MEASURED) === "" ? "" : "+");
}
export const machineOf = ({ isa, blas }: Info): string =>
  `${cpus()[0]?.model}, ${cpus().length} cores, ${isa}, ${blas.split(" ", 2).join(" ")}, ${platform()}`;

const idOf = ({ cell, machine }: Pick<Entry, "cell" | "machine">): string => `${machine}: ${cell}`;

/** The last entry of each cell and machine. */
export function latest(entries: readonly Entry[]): Entry[] {
  return [...new Map(entries.map((e) => [idOf(e), e])).values()];
}

export class Store {
  constructor(private readonly path = STORE) {}

  read(): Entry[] {
    if (!existsSync(this.path)) return [];
    const lines = readFileSync(this.path, "utf8").split("\n");
    // a line that was cut off is the last, and its cell is measured again
    return latest(lines.flatMap((line) => (line.endsWith("}") ? [JSON.parse(line) as Entry] : [])));
  }

  append(entry: Entry): void {
    mkdirSync(dirname(this.path), { recursive: true });
    const torn = existsSync(this.path) && !/(^|\n)$/.test(readFileSync(this.path, "utf8").slice(-1));
    appendFileSync(this.path, `${torn ? "\n" : ""}${JSON.stringify(entry)}\n`);
  }

  /** Only the last entry of each cell and machine, in one order, so that two runs of the same cells differ in figures alone. */
  compact(): void {
    const entries = this.read().sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
    if (entries.length > 0) writeFileSync(this.path, entries.map((e) => `${JSON.stringify(e)}\n`).join(""));
  }
}

/**
 * Of these cells, in their order, those that are to be measured: the ones without an entry; with `redo`, those whose entry is of another commit, or did not settle, or
 * that match, too.
 */
export function wanting(
  cells: readonly Cell[],
  entries: readonly Entry[],
  machine: string,
  commit: string,
  redo?: "stale" | "unsettled" | RegExp,
): Cell[] {
  const stored = new Map(entries.map((e) => [idOf(e), e]));
  return cells.filter((cell) => {
    const entry = stored.get(idOf({ cell: keyOf(cell), machine }));
    if (!entry) return true;
    return redo === "stale" ? entry.commit !== commit : redo === "unsettled" ? !entry.settled : redo?.test(keyOf(cell));
  });
}
