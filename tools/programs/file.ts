// Writes one program file: what test/program-files.test.ts reads.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as b from "../../lib/index";

const folder = process.argv[2] as string;
mkdirSync(folder, { recursive: true });

const stored = (t: b.Tensor) => ({ dtype: t.dtype, shape: t.shape, data: t.toJSON().data });
const named = (names: readonly { name: string }[], list: readonly b.Tensor[]) =>
  Object.fromEntries(names.map(({ name }, i) => [name, stored(list[i] as b.Tensor)]));

/** One file: the program, its inputs by name, and its outputs for them. */
export function write(name: string, about: string, program: b.Program<never, unknown>, inputs: readonly b.Tensor[]) {
  const given = Object.fromEntries(program.inputs.map((x, i) => [x.name, inputs[i]]));
  const loaded = b.Program.from(JSON.stringify(program)) as unknown as b.Program<unknown, unknown>;
  const leaves = (tree: unknown): b.Tensor[] => (b.isTensor(tree) ? [tree] : Object.values(tree as object).flatMap(leaves));
  const tree = loaded.runSync(nest(given));
  const file = { about, program: program.toJSON(), inputs: named(program.inputs, inputs), outputs: named(program.outputs, leaves(tree)) };
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(file)}\n`);
}
/** { "d.x": t } as { d: { x: t } }. */
function nest(flat: Record<string, unknown>): unknown {
  const root: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(flat)) {
    const parts = name.split(".");
    let at = root;
    for (const p of parts.slice(0, -1)) at = (at[p] ??= {}) as Record<string, unknown>;
    at[parts.at(-1) as string] = value;
  }
  return root;
}
