import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";

export interface Peer {
  readonly name: string;
  time(line: string): Promise<number>;
  close(): void;
}

/** A process that answers one number per line. */
export async function peer(script: string, ...args: string[]): Promise<Peer | undefined> {
  const python = process.env.BACKSOLVE_BENCH_PYTHON;
  if (!python) return undefined;
  const child = spawn(python, [join(__dirname, "peers", script), ...args], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => String((await lines.next()).value);
  const name = await next();
  return {
    name,
    time: async (line) => {
      child.stdin.write(`${line}\n`);
      return Number(await next());
    },
    close: () => child.kill(),
  };
}
