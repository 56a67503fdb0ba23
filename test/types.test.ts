// The types that users meet: test/types, in which every line that must not compile says so.
import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import { expect } from "chai";
import ts from "typescript";

describe("types", function () {
  this.timeout(300_000); // the compiler reads everything
  it("infer what users write, without casts", () => {
    const { config } = ts.readConfigFile("tsconfig.json", ts.sys.readFile);
    const { options } = ts.parseJsonConfigFileContent(config, ts.sys, process.cwd());
    const program = ts.createProgram(
      readdirSync("test/types").map((f) => resolve("test/types", f)),
      options,
    );
    const found = ts.getPreEmitDiagnostics(program).map((d) => {
      const { line } = ts.getLineAndCharacterOfPosition(d.file as ts.SourceFile, d.start ?? 0);
      return `${d.file?.fileName}:${line + 1}: ${ts.flattenDiagnosticMessageText(d.messageText, "\n")}`;
    });
    expect(found).to.deep.equal([]);
  });
});
