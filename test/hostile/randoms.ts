/** Numbers in [0, 1) from a fixed seed, so that a failure comes back. Marsaglia's xorshift32. */
export function randoms(seed: number): () => number {
  let x = seed;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) / 2 ** 32;
  };
}
