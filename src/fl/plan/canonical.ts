import { PeerError } from '../../core/errors.js';

/**
 * Canonical JSON (RFC 8785, restricted to ASCII): no whitespace, keys in ascending order, numbers as ECMAScript prints
 * them. One value has one text, so a hash of the text pins the value.
 */

/** 16 KiB: a plan with every metric it may have is a quarter of that. */
export const maxPlanBytes: number = 16384;

/** The canonical text of plain JSON data that a schema has already bounded in depth. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`);
  return `{${entries.join(',')}}`;
}

/** The canonical bytes of `value`; its strings must be printable ASCII. */
export function canonicalBytes(value: unknown): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(canonicalJson(value), (character) => character.charCodeAt(0));
}

/**
 * Parses at most 16 KiB of ASCII JSON; whether it was canonical shows when the validated value is written again. Throws
 * `PeerError`: `plan.length`, `plan.encoding` or `plan.json`.
 */
export function parseAsciiJson(bytes: Uint8Array): unknown {
  if (bytes.length === 0 || bytes.length > maxPlanBytes)
    throw new PeerError('plan.length', `a plan has 1 to ${maxPlanBytes} bytes, got ${bytes.length}`);
  let text = '';
  for (const byte of bytes) {
    if (byte < 0x20 || byte > 0x7e)
      throw new PeerError('plan.encoding', `a plan is printable ASCII, got byte ${byte} at ${text.length}`);
    text += String.fromCharCode(byte);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    // Also where an engine gives up on deep nesting.
    throw new PeerError('plan.json', 'a plan must be JSON', { cause });
  }
}
