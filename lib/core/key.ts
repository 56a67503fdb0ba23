/** The state of a stream of random numbers: two 32-bit words. Immutable; use each key once, and `split` for more. */
export interface Key {
  readonly hi: number;
  readonly lo: number;
}
