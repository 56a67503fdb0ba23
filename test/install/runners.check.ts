// The package in projects that test with Jest, Vitest and mocha, on the oldest and the newest release of Node.js. Each runs the same
// tests twice, in two files: runners load a package once per file.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { consumer, NEWEST, OLDEST, type Release, run, write } from "./root";

const tests = readFileSync(join(process.cwd(), "test/install/consumers/runner.js"), "utf8");
const TESTS = tests.match(/^test\(/gm)?.length ?? 0;

const byExpect = `const same = (x, y) => { expect(x).toEqual(y); expect(x).toStrictEqual(y); expect([{ x }]).toContainEqual({ x: y }); expect({ x, z: 1 }).toMatchObject({ x: y }); };
const differ = (x, y) => { expect(x).not.toEqual(y); expect(x).not.toStrictEqual(y); expect([{ x }]).not.toContainEqual({ x: y }); };\n`;
const byAssert = `const same = (x, y) => { assert.deepStrictEqual(x, y); assert.deepEqual(x, y); expect(x).to.deep.equal(y); expect([{ x }]).to.deep.include({ x: y }); };
const differ = (x, y) => { assert.notDeepStrictEqual(x, y); expect(x).not.to.deep.equal(y); expect([{ x }]).not.to.deep.include({ x: y }); };\n`;
const called = (fn: string) => `test("mocks tell what they were called with", () => {
  const f = ${fn}();
  f(b.tensor([1]));
  expect(f).toHaveBeenCalledWith(b.tensor([1]));
  expect(f).not.toHaveBeenCalledWith(b.tensor([2]));
});\n`;
const createRequire = `import { createRequire } from "node:module";\nconst require = createRequire(import.meta.url);\n`;

interface Runner {
  readonly extension: string;
  readonly head: string;
  readonly tail: string;
  readonly command: readonly string[];
  /** The number of tests that passed, in the runner's words. */
  readonly passed: RegExp;
  readonly files?: Record<string, string>;
  readonly env?: Record<string, string>;
}
const RUNNERS: Readonly<Record<string, Runner>> = {
  Jest: {
    extension: "test.js",
    head: `const b = require("backsolve");\n${byExpect}`,
    tail: called("jest.fn"),
    command: ["jest/bin/jest.js"],
    passed: /^Tests: +(\d+) passed, \1 total$/m,
  },
  "Jest, ES modules": {
    extension: "test.mjs",
    head: `import { jest } from "@jest/globals";\nimport * as b from "backsolve";\n${createRequire}${byExpect}`,
    tail: called("jest.fn"),
    command: ["jest/bin/jest.js"],
    passed: /^Tests: +(\d+) passed, \1 total$/m,
    files: {
      "jest.config.json": `{ "testMatch": ["**/*.test.mjs"], "transform": {}, "moduleFileExtensions": ["mjs", "js", "json", "node"] }`,
    },
    env: { NODE_OPTIONS: "--experimental-vm-modules" },
  },
  Vitest: {
    extension: "test.mjs",
    head: `import { expect, test, vi } from "vitest";\nimport * as b from "backsolve";\n${createRequire}${byExpect}`,
    tail: called("vi.fn"),
    command: ["vitest/vitest.mjs", "run", "--no-cache"],
    passed: /^ *Tests +(\d+) passed \(\1\)$/m,
  },
  "Vitest, threads": {
    extension: "test.mjs",
    head: `import { expect, test, vi } from "vitest";\nimport * as b from "backsolve";\n${createRequire}${byExpect}`,
    tail: called("vi.fn"),
    command: ["vitest/vitest.mjs", "run", "--no-cache", "--pool=threads"],
    passed: /^ *Tests +(\d+) passed \(\1\)$/m,
  },
  mocha: {
    extension: "test.cjs",
    head: `const b = require("backsolve");\nconst assert = require("node:assert");\nconst { expect } = require("chai");\n${byAssert}const test = it;\n`,
    tail: "",
    command: ["mocha/bin/mocha.js", "*.test.cjs"],
    passed: /^ +(\d+) passing/m,
  },
};

for (const release of [OLDEST, NEWEST] as readonly Release[]) {
  describe(`test runners, ${release.node}`, () => {
    let folder: string;
    before(async () => {
      folder = await consumer(release, `/home/tools/runners-${release.node}`, { "package.json": "{}" });
    });
    for (const [name, { extension, head, tail, command, passed, files, env }] of Object.entries(RUNNERS)) {
      it(name, async () => {
        const own = `${folder}/${name.replace(/\W+/g, "-").toLowerCase()}`;
        write(own, { "package.json": "{}", ...files });
        for (const file of ["one", "two"]) write(own, { [`${file}.${extension}`]: `${head}${tests}${tail}` });
        const [program, ...args] = command;
        const { code, stdout, stderr } = await run(release, own, "node", [`/home/tools/node_modules/${program}`, ...args], env);
        const all = stdout + stderr;
        expect(code, all).to.equal(0);
        expect(all).not.to.match(/MaxListenersExceeded/);
        expect(all.match(passed)?.[1], all).to.equal(String(2 * (TESTS + (tail === "" ? 0 : 1))));
      });
    }
  });
}
