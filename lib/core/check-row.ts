// What a row must be before it is registered.
import { ArgumentError, describe } from "./errors";
import type { AnyRow } from "./row";

/** @throws ArgumentError where the row contradicts itself. */
export function checkRow(row: AnyRow): void {
  const bad = (text: string) => new ArgumentError("defineOp", text);
  if (typeof row.name !== "string" || !/^[a-zA-Z][a-zA-Z0-9]*$/.test(row.name))
    throw bad(`name must be an identifier, got ${describe(row.name)}.`);
  if (!Array.isArray(row.inputs) || row.inputs.length === 0) throw bad(`${row.name}: inputs must name at least one input.`);
  if (!Array.isArray(row.outputs) || row.outputs.length === 0) throw bad(`${row.name}: outputs must name at least one output.`);
  if (row.signature !== undefined && row.infer) throw bad(`${row.name}: a row has a signature or infer, not both.`);
  if ((row.fused || row.aux) && row.signature === undefined) throw bad(`${row.name}: a fused rule and aux need a signature.`);
  if (row.slopes && (row.vjp || row.outputs.length !== 1)) throw bad(`${row.name}: slopes stand for the vjp of one output.`);
  for (const name of row.saves ?? []) {
    if (!row.inputs.includes(name) && !row.outputs.includes(name))
      throw bad(`${row.name}: saves names ${name}, which is no input or output.`);
  }
}
