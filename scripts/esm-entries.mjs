// The ESM entries re-export the CommonJS core by name, so that both worlds see one registry (docs/adr/0003-commonjs-core.md).
// They tell the loader where they are: in a bundle that is an ES module the core has no name of its own file.
// After tsup: its declaration build clears what it did not write.
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const dist = join(dirname(fileURLToPath(import.meta.url)), "../dist");
const require = createRequire(import.meta.url);
for (const name of ["index", "testing", "optimize"]) {
  const names = Object.keys(require(join(dist, `${name}.js`)));
  writeFileSync(
    join(dist, `${name}.mjs`),
    `import core from "./${name}.js";\nimport loader from "./loader.js";\nloader.from(import.meta.url);\nexport const { ${names.join(", ")} } = core;\n`,
  );
  writeFileSync(join(dist, `${name}.d.mts`), `export * from "./${name}.js";\n`);
}
