import { BacksolveError, ShapeError } from "./errors";
import { type Shape, shapeText } from "./tensor";

/** A parsed gufunc signature: the letters of each operand's item dimensions. */
export interface Signature {
  readonly text: string;
  readonly inputs: readonly (readonly string[])[];
  readonly outputs: readonly (readonly string[])[];
}

const cache = new Map<string, Signature>();

/** "(m,m),(m,k)->(m,k)"; throws ERR_INTERNAL for what is not one: signatures come from rows, not from users. */
export function parseSignature(text: string): Signature {
  const known = cache.get(text);
  if (known) return known;
  const side = (s: string) => [...s.matchAll(/\(([^)]*)\)/g)].map((m) => (m[1] as string).split(",").filter((l) => l !== ""));
  const match = /^(\([a-z0-9,]*\)(?:,\([a-z0-9,]*\))*)->(\([a-z0-9,^]*\)(?:,\([a-z0-9,^]*\))*)$/.exec(text.replaceAll(" ", ""));
  if (!match) throw new BacksolveError("ERR_ARGUMENT", "defineOp", `signature "${text}" is not of the form (n,n),(n,k)->(n,k).`);
  const parsed = { text, inputs: side(match[1] as string), outputs: side(match[2] as string) };
  cache.set(text, parsed);
  return parsed;
}

/** The broadcast of shapes, aligned at the right (NumPy's rule), or undefined where they do not fit. */
export function broadcast(shapes: readonly Shape[]): number[] | undefined {
  let rank = 0;
  for (const s of shapes) rank = Math.max(rank, s.length);
  const out = new Array<number>(rank).fill(1);
  for (const s of shapes) {
    const shift = rank - s.length;
    for (let i = 0; i < s.length; i++) {
      const d = s[i] as number;
      if (d === 1) continue;
      if (out[shift + i] !== 1 && out[shift + i] !== d) return undefined;
      out[shift + i] = d;
    }
  }
  return out;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function broadcastOrThrow(op: string, names: readonly string[], shapes: readonly Shape[]): number[] {
  const out = broadcast(shapes);
  if (out) return out;
  const given = names.map((n, i) => `${n} ${shapeText(shapes[i] as Shape)}`).join(", ");
  throw new ShapeError(op, `shapes do not broadcast together: ${given}. Aligned at the right, sizes must be equal or 1.`);
}

/** Whether a dimension of a signature is a size, as in "(3),(3)->(3)". */
export const isLiteral = (letter: string): boolean => /^[0-9]+$/.test(letter);

/** The size of a letter, or of m^n: the smaller of the two. */
export const sizeOfLetter = (letter: string, size: (l: string) => number | undefined): number =>
  isLiteral(letter) ? Number(letter) : Math.min(...letter.split("^").map((l) => size(l) as number));

const MAX_SIDE = 2 ** 31 - 1;

export interface Bound {
  readonly batch: Shape;
  readonly outputs: readonly Shape[];
}

/**
 * Binds letters to sizes, broadcasts the batch dimensions and says what does not fit in terms of the op's argument names and the signature that
 * users know.
 */
export function bind(op: string, names: readonly string[], sig: Signature, shapes: readonly Shape[], shown = sig.text): Bound {
  const size = new Map<string, { n: number; from: string }>();
  const batches: Shape[] = [];
  shapes.forEach((shape, i) => {
    const letters = sig.inputs[i] as readonly string[];
    const name = names[i] as string;
    if (shape.length < letters.length) {
      const square = letters.length === 2 && letters[0] === letters[1] ? "square matrix" : letters.length === 2 ? "matrix" : "tensor";
      throw new ShapeError(
        op,
        `${name} must be a ${square} (...,${letters.join(",")}) of rank ${letters.length} or more, got shape ${shapeText(shape)}.`,
      );
    }
    const cut = shape.length - letters.length;
    batches.push(shape.slice(0, cut));
    letters.forEach((letter, axis) => {
      const n = shape[cut + axis] as number;
      const bound = size.get(letter);
      if (n > MAX_SIDE)
        throw new ShapeError(op, `${name} has shape ${shapeText(shape)}: LAPACK's 32-bit integers end at ${MAX_SIDE} rows or columns.`);
      if (isLiteral(letter)) {
        if (n !== Number(letter))
          throw new ShapeError(op, `${name} has shape ${shapeText(shape)}, expected (...,${letters.join(",")}). Signature ${shown}.`);
      } else if (!bound) size.set(letter, { n, from: name });
      else if (bound.n !== n) {
        const why =
          bound.from === name
            ? `its last axes ${letters.join(",")} must be equal where the letter is`
            : `${letter} is ${bound.n} in ${bound.from}`;
        // Vectors, each as long as this letter says, without the last axis of 1 that tells them from a matrix.
        const vectors = axis === 0 && letters.length === 2 && bound.from !== name && shape.at(-1) === bound.n;
        throw new ShapeError(
          op,
          `${name} has shape ${shapeText(shape)}, expected (...,${letters.join(",")}): ${why}. Signature ${shown}.` +
            (vectors ? ` For a batch of vectors give expandDims(${name}, -1).` : ""),
        );
      }
    });
  });
  const batch = broadcast(batches);
  if (!batch) {
    const given = names.map((n, i) => `${n} ${shapeText(shapes[i] as Shape)}`).join(", ");
    throw new ShapeError(op, `batch dimensions do not broadcast together: ${given}. Signature ${shown}.`);
  }
  const outputs = sig.outputs.map((letters) => [...batch, ...letters.map((l) => sizeOfLetter(l, (x) => size.get(x)?.n))]);
  return { batch, outputs };
}
