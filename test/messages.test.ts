// Words that tell a new user what to do.

import { expect } from "chai";
import { portOf } from "../lib/core/form";
import {
  ArgumentError,
  add,
  adjoint,
  compile,
  eye,
  float64,
  grad,
  linalg,
  matmul,
  matvec,
  mul,
  type Program,
  registry,
  ShapeError,
  stopGradient,
  sum,
  type Tensor,
  tensor,
  valueAndGrad,
  zeros,
} from "../lib/index";
import { checkGrads } from "../lib/testing/index";
import { caught, packageOps } from "./support";

type F64 = Tensor<"float64">;

describe("messages of shapes", () => {
  it("print the signature that users know, without what only the engine sees", () => {
    const cases: [() => unknown, string][] = [
      [() => linalg.solve(zeros([3, 4]), zeros([3, 1])), "(m,m),(m,k)->(m,k)"],
      [() => linalg.solve(eye(3), zeros([4, 1])), "(m,m),(m,k)->(m,k)"],
      [() => linalg.solve(zeros([2, 3, 3]), zeros([5, 3, 1])), "(m,m),(m,k)->(m,k)"],
      [() => linalg.lstsq(eye(3), zeros([4, 1])), "(m,n),(m,k),()->(n,k)"],
      [() => linalg.lstsq(eye(3), zeros([4, 1]), { method: "svd" }), "(m,n),(m,k),()->(n,k)"],
      [() => linalg.inv(zeros([3, 4])), "(n,n)->(n,n)"],
      [() => linalg.det(zeros([3, 4])), "(n,n)->()"],
      [() => linalg.slogdet(zeros([3, 4])), "(n,n)->(),()"],
      [() => linalg.eigvalsh(zeros([3, 4])), "(n,n)->(n)"],
      [() => linalg.expmHermitian(zeros([3, 4])), "(n,n)->(n,n)"],
    ];
    for (const [f, signature] of cases) {
      const { code, message } = caught(f);
      expect(code).to.equal("ERR_SHAPE");
      expect(message).to.match(/ Signature (\S+)\.$/);
      expect(/ Signature (\S+)\.$/.exec(message)?.[1]).to.equal(signature);
    }
  });
  it("tell of a vector as it was given", () => {
    const [a, v] = [eye(2), zeros([3])];
    const cases: [() => unknown, string][] = [
      [() => linalg.solve(a, v), "solve: b has shape [3], expected [2]: one for each row of a."],
      [() => linalg.lstsq(zeros([4, 2]), v), "lstsq: b has shape [3], expected [4]: one for each row of a."],
      [() => linalg.choleskySolve(a, v), "choleskySolve: b has shape [3], expected [2]: one for each row of l."],
      [() => matmul(a, v), "matmul: a has shape [2, 2], b [3]: the axes that are summed over have 2 and 3."],
      [
        () => matmul(v, zeros([3, 2]), { adjointB: true }),
        "matmul: a has shape [3], b [3, 2]: the axes that are summed over have 3 and 2.",
      ],
      [() => matvec(a, v), "matvec: a must have as many columns as b has elements, got shapes [2, 2] and [3]."],
    ];
    for (const [f, message] of cases) expect(f).to.throw(ShapeError, message);
    expect(matmul(zeros([2, 4, 3]), zeros([4]), { adjointA: true }).shape).to.deep.equal([2, 3]);
    expect(linalg.solve(zeros([5, 2, 2]).add(a), zeros([2])).shape).to.deep.equal([5, 2]);
    expect(linalg.lstsq(zeros([4, 2]).add(1), zeros([4]), { method: "svd" }).shape).to.deep.equal([2]);
  });
  it("of every row with more outputs than its function gives", () => {
    const rows = packageOps.map((name) => registry.get(name)).filter((row) => row?.aux && row.name !== "svdvals"); // which takes every matrix
    expect(rows.length).to.be.above(8);
    for (const row of rows) {
      const bad = row?.inputs.map((name) => (portOf(row, {}, name) === "int32" ? tensor(Int32Array.of(0)) : zeros([2, 3, 4])));
      const { message } = caught(() => (registry.op(row?.name ?? "") as (...args: unknown[]) => unknown)(...(bad as unknown[])));
      const signature = typeof row?.signature === "function" ? row.signature({ method: "qr", rcond: 1 }) : row?.signature;
      expect(message).to.include(`Signature ${signature}.`);
    }
  });
  it("tell a batch of vectors what it needs", () => {
    const hint = "For a batch of vectors give expandDims(b, -1).";
    const stack = zeros([5, 3, 3]);
    for (const f of [linalg.solve, linalg.solveTriangular, linalg.choleskySolve, linalg.lstsq, matmul]) {
      expect(caught(() => f(stack, zeros([5, 3]))).message, f.name).to.include(hint);
      expect(caught(() => f(stack, zeros([5, 4]))).message, f.name).to.not.include("expandDims");
      expect(caught(() => f(stack, zeros([5, 4, 3]))).message, f.name).to.include(hint); // two batch dimensions, whatever they broadcast to
    }
    expect(caught(() => linalg.luSolve(stack, tensor(new Int32Array(15), { shape: [5, 3] }), zeros([5, 3]))).message).to.include(hint);
    expect(caught(() => linalg.solve(zeros([3, 4]), zeros([3, 1]))).message).to.not.include("expandDims");
  });
});

describe("messages of ops that are made of others", () => {
  const flat = tensor([1, 2]);
  const exp = (x: F64): F64 => x;
  it("of funmHermitian, on shapes and dtypes, are its own in all its forms", async () => {
    for (const [a, message] of [
      [flat, /^funmHermitian: a must be a square matrix \(\.\.\.,n,n\).*got shape \[2\]/],
      [tensor(Int32Array.of(1), { shape: [1, 1] }), /^funmHermitian: a must be float32, float64, complex64 or complex128, got int32\./],
    ] as const) {
      expect(() => linalg.funmHermitian(a as never, exp as never)).to.throw(message);
      expect(() => linalg.funmHermitian.checked(a as never, exp as never)).to.throw(message);
      expect(((await linalg.funmHermitian.async(a as never, exp as never).catch((e: unknown) => e)) as Error).message).to.match(message);
    }
  });
  it("in a program have the name of the op that was called, replayed too", () => {
    const l = tensor([
      [0, 0],
      [1, 1],
    ]);
    const f = (a: F64): F64 => sum(linalg.choleskySolve(a, tensor([[1], [1]])));
    const program = compile(f, float64(2, 2));
    const replayed = compile((a: F64) => program.runSync([a]) as F64, float64(2, 2));
    for (const run of [
      () => f(l),
      () => program.runSync([l]),
      () => replayed.runSync([l]),
      () => grad((a: F64) => program.runSync([a]) as F64)(l),
    ]) {
      const error = caught(run);
      expect([error.op, error.code]).to.deep.equal(["choleskySolve", "ERR_SINGULAR"]);
    }
    expect(caught(() => compile((a: F64) => linalg.logdet(a), float64(2, 2)).runSync([l])).op).to.equal("logdet");
  });
});

describe("messages of shapes given number by number", () => {
  const given = tensor([1, 2, 3, 4]) as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const [name, list] of [
    ["reshape", "shape"],
    ["broadcastTo", "shape"],
    ["tile", "times"],
  ] as const)
    it(`${name}(4, 1)`, () => {
      expect(() => given[name]?.(4, 1)).to.throw(ArgumentError, `${name}: ${list} must be one array, [4, 1].`);
      expect(given[name]?.([1, 4])).to.have.property("rank", 2);
    });
});

describe("messages of programs", () => {
  const one = compile((x: F64) => sum(x), float64(3)) as unknown as Program<unknown, F64>;
  const two = compile((x: F64, y: F64) => add(x, y), float64(3), float64()) as unknown as Program<unknown, F64>;
  const v = tensor([1, 2, 3]);
  const cases: [string, () => unknown, RegExp][] = [
    [
      "compile(f)",
      () => compile(((x: F64) => sum(x)) as never),
      /^compile: give a spec of each argument after the function: float64\(3, 3\)\.$/,
    ],
    ["compile(f, x)", () => compile((x: F64) => sum(x), v as never), /^compile: expected a spec such as .*, got a tensor at 0\.$/],
    [
      "run(x)",
      () => one.runSync(v),
      /^program: expected inputs arg0; missing: arg0\. The arguments are one array: run\(\[a, b\]\), run\(\[a\]\) for one\.$/,
    ],
    ["run(5)", () => one.runSync(5), /The arguments are one array/],
    [
      "run(v, v)",
      () => two.runSync(v, v as never),
      /^program: expected an object of options, got an argument: the arguments are one array, run\(\[a, b\], options\)\.$/,
    ],
    ["run(1, 2)", () => two.runSync(1, 2 as never), /the arguments are one array/],
    [
      "run([[1, 2, 3]])",
      () => one.runSync([[1, 2, 3]]),
      /missing: arg0\. Argument 0 is an array of numbers: wrap it, tensor\(\[\.\.\.\]\)\.$/,
    ],
    ["run([v, [1]])", () => two.runSync([v, [1]]), /missing: arg1\. Argument 1 is an array of numbers/],
    ["run([[[1, 2, 3]], 1])", () => two.runSync([[[1, 2, 3]], 1]), /Argument 0 is an array of numbers/],
    ["run([v])", () => two.runSync([v]), /^program: expected inputs arg0, arg1; missing: arg1\.$/],
    ["run([[v]])", () => one.runSync([[v]]), /^program: expected inputs arg0; missing: arg0\.$/],
    ["run([v, 1, 2])", () => two.runSync([v, 1, 2]), /unknown: arg2\.$/],
  ];
  for (const [name, f, message] of cases)
    it(name, async () => {
      expect(f).to.throw(ArgumentError, message);
    });
  it("in run and explain as in runSync", async () => {
    for (const f of [() => one.run(v), () => two.run(v, v as never), () => one.run([[1, 2, 3]])]) {
      const error = (await f().catch((e: unknown) => e)) as Error;
      expect(error).to.be.instanceOf(ArgumentError);
      expect(error.message).to.match(/arguments are one array|wrap it/);
    }
    expect(() => one.explain(v)).to.throw(ArgumentError, /The arguments are one array/);
  });
});

describe("argnums", () => {
  const f = (x: F64, p: { w: F64 }): F64 => sum(mul(x, p.w));
  it("is a position, whose gradient is bare, or an array of them", () => {
    const g = grad(f, { argnums: 1 })(tensor([1, 2]), { w: tensor([3, 4]) });
    expect(g.w.toArray()).to.deep.equal([1, 2]);
    expect(grad(f, { argnums: 0 })(2, { w: 3 }).item()).to.equal(3);
    expect(grad(f, { argnums: [1] })(2, { w: 3 })[0].w.item()).to.equal(2);
    const both = valueAndGrad(f, { argnums: [1, 0] })(2, { w: 3 });
    expect([both.value.item(), both.grad[0].w.item(), both.grad[1].item()]).to.deep.equal([6, 2, 3]);
    expect(valueAndGrad(f, { argnums: 1 })(2, { w: 3 }).grad.w.item()).to.equal(2);
    const program = compile(grad(f, { argnums: 1 }), float64(), { w: float64() });
    expect(program.outputs.map((o) => o.name)).to.deep.equal(["w"]);
  });
  it("that are none are refused", () => {
    for (const argnums of ["1", null, { 0: 1 }, true]) {
      const { code, message } = caught(() => grad(f, { argnums } as never));
      expect(code).to.equal("ERR_ARGUMENT");
      expect(message).to.match(/^grad: option argnums must be a position or an array of positions, got/);
    }
    for (const argnums of [2, -1, 0.5, Number.NaN, [2]])
      expect(() => grad(f, { argnums } as never)(1, { w: 1 })).to.throw(
        ArgumentError,
        /^grad: argnums: .* is not the position of one of 2 arguments/,
      );
  });
});

describe("checkGrads", () => {
  const a = tensor([
    [4, 1],
    [1, 3],
  ]);
  const hint =
    /along a random direction, differences give .*\. Along a Hermitian direction both give -?[\d.e-]+: the random direction leaves the domain/;
  it("says where the random direction leaves the domain", () => {
    expect(() => checkGrads((x: F64) => linalg.logdet(x), [a]))
      .to.throw(hint)
      .with.property("message")
      .that.includes("symmetric");
    expect(() => checkGrads((p: { a: F64 }) => sum(linalg.cholesky(p.a)), [{ a }])).to.throw(hint);
    expect(() =>
      checkGrads(
        (x: Tensor<"complex128">) => linalg.logdet(x),
        [
          add(
            a,
            mul(
              tensor({ re: 0, im: 0.5 }),
              tensor([
                [0, 1],
                [-1, 0],
              ]),
            ),
          ),
        ],
      ),
    ).to.throw(hint);
    expect(() => checkGrads((x: F64) => sum(linalg.cholesky(x)), [add(zeros([3, 2, 2]), a)])).to.throw(hint);
    checkGrads((x: F64) => linalg.logdet(mul(0.5, add(x, adjoint(x)))), [a], { order: 2 });
  });
  it("and not where the gradient is wrong along Hermitian directions, too", () => {
    const half = (x: F64): F64 => add(linalg.logdet(x), linalg.logdet(stopGradient(x)));
    expect(() => checkGrads(half, [a])).to.throw(/differences give -?[\d.e-]+\.$/);
    expect(() => checkGrads((x: F64) => sum(mul(x, stopGradient(x))), [tensor([1, 2])])).to.throw(/differences give -?[\d.e-]+\.$/);
  });
  it("takes trees", () => {
    type P = { w: F64; layers: F64[] };
    const f = (p: P, s: F64): F64 => sum(mul(p.w, mul(p.layers[0] as F64, mul(s, s))));
    checkGrads(f, [{ w: tensor([1, 2]), layers: [tensor(3)] }, 2], { order: 2 });
    const wrong = (p: P, s: F64): F64 => f({ ...p, w: stopGradient(p.w) }, s);
    expect(() => checkGrads(wrong, [{ w: tensor([1, 2]), layers: [tensor(3)] }, 2])).to.throw(/^checkGrads: the gradient gives/);
    expect(() => checkGrads(f, [{ w: tensor([1], { dtype: "float32" }) as never, layers: [] }, 2])).to.throw(
      /must be float64 or complex128/,
    );
    expect(() => checkGrads(f, [{ w: "x" } as never, 2])).to.throw(ArgumentError, /got "x" at 0\.w/);
  });
});
