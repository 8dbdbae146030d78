import { concatBytes, utf8 } from '../core/bytes.js';
import { InternalError } from '../core/errors.js';

/**
 * Every KDF and signature input of the aggregation protocol starts with one of these, and every hash input but those of
 * plain SHA-256 digests, which only count inside of labelled inputs (of plan, model, identity keys, a bitmap, indices).
 * So bytes made for one purpose are never valid for another. On the wire a label is `opaque label<1..255>` holding
 * "veilsum/1 " and the name. What is hashed beside the protocol has labels of its own, by `labelBytes`.
 */
export const labels = {
  session: 'session',
  frozen: 'frozen session',
  certificate: 'certificate',
  advertise: 'advertise',
  rosterLeaf: 'roster leaf',
  rosterNode: 'roster node',
  roster: 'roster',
  graph: 'neighbor graph',
  channelKey: 'channel key',
  maskKey: 'mask key',
  channel: 'channel',
  coefficients: 'share coefficients',
  rounding: 'rounding',
  applicationSeed: 'application seed',
  commitment: 'seed commitment',
  pairwiseMask: 'pairwise mask',
  selfMask: 'self mask',
  inputMac: 'input mac',
  confirm: 'confirm',
} as const;

export type Label = (typeof labels)[keyof typeof labels];

const encoded = new Map<Label, Uint8Array>(
  Object.values(labels).map((label) => [label, labelBytes(`veilsum/1 ${label}`)]),
);

/** A label's text of 1 to 255 ASCII characters, its length before it. */
export function labelBytes(text: string): Uint8Array {
  return concatBytes(Uint8Array.of(text.length), utf8(text));
}

/** `label` with its length before it, followed by `parts`, which must each be of fixed length for the label. */
export function labelled(label: Label, ...parts: readonly Uint8Array[]): Uint8Array {
  const start = encoded.get(label);
  if (start === undefined) throw new InternalError('label.unknown', `no label ${label}`);
  return concatBytes(start, ...parts);
}

/** A whole number up to 2^53 - 1 as 64 bits in network order. */
export function uint64(value: number): Uint8Array {
  return concatBytes(uint32(Math.floor(value / 2 ** 32)), uint32(value % 2 ** 32));
}

/** A 32-bit number in network order, as labelled inputs hold roster indices. */
export function uint32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}
