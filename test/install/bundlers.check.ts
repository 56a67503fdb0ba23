// Programs that bundlers made of the package: by esbuild and webpack, as ES modules and CommonJS, with the package beside them (external)
// and in them, where the addon alone is beside them; and one whose files a tool gathered. On the oldest and the newest release of Node.js.
import { cpSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { consumer, NEWEST, OLDEST, output, PLATFORM, root, run } from "./root";

const source = readFileSync(join(process.cwd(), "test/install/consumers/bundled.mjs"), "utf8");
const FOLDER = "/home/tools/bundlers";
const unused = `import { tensor } from "backsolve";
import { checkGrads } from "backsolve/testing";
console.log("no op");
`;

/** Programs that bundle in.mjs to a file, by the bundlers' interfaces for JavaScript. */
const BUILDS: Readonly<Record<string, (format: "esm" | "cjs", external: boolean, out: string, entry: string) => string>> = {
  esbuild: (format, external, out, entry) => `
    require("esbuild").buildSync(${JSON.stringify({
      entryPoints: [entry],
      outfile: out,
      bundle: true,
      minify: true,
      platform: "node",
      target: "node20",
      format,
      external: external ? ["backsolve"] : [],
      logLevel: "warning",
    })});`,
  webpack: (format, external, out, entry) => `
    const { basename, dirname, resolve } = require("node:path");
    const esm = ${format === "esm"}, out = resolve(${JSON.stringify(out)});
    require("webpack")({
      mode: "production",
      target: "node20",
      entry: ${JSON.stringify(entry)},
      output: { path: dirname(out), filename: basename(out), ...(esm && { module: true, chunkFormat: "module", library: { type: "module" } }) },
      experiments: { outputModule: esm },
      externalsType: esm ? "module" : "commonjs",
      externals: ${external ? '{ backsolve: "backsolve" }' : "{}"},
    }, (error, stats) => {
      if (error) throw error;
      const text = stats.toString({ all: false, errors: true, warnings: true });
      if (text) process.stderr.write(text + "\\n");
      if (stats.hasErrors()) process.exitCode = 1;
    });`,
};

interface Made {
  readonly name: string;
  readonly file: string;
  readonly external: boolean;
  readonly code: number;
  readonly said: string;
}
const made: Made[] = [];
/** What @vercel/nft gathers for in.mjs: one file a line. */
const GATHER = `
require("@vercel/nft").nodeFileTrace(["in.mjs"]).then(({ fileList, warnings }) => {
  for (const warning of warnings) process.stderr.write(warning.message + "\\n");
  console.log([...fileList].sort().join("\\n"));
});`;
let gathered: { readonly files: string; readonly said: string };
/** Where a bundle runs, with what it needs beside it, and with nothing. */
const beside = (name: string): string => `/home/empty/${name}`;
const alone = (name: string): string => `/home/empty/${name}-alone`;
let unbundled: string;

function bundles() {
  return Object.entries(BUILDS).flatMap(([bundler, build]) => {
    const one = (kind: string, format: "esm" | "cjs", external: boolean, entry = "./in.mjs") => {
      const name = `${bundler}-${format}-${kind}`;
      const file = format === "esm" ? "main.mjs" : "main.cjs";
      return { name, file, external, script: build(format, external, `./out/${name}/${file}`, entry) };
    };
    const formats = ["esm", "cjs"] as const;
    return [...formats.flatMap((f) => [one("external", f, true), one("bundled", f, false)]), one("unused", "cjs", false, "./unused.mjs")];
  });
}
function copy(from: string, to: string): void {
  mkdirSync(dirname(join(root, to)), { recursive: true });
  cpSync(join(root, from), join(root, to), { recursive: true });
}

describe("bundlers", () => {
  before(async () => {
    await consumer(OLDEST, FOLDER, { "package.json": "{}", "in.mjs": source, "unused.mjs": unused });
    unbundled = await output(OLDEST, FOLDER, "node", ["in.mjs"]);
    const { stdout, stderr } = await run(OLDEST, FOLDER, "node", ["-e", GATHER]);
    gathered = { files: stdout.trim(), said: stderr };
    for (const file of gathered.files.split("\n")) copy(`${FOLDER}/${file}`, `${beside("gathered")}/${file}`);
    for (const { name, file, external, script } of bundles()) {
      const { code, stdout, stderr } = await run(OLDEST, FOLDER, "node", ["-e", script]);
      made.push({ name, file, external, code, said: stdout + stderr });
      if (code !== 0) continue;
      for (const folder of [beside(name), alone(name)]) copy(`${FOLDER}/out/${name}/${file}`, `${folder}/${file}`);
      for (const p of external ? ["backsolve", `@backsolve/${PLATFORM}`] : [`@backsolve/${PLATFORM}`])
        copy(`${FOLDER}/node_modules/${p}`, `${beside(name)}/node_modules/${p}`);
    }
    // Bundles know the paths that they were made from: on another machine there is nothing.
    rmSync(join(root, FOLDER), { recursive: true });
  });

  it("were given a program that works", () => {
    expect(unbundled).to.match(/^2 0\.25,0,0,0\.0625 5,3\n\d{2,} ops\n$/);
  });
  it("@vercel/nft gathers the addon and the libraries beside it, and that is enough", async () => {
    expect(gathered.said).to.equal("");
    const files = ["backsolve.node", "libscipy_openblas.so", "libsleef.so.3"].map((f) => `node_modules/@backsolve/${PLATFORM}/${f}`);
    expect(gathered.files.split("\n").filter((f) => f.includes("@backsolve"))).to.include.members(files);
    expect(await output(OLDEST, beside("gathered"), "node", ["in.mjs"])).to.equal(unbundled);
  });
  for (const [i, { name, file, external }] of bundles().entries()) {
    it(`${name} is made without a warning`, () => {
      expect(made[i]).to.deep.equal({ name, file, external, code: 0, said: "" });
    });
    for (const release of [OLDEST, NEWEST])
      it(`${name} runs on ${release.node}`, async () => {
        expect(await output(release, beside(name), "node", [file])).to.equal(name.includes("unused") ? "no op\n" : unbundled);
      });
    if (name.includes("unused"))
      it(`${name} has nothing of the package`, () => {
        expect(statSync(join(root, beside(name), file)).size).to.be.lessThan(1000);
      });
    else if (!external)
      it(`${name} says what to do where the addon is not beside it`, async () => {
        // What Node.js prints of an error in one line of 200 kB may be more than a pipe takes at a time, and is cut there.
        const told = `import("./${file}").catch((e) => { console.error(e.code, e.message); process.exitCode = 1; })`;
        const { code, stderr } = await run(OLDEST, alone(name), "node", ["-e", told]);
        expect(code).to.equal(1);
        expect(stderr)
          .to.match(/ERR_NO_BINARY/)
          .and.match(/external/);
      });
  }
});
