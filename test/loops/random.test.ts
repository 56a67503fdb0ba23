// Random functions with loops in loops (bodies.ts) against the same without any loop, in value and in derivatives of both modes and second order.
import { compare, everything, functionOf, seeds } from "./agree";
import { asInstructions, unrolled } from "./unrolled";

describe("random functions with loops against the same without", () => {
  it(`${seeds.length} of them`, () => {
    for (const seed of seeds) {
      const { at, outputs } = functionOf(seed);
      compare(`seed ${seed}`, everything(outputs(asInstructions), at), everything(outputs(unrolled), at));
    }
  });
});
