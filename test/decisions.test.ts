// What was decided where systems differ, and is told in the texts: quotients with infinities, modes of eigh where no gradient exists, det where
// others fail.
import { expect } from "chai";
import { storageOf } from "../lib/core/tensor";
import { compile, complex128, diag, div, type Float, grad, jvp, linalg, slice, sum, type Tensor, tensor } from "../lib/index";

type C128 = Tensor<"complex128">;
const INF = Number.POSITIVE_INFINITY;
const complexOf = (list: readonly (readonly [number, number])[], dtype: Float): C128 =>
  tensor(
    list.map(([re, im]) => ({ re, im })),
    { dtype: dtype as "complex128" },
  );
const pairs = (t: Tensor): [number, number][] => {
  const a = Array.from(storageOf(t).array, Number);
  return Array.from({ length: a.length / 2 }, (_, i) => [a[2 * i] as number, a[2 * i + 1] as number]);
};

describe("decisions", () => {
  it("complex division by and of infinities is that of C's Annex G", () => {
    const infinite: [number, number][] = [
      [INF, 0],
      [-INF, 1],
      [0, INF],
      [1, -INF],
      [INF, INF],
      [-INF, INF],
      [INF, Number.NaN],
      [Number.NaN, -INF],
    ];
    const finite: [number, number][] = [
      [1, 0],
      [-2, 3],
      [0, 1],
      [1e-30, -1e30],
    ];
    const isInfinite = ([re, im]: [number, number]) => Math.abs(re) === INF || Math.abs(im) === INF;
    const hasNaN = (z: [number, number]) => z.some(Number.isNaN) && !isInfinite(z);
    for (const dtype of ["complex128", "complex64"] as const) {
      const all = (a: [number, number][], b: [number, number][], holds: (q: [number, number]) => boolean, what: string) => {
        const rows = a.flatMap((x) => b.map((y) => [x, y] as const));
        const [p, q] = [
          complexOf(
            rows.map(([x]) => x),
            dtype,
          ),
          complexOf(
            rows.map(([, y]) => y),
            dtype,
          ),
        ];
        const quotients = [...pairs(div(p, q)), ...rows.flatMap(([x, y]) => pairs(div(complexOf([x], dtype), complexOf([y], dtype))))];
        if (dtype === "complex128") {
          const program = compile((x: C128, y: C128) => div(x, y), complex128(), complex128());
          for (const layout of ["lanes", "single"] as const) quotients.push(...pairs(program.runSync([p, q], { layout })));
        }
        quotients.forEach((z, i) => expect(holds(z), `${what}: ${JSON.stringify(rows[i % rows.length])} gave ${z}`).to.equal(true));
      };
      all(finite, infinite, ([re, im]) => re === 0 && im === 0, "finite / infinite");
      all(infinite, finite, isInfinite, "infinite / finite");
      all(finite, [[0, 0]], isInfinite, "finite / 0");
      all(infinite, infinite, hasNaN, "infinite / infinite");
      all([[0, 0]], [[0, 0]], hasNaN, "0 / 0");
    }
  });

  it("eigh at equal eigenvalues: a loss that is stationary under their rotation has a gradient in reverse mode, none in forward mode", () => {
    const m = diag(tensor([4, 1, 1]));
    const corner = (a: Tensor<"float64">) => sum(slice(linalg.eigh(a).v, [0, 0], [1, 1]));
    const g = grad(corner)(m);
    expect(Math.abs(g.at(0, 1) as number)).to.be.closeTo(1 / 6, 1e-15);
    expect(() =>
      jvp(
        corner,
        [m],
        [
          tensor([
            [0, 1, 0],
            [1, 0, 1],
            [0, 1, 0],
          ]),
        ],
      ),
    )
      .to.throw()
      .with.property("code", "ERR_DEGENERATE");
  });

  it("the gradient of det at singular matrices where PyTorch's is not right", () => {
    const cases: [number[][], number[][]][] = [
      [
        [
          [-1, 1.5],
          [2 / 3, -1],
        ],
        [
          [-1, -2 / 3],
          [-1.5, -1],
        ],
      ],
      [
        [
          [50, -30, 45],
          [-30, 90, -81],
          [45, -81, 81],
        ],
        [
          [729, -1215, -1620],
          [-1215, 2025, 2700],
          [-1620, 2700, 3600],
        ],
      ],
      [
        [
          [1, 2, 3],
          [2, 4, 6],
          [1, 0, 1],
        ],
        [
          [4, 4, -4],
          [-2, -2, 2],
          [0, 0, 0],
        ],
      ],
    ];
    for (const [a, cofactors] of cases) {
      const g = grad((x: Tensor<"float64">) => linalg.det(x))(tensor(a));
      const size = Math.max(...cofactors.flat().map(Math.abs));
      cofactors.flat().forEach((c, i) => expect(g.data[i]).to.be.closeTo(c, 64 * 2 ** -52 * size));
    }
  });
});
