import { writeFileSync } from "node:fs";
import { defineConfig } from "tsup";

// One CommonJS core. The ESM entries re-export it by name, so that both worlds see one registry (docs/adr/0003).
const entries = { index: "lib/index.ts", testing: "lib/testing/index.ts" };

export default defineConfig({
  entry: entries,
  format: ["cjs"],
  target: "node20",
  dts: true,
  splitting: true, // testing shares its core with index
  sourcemap: true,
  clean: true,
  onSuccess: async () => {
    for (const name of Object.keys(entries)) {
      const core = (await import(`${process.cwd()}/dist/${name}.js`)) as { default: Record<string, unknown> };
      const names = Object.keys(core.default).filter((n) => n !== "default");
      writeFileSync(`dist/${name}.mjs`, `import core from "./${name}.js";\nexport const { ${names.join(", ")} } = core;\n`);
      writeFileSync(`dist/${name}.d.mts`, `export * from "./${name}.js";\n`);
    }
  },
});
