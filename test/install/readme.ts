// The README's examples as programs: its blocks of TypeScript and JavaScript, with the numbers that their comments promise.
import { readFileSync } from "node:fs";
import { expect } from "chai";
import ts from "typescript";

export interface Program {
  readonly title: string;
  /** Its text by the extension of a file that may hold it: mjs, cjs, mts, cts. One that requires is CommonJS, and JavaScript, alone. */
  readonly sources: Readonly<Record<string, string>>;
  /** For each console.log in turn, the comment beside it. */
  readonly comments: readonly (string | undefined)[];
}

/** Loaded before a program: logs each call as one line of JSON, tensors as their arrays, so that layout plays no part. */
export const CAPTURE = `const plain = (x, otherwise) => typeof x?.toArray === "function" ? x.toArray() : ArrayBuffer.isView(x) ? Array.from(x) : otherwise;
console.log = (...a) => process.stdout.write(JSON.stringify(a, function (k, v) { return plain(this[k], v); }) + "\\n");
`;

const IMPORT = /^import\s*(?:type\s*)?\{([^}]*)\}\s*from\s*("[^"]+");?[ \t]*$/gm;

/** As CommonJS: a function around all but the imports, for the await at the top, and in JavaScript requires for imports. */
function toCommonJS(source: string, language: "js" | "ts"): string {
  const imports = [...source.matchAll(IMPORT)].map(([text, names, from]) =>
    language === "ts" ? text : `const {${names?.replace(/\bas\b/g, ":")}} = require(${from});`,
  );
  const body = source.replace(IMPORT, "");
  if (/^import\s/m.test(body)) throw new Error(`README.md has an import of another form than import { ... } from "...":\n${body}`);
  return `${imports.join("\n")}\n(async () => {\n${body}\n})();\n`;
}

/** Blocks that name the package begin a program; those that do not go on with the one before. */
export function programs(markdown = readFileSync("README.md", "utf8")): Program[] {
  const examples: { title: string; source: string }[] = [];
  for (const { 1: source = "", index } of markdown.matchAll(/^```(?:ts|typescript|js|javascript|mjs|cjs)[ \t]*\n([\s\S]*?)^```/gm)) {
    const last = examples.at(-1);
    const heading = markdown
      .slice(0, index)
      .match(/^#+ .*$/gm)
      ?.at(-1)
      ?.replace(/^#+ /, "");
    if (/["']backsolve["'/]/.test(source)) examples.push({ title: `README, example ${examples.length + 1} (${heading})`, source });
    else if (last) last.source += source;
    else throw new Error(`README.md: code that does not import backsolve comes before any that does:\n${source}`);
  }
  return examples.map(({ title, source }) => {
    const logs = source.split("\n").filter((line) => line.includes("console.log("));
    const comments = logs.map((line) => line.match(/\/\/(.*)$/)?.[1]);
    if (source.includes("require(")) return { title, comments, sources: { cjs: source } };
    const { target, module } = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
    const mjs = ts.transpileModule(source, { compilerOptions: { target, module } }).outputText;
    return { title, comments, sources: { mjs, cjs: toCommonJS(mjs, "js"), mts: source, cts: toCommonJS(source, "ts") } };
  });
}

const NUMBER = /(?<![\w.])-?\d+(?:\.(\d+))?(?:e[-+]?\d+)?(?![\w.])/g;
const numbers = (text: string) => [...text.matchAll(NUMBER)].map(([t, decimals = ""]) => ({ value: Number(t), decimals: decimals.length }));

/** The number or the array that a comment promises: the first that it has. */
const promised = (comment: string | undefined): string | undefined =>
  comment?.match(/\[[-\d.,e\s[\]+]*\]|(?<![\w.])-?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w.])/)?.[0];

/** The numbers of the comments, to the digits that they are written with, against what was logged. @returns how many were compared. */
export function expectLogs(stdout: string, { comments }: Program): number {
  const lines = stdout.split("\n").filter((line) => line !== "");
  expect(lines.length, `lines logged:\n${stdout}\n`).to.equal(comments.length);
  let compared = 0;
  for (const [i, comment] of comments.entries()) {
    const text = promised(comment);
    if (text === undefined) continue;
    const what = `${lines[i]} where the README says ${text}`;
    const got = numbers(lines[i] as string);
    const wanted = numbers(text);
    expect(got.length, what).to.equal(wanted.length);
    for (const [k, { value, decimals }] of wanted.entries()) expect(got[k]?.value, what).to.be.closeTo(value, 0.5000001 * 10 ** -decimals);
    compared += wanted.length;
  }
  return compared;
}
