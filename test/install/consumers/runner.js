// What a project tests with a test runner. Before this, for each runner: `b` is the package, `test` the runner's function, and
// `same(x, y)` and `differ(x, y)` are its deep comparisons in every form that it has.
const { linalg, tensor } = b;
const matrix = () => tensor([[4, 1], [1, 3]]);

test("deep equality tells tensors of other elements, shapes and dtypes apart", () => {
  same(linalg.inv(tensor([[2, 0], [0, 4]])), tensor([[0.5, 0], [0, 0.25]]));
  same({ g: [tensor([1, 2])] }, { g: [tensor([1, 2])] });
  for (const other of [tensor([2]), tensor([1, 1]), tensor([[1]]), tensor([1], { dtype: "float32" }), tensor([{ re: 1, im: 0 }])]) {
    differ(tensor([1]), other);
    differ({ g: [tensor([1])] }, { g: [other] });
  }
});
test("trees of another realm are trees", () => {
  const outer = require("node:vm").runInNewContext("({ a: 1, c: [2, 3] })");
  const f = ({ a, c }) => b.mul(a, b.mul(c[0], c[1]));
  for (const tree of [outer, structuredClone({ a: 1, c: [2, 3] })]) {
    const { a, c } = b.grad(f)(tree);
    same([a, ...c], [tensor(6), tensor(3), tensor(2)]);
  }
  const program = b.compile(f, { a: b.float64(), c: [b.float64(), b.float64()] });
  same(program.runSync([outer]), tensor(6));
  same(tensor(require("node:vm").runInNewContext("new Float64Array([1, 2])")), tensor([1, 2]));
});
test("clones are read back, and differ where the tensors do", () => {
  same(tensor(structuredClone(matrix())), matrix());
  same(tensor(JSON.parse(JSON.stringify(matrix()))), matrix());
  differ(structuredClone(tensor([1])), structuredClone(tensor([2])));
});
test("a tensor posted to a worker and back is the same", async () => {
  const { Worker } = require("node:worker_threads");
  const code = `require("node:worker_threads").parentPort.on("message", (m) => require("node:worker_threads").parentPort.postMessage(m))`;
  const worker = new Worker(code, { eval: true });
  try {
    const back = await new Promise((resolve, reject) => {
      worker.once("message", resolve).once("error", reject);
      worker.postMessage(matrix());
    });
    same(tensor(back), matrix());
    differ(tensor(back), b.mul(2, matrix()));
  } finally {
    await worker.terminate();
  }
});
test("many calls with one signal, of which one aborts all", async () => {
  const warnings = [];
  const heard = (warning) => warnings.push(String(warning));
  process.on("warning", heard);
  const controller = new AbortController();
  const { signal } = controller;
  const program = b.compile((x) => b.mul(2, x), b.float64());
  const all = await Promise.all(Array.from({ length: 60 }, (_, i) => (i % 2 ? linalg.inv.async(tensor([[i]]), { signal }) : program.run([i], { signal }))));
  same(all[1], tensor([[1]]));
  same(all[4], tensor(8));
  const large = b.random.normal(b.random.key(1), [400, 400]);
  const late = Array.from({ length: 30 }, () => linalg.inv.async(large, { signal }).then(() => "done", (error) => error.name));
  controller.abort();
  const ends = await Promise.all(late);
  same(ends.filter((end) => end !== "done" && end !== "AbortError"), []);
  same(ends.includes("AbortError"), true);
  await new Promise((resolve) => setTimeout(resolve, 50)); // warnings come later
  process.off("warning", heard);
  same(warnings, []);
});
test("failures are errors of a kind, in this realm", () => {
  let caught;
  try {
    linalg.cholesky(tensor([[1, 2], [2, 1]]));
  } catch (error) {
    caught = error;
  }
  same(caught.code, "ERR_NOT_POSITIVE_DEFINITE");
  same(caught instanceof b.LinalgError, true);
  same(caught instanceof Error, true);
});
