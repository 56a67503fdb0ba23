// TypeScript compilers in the root.
import { type Release, run, write } from "./root";

/** Compiles files strictly, declarations of packages included. @returns what the compiler says: nothing where all is well. */
export async function compile(
  release: Release,
  compiler: string,
  folder: string,
  files: Readonly<Record<string, string>>,
  options: Readonly<Record<string, unknown>>,
): Promise<string> {
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    target: "es2022",
    types: ["node"],
    ...options,
  };
  write(folder, { ...files, "package.json": "{}", "tsconfig.json": JSON.stringify({ compilerOptions, files: Object.keys(files) }) });
  const { code, stdout, stderr } = await run(release, folder, "node", [`/home/tools/node_modules/${compiler}/bin/tsc`, "-p", "."]);
  if (code !== 0 && stdout + stderr === "") throw new Error(`${compiler} ended with ${code} and no word.`);
  return stdout + stderr;
}
