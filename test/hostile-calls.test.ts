// Hostile callers, as in hostile-tensors.test.ts: calls of everything, where memory ends, in threads and processes that end.
import { expect } from "chai";
import { long } from "./grid";
import { script } from "./native";

describe("hostile: calls", () => {
  long("20,000 random calls of everything public", () => {
    expect(script("fuzz.ts", [20_000])).to.deep.equal([0, "answered true\n"]);
  });
  long("more than there is memory for", () => {
    expect(script("heap.ts", [], { memory: 5_000_000 })).to.deep.equal([0, "done\n"]);
  });
  long("threads that end while they work", () => {
    expect(script("workers.ts")).to.deep.equal([0, "alive 1\n"]);
  });
  long("processes that exit with work in flight", () => {
    for (const delay of [-1, 0, 3, 10, 40]) expect(script("worker.ts", [delay])).to.deep.equal([0, ""]);
  });
});
