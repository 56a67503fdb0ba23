// Built-ins as they were when the package was loaded. What a program puts in their place later does not come to see the engine's memory.

import { setTimeout } from "./node";

const { apply } = Reflect;
const { allocUnsafeSlow } = Buffer;
const { set } = Object.getPrototypeOf(Uint8Array.prototype) as { set(this: object, from: ArrayLike<number>): void };
const [clone, immediate] = [structuredClone, setImmediate];

/** Calls f with a list of arguments, without walking through an iterator. */
export const call = <A extends readonly unknown[], R>(f: (...args: A) => R, args: A): R => apply(f, undefined, args);

/** Memory that is not zeroed. */
export const uninitialized = (bytes: number): ArrayBuffer => apply(allocUnsafeSlow, Buffer, [bytes]).buffer as ArrayBuffer;

/** Elements of `from` into `to`, a typed array of as many. */
export const fill = (to: object, from: ArrayLike<number>): void => apply(set, to, [from]);

/** The memory under a new ArrayBuffer; `buffer` is left without. @throws DOMException where it cannot be transferred. */
export const transferred = (buffer: ArrayBuffer): ArrayBuffer => clone(buffer, { transfer: [buffer] });

/** The event loop's next turn. */
export const nextTurn = (): Promise<void> => new Promise((done) => immediate(done));

/** f, after so long, if the process is still there. */
export const later = (f: () => void, milliseconds: number): void => void setTimeout(f, milliseconds).unref();
