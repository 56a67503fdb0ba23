// What readers of every version share. Loading trusts nothing: every name is known, every id defined before use, every shape and dtype
// recomputed from the rows and equal, sizes bounded. After that a program is as safe as eager calls.
import { checkDType, dtypes } from "../core/dtype";
import { ArgumentError, describe, ShapeError } from "../core/errors";
import type { Code, ValueType } from "../core/ir";
import { checkShape, shapeText, sizeOf } from "../core/tensor";
import { clash } from "./names";

export const MAX_VALUES = 1_000_000; // native/exec/check.cc has 2^20
export const MAX_OPERANDS = 2 ** 15; // inputs, constants and outputs are arguments of one native call
export const MAX_ELEMENTS = 2 ** 40;

/** What was parsed of a file. */
export type Json = Readonly<Record<string, unknown>>;

export const bad = (text: string): never => {
  throw new ArgumentError("Program.from", text);
};
export const object = (x: unknown, what: string): Json =>
  typeof x === "object" && x !== null && !Array.isArray(x) ? (x as Json) : bad(`${what} must be an object, got ${describe(x)}.`);
/** The elements; what an array of an object leaves out is undefined, which `map` would skip. */
export const list = (x: unknown, what: string, most = MAX_VALUES): unknown[] =>
  Array.isArray(x) && x.length <= most ? Array.from(x) : bad(`${what} must be an array of at most ${most}, got ${describe(x)}.`);
export const name = (x: unknown, what: string): string => (typeof x === "string" ? x : bad(`${what} must be a name, got ${describe(x)}.`));
export const text = (x: unknown, what: string): string => name(x, what) || bad(`${what} must not be empty.`);

/** A program that is being read, value after value; a program of another one would be a body of its own. */
export class Body {
  readonly values: ValueType[] = [];
  readonly #where: string;

  /** `where`: what errors begin with. */
  constructor(where = "") {
    this.#where = where;
  }

  define(id: unknown, type: ValueType, what: string): number {
    if (id !== this.values.length) bad(`${what}: ids are defined in order; expected ${this.values.length}, got ${describe(id)}.`);
    if (sizeOf(type.shape) > MAX_ELEMENTS) bad(`${what}: shape ${shapeText(type.shape)} is too large.`);
    this.values.push(type);
    return id as number;
  }
  known(id: unknown, what: string): number {
    if (typeof id === "number" && Number.isInteger(id) && id >= 0 && id < this.values.length) return id;
    return bad(`${what}: id ${describe(id)} is not defined before it is used.`);
  }

  inputs(given: unknown): Code["inputs"] {
    const inputs = this.#each(given, "input", MAX_OPERANDS, (o, what) => ({
      name: name(o.name, `the name of ${what}`),
      id: this.define(o.id, typeOf(o), what),
    }));
    return distinct(inputs);
  }
  constants(given: unknown): Code["constants"] {
    return this.#each(given, "constant", MAX_OPERANDS, (o, what) => {
      const type = typeOf(o);
      return { id: this.define(o.id, type, what), array: elements(o, type, what) };
    });
  }
  code<I>(given: unknown, read: (body: Body, o: Json, what: string) => I): I[] {
    return this.#each(given, "instruction", MAX_VALUES, (o, what) => read(this, o, what), "code");
  }
  outputs(given: unknown): Code["outputs"] {
    const outputs = this.#each(given, "output", MAX_OPERANDS, (o, what) => ({
      name: text(o.name, `the name of ${what}`),
      id: this.known(o.id, what),
    }));
    return distinct(outputs);
  }
  #each<X>(given: unknown, one: string, most: number, read: (o: Json, what: string) => X, all = `${one}s`): X[] {
    const at = (i: number): string => `${this.#where}${one} ${i}`;
    return list(given, this.#where + all, most).map((x, i) => read(object(x, at(i)), at(i)));
  }
}

const typeOf = (o: Json): ValueType => ({ dtype: checkDType("Program.from", o.dtype), shape: checkShape("Program.from", o.shape) });

function distinct<N extends { readonly name: string }>(named: readonly N[]): readonly N[] {
  const twice = clash(named.map((n) => n.name));
  return twice === undefined ? named : bad(`two inputs or outputs have the name ${describe(twice)}, or it is a part of another's.`);
}

function elements(o: Json, type: ValueType, what: string): Code["constants"][number]["array"] {
  const { array, width } = dtypes[type.dtype];
  const bytes = Buffer.from(typeof o.data === "string" ? o.data : bad(`${what}: data must be base64 text.`), "base64");
  if (bytes.byteLength !== sizeOf(type.shape) * width * array.BYTES_PER_ELEMENT) {
    throw new ShapeError("Program.from", `${what}: ${bytes.byteLength} bytes do not fill shape ${shapeText(type.shape)} of ${type.dtype}.`);
  }
  const copy = new ArrayBuffer(bytes.byteLength);
  new Uint8Array(copy).set(bytes);
  return new array(copy);
}
