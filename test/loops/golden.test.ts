// Loops and their derivatives against JAX (tools/goldens/loops.py), eagerly: alone, and over `vmap`.
import { expect } from "chai";
import { vmap } from "../../lib/index";
import { functions } from "./functions";
import { type Case, compareAll, derivatives, type Golden, golden, ITEMS, load, loadOne, PARTS, turns } from "./golden";
import { checkpointed } from "./scans";

function checkEager(name: string, f: Case, c: Golden): void {
  for (const i of turns(ITEMS)) {
    const got = derivatives(f, c)(...c.args.map((a) => loadOne(a, i)));
    compareAll(`${name}, item ${i}`, got, c, [i], false);
  }
}

describe("loops against JAX", () => {
  for (const c of golden) {
    const f = functions[c.name];
    if (f === undefined) throw new Error(`no function for ${c.name}`);
    it(`${c.name}: ${PARTS.filter((part) => c[part]).join(", ")}`, () => checkEager(c.name, f, c));
    it(`${c.name}, mapped over items`, () => {
      const got = vmap(derivatives(f, c))(...c.args.map((a) => load(a, turns(7))));
      compareAll(c.name, got, c, turns(7), true);
    });
  }
  it("checkpoints of any distance", () => {
    const c = golden.find(({ name }) => name === "checkpointed") as Golden;
    for (const k of [1, 2, 4, 15, 29, 30, 1000]) checkEager(`checkpoint ${k}`, checkpointed(k), c);
  });
  it("there is a golden value for every function", () => {
    expect(golden.map(({ name }) => name).toSorted()).to.deep.equal(Object.keys(functions).toSorted());
  });
  it("a change by 1e-10 is seen", () => {
    for (const c of golden.filter(({ name }) => name !== "fibonacci" && name !== "singles")) {
      const f = functions[c.name] as Case;
      const part = PARTS.findLast((p) => c[p]) as "value";
      const changed = Object.fromEntries(
        Object.entries(c[part]).map(([k, s]) => [k, { ...s, data: s.data.map((x) => x + 1e-10 * (Math.abs(x) + 1)) }]),
      );
      expect(() => checkEager(c.name, f, { ...c, [part]: changed }), c.name).to.throw();
    }
  });
});
