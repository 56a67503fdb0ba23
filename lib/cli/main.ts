#!/usr/bin/env node
// The program `backsolve`. A command is one entry of the table; what it needs of the package it loads itself, so that the others work where
// that cannot be loaded.
import { parseArgs } from "node:util";
import { version } from "../boundary/addon";
import { build } from "./build";
import type { Command } from "./command";
import { doctor } from "./doctor";

// Exported: a file without an export is CommonJS to the bundler, and all that it imports then runs late.
export const commands: { readonly [name: string]: Command } = { build, doctor };

const out = (text: string): void => void process.stdout.write(`${text}\n`);
/** What was asked for does not exist. */
function refuse(text: string): number {
  process.stderr.write(`backsolve: ${text}\n`);
  return 2;
}

function overview(): string {
  const width = Math.max(...Object.keys(commands).map((c) => c.length));
  const list = Object.entries(commands).map(([name, c]) => `  ${name.padEnd(width)}  ${c.summary}`);
  return `Usage: backsolve <command> [options]\n\n${list.join("\n")}\n\nbacksolve <command> --help says more about a command; backsolve --version prints the version.`;
}

async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined || name === "--help" || name === "-h" || (name === "help" && args.length === 0)) {
    out(overview());
    return 0;
  }
  if (name === "--version" || name === "-v") {
    out(version);
    return 0;
  }
  if (name === "help") return main([args[0] as string, "--help"]);
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) return refuse(`there is no command ${JSON.stringify(name)}, expected one of ${Object.keys(commands).join(", ")}.`);
  let given: ReturnType<typeof parseArgs>;
  try {
    const options = { ...command.options, help: { type: "boolean", short: "h" } } as const;
    given = parseArgs({ args, options, allowPositionals: command.files ?? false });
  } catch (error) {
    return refuse(`${name}: ${(error as Error).message}\nUsage: ${command.usage}`);
  }
  if (given.values.help) {
    out(`Usage: ${command.usage}\n\n${command.summary}\n\n${command.help}`);
    return 0;
  }
  return command.run(given.values, given.positionals);
}

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") return; // who was reading has read enough: backsolve doctor | head -1
  process.stderr.write(`backsolve: ${error.message}\n`);
  process.exitCode = 1;
});

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`backsolve: ${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  },
);
