import { defineConfig } from "tsup";

// One CommonJS core; scripts/esm-entries.mjs adds the ESM entries that re-export it.
export default defineConfig({
  entry: {
    index: "lib/index.ts",
    testing: "lib/testing/index.ts",
    optimize: "lib/optimize/index.ts",
    loader: "lib/boundary/addon.ts",
    cli: "lib/cli/main.ts",
  },
  format: ["cjs"],
  target: "node20",
  dts: { entry: { index: "lib/index.ts", testing: "lib/testing/index.ts", optimize: "lib/optimize/index.ts" } },
  splitting: true, // the entries share one core
  // By rollup, which leaves ?., ?? and class fields as they are: what tsup takes otherwise writes them out as calls, a third of a small op.
  treeshake: true,
  sourcemap: true,
  clean: true,
});
