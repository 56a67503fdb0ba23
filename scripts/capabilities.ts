// Runs checkOp on every row and writes down what passed: lib/core/capabilities.json, which registry.capabilities() reads, and the table for
// people, docs/capabilities.md. test/ops.test.ts fails where either is out of date.
import { writeFileSync } from "node:fs";
import { rowNames } from "../lib/core/registry";
import { registry } from "../lib/index";
import { checkOp } from "../lib/testing/index";
import { asJSON, asMarkdown } from "./capability-table";

async function main(): Promise<void> {
  const names = rowNames();
  for (const name of names) await checkOp(registry.op(name) as Parameters<typeof checkOp>[0]);
  writeFileSync("lib/core/capabilities.json", asJSON(names));
  writeFileSync("docs/capabilities.md", asMarkdown(names));
}
main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
