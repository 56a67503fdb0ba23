// What happens at the limits of numbers and of memory.
import { expect } from "chai";
import { allocate } from "../lib/core/dtype";
import { compile, complex, type Float, float64, grad, imag, jvp, linalg, mul, sqrt, sum, type Tensor, tensor, zeros } from "../lib/index";

type F64 = Tensor<"float64">;

describe("edges", () => {
  it("the imaginary part of a real tensor is zero, also of NaN and infinity; so is what its cotangent adds to the real part", () => {
    expect(imag(tensor([Infinity, Number.NaN, -1])).toArray()).to.deep.equal([0, 0, 0]);
    const { tangent } = jvp((x: F64) => imag(x), [tensor([1])], [tensor([Infinity])]);
    expect(tangent.toArray()).to.deep.equal([0]);
    // d sqrt(y)/dy is infinite at y = 0
    const g = grad((z: Tensor<"complex128">) => sum(sqrt(imag(z))) as F64)(complex(tensor([1]), tensor([0])));
    expect(g.toArray()).to.deep.equal([{ re: 0, im: Infinity }]);
  });
  it("memory beyond what a Buffer takes is allocated, or its lack said", () => {
    const elements = 2 ** 29 + 1; // 4 GiB and a little, never touched
    expect(allocate("float64", elements).length).to.equal(elements);
    expect(() => zeros([2 ** 34]))
      .to.throw()
      .with.property("code", "ERR_OUT_OF_MEMORY");
  });
  it("a shape beyond native sizes is ERR_SHAPE, though it has no elements", () => {
    expect(() => linalg.inv(zeros([0, 2 ** 21, 2 ** 21])))
      .to.throw()
      .with.property("code", "ERR_SHAPE");
    expect(linalg.inv(zeros([0, 2 ** 20, 2 ** 20])).shape).to.deep.equal([0, 2 ** 20, 2 ** 20]);
  });
  it("more threads than the pool can have are all of the pool's", () => {
    const program = compile((x: F64) => mul(x, 2), float64(2));
    expect(program.runSync([tensor([1, 2])], { threads: 2 ** 31 }).toArray()).to.deep.equal([2, 4]);
  });
  it("argnums names no argument twice", () => {
    expect(() => grad((x: F64) => sum(x), { argnums: [0, 0] })(tensor([1]))).to.throw(/twice/);
  });
  it("tensor reads back what toJSON wrote, every dtype and number", () => {
    const text = (x: Tensor) => JSON.stringify(x);
    for (const x of [
      tensor([[1, Number.NaN, Infinity, -Infinity]]),
      tensor(new Float32Array([0.1, Number.NaN])),
      complex(tensor([[1, Infinity]]), tensor([[3, Number.NaN]])),
      complex(tensor(1), tensor(2)),
      tensor([true, false]),
      tensor([-1, 2], { dtype: "int32" }),
      zeros([0, 2]),
      zeros([2, 0], { dtype: "complex64" }),
    ] as Tensor[]) {
      const { data, dtype, shape } = JSON.parse(text(x)) as { data: number[]; dtype: Float; shape: number[] };
      const again = tensor(data, { dtype, shape });
      expect(text(again)).to.equal(text(x));
      expect(again.toArray()).to.deep.equal(x.toArray());
    }
    expect(() => tensor(["NaN"] as never)).to.throw(/must be a number/);
  });
  it("an int32 is one: 2^31 is not", () => {
    for (const x of [2 ** 31, -(2 ** 31) - 1, 0.5, Number.NaN])
      expect(() => tensor([x], { dtype: "int32" })).to.throw(/element 0 must be an int32/);
    expect(tensor([2 ** 31 - 1, -(2 ** 31)], { dtype: "int32" }).toArray()).to.deep.equal([2147483647, -2147483648]);
  });
});
