// One object per set of attributes of a row, so that what is kept of a call is found by identity.
import type { AttrValue } from "./attrs";
import type { AnyRow, Attrs } from "./row";

const MOST = 4096; // of one row; when there are more, all are forgotten
/** Of interned attributes: a number of their own, and whose they are. */
const known = new WeakMap<Attrs, { readonly number: number; readonly of: Interned }>();
let last = 0;

/** The number of interned attributes; undefined: they are not interned. */
export const numberOf = (attrs: Attrs): number | undefined => known.get(attrs)?.number;

function add(attrs: Attrs, of: Interned): Attrs {
  for (const [name, value] of Object.entries(attrs)) if (Array.isArray(value)) attrs[name] = Object.freeze([...value]);
  known.set(attrs, { number: ++last, of });
  return Object.freeze(attrs);
}

const mix = (h: number, x: number): number => Math.imul(h ^ x, 0x01000193); // FNV-1a
const double = new Float64Array(1);
const halves = new Int32Array(double.buffer);
function hashOf(value: AttrValue): number {
  if (typeof value === "number") {
    if (value === (value | 0)) return value | 0;
    double[0] = value;
    return mix(halves[0] as number, halves[1] as number);
  }
  if (typeof value === "boolean") return value ? 1 : 2;
  if (value === undefined) return 3;
  let h = value.length;
  if (typeof value === "string") for (let i = 0; i < value.length; i++) h = mix(h, value.charCodeAt(i));
  else for (let i = 0; i < value.length; i++) h = mix(h, hashOf(value[i] as number));
  return h;
}
function same(a: AttrValue, b: AttrValue): boolean {
  if (Object.is(a, b)) return true;
  if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
}

/** The attributes of a row that were met. */
export class Interned {
  /** Those of a call without options; a row of no attributes has no others. */
  readonly fallbacks: Attrs;
  readonly #names: readonly string[];
  readonly #known = new Map<number, Attrs[]>();
  #size = 0;

  constructor(row: AnyRow) {
    this.#names = Object.keys(row.attrs ?? {});
    this.fallbacks = add(Object.fromEntries(Object.entries(row.attrs ?? {}).map(([name, attr]) => [name, attr.fallback])), this);
  }
  /** Whether this is one of them, so that it was checked. */
  has(attrs: object): attrs is Attrs {
    return known.get(attrs as Attrs)?.of === this;
  }
  /** The one object of these values, which are given in full. */
  of(attrs: Attrs): Attrs {
    if (attrs === this.fallbacks || this.#names.length === 0) return this.fallbacks;
    if (known.has(attrs)) return attrs;
    let h = 0x811c9dc5;
    for (const name of this.#names) h = mix(h, hashOf(attrs[name]));
    let alike = this.#known.get(h);
    for (const a of alike ?? []) if (this.#names.every((name) => same(a[name], attrs[name]))) return a;
    if (this.#size >= MOST) {
      this.#known.clear();
      this.#size = 0;
      alike = undefined;
    }
    const made = add(Object.fromEntries(this.#names.map((name) => [name, attrs[name]])), this);
    if (alike) alike.push(made);
    else this.#known.set(h, [made]);
    this.#size++;
    return made;
  }
}
