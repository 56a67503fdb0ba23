import type { Tensor } from "./tensor";

/** The state of a stream of random numbers: two 32-bit words, a tensor of shape [2]. Use each key once, and `split` for more. */
export type Key = Tensor<"int32">;
