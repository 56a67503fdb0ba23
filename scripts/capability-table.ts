// The capability table as it stands in this process, as the two files that show it.
import { type Capability, type Mode, registry } from "../lib/index";

const MODES: readonly Mode[] = ["value", "reverse", "forward", "second", "batch", "compiled", "async"];

/** Of these ops. Dtypes with the same modes share an entry. */
function groups(own: readonly string[]): Map<string, Map<string, Capability[]>> {
  const ops = new Map<string, Map<string, Capability[]>>();
  for (const c of registry.capabilities().filter((one) => own.includes(one.op))) {
    const of = ops.get(c.op) ?? new Map<string, Capability[]>();
    ops.set(c.op, of.set(c.modes.join(" "), [...(of.get(c.modes.join(" ")) ?? []), c]));
  }
  return ops;
}

export function asJSON(ops: readonly string[]): string {
  const table: Record<string, Record<string, string>> = {};
  for (const [op, of] of groups(ops)) {
    table[op] = Object.fromEntries([...of].map(([modes, list]) => [list.map((c) => c.dtype).join(" "), modes]));
  }
  return `${JSON.stringify(table, null, 2)}\n`;
}

export function asMarkdown(ops: readonly string[]): string {
  const lines = [
    "# What works",
    "",
    "Written by `npm run capabilities` from what `checkOp` found; the tests fail where it is out of date. Every op takes batches of any rank. *second*: derivatives of",
    "derivatives; *batch*: batches against loops over their items, with broadcasting (rows without batch dimensions of their own have none to check).",
    "",
    `| op | TensorFlow | dtypes | ${MODES.join(" | ")} |`,
    `|---|---|---|${MODES.map(() => "---|").join("")}`,
  ];
  for (const [op, of] of groups(ops)) {
    for (const list of of.values()) {
      const [first] = list as [Capability];
      const dtypes = list.length === 4 ? "all" : list.map((c) => c.dtype).join(" ");
      lines.push(`| ${op} | ${first.tf ?? ""} | ${dtypes} | ${MODES.map((m) => (first.modes.includes(m) ? "✓" : "")).join(" | ")} |`);
    }
  }
  return `${lines.join("\n")}\n`;
}
