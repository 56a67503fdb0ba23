// Vectors of double precision: a method's own arithmetic, small beside the function that it minimises.
export type Vector = Float64Array;

export function dot(a: Vector, b: Vector): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
/** x + t d. */
export const along = (x: Vector, t: number, d: Vector): Vector => x.map((v, i) => v + t * (d[i] as number));
export const minus = (a: Vector, b: Vector): Vector => a.map((v, i) => v - (b[i] as number));
export const negated = (a: Vector): Vector => a.map((v) => -v);
/** The largest absolute value, 0 of none; NaN where one is. */
export const largest = (a: Vector): number => a.reduce((m, v) => (Number.isNaN(v) || Math.abs(v) > m ? Math.abs(v) : m), 0);
export const allFinite = (a: Vector): boolean => a.every(Number.isFinite);
