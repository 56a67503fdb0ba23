import { expect } from "chai";
import { binding } from "../lib/boundary/addon";
import {
  add,
  compile,
  complex64,
  complex128,
  diag,
  exp,
  type Float,
  float32,
  float64,
  grad,
  linalg,
  log,
  mul,
  Program,
  random,
  real,
  registry,
  slice,
  sum,
  type Tensor,
  tensor,
  valueAndGrad,
} from "../lib/index";
import { checkGrads, relativeError } from "../lib/testing/index";
import { inputsOf } from "../lib/testing/sample";
import { long } from "./grid";

type F64 = Tensor<"float64">;
const specs = { float32, float64, complex64, complex128 };
const eps = { float32: 2 ** -23, complex64: 2 ** -23, float64: 2 ** -52, complex128: 2 ** -52 };
const loss = (a: F64): F64 => sum(log(real(diag(linalg.cholesky(a)))));
const spd = (dtype: Float, n: number, batch: number) =>
  inputsOf(registry.get("cholesky")!, { label: "", attrs: {}, batch: [batch], shapes: [[batch, n, n]] }, dtype)[0] as Tensor<never>;

describe("compile", () => {
  for (const dtype of ["float32", "float64", "complex64", "complex128"] as const) {
    it(`batched gradient of log det through Cholesky in lanes equals eager and differences, ${dtype}, n = 1..40`, () => {
      for (let n = 1; n <= 40; n++) {
        const a = spd(dtype, n, 19); // not a multiple of any lane count
        const program = compile(grad(loss), specs[dtype](n, n) as ReturnType<typeof float64>) as unknown as Program<unknown[], Tensor>;
        const lanes = program.runSync([a], { layout: "lanes" });
        const eager = grad((x: Tensor<never>) => sum(loss1(x)))(a);
        expect(relativeError(lanes, eager), `n=${n}`).to.be.below(64 * n * eps[dtype]);
        // the inverse is the exact gradient, up to the factor 1/2 of log det L
        const residual = relativeError(mul(2, linalg.matmul(lanes as never, a)), eyes(a));
        expect(residual, `n=${n}`).to.be.below(64 * n * eps[dtype]);
        if (eps[dtype] > 1e-10) continue;
        const item = slice(a, [0, 0, 0], [1, n, n]).reshape([n, n]) as F64;
        checkGrads((x: F64) => loss(mul(0.5, add(x, x.adjoint()))), [item]); // Hermitian directions: only one triangle is read
      }
    });
  }
  long("one progress-reporting, abortable run off the event loop", async () => {
    const program = compile(grad(loss), float64(24, 24)) as unknown as Program<unknown[], Tensor>;
    const a = spd("float64", 24, 3000);
    let last = 0;
    const value = await program.run([a], {
      onProgress: (done, total) => {
        last = done / total;
      },
    });
    expect(last).to.equal(1);
    expect(value.shape).to.deep.equal([3000, 24, 24]);
    const controller = new AbortController();
    const running = program.run([a], { signal: controller.signal });
    controller.abort(new Error("my reason"));
    expect(await running.catch((e: Error) => e.message)).to.equal("my reason");
    expect(
      await program
        .run([a], {
          onProgress: () => {
            throw new Error("from callback");
          },
        })
        .catch((e: Error) => e.message),
    ).to.equal("from callback");
  });
  long("a progress callback that throws rejects at once; the inputs stay in use until the job has left them", async () => {
    const program = compile(grad(loss), float64(300, 300)) as unknown as Program<unknown[], Tensor>;
    const a = mul(spd("float64", 300, 1), tensor(new Float64Array(40).fill(1), { shape: [40, 1, 1] })); // memory that nobody outside holds: read in place
    const reason = new Error("enough");
    const onProgress = () => {
      throw reason;
    };
    const addon = binding();
    const { runProgramAsync } = addon;
    let left = false;
    addon.runProgramAsync = (...args) => {
      const job = runProgramAsync(...args);
      job.promise.finally(() => (left = true)).catch(() => undefined);
      return job;
    };
    try {
      // One chunk: the job goes on after it was cancelled, and must find its inputs.
      const error = await program.run([a], { threads: 1, chunk: 2 ** 20, onProgress }).catch((e: unknown) => e);
      expect(error).to.equal(reason);
      expect(left).to.equal(false);
      const [other, write] = [mul(a, 2), () => mul(other, 1, { out: a })];
      expect(write).to.throw(/option out is being read by an asynchronous call/);
      while (!left) await new Promise((done) => setTimeout(done, 1));
      write();
    } finally {
      addon.runProgramAsync = runProgramAsync;
    }
  });
  it("inputs and outputs are named by path; shared inputs are broadcast", () => {
    const f = (p: { ls: F64 }, d: { x: F64 }) => sum(exp(mul(d.x, p.ls)));
    const program = compile(valueAndGrad(f), { ls: float64() }, { x: float64(3) });
    expect(program.inputs.map((i) => i.name)).to.deep.equal(["ls", "x"]);
    expect(program.outputs.map((o) => o.name)).to.deep.equal(["value", "grad.ls"]);
    const x = random.normal(1, [7, 3]);
    const out = program.runSync([{ ls: 0.5 }, { x }]);
    expect(out.grad.ls.shape).to.deep.equal([7]);
    for (let i = 0; i < 7; i++) {
      const one = valueAndGrad(f)({ ls: 0.5 } as never, { x: tensor(Array.from(x.data.slice(3 * i, 3 * i + 3))) });
      expect(out.value.at(i)).to.be.closeTo(one.value.item(), 1e-13);
      expect(out.grad.ls.at(i)).to.be.closeTo((one.grad as { ls: F64 }).ls.item(), 1e-13);
    }
    expect(() => compile((a: F64, b: { arg0: F64 }) => mul(a, b.arg0), float64(), { arg0: float64() })).to.throw(/path "arg0"/);
  });
  it("JSON out and in gives the same bits; hostile JSON is refused", () => {
    const program = compile(grad(loss), float64(5, 5)) as unknown as Program<unknown[], Tensor>;
    const text = JSON.stringify(program);
    const again = Program.from(JSON.parse(text)) as Program<unknown[], Tensor>;
    const a = spd("float64", 5, 20);
    expect(Array.from(again.runSync([a]).data)).to.deep.equal(Array.from(program.runSync([a]).data));
    const json = () => JSON.parse(text);
    const broken: [RegExp, (j: ReturnType<typeof json>) => void][] = [
      [
        /format/,
        (j) => {
          j.format = "x";
        },
      ],
      [
        /version/,
        (j) => {
          j.version = 3;
        },
      ],
      [
        /instruction/,
        (j) => {
          j.code[0].op = "rm";
        },
      ],
      [
        /instruction/,
        (j) => {
          j.code[0].op = "__proto__";
        },
      ],
      [
        /id 99/,
        (j) => {
          j.code[0].in = [99];
        },
      ],
      [
        /id -1/,
        (j) => {
          j.code[0].in = [-1];
        },
      ],
      [
        /ids are defined in order/,
        (j) => {
          j.code[0].out = [0];
        },
      ],
      [
        /option/,
        (j) => {
          j.code[1].attrs.k = 0.5;
        },
      ],
      [
        /shape|broadcast|square|axes/,
        (j) => {
          j.inputs[0].shape = [5, 4];
        },
      ],
      [
        /dtype/,
        (j) => {
          j.inputs[0].dtype = "float16";
        },
      ],
      [
        /bytes/,
        (j) => {
          j.constants[0].data = "AAAA";
        },
      ],
      [
        /array/,
        (j) => {
          j.code = {};
        },
      ],
    ];
    for (const [message, breakIt] of broken) {
      const j = json();
      breakIt(j);
      expect(() => Program.from(j), message.source).to.throw(message);
    }
  });
  it("a failing item: its code, item and index, or NaN and the list", () => {
    const program = compile(grad(loss), float64(3, 3)) as unknown as Program<unknown[], Tensor>;
    const a = spd("float64", 3, 40);
    const data = Float64Array.from(a.data as Float64Array);
    data[17 * 9 + 4] = -1; // second pivot of item 17
    data[30 * 9] = Number.NaN;
    const bad = tensor(data, { shape: [40, 3, 3] });
    for (const layout of ["single", "lanes"] as const) {
      expect(() => program.runSync([bad], { layout }))
        .to.throw()
        .that.includes({ code: "ERR_NOT_POSITIVE_DEFINITE", item: 17, index: 2, op: "cholesky" });
      const failures: { item: number; code: string }[] = [];
      const out = program.runSync([bad], { layout, onFailure: "nan", failures: failures as never });
      expect(failures.map((f) => [f.item, f.code])).to.deep.equal([
        [17, "ERR_NOT_POSITIVE_DEFINITE"],
        [30, "ERR_NOT_FINITE"],
      ]);
      for (let i = 0; i < 40; i++) expect(Number.isNaN(out.at(i, 0, 0) as number), `item ${i}`).to.equal(i === 17 || i === 30);
    }
  });
  it("a traced tensor has no data and says so", () => {
    expect(() => compile((x: F64) => mul(x, x.item()), float64())).to.throw(/traced tensor has no data/);
  });
});

const loss1 = (a: Tensor<never>): Tensor<never> => sum(log(real(diag(linalg.cholesky(a)))), { axis: -1 });
const eyes = (a: Tensor): Tensor => {
  const n = a.shape.at(-1) as number;
  const w = (a.dtype as string).startsWith("complex") ? 2 : 1;
  const zero = mul(0, a as Tensor<never>) as unknown as { data: Float64Array; shape: number[] } & Tensor;
  for (let b = 0; b < (a.shape[0] as number); b++) for (let i = 0; i < n; i++) zero.data[(b * n * n + i * n + i) * w] = 1;
  return zero;
};
