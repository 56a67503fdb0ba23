// Program files of every version load for ever and give the values that they gave when they were written (tools/programs/write.ts).
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { type DType, isTensor, Program, type Shape, type Tensor, tensor } from "../lib/index";

interface Stored {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly data: (number | string)[];
}
interface File {
  readonly about: string;
  readonly program: { readonly version: number };
  readonly inputs: Record<string, Stored>;
  readonly outputs: Record<string, Stored>;
}
const load = ({ dtype, shape, data }: Stored): Tensor => tensor(data as number[], { dtype, shape });

/** { "d.x": t } as { d: { x: t } }. */
function nest(flat: Record<string, unknown>): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(flat)) {
    const parts = name.split(".");
    let at = root;
    for (const p of parts.slice(0, -1)) at = (at[p] ??= {}) as Record<string, unknown>;
    at[parts.at(-1) as string] = value;
  }
  return root;
}
function flatten(tree: unknown, path = ""): [string, Tensor][] {
  if (isTensor(tree)) return [[path === "" ? "value" : path, tree]];
  return Object.entries(tree as object).flatMap(([k, v]) => flatten(v, path === "" ? k : `${path}.${k}`));
}

// The programs are well conditioned; instruction sets, BLAS versions and layouts differ by some hundred roundings.
const TOLERANCE = { float32: 1e-4, float64: 1e-11, complex64: 1e-4, complex128: 1e-11, bool: 0, int32: 0 } as const;

describe("program files", () => {
  const root = join(process.cwd(), "test/golden/programs");
  for (const version of readdirSync(root)) {
    for (const name of readdirSync(join(root, version))) {
      const file = JSON.parse(readFileSync(join(root, version, name), "utf8")) as File;
      for (const layout of ["single", "lanes"] as const) {
        it(`${version}/${name}, ${layout}: ${file.about}`, () => {
          expect(`v${file.program.version}`).to.equal(version);
          const inputs = Object.fromEntries(Object.entries(file.inputs).map(([n, s]) => [n, load(s)]));
          const outputs = Program.from(JSON.parse(JSON.stringify(file.program))).runSync(nest(inputs) as { [name: string]: Tensor }, {
            layout,
          });
          const got = new Map(flatten(outputs));
          expect([...got.keys()]).to.have.members(Object.keys(file.outputs));
          for (const [n, stored] of Object.entries(file.outputs)) {
            const [t, want] = [got.get(n) as Tensor, load(stored)];
            expect([t.dtype, t.shape], n).to.deep.equal([want.dtype, want.shape]);
            const scale = Math.max(1, ...Array.from(want.data, Math.abs));
            t.data.forEach((x, i) =>
              expect(Math.abs(x - (want.data[i] as number)) / scale, `${n}[${i}]`).to.be.at.most(TOLERANCE[t.dtype]),
            );
          }
        });
      }
    }
  }
});
