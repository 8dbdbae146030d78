/** The IDX format, in which MNIST and Fashion-MNIST come. */
import { checkBytes } from '../../core/check.js';
import { Reader } from '../../core/codec.js';
import { PeerError } from '../../core/errors.js';

export interface IdxArray {
  /** The sides; the last varies fastest in `values`. */
  readonly shape: readonly number[];
  readonly values: Uint8Array;
}

/** Type code of unsigned bytes, the only one that these data sets use. */
const unsignedByte = 0x08;

/** More than any of them has, and few enough that the number of values stays a finite double. */
const maxDimensions = 8;

/**
 * Decodes an (uncompressed) IDX file of unsigned bytes: two zero bytes, type, number of dimensions, sides, values.
 *
 * @throws UsageError `usage.bytes` unless given bytes; PeerError `codec.malformed`, `idx.type` for what isn't such a
 *   file
 */
export function decodeIdx(bytes: Uint8Array): IdxArray {
  const reader = new Reader(checkBytes('bytes', bytes), 'IDX file');
  const zeros = reader.uint16('magic');
  const type = reader.uint8('type');
  if (zeros !== 0 || type !== unsignedByte)
    throw new PeerError('idx.type', `IDX file: must start 00 00 08 (unsigned bytes), got ${zeros} and type ${type}`);
  const dimensions = reader.uint8('dimensions');
  if (dimensions < 1 || dimensions > maxDimensions)
    throw new PeerError('idx.type', `IDX file: must have 1 to ${maxDimensions} dimensions, got ${dimensions}`);
  const shape = Array.from({ length: dimensions }, () => reader.uint32('side'));
  const size = shape.reduce((product, side) => product * side, 1);
  const values = reader.bytes(size, 'values');
  reader.end();
  return { shape, values };
}
