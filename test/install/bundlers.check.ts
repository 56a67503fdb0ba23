// Programs that bundlers made of the package: by esbuild and webpack, as ES modules and CommonJS, with the package beside them (external)
// and in them, where the addon alone is beside them. On the oldest and the newest release of Node.js.
import { cpSync, existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { consumer, NEWEST, OLDEST, output, PLATFORM, type Release, root, run, write } from "./root";

const source = readFileSync(join(process.cwd(), "test/install/consumers/bundled.mjs"), "utf8");
const FOLDER = "/home/tools/bundlers";
const extension = { esm: "mjs", cjs: "cjs" } as const;

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

describe("bundlers", () => {
  before(async () => {
    await consumer(OLDEST, FOLDER, { "package.json": "{}", "in.mjs": source });
  });

  for (const [bundler, build] of Object.entries(BUILDS)) {
    for (const format of ["esm", "cjs"] as const) {
      for (const external of [true, false]) {
        const kind = external ? "external" : "bundled";
        const name = `${bundler}-${format}-${kind}`;
        const file = `main.${extension[format]}`;
        /** Where the bundle runs: nothing of the bundler's folder is seen from there. */
        const folder = `/home/empty/${name}`;
        const made = async (): Promise<void> => {
          if (existsSync(join(root, folder, file))) return;
          const { code, stdout, stderr } = await run(OLDEST, FOLDER, "node", [
            "-e",
            build(format, external, `./out/${name}/${file}`, "./in.mjs"),
          ]);
          expect({ code, stdout, stderr }).to.deep.equal({ code: 0, stdout: "", stderr: "" }); // no warnings either
          mkdirSync(join(root, folder), { recursive: true });
          cpSync(join(root, FOLDER, "out", name, file), join(root, folder, file));
          const packages = external ? ["backsolve", `@backsolve/${PLATFORM}`] : [`@backsolve/${PLATFORM}`];
          for (const p of packages)
            cpSync(join(root, FOLDER, "node_modules", p), join(root, folder, "node_modules", p), { recursive: true });
        };
        for (const release of [OLDEST, NEWEST] as readonly Release[]) {
          it(`${bundler}, ${format}, ${kind}, ${release.node}`, async () => {
            await made();
            const text = await output(release, folder, "node", [file]);
            expect(text).to.equal(await output(release, FOLDER, "node", ["in.mjs"]));
            expect(text).to.match(/^2 0\.25,0,0,0\.0625 5,3\n\d{2,} ops\n$/);
          });
        }
        if (external) continue;
        it(`${bundler}, ${format}, bundled: says what to do where the addon is not beside it`, async () => {
          await made();
          const bare = `${folder}-alone`;
          mkdirSync(join(root, bare), { recursive: true });
          cpSync(join(root, folder, file), join(root, bare, file));
          const { code, stderr } = await run(OLDEST, bare, "node", [file]);
          expect(code).to.equal(1);
          expect(stderr)
            .to.match(/ERR_NO_BINARY/)
            .and.match(/external/);
        });
      }
    }
    it(`${bundler} leaves out what is imported and not used`, async () => {
      const out = `./out/${bundler}-unused/main.cjs`;
      write(FOLDER, {
        "unused.mjs": 'import { tensor } from "backsolve";\nimport { checkGrads } from "backsolve/testing";\nconsole.log("no op");\n',
      });
      const script = BUILDS[bundler]?.("cjs", false, out, "./unused.mjs") as string;
      await output(OLDEST, FOLDER, "node", ["-e", script]);
      expect(await output(OLDEST, FOLDER, "node", [out])).to.equal("no op\n");
      expect(statSync(join(root, FOLDER, out)).size).to.be.lessThan(1000);
    });
  }
});
