// Finds and loads the native addon. What is looked for where, and why so: docs/adr/0003-commonjs-core.md.
import { version } from "../../package.json";
import type { AnyArray } from "../core/dtype";
import { ArgumentError, BacksolveError } from "../core/errors";
import {
  closeSync,
  createRequire,
  dirname,
  existsSync,
  fileURLToPath,
  isAbsolute,
  join,
  openSync,
  readFileSync,
  readSync,
  resolve,
  statSync,
} from "../core/node";
import { type Heap, keepWarm } from "./heap";

export { version };

/** Failures, or none; null: none, and large memory waits for its next use. */
export type Said = Float64Array | null | undefined;
/** The addon's exports: docs/native-boundary.md. */
export interface Binding extends Heap {
  readonly boundary: number;
  kernels(): KernelInfo[];
  /** Names of what a kernel may report of an item, by the number that it reports. */
  failureKinds(): string[];
  run(descriptor: Float64Array, ...buffers: AnyArray[]): Said;
  prepare(descriptor: Float64Array): number;
  call(plan: number, collect: boolean, ...buffers: (AnyArray | undefined)[]): Said;
  forget(plans: Float64Array): void;
  runAsync(descriptor: Float64Array, ...inputs: AnyArray[]): Job;
  createProgram(descriptor: Float64Array, ...constants: AnyArray[]): object;
  runProgram(handle: object, descriptor: Float64Array, ...buffers: AnyArray[]): Said;
  runProgramAsync(handle: object, descriptor: Float64Array, ...inputs: AnyArray[]): Job;
  explainProgram(handle: object, descriptor: Float64Array, ...buffers: AnyArray[]): string;
  cancel(job: Job): void;
  /** Items finished so far. */
  done(job: Job): number;
  outputs(job: Job): (AnyArray | undefined)[];
  copyOutput(job: Job, output: number, to: AnyArray, from: number): number;
  own(array: AnyArray): AnyArray;
  owned(array: AnyArray): boolean;
  give(array: AnyArray, to: AnyArray): void;
  info(): NativeInfo;
  setThreads(n: number): void;
}
export interface KernelInfo {
  readonly id: number;
  readonly name: string;
  readonly family: string;
  readonly dtypes: readonly string[];
  readonly lanes: readonly string[];
}
export interface Job {
  readonly promise: Promise<Float64Array | undefined>;
}
/** What the addon found on this machine. */
export interface NativeInfo {
  readonly isa: string;
  /** Those that this processor has and the addon was compiled for, and all that it was compiled for. */
  readonly isas: readonly string[];
  readonly isasCompiled: readonly string[];
  /** Threads that may work on one call, the calling one included. */
  readonly threads: number;
  /** What `threads` comes from: the least of the hardware, the affinity mask and the cgroups' quotas, or who set it. */
  readonly threadsFrom: "hardware" | "affinity" | "quota" | "BACKSOLVE_THREADS" | "setThreads";
  readonly blas: string;
  /** The file of the OpenBLAS that was loaded. */
  readonly blasPath: string;
  readonly blasThreads: number;
  readonly blasParallel: number;
  readonly vectorMath: string;
  /** Whether pages of large results stay mapped (docs/memory.md), or why malloc is left as it was. */
  readonly malloc: "tuned" | "BACKSOLVE_MALLOC" | "environment" | "replaced" | "not glibc";
  readonly lanes: number;
}

/** The three ways to an addon, in the order in which they are tried. */
export type From = "BACKSOLVE_BINARY" | "local build" | "platform package";
export interface Loaded {
  readonly binding: Binding;
  readonly path: string;
  readonly from: From;
}
/** One way that failed. */
export interface Attempt {
  readonly from: From;
  readonly path: string;
  readonly why: string;
  readonly kind: "absent" | "version" | "blas" | "system" | "forbidden" | "broken";
}
/** What came of looking for the addon; `wrong`: a BACKSOLVE_ variable that it does not understand. */
export interface Search {
  readonly found?: Loaded;
  readonly wrong?: ArgumentError;
  readonly tried: readonly Attempt[];
  readonly remedy: string;
}

/** The platforms that may have binaries, by the names of their packages. */
const PACKAGES: { readonly [platform: string]: string } = Object.fromEntries(
  ["linux-x64-gnu", "linux-arm64-gnu", "linux-x64-musl", "linux-arm64-musl", "darwin-arm64", "win32-x64"].map((p) => [
    p,
    `@backsolve/${p}/backsolve.node`,
  ]),
);
/**
 * Where npm, pnpm and Yarn put them, as seen from dist/. Written out for programs that gather an application's files without running it
 * (@vercel/nft in Next.js and others): they take along what a path that begins with __dirname names, and the libraries beside an addon.
 */
const BESIDE: { readonly [platform: string]: string } =
  typeof __dirname !== "string" // a bundle that is an ES module
    ? {}
    : {
        "linux-x64-gnu": `${__dirname}/../../@backsolve/linux-x64-gnu/backsolve.node`,
        "linux-arm64-gnu": `${__dirname}/../../@backsolve/linux-arm64-gnu/backsolve.node`,
        "linux-x64-musl": `${__dirname}/../../@backsolve/linux-x64-musl/backsolve.node`,
        "linux-arm64-musl": `${__dirname}/../../@backsolve/linux-arm64-musl/backsolve.node`,
        "darwin-arm64": `${__dirname}/../../@backsolve/darwin-arm64/backsolve.node`,
        "win32-x64": `${__dirname}/../../@backsolve/win32-x64/backsolve.node`,
      };

/** The number of docs/native-boundary.md, which an addon has from its sources. */
const BOUNDARY = 7;
const EXPORTS = [
  "kernels",
  "failureKinds",
  "run",
  "prepare",
  "call",
  "forget",
  "runAsync",
  "createProgram",
  "runProgram",
  "runProgramAsync",
  "explainProgram",
  "info",
  "setThreads",
] as const satisfies readonly (keyof Binding)[];

/** What was loaded, if it is the addon of this version. */
function bindingOf(loaded: Partial<Binding> | null): Binding {
  const missing = EXPORTS.find((name) => typeof loaded?.[name] !== "function");
  if (missing !== undefined) throw new Error(`loaded, but it is not this package's addon: it has no function ${missing}()`);
  if (loaded?.boundary !== BOUNDARY) throw new Error(OTHER_VERSION);
  return loaded as Binding;
}
const OTHER_VERSION = `loaded, but it was built from another version of backsolve than ${version}`;

const attempted = <R>(f: () => R): R | undefined => {
  try {
    return f();
  } catch {
    return undefined;
  }
};
interface Manifest {
  readonly name?: unknown;
  readonly version?: unknown;
  readonly optionalDependencies?: object;
}
const manifest = (folder: string): Manifest | undefined => attempted(() => JSON.parse(readFileSync(join(folder, "package.json"), "utf8")));

let entry: string | undefined;
/** Tells where an ES module of this package is: in a bundle of that kind no other name of the file is to be had. */
export function from(url: string | undefined): void {
  entry ??= url;
}

/** The files from which modules are looked up where this code is part of a bundle: the bundle as far as it is known, the program, its folder. */
function bundleFiles(): string[] {
  const own = typeof __filename === "string" ? __filename : undefined; // no such variable in an ES module
  const files = [own, entry && attempted(() => fileURLToPath(entry as string)), process.argv[1], attempted(() => join(process.cwd(), "."))];
  return [...new Set(files)].filter((f): f is string => f !== undefined && isAbsolute(f));
}

/** This package's own folder, from dist/ and from lib/core/ alike. Of a bundle it is not that of the first package.json above. */
function ownFolder(): string | undefined {
  if (typeof __filename !== "string") return undefined;
  for (let folder = dirname(__filename); ; folder = dirname(folder)) {
    if (manifest(folder)?.name === "backsolve") return folder;
    if (folder === dirname(folder)) return undefined;
  }
}

interface Place {
  /** Whether this code lies outside its package. */
  readonly bundled: boolean;
  /** The package's folder, which a bundle may have beside it. */
  readonly root: string | undefined;
  readonly bases: readonly string[];
}
export function placeOf(): Place {
  const own = ownFolder();
  if (own !== undefined) return { bundled: false, root: own, bases: [join(own, "package.json")] };
  const files = bundleFiles();
  // with pnpm the platform package can be seen from the package alone
  const beside = files.map((f) => attempted(() => createRequire(f).resolve("backsolve/package.json"))).find((f) => f !== undefined);
  return { bundled: true, root: beside && dirname(beside), bases: beside === undefined ? files : [...files, beside] };
}

/**
 * Whether the C library of this process is musl: the name of the loader in the head of Node's executable. process.report says it, too, but
 * takes 4 ms at the least, and looks up names of hosts where it is not told not to.
 */
function isMusl(): boolean {
  const interpreter = attempted(() => {
    const file = openSync(process.execPath, "r");
    try {
      const read = (at: number, size: number): Buffer => {
        const bytes = Buffer.alloc(size);
        readSync(file, bytes, 0, size, at);
        return bytes;
      };
      const head = read(0, 64); // ELF64, little-endian
      const [size, count] = [head.readUInt16LE(54), head.readUInt16LE(56)];
      const table = read(Number(head.readBigUInt64LE(32)), size * count);
      for (let at = 0; at < size * count; at += size) {
        if (table.readUInt32LE(at) !== 3) continue; // PT_INTERP
        return read(Number(table.readBigUInt64LE(at + 8)), Number(table.readBigUInt64LE(at + 32))).toString();
      }
    } finally {
      closeSync(file);
    }
    return undefined;
  });
  return interpreter?.includes("ld-musl-") ?? false;
}

/** What the binaries for this process are called. */
export const platform = (): string =>
  `${process.platform}-${process.arch}${process.platform === "linux" ? (isMusl() ? "-musl" : "-gnu") : ""}`;

/** Of a path, from the working folder, or a file: URL; what is no URL of a file stays as it is, and is not found. */
const pathOf = (given: string): string => (/^file:/i.test(given) ? (attempted(() => fileURLToPath(given)) ?? given) : resolve(given));

const LIBRARY_TOO_OLD = /GLIBC(XX)?_[\d.]+' not found/;
function kindOf(why: string): Attempt["kind"] {
  if (why === OTHER_VERSION) return "version";
  if (why.startsWith("OpenBLAS ")) return "blas";
  return LIBRARY_TOO_OLD.test(why) ? "system" : "broken";
}

/** Looks for the addon and loads it; `open` does so with a file that is there. */
export function search(open = (path: string): Partial<Binding> | null => createRequire(path)(path)): Search {
  const tried: Attempt[] = [];
  const fail = (from: From, path: string, why: string, kind = kindOf(why)): undefined => {
    tried.push({ from, path, why, kind });
  };
  let wrong: ArgumentError | undefined;
  const attempt = (from: From, path: string): Loaded | undefined => {
    if (!existsSync(path)) return fail(from, path, "there is no such file", "absent");
    if (statSync(path).isDirectory()) return fail(from, path, "is a folder, expected the path of a file", "absent");
    try {
      return { from, path, binding: bindingOf(open(path)) };
    } catch (error) {
      const { message, code } = error as Error & { code?: unknown };
      if (code === "ERR_ARGUMENT") wrong = new ArgumentError("backsolve", message);
      const line = message.split("\n")[0] as string;
      const why = line.startsWith(`${path}: `) ? line.slice(path.length + 2) : line;
      return fail(from, path, why, code === "ERR_DLOPEN_DISABLED" ? "forbidden" : kindOf(why));
    }
  };
  const forced = process.env.BACKSOLVE_BINARY;
  const place = placeOf();
  const find = (): Loaded | undefined => {
    if (forced) return attempt("BACKSOLVE_BINARY", pathOf(forced));
    const local = place.root && attempt("local build", join(place.root, "build/Release/backsolve.node"));
    if (local || wrong) return local || undefined;
    const name = PACKAGES[platform()];
    return name === undefined ? undefined : fromPackage(name);
  };
  const fromPackage = (name: string): Loaded | undefined => {
    const way: From = "platform package";
    const beside = BESIDE[platform()];
    const path =
      place.bases.map((b) => attempted(() => createRequire(b).resolve(name))).find((p) => p !== undefined) ??
      (beside !== undefined && existsSync(beside) ? resolve(beside) : undefined);
    if (path === undefined) return fail(way, name, `is not installed, as seen from ${place.bases.join(", ")}`, "absent");
    const other = manifest(dirname(path))?.version ?? version; // there is none where the addon alone was copied
    if (other === version) return attempt(way, path);
    return fail(way, path, `${dirname(name)} is version ${other}, backsolve is version ${version}: they must be the same`, "version");
  };
  const found = find();
  if (found) return { found, tried, remedy: "" };
  return { ...(wrong && { wrong }), tried, remedy: remedyOf(place, tried) };
}

const BUILD = "build it from source: npx backsolve build";
const GATHERED =
  'Where a tool gathers the files of an application, let it take node_modules/@backsolve along (Next.js: outputFileTracingIncludes: { "/*": ["./node_modules/@backsolve/*/*"] }).';

/** The platforms that this release has binaries for, as far as that can be known: its package.json names them, a bundle has none. */
function publishedFor({ root }: Place): readonly string[] {
  const known = root === undefined ? undefined : manifest(root)?.optionalDependencies;
  const all = Object.keys(PACKAGES);
  return known === undefined ? all : all.filter((p) => Object.hasOwn(known, `@backsolve/${p}`));
}

/** What helps in this situation. */
function remedyOf(place: Place, tried: readonly Attempt[]): string {
  const here = platform();
  const name = dirname(PACKAGES[here] ?? "");
  const last = tried.find((t) => t.kind !== "absent") ?? tried.at(-1);
  if (last?.kind === "forbidden")
    return "Node.js was told to load no addons: start it with --allow-addons where --permission is given, and without --no-addons.";
  if (last?.kind === "blas" && last.from === "platform package")
    return `OpenBLAS is a part of ${name}, beside its backsolve.node: install the package again, and where files are copied, copy its whole folder.`;
  if (last?.kind === "blas") return `Install OpenBLAS. If it lies elsewhere than when the addon was built, ${BUILD}`;
  if (last?.from === "BACKSOLVE_BINARY") {
    if (last.kind === "version") return "Build it again from this version: npx backsolve build --out FOLDER; or unset BACKSOLVE_BINARY.";
    return "Unset BACKSOLVE_BINARY or point it at a backsolve.node of this platform.";
  }
  // A clone of the repository; the files that are published have no binding.gyp.
  if (place.root !== undefined && existsSync(join(place.root, "binding.gyp")))
    return `Build it from source: cd ${place.root} && npm run setup`;
  if (last?.kind === "version" && last.from === "platform package")
    return place.bundled
      ? `Bundle again with the backsolve that is installed, or install the one that was bundled: npm i backsolve@${version}`
      : `Install both again: npm i backsolve@${version}; npm ls ${name} says who asks for the other.`;
  if (last?.kind === "system")
    return `The C or C++ library of this system is older than the binary needs. Use a newer system or base image, or ${BUILD}`;
  if (last?.kind === "broken" && last.from === "platform package")
    return `Its file or a library beside it is missing, damaged, or made for another platform: install ${name} again (where files are copied, copy its whole folder), or ${BUILD}`;
  if (last?.from === "local build" && last.kind !== "absent")
    return `Delete the local build (its file is damaged, or made for another platform or version), or build it again: npx backsolve build`;
  const published = publishedFor(place);
  if (!published.includes(here))
    return `There are binaries for ${published.join(", ")}. For ${here}, ${BUILD}${place.bundled ? " --out FOLDER" : ""}`;
  const foreign = Object.keys(PACKAGES).filter((p) =>
    place.bases.some((b) => attempted(() => createRequire(b).resolve(PACKAGES[p] as string)) !== undefined),
  );
  if (foreign.length > 0)
    return `The packages were installed for another platform: @backsolve/${foreign.join(", @backsolve/")} is there, ${name} is not. Do not copy node_modules from one system to another (.dockerignore keeps it out of an image): delete it and install here. If the lock file knows no ${name}, delete that, too.`;
  if (place.bundled)
    return `backsolve is part of a bundle here, and an addon cannot be. Mark it as external in your bundler (esbuild --external:backsolve; webpack externals: { backsolve: "commonjs backsolve" }), or install ${name} where the bundle runs, or point BACKSOLVE_BINARY at its backsolve.node. ${GATHERED}`;
  return `${name} is an optional dependency that this installation left out: install with npm i --include=optional, without --omit=optional, --no-optional or such a setting in .npmrc. If that does not help, the lock file was written on another platform: delete it and node_modules, and install again. ${GATHERED} Or ${BUILD}`;
}

/** Loads the addon. @throws BacksolveError ERR_NO_BINARY that lists what was tried, ArgumentError for a BACKSOLVE_ variable. */
export function load(): Loaded {
  const { found, wrong, tried, remedy } = search();
  if (found) return found;
  if (wrong) throw wrong;
  const list = tried.map((t) => `  ${t.from} ${t.path}: ${t.why}\n`).join("");
  const what = `the native addon cannot be loaded (${platform()}, Node.js ${process.version}).`;
  throw new BacksolveError("ERR_NO_BINARY", "backsolve", `${what}${list && ` Tried:\n${list}`}${list ? "" : " "}${remedy}`);
}

let loaded: Loaded | undefined;
/** The addon and where it came from. */
export function addon(): Loaded {
  if (!loaded) {
    loaded = load();
    keepWarm(loaded.binding);
  }
  return loaded;
}
export const binding = (): Binding => addon().binding;
