// Node's own modules, the only way that the core takes them. A bundler makes `require("util")` of an import; in an ES module there is no
// require, and the bundle would throw where it begins.
if (typeof globalThis.process?.getBuiltinModule !== "function")
  throw new Error(`backsolve needs Node.js 20.17 or newer; this is ${globalThis.process?.version ?? "no Node.js"}.`);

export const { inspect, types } = process.getBuiltinModule("node:util");
/** util.inspect.custom, by its public name: the type of Node's own would make users' compilers ask for @types/node. */
export const inspectCustom: unique symbol = Symbol.for("nodejs.util.inspect.custom");
declare const unknown: unique symbol;
/**
 * What `using` calls. TypeScript and esbuild take the same where a realm has no such symbol, as those of node:vm on Node.js 20; and where users'
 * compilers do not know it (`lib` without esnext.disposable), declarations do without.
 */
export const disposal: typeof Symbol extends { readonly dispose: infer S extends symbol } ? S : typeof unknown =
  Symbol.dispose ?? Symbol.for("Symbol.dispose");
/** Node's own: that of a page in jsdom, or of a clock that tests wind, does not let the process end. */
export const { setTimeout } = process.getBuiltinModule("node:timers");
export const { AsyncLocalStorage } = process.getBuiltinModule("node:async_hooks");
export const { constants } = process.getBuiltinModule("node:buffer");
export const { totalmem } = process.getBuiltinModule("node:os");
export const { createRequire } = process.getBuiltinModule("node:module");
export const { closeSync, existsSync, openSync, readFileSync, readSync, statSync } = process.getBuiltinModule("node:fs");
export const { dirname, isAbsolute, join, resolve } = process.getBuiltinModule("node:path");
export const { fileURLToPath } = process.getBuiltinModule("node:url");
