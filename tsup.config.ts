import { defineConfig } from "tsup";

// One CommonJS core; scripts/esm-entries.mjs adds the ESM entries that re-export it.
export default defineConfig({
  entry: { index: "lib/index.ts", testing: "lib/testing/index.ts" },
  format: ["cjs"],
  target: "node20",
  dts: true,
  splitting: true, // testing shares its core with index
  sourcemap: true,
  clean: true,
});
