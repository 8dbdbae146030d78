import { UsageError } from './errors.js';

/** Joins `parts` into one new array. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/**
 * The same bytes as a plain `Uint8Array`: a Node Buffer's `slice` would be a view of it. Not copied, so that wiping it
 * leaves nothing behind.
 */
export function plainBytes({ buffer, byteOffset, length }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length);
}

/** Whether two arrays hold the same bytes, in time that depends on their lengths only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i += 1) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}

/** Lexicographic order of public byte strings: negative, zero or positive, for `sort`. Not constant time. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i += 1) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

const hexOfByte: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Lower-case hexadecimal. For public values only: strings can't be wiped, and tables leave traces in the cache. */
export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += hexOfByte[byte] ?? '';
  return text;
}

/** A string of one character a byte, to look public bytes up by: quicker to make than hexadecimal. */
export function lookupKey(bytes: Uint8Array): string {
  // A call takes so many arguments only.
  if (bytes.length > 4096) return lookupKey(bytes.subarray(0, 4096)) + lookupKey(bytes.subarray(4096));
  return Reflect.apply(String.fromCharCode, undefined, bytes);
}

/** The bytes of a hexadecimal string; throws `UsageError` (`usage.hex`) on an odd length or another character. */
export function fromHex(text: string): Uint8Array {
  if (typeof text !== 'string' || text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text))
    throw new UsageError('usage.hex', 'a hexadecimal string must have an even number of digits 0-9 a-f');
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** Overwrites secrets with zeros. Best effort: the engine may have made copies that no one can reach. */
export function wipe(...secrets: readonly (Uint8Array | Uint16Array | Uint32Array)[]): void {
  for (const secret of secrets) secret.fill(0);
}

/** The UTF-8 bytes of a string. */
export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
