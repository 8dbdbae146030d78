import { checkBytes } from '../../core/check.js';
import { PeerError, UsageError } from '../../core/errors.js';
import { pack, packedLength, unpack } from '../../ring/pack.js';
import { asPlain, checkVector, type PlainVector, zeroVector } from '../../ring/vector.js';
import { keptOf } from '../compression/kind.js';
import { packPlaces, placesLength, unpackPlaces } from '../compression/top-k.js';
import type { Plan } from './fields.js';
import { ringShape } from './shape.js';

/**
 * How a plan's vector is sent where nothing masks it. As it would be masked, packed; or under top-k, if that is
 * shorter, the k places that hold something and what they hold:
 *
 *     struct {
 *       opaque places[ceil(k * ceil(log2 d) / 8)];    // ascending, packed as ring vectors are
 *       opaque values[ceil((k + others) * b / 8)];    // ring elements there, then all after the update's
 *     } TopKInput;
 *
 * All inputs of a plan have one length, so that it tells nothing and room can be reserved for it.
 */
export interface PlainInputCoding {
  /** Bytes of a coded vector. */
  readonly length: number;
  /** Throws `UsageError` (`input.shape`) on a vector that the plan's client side doesn't make. */
  readonly encode: (vector: PlainVector) => Uint8Array<ArrayBuffer>;
  /** Throws `PeerError`: `input.length`, `input.padding`, `compression.index` unless places ascend and are below d. */
  readonly decode: (bytes: Uint8Array) => PlainVector;
}

export function plainInputCoding(plan: Plan): PlainInputCoding {
  const { bits, length } = ringShape(plan);
  const whole = packedLength(bits, length);
  const sparse = plan.compress.kind === 'top-k' ? topKCoding(plan, plan.compress) : undefined;
  if (sparse !== undefined && sparse.length < whole) return sparse;
  return {
    length: whole,
    encode: (vector) => pack(checkShape(vector, bits, length)),
    decode: (bytes) => asPlain(unpack(bits, length, bytes)),
  };
}

function topKCoding(plan: Plan, spec: { readonly fraction: number }): PlainInputCoding {
  const { bits, length } = ringShape(plan);
  const { dimension } = plan.vector;
  const kept = keptOf(spec, dimension);
  const others = length - dimension;
  const [placeBytes, valueBytes] = [placesLength(dimension, kept), packedLength(bits, kept + others)];
  return {
    length: placeBytes + valueBytes,
    encode: (vector) => {
      const { lanes } = checkShape(vector, bits, length);
      const places = occupied(lanes.subarray(0, dimension), kept);
      const values = zeroVector(bits, kept + others);
      places.forEach((place, i) => {
        values.lanes[i] = lanes[place] as number;
      });
      values.lanes.set(lanes.subarray(dimension), kept);
      const bytes = new Uint8Array(placeBytes + valueBytes);
      bytes.set(packPlaces(dimension, places));
      bytes.set(pack(values), placeBytes);
      return bytes;
    },
    decode: (bytes) => {
      if (checkBytes('bytes', bytes).length !== placeBytes + valueBytes)
        throw new PeerError('input.length', `an input has ${placeBytes + valueBytes} bytes, got ${bytes.length}`);
      const places = unpackPlaces(dimension, kept, bytes.slice(0, placeBytes));
      const { lanes } = unpack(bits, kept + others, bytes.slice(placeBytes));
      const vector = asPlain(zeroVector(bits, length));
      places.forEach((place, i) => {
        vector.lanes[place] = lanes[i] as number;
      });
      vector.lanes.set(lanes.subarray(kept), dimension);
      return vector;
    },
  };
}

/** The places that aren't 0, and the first others up to `count`: rounding may have made zeros of what was picked. */
function occupied(lanes: PlainVector['lanes'], count: number): Uint32Array {
  let spare = count;
  for (const value of lanes) if (value !== 0) spare -= 1;
  if (spare < 0)
    throw new UsageError(
      'input.shape',
      `the vector has ${count - spare} values that aren't 0, the plan's top-k ${count}`,
    );
  const places = new Uint32Array(count);
  let filled = 0;
  for (let place = 0; place < lanes.length && filled < count; place += 1) {
    if (lanes[place] === 0) {
      if (spare === 0) continue;
      spare -= 1;
    }
    places[filled] = place;
    filled += 1;
  }
  return places;
}

function checkShape(vector: PlainVector, bits: number, length: number): PlainVector {
  checkVector('vector', vector);
  if (vector.bits !== bits || vector.lanes.length !== length)
    throw new UsageError(
      'input.shape',
      `the plan sums ${length} values of ${bits} bits, the vector has ${vector.lanes.length} of ${vector.bits}`,
    );
  return vector;
}
