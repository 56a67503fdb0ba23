// Asynchronous calls: signals, what stays busy, memory that changes hands.
import { getEventListeners } from "node:events";
import { expect } from "chai";
import { binding } from "../lib/boundary/addon";
import { runJob } from "../lib/boundary/jobs";
import {
  ArgumentError,
  add,
  BacksolveError,
  compile,
  type DType,
  eye,
  float64,
  linalg,
  mul,
  type Operand,
  random,
  type Tensor,
  tensor,
  zeros,
} from "../lib/index";
import { long } from "./grid";
import { script } from "./native";
import { caught, rejected } from "./support";

type F64 = Tensor<"float64">;
const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));
const symmetric = (n: number): F64 => {
  const a = random.normal(random.key(n), [n, n]);
  return add(a, a.transpose()) as F64;
};
/** Returns when other threads of this process have computed for a while. */
async function untilItComputes(): Promise<void> {
  const start = process.cpuUsage().user;
  while (process.cpuUsage().user < start + 50_000) await sleep(2);
}
const write = (t: Tensor) => add(zeros(t.shape), 1, { out: t });

const isBusy = (t: Tensor): boolean => {
  try {
    write(t);
    return false;
  } catch {
    return true;
  }
};

async function untilFree(t: Tensor): Promise<void> {
  while (isBusy(t)) await sleep(5);
}

describe("an aborted call", () => {
  const reason = { mine: true };

  it("rejects at once; its input stays busy until the job has left it", async () => {
    const a = symmetric(1200);
    const controller = new AbortController();
    const left = linalg.eigh.async(a, { signal: controller.signal });
    await untilItComputes();
    controller.abort(reason);
    expect(await rejected(left)).to.equal(reason);
    expect(caught(() => write(a)).message).to.match(/option out is being read by an asynchronous call/);
    a.data.fill(7); // not what the job reads
    await untilFree(a);
    expect(a.at(1, 1)).to.equal(1); // written by the call that found it free
  });

  long("that waits for its turn is gone at once", async () => {
    const a = symmetric(1200);
    const running = Array.from(
      { length: 4 }, // as many as run at a time
      () => new AbortController(),
    );
    const jobs = running.map((c) => rejected(linalg.eigh.async(a, { signal: c.signal })));
    await untilItComputes();
    const b = random.normal(2, [600, 600]);
    const controller = new AbortController();
    const waiting = linalg.inv.async(b, { signal: controller.signal });
    controller.abort(reason);
    expect(await rejected(waiting)).to.equal(reason);
    await sleep(0);
    write(b);
    expect(isBusy(a)).to.equal(true);
    for (const c of running) c.abort(reason);
    expect(await Promise.all(jobs)).to.deep.equal(running.map(() => reason));
    await untilFree(a);
  });

  it("of a program rejects at once, by a signal and by a report that throws", async () => {
    const program = compile((x: F64) => linalg.eigh(x).w, float64(1200, 1200));
    const a = symmetric(1200);
    const controller = new AbortController();
    const left = program.run([a], { signal: controller.signal });
    await untilItComputes();
    controller.abort(reason);
    expect(await rejected(left)).to.equal(reason);
    expect(isBusy(a)).to.equal(true);
    await untilFree(a);
    const many = compile((x: F64) => linalg.inv(x), float64(8, 8));
    const mine = new Error("mine");
    const report = (): never => {
      throw mine;
    };
    expect(await rejected(many.run([random.normal(3, [300000, 8, 8])], { onProgress: report }))).to.equal(mine);
  });
});

describe("one signal for many calls", () => {
  it("has one listener, and none when all are done", async () => {
    const warnings: Error[] = [];
    const listen = (w: Error) => warnings.push(w);
    process.on("warning", listen);
    const { signal } = new AbortController();
    const program = compile((x: F64) => linalg.inv(x), float64(2, 2));
    for (let round = 0; round < 3; round++) {
      const jobs = Array.from({ length: 30 }, (_, i) => [
        linalg.inv.async(mul(eye(2), i + 1), { signal }),
        program.run([eye(2)], { signal }),
      ]);
      expect(getEventListeners(signal, "abort").length).to.equal(1);
      await Promise.all(jobs.flat());
      expect(getEventListeners(signal, "abort").length).to.equal(0);
    }
    await sleep(0);
    process.off("warning", listen);
    expect(warnings).to.deep.equal([]);
  });

  it("aborts all of them, and no others", async () => {
    const [one, two] = [new AbortController(), new AbortController()];
    const a = random.normal(1, [40, 120, 120]);
    const start = (signal: AbortSignal) =>
      linalg.inv.async(a, { signal }).then(
        () => "done",
        (e) => e,
      );
    const [mine, others] = [Array.from({ length: 8 }, () => start(one.signal)), Array.from({ length: 4 }, () => start(two.signal))];
    one.abort("mine");
    expect(await Promise.all(mine)).to.deep.equal(mine.map(() => "mine"));
    expect(await Promise.all(others)).to.deep.equal(others.map(() => "done"));
    expect(await start(one.signal)).to.equal("mine");
  });
});

describe("memory of large calls", () => {
  it("is JavaScript's own when users get it: it can be transferred", async () => {
    const a = symmetric(400);
    const { v } = await linalg.eigh.async(a);
    expect([...v.data]).to.deep.equal([...linalg.eigh(a).v.data]);
    for (const t of [v, a]) {
      const memory = t.data;
      const moved = structuredClone(memory, { transfer: [memory.buffer as ArrayBuffer] });
      expect([memory.length, moved.length]).to.deep.equal([0, 160000]);
      expect(caught(() => add(t, 1))).to.be.instanceOf(ArgumentError);
    }
  });

  it("goes from job to job, is read, written and shared meanwhile", async () => {
    const program = compile((x: F64) => mul(x, 2), float64());
    let x = random.uniform(1, [600, 400]) as F64;
    const first = [...x.data];
    for (let k = 0; k < 5; k++) {
      const [twice, again, sum] = await Promise.all([program.run([x]), program.run([x.reshape([400, 600])]), add.async(x, x)]);
      expect(twice.at(7, 9)).to.equal(2 * x.at(7, 9));
      expect([...again.data]).to.deep.equal([...twice.data]);
      expect(sum.at(599, 399)).to.equal(twice.at(599, 399));
      write(x);
      x = k % 2 ? twice : sum;
    }
    expect([...x.data]).to.deep.equal(first.map((e) => 32 * e));
  });

  it("is not what users write to, or take away, while a job reads it", async () => {
    const a = random.normal(1, [800, 800]);
    const expected = linalg.inv(a);
    for (const attack of [
      (t: F64) => t.data.fill(Number.NaN),
      (t: F64) => structuredClone(t.data, { transfer: [t.data.buffer as ArrayBuffer] }),
    ]) {
      for (const exposed of [false, true]) {
        const x = add(a, 0) as F64;
        if (exposed) void x.data;
        const jobs = [linalg.inv.async(x), compile((t: F64) => linalg.inv(t), float64(800, 800)).run([x])];
        attack(x);
        for (const inverse of await Promise.all(jobs)) expect(inverse.data).to.deep.equal(expected.data);
      }
    }
  });

  long("is nobody's who put other built-ins in the place of those that it passes through", () => {
    for (const when of ["before", "between"]) expect(script("builtins.ts", [when], { node: ["--expose-gc"] })).to.deep.equal([0, "true\n"]);
  });

  it("is copied in turns where the runtime takes no other", async () => {
    const real = binding().outputs;
    binding().outputs = () => [undefined];
    try {
      const a = add(random.normal(1, [900, 900]), mul(eye(900), 900)) as F64;
      expect((await linalg.inv.async(a)).data).to.deep.equal(linalg.inv(a).data);
    } finally {
      binding().outputs = real;
    }
  });
});

describe("tensor with transfer", () => {
  const kinds: [DType, new (n: number) => Float64Array | Float32Array | Int32Array | Uint8Array, number][] = [
    ["float64", Float64Array, 1],
    ["float32", Float32Array, 1],
    ["complex128", Float64Array, 2],
    ["complex64", Float32Array, 2],
    ["int32", Int32Array, 1],
    ["bool", Uint8Array, 1],
  ];
  it("takes the array's memory over and leaves it empty", async () => {
    for (const [dtype, Kind, width] of kinds) {
      for (const n of [0, 3, 200_000]) {
        const data = new Kind(n * width).fill(1);
        const t = tensor(data, { dtype, shape: [n], transfer: true });
        expect([data.length, data.buffer.byteLength, t.size, t.data.length]).to.deep.equal([0, 0, n, n * width]);
        expect(t.data.every((x) => x === 1)).to.equal(true);
      }
    }
    const data = Float64Array.from({ length: 1 << 18 }, (_, i) => i);
    const t = tensor(data, { shape: [512, 512], transfer: true });
    expect((await add.async(t, t)).at(511, 511)).to.equal(2 * ((1 << 18) - 1));
    expect((await compile((x: F64) => mul(x, 3), float64(512)).run([t])).at(0, 2)).to.equal(6);
    expect(t.at(1, 0)).to.equal(512);
  });

  it("takes the whole buffer of a part", () => {
    const room = Float64Array.of(1, 2, 3, 4);
    const t = tensor(room.subarray(1, 3), { transfer: true });
    expect([room.length, t.toArray()]).to.deep.equal([0, [2, 3]]);
  });

  it("is refused where there is nothing to take, and before anything is taken", () => {
    const fine = new Float64Array(4);
    const pool = Buffer.from("eight by");
    const cases: [() => unknown, RegExp][] = [
      [() => tensor([1, 2], { transfer: true } as never), /^tensor: option transfer needs a typed array, got \[1, 2\]\.$/],
      [() => tensor(fine, { transfer: 1 as never }), /^tensor: option transfer must be true or false, got 1\.$/],
      [() => tensor(fine, { shape: [5], transfer: true }), /^tensor: shape \[5\] of float64 needs 5 array elements, got 4\.$/],
      [() => tensor(fine, { dtype: "float32", transfer: true } as never), /needs a Float32Array/],
      [
        () => tensor(new Float64Array(new SharedArrayBuffer(8)), { transfer: true }),
        /^tensor: option transfer: the memory of data cannot be taken over: threads share it\.$/,
      ],
      [
        () => tensor(new Uint8Array(pool.buffer, pool.byteOffset, 8), { dtype: "bool", transfer: true }),
        /^tensor: option transfer: the memory of data cannot be taken over: its owner does not let it go\.$/,
      ],
    ];
    for (const [f, message] of cases) {
      const error = caught(f);
      expect(error).to.be.instanceOf(BacksolveError);
      expect(error.message).to.match(message);
    }
    expect([fine.length, pool.toString()]).to.deep.equal([4, "eight by"]);
  });
});

describe("memory that was taken away", () => {
  const Resizable = ArrayBuffer as unknown as new (n: number, o: object) => ArrayBuffer;
  const take = (t: Tensor) => structuredClone(t.data.buffer, { transfer: [t.data.buffer as ArrayBuffer] });

  long("is found gone by code that has run hot, resizable buffers among its inputs", async () => {
    const program = compile((x: Operand<"float64">, y: F64) => mul(x, y), float64(4, 4), float64(4, 4));
    const uses: ((t: F64) => unknown)[] = [
      (t) => linalg.det(t),
      (t) => add(1, t),
      (t) => program.runSync([eye(4), t]),
      (t) => t.at(3, 3),
      (t) => t.reshape([16]).at(15),
      (t) => t.toArray(),
      (t) => program.explain([eye(4), t]),
    ];
    const plain = (): F64 => tensor(new Float64Array(16).fill(2), { shape: [4, 4] });
    const resizable = (): F64 => tensor(new Float64Array(new Resizable(128, { maxByteLength: 256 })).fill(2), { shape: [4, 4] });
    for (const use of uses) {
      for (let i = 0; i < 20_000; i++) {
        const t = i % 10 === 9 ? resizable() : plain();
        if (i % 1000 !== 0 || i % 10 === 9) {
          if (use !== uses[6]) use(t);
          continue;
        }
        take(t);
        const error = caught(() => use(t));
        expect([error.code, error.message], String(use)).to.satisfy(
          ([code, message]: string[]) => code === "ERR_ARGUMENT" && /the memory of .*\(float64, shape \[.*\]\) is gone/.test(message ?? ""),
        );
      }
    }
    const t = plain();
    take(t);
    expect((await rejected(linalg.inv.async(t))).message).to.match(/^inv: the memory of a \(float64, shape \[4, 4\]\) is gone/);
  });

  it("is named by the native side, too", async () => {
    const outputs = [{ dtype: "float64", shape: [2, 2] }] as const;
    const error = Object.assign(new Error("backsolve internal: a buffer is too small"), { code: "ERR_BUFFER", buffer: 1 });
    const begin = (): never => {
      throw error;
    };
    const nameOf = (i: number) => `operand ${i}`;
    const said = await rejected(runJob({ op: "op", inputs: [eye(2)], outputs, begin, nameOf }));
    expect([said.code, said.message]).to.deep.equal([
      "ERR_ARGUMENT",
      "op: the memory of operand 1 is gone: its buffer was transferred or resized.",
    ]);
  });
});
