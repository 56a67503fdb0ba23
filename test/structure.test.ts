// The shape of the code: imports go one way, files stay small, instruction sets stay apart.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, normalize } from "node:path";
import { expect } from "chai";
import ts from "typescript";
import { binding } from "../lib/boundary/addon";
import { functionsOf } from "./braces";
import { long } from "./grid";

const files = (folder: string, pattern: RegExp): string[] =>
  (readdirSync(folder, { recursive: true }) as string[]).filter((f) => pattern.test(f)).map((f) => join(folder, f));

// Later may import earlier; a group may import within itself only where marked.
const ORDER: { group: RegExp; within?: boolean }[] = [
  { group: /^lib\/core\/node$/ },
  { group: /^lib\/core\/errors$/ },
  { group: /^lib\/core\/primordials$/ },
  { group: /^lib\/core\/dtype$/ },
  { group: /^lib\/core\/(shape|spare|open)$/ },
  { group: /^lib\/core\/storage$/ },
  { group: /^lib\/core\/display$/ },
  { group: /^lib\/core\/tensor$/ },
  { group: /^lib\/core\/(signature|attrs)$/ },
  { group: /^lib\/core\/key$/ },
  { group: /^lib\/core\/domain$/ },
  { group: /^lib\/core\/row$/ },
  { group: /^lib\/core\/(ir|registry)$/ },
  { group: /^lib\/core\/(form|intern)$/ },
  { group: /^lib\/core\/infer$/ },
  { group: /^lib\/core\/failures$/ },
  { group: /^lib\/boundary\/heap$/ },
  { group: /^lib\/boundary\/addon$/ },
  { group: /^lib\/boundary\/descriptor$/ },
  { group: /^lib\/core\/bind$/ },
  { group: /^lib\/boundary\/jobs$/ },
  { group: /^lib\/core\/outcome$/ },
  { group: /^lib\/core\/levels$/ },
  { group: /^lib\/core\/trace$/ },
  { group: /^lib\/core\/left$/ },
  { group: /^lib\/core\/evaluate$/ },
  { group: /^lib\/core\/(apply|fused)$/ },
  { group: /^lib\/core\/rules$/ },
  { group: /^lib\/core\/reverse$/ },
  { group: /^lib\/core\/forward$/ },
  { group: /^lib\/core\/slopes$/ },
  { group: /^lib\/core\/operands$/ },
  { group: /^lib\/core\/check-row$/ },
  { group: /^lib\/core\/callable$/ },
  { group: /^lib\/core\/op$/ },
  { group: /^lib\/core\/tree$/ },
  { group: /^lib\/core\/scope$/ },
  { group: /^lib\/ops\//, within: true }, // rules may refer to each other: they resolve when called
  { group: /^lib\/(methods|runtime)$/ },
  { group: /^lib\/transforms\//, within: true },
  { group: /^lib\/program\/(code|names|spec)$/ },
  { group: /^lib\/program\/(intern|reading|uniform)$/ },
  { group: /^lib\/program\/dead$/ },
  { group: /^lib\/program\/(invariants|merge)$/ },
  { group: /^lib\/program\/passes$/ },
  { group: /^lib\/program\/calls$/ },
  { group: /^lib\/program\/(control-json|instruction)$/ },
  { group: /^lib\/program\/version[12]$/ },
  { group: /^lib\/program\/json$/ },
  { group: /^lib\/program\/callee$/ },
  { group: /^lib\/program\/(record|replay)$/ },
  { group: /^lib\/program\/(derive|executable)$/ },
  { group: /^lib\/control\//, within: true },
  { group: /^lib\/program\/op$/ },
  { group: /^lib\/program\/program$/ },
  { group: /^lib\/program\/compile$/ },
  { group: /^lib\/testing\//, within: true },
  { group: /^lib\/optimize\//, within: true },
  { group: /^lib\/index$/ },
  { group: /^lib\/cli\//, within: true },
];
/** The modules of lib that a file imports or re-exports, types included: a type that two files need of each other binds them as a value does. */
const importsOf = (file: string): string[] =>
  ts
    .preProcessFile(readFileSync(file, "utf8"))
    .importedFiles.filter(({ fileName }) => fileName.startsWith(".") && !fileName.endsWith(".json"))
    .map(({ fileName }) => normalize(join(file, "..", fileName)));

/** A circle of imports, or undefined. */
function circle(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (at: string): string[] | undefined => {
    if (path.includes(at)) return [...path.slice(path.indexOf(at)), at];
    if (done.has(at)) return undefined;
    path.push(at);
    for (const to of graph.get(at) ?? []) {
      const found = visit(to);
      if (found) return found;
    }
    done.add(path.pop() as string);
    return undefined;
  };
  for (const file of graph.keys()) {
    const found = visit(file);
    if (found) return found;
  }
  return undefined;
}

const MAX_FUNCTION = 50;
const called = (node: ts.Node): string => (ts.isCallExpression(node) ? node.expression.getText() : "");
/** Whether a function is a list of tests: given to `describe` or `it`, or full of these. */
function isList(f: ts.FunctionLikeDeclaration): boolean {
  if (/^(describe|it)\b/.test(called(f.parent))) return true;
  const statements = f.body && ts.isBlock(f.body) ? f.body.statements : [];
  return statements.some((s) => ts.isExpressionStatement(s) && /^(describe|it)$/.test(called(s.expression)));
}

function longFunctions(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true);
  const lineOf = (at: number): number => source.getLineAndCharacterOfPosition(at).line + 1;
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && "body" in node && !isList(node)) {
      const [first, last] = [lineOf(node.getStart()), lineOf(node.end)];
      if (last - first >= MAX_FUNCTION) found.push(`${file}:${first}: ${last - first + 1} lines`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

const rank = (path: string): number => ORDER.findIndex(({ group }) => group.test(path));

describe("structure", () => {
  it("imports go one way", () => {
    const wrong: string[] = [];
    for (const file of files("lib", /\.ts$/)) {
      const from = file.replace(/\.ts$/, "");
      expect(rank(from), `${file} has a place in the order`).to.be.at.least(0);
      for (const to of importsOf(file)) {
        const [a, b] = [rank(from), rank(to)];
        if (b > a || (b === a && !ORDER[a]?.within)) wrong.push(`${from} -> ${to}`);
      }
    }
    expect(wrong).to.deep.equal([]);
  });
  it("no circle of imports, types included", () => {
    const graph = new Map(files("lib", /\.ts$/).map((f) => [f.replace(/\.ts$/, ""), importsOf(f)]));
    expect(graph.get("lib/core/tensor")).to.include("lib/core/shape");
    expect(circle(graph)).to.equal(undefined);
  });
  it("the core takes Node's modules from one place", () => {
    const apart = files("lib", /\.ts$/).filter((f) => f !== "lib/core/node.ts" && !f.startsWith("lib/cli/"));
    expect(apart.length).to.be.above(30);
    const importing = apart.filter((f) => /^(?!import type).*(from|import|require\() ?"node:/m.test(readFileSync(f, "utf8")));
    expect(importing).to.deep.equal([]);
  });
  it("lib takes none of mocha's globals for its own: the compiler knows both", () => {
    const own = /\bdescribe\b[^;]*\} from "/;
    const calling = files("lib", /\.ts$/).filter((f) => /(?<![\w.])describe\(/.test(readFileSync(f, "utf8")));
    expect(calling.length).to.be.above(20);
    expect(calling.filter((f) => f !== "lib/core/errors.ts" && !own.test(readFileSync(f, "utf8")))).to.deep.equal([]);
  });
  it("no tensor of lib is of dtype never, which goes wherever a tensor goes: rules have symbolic dtypes", () => {
    const all = files("lib", /\.ts$/);
    expect(all.length).to.be.above(50);
    expect(all.filter((f) => /Tensor<never>/.test(readFileSync(f, "utf8")))).to.deep.equal([]);
  });
  it("no file is longer than 400 lines", () => {
    const long = [...files("lib", /\.ts$/), ...files("test", /\.ts$/), ...files("native", /\.(cc|h)$/)].filter(
      (f) => readFileSync(f, "utf8").split("\n").length > 401,
    );
    expect(long).to.deep.equal([]);
  });
  it(`no function is longer than ${MAX_FUNCTION} lines`, () => {
    expect([...files("lib", /\.ts$/), ...files("test", /\.ts$/)].flatMap(longFunctions)).to.deep.equal([]);
    const native = files("native", /\.(cc|h)$/).flatMap((file) =>
      functionsOf(readFileSync(file, "utf8"))
        .filter(({ lines }) => lines > MAX_FUNCTION)
        .map(({ line, lines }) => `${file}:${line}: ${lines} lines`),
    );
    expect(native).to.deep.equal([]);
  });
  it("functions of C++ are found: every statement is in one", () => {
    const outside = files("native", /\.(cc|h)$/).flatMap((file) => {
      const source = readFileSync(file, "utf8");
      const within = new Set(functionsOf(source).flatMap(({ line, lines }) => Array.from({ length: lines }, (_, i) => line + i)));
      const macro = (lines: readonly string[], i: number): boolean =>
        (lines[i - 1] ?? "").endsWith("\\") || (lines[i] as string).endsWith("\\");
      return source.split("\n").flatMap((text, i, lines) => {
        const statement = /^\s+(return|if \(|for \(|while \(|switch \()/.test(text);
        return statement && !within.has(i + 1) && !macro(lines, i) ? [`${file}:${i + 1}`] : [];
      });
    });
    expect(outside).to.deep.equal([]);
  });
  it("functions of C++ are measured", () => {
    const lines = (source: string): number[] => functionsOf(source).map((f) => f.lines);
    expect(lines("template <class T>\nint f(T x) {\n  for (int i = 0; i < 3; ++i) {\n    g({1, 2});\n  }\n  return x;\n}\n")).to.deep.equal(
      [7],
    );
    expect(lines("A::A(int x)\n    : a_(x),\n      b_{x} {\n  if (x) {\n    go();\n  }\n}\n")).to.deep.equal([7]);
    expect(lines("const Row kRows[] = {\n  {f(1), 2},\n  {3, 4},\n};\n// void f() {\n")).to.deep.equal([]);
    expect(
      lines("void f() {\n  run([&](int i) {\n    return i;\n  });\n}\nstruct S {\n  int g() const { return '}'; }\n};\n"),
    ).to.deep.equal([3, 5, 1]);
  });
  it("a kernel is registered in one place", () => {
    const lists = [...files("native/kernels", /\.(cc|def)$/), "native/lanes/maps.def"].map((f) => readFileSync(f, "utf8")).join("\n");
    const registered = [...lists.matchAll(/^(?: +|constexpr Kernel kList\[\] = \{)(?=\{")(.*)|^BS_MAP\(\w+, ("\w+")/gm)].flatMap(
      ([, entries, map]) => (map === undefined ? [...(entries as string).matchAll(/\{("\w+")/g)].map((m) => m[1] as string) : [map]),
    );
    const names = binding()
      .kernels()
      .map((k) => JSON.stringify(k.name));
    expect(registered.toSorted()).to.deep.equal(names.toSorted());
    expect(new Set(names).size).to.equal(names.length);
  });
  it("code for lanes is one word, one end of a file and one kernel's", () => {
    const read = (f: string): string => readFileSync(f, "utf8");
    const matches = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map((m) => m[1] as string).toSorted();
    const words = matches(read("native/lanes/kernels.def"), /^BS_LANES\((\w+)\)/gm);
    expect(words.length).to.be.above(10);
    expect(new Set(words).size).to.equal(words.length);
    expect(matches(files("native/lanes/kernels", /\.cc$/).map(read).join(), /^BS_LANES_KERNEL(?:_AND_SMALL)?\((\w+),/gm)).to.deep.equal(
      words,
    );
    expect(matches(files("native/kernels", /\.cc$/).map(read).join(), /\bLanes::(?!none)(\w+)/g)).to.deep.equal(words);
  });
  long("code of an instruction set has no symbol that the linker could merge into another", function (this: Mocha.Context) {
    const folder = "build/CMakeFiles";
    if (!existsSync(folder)) this.skip(); // built elsewhere
    const leaks: string[] = [];
    for (const object of files(folder, /lanes_\w+\.dir.*\.o$/)) {
      const isa = /lanes_(\w+)\.dir/.exec(object)?.[1] as string;
      const symbols = execFileSync("nm", ["-C", "--defined-only", object], { encoding: "utf8" });
      for (const line of symbols.split("\n")) {
        const weak = /^[0-9a-f]+ [WVu] (.*)$/.exec(line)?.[1];
        // DW.ref: a pointer to the exception personality, the same for every set and no code
        if (weak && !weak.startsWith("DW.ref.") && !weak.includes(`backsolve::${isa}::`)) leaks.push(`${object}: ${weak}`);
      }
    }
    expect(leaks).to.deep.equal([]);
  });
});
