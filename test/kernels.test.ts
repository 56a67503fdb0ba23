// What native kernels say of their operands is what rows say, and every kernel has a row.

import { expect } from "chai";
import { binding as addon } from "../lib/boundary/addon";
import { kernelName, portOf } from "../lib/core/form";
import { hasFused } from "../lib/core/fused";
import { rowOf } from "../lib/core/registry";
import type { AnyRow, Attrs } from "../lib/core/row";
import { attrGrid } from "../lib/testing/sample";
import { packageOps } from "./support";

interface Entry {
  readonly name: string;
  readonly family: string;
  readonly signatures: readonly string[];
}
const entries = new Map((addon().kernels() as unknown as Entry[]).map((k) => [k.name, k]));

/** Letters by first appearance, in the place of names. */
const numbered = (text: string): string => {
  const seen: string[] = [];
  return text.replace(/\([^)]*\)/g, (dims) =>
    dims.replace(/[a-z]|\d+/g, (letter) => {
      if (!seen.includes(letter)) seen.push(letter);
      return String(seen.indexOf(letter));
    }),
  );
};

/** What a row says of the operands of its kernel, and of its fused rule, as kernels say it but for what may be absent. */
function texts(row: AnyRow, attrs: Attrs): { kernel: string; fused: string } {
  const ports = { real: "R", complex: "C", bool: "B", int32: "I" } as Record<string, string>;
  const plain = typeof row.signature === "function" ? row.signature(attrs) : (row.signature as string);
  const aux = Object.keys(row.aux ?? {});
  const all = [plain, ...Object.values(row.aux ?? {})].join(",").match(/\([^)]*\)/g) as string[];
  const names = [...row.inputs, ...row.outputs, ...aux];
  const say = (wanted: readonly string[]): string =>
    wanted.map((name) => (ports[portOf(row, attrs, name)] ?? "T") + all[names.indexOf(name)]).join(" ");
  return {
    kernel: `${say(row.inputs)} -> ${say([...row.outputs, ...aux])}`,
    fused: `${say([...(row.saves ?? []), ...aux, ...row.outputs])} -> ${say(row.inputs)}`,
  };
}

describe("native kernels", () => {
  const found = new Map<string, Set<string>>();
  const rows = packageOps.map(rowOf).filter((row) => row.signature !== undefined && typeof row.kernel !== "function");

  it("have the operands of their rows, under every option", () => {
    for (const row of rows) {
      for (const attrs of attrGrid(row)) {
        const said = texts(row, attrs);
        for (const [kernel, text] of [
          [row.kernel, said.kernel],
          [hasFused(row, attrs) ? row.fused : undefined, said.fused],
        ] as const) {
          if (kernel === undefined || typeof kernel === "function" || entries.get(kernelName(kernel, attrs))?.family !== "matrix") continue;
          const name = kernelName(kernel, attrs);
          const forms = (entries.get(name) as Entry).signatures.map((t) => numbered(t.replaceAll("?", "")));
          expect(forms, `${row.name} ${JSON.stringify(attrs)}: ${name}`).to.include(numbered(text));
          found.set(name, (found.get(name) ?? new Set()).add(numbered(text)));
        }
      }
    }
    expect(found.size).to.be.above(30);
  });
  it("have no operands that no row asks for", () => {
    for (const { name, family, signatures } of entries.values()) {
      expect(family === "matrix", name).to.equal(signatures.length > 0);
      if (family !== "matrix") continue;
      expect([...(found.get(name) ?? [])].sort(), name).to.deep.equal(
        [...new Set(signatures.map((t) => numbered(t.replaceAll("?", ""))))].sort(),
      );
    }
  });
});
