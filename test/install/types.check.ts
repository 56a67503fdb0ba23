// The package's types in projects with TypeScript's strictest options, in each way in which TypeScript looks for packages.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { programs } from "./readme";
import { consumer, NEWEST, OLDEST, output } from "./root";
import { compile } from "./types";

const strict = readFileSync(join(process.cwd(), "test/install/consumers/strict.ts"), "utf8");
const FOLDER = "/home/tools/types";
const [esm, cjs] = ["mts", "cts"]; // the form of the README's examples
const MODES = [
  { resolution: "nodenext", module: "nodenext", files: { mts: esm, cts: cjs } },
  { resolution: "node16", module: "node16", files: { mts: esm, cts: cjs } },
  { resolution: "bundler", module: "esnext", files: { ts: esm } },
  { resolution: "node10", module: "commonjs", files: { ts: cjs } },
] as const;

/** The oldest that README.md names, the one that the declarations were written with, and the newest. */
const COMPILERS = ["typescript54", "typescript", "typescript7"];

describe("strict TypeScript", () => {
  before(async () => {
    await consumer(OLDEST, FOLDER, { "package.json": "{}" });
  });
  for (const compiler of ["typescript", "typescript7"])
    it(`without the types of Node.js, ${compiler}`, async () => {
      const source =
        'import { tensor } from "backsolve";\nimport { checkOp } from "backsolve/testing";\nexport const used = [tensor([1]), checkOp];\n';
      const options = { module: "nodenext", types: [], noEmit: true };
      const release = compiler === "typescript" ? OLDEST : NEWEST;
      expect(await compile(release, compiler, `${FOLDER}/${compiler}-alone`, { "alone.mts": source }, options)).to.equal("");
    });
  it("declarations of modules that export what the package has", async () => {
    const list = `for (const [path, all] of [["backsolve"], ["backsolve", "linalg"], ["backsolve", "random"], ["backsolve/testing"], ["backsolve/optimize"]].map(([m, n]) =>
      [(n ? "b." + n : m === "backsolve" ? "b" : m === "backsolve/testing" ? "t" : "o"), n ? require(m)[n] : require(m)]))
      for (const name of Object.keys(all)) console.log("export const " + path.replace(".", "_") + "_" + name + " = " + path + "." + name + ";");`;
    const source = `import * as b from "backsolve";\nimport * as t from "backsolve/testing";\nimport * as o from "backsolve/optimize";\n${await output(OLDEST, FOLDER, "node", ["-e", list])}`;
    expect(source.split("\n").length).to.be.greaterThan(100);
    const options = { module: "nodenext", declaration: true, outDir: "out" };
    expect(await compile(OLDEST, "typescript", `${FOLDER}/declarations`, { "all.mts": source }, options)).to.equal("");
  });
  for (const { resolution, module, files } of MODES) {
    for (const compiler of resolution === "node10" || resolution === "node16" ? ["typescript"] : COMPILERS) {
      it(`${resolution}, ${compiler}`, async () => {
        const sources: Record<string, string> = {};
        for (const [extension, form] of Object.entries(files)) {
          sources[`strict.${extension}`] = strict;
          for (const [i, program] of programs().entries()) {
            const source = program.sources[form as string];
            if (source !== undefined) sources[`example${i + 1}.${extension}`] = source;
          }
        }
        const options = { module, moduleResolution: resolution, noEmit: true };
        const release = compiler === "typescript7" ? NEWEST : OLDEST;
        expect(await compile(release, compiler, `${FOLDER}/${compiler}-${resolution}`, sources, options)).to.equal("");
      });
    }
  }
});
