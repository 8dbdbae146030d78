import { checkInteger } from '../../../core/check.js';
import { PeerError, UsageError } from '../../../core/errors.js';
import { decodeCounters, decodeSum, dequantize, quantizationLimit, quantizeInto } from '../../../ring/quantize.js';
import { asPlain, checkVector, part, zeroVector } from '../../../ring/vector.js';
import type { Plan } from '../schema.js';
import { ringShape } from '../shape.js';
import type { Decoder, Encoder } from './stage.js';

/** Client: weighted, quantized values, then the counters as they are. Throws `UsageError` as `quantizeInto` does. */
export function encoder(plan: Plan): Encoder {
  const { bits, length } = ringShape(plan);
  const { dimension } = plan.vector;
  return ({ update, weight, metrics }, rounding) => {
    const vector = asPlain(zeroVector(bits, length));
    quantizeInto(vector, update, { ...plan.quantize, weight, rounding: rounding(dimension) });
    vector.lanes[dimension] = weight;
    vector.lanes.set(metrics, dimension + 1);
    return vector;
  };
}

/**
 * Server: the sums behind a plain vector. Throws `UsageError` on a vector of another shape or more survivors than the plan has clients,
 * `PeerError` (`sum.range`) if a coordinate is beyond what clients of that total weight can reach: one of them broke the plan, and the
 * sum, which may even have wrapped, is worth nothing.
 */
export function decoder(plan: Plan): Decoder {
  const { bits, length } = ringShape(plan);
  const { dimension } = plan.vector;
  const limit = quantizationLimit(plan.quantize.bits);
  return (sum, survivors) => {
    checkVector('sum', sum);
    if (sum.bits !== bits || sum.lanes.length !== length)
      throw new UsageError(
        'usage.vector',
        `sum must have ${length} values of ${bits} bits, as the plan says, got ${sum.lanes.length} of ${sum.bits}`,
      );
    checkInteger('survivors', survivors, 1, plan.cohort.maxClients);
    const [weight = 0, ...metrics] = decodeCounters(part(sum, dimension, length));
    const integers = decodeSum(part(sum, 0, dimension));
    const bound = limit * weight;
    const beyond = firstBeyond(integers, bound);
    if (beyond !== undefined)
      throw new PeerError(
        'sum.range',
        `value ${beyond} of the sum is ${integers[beyond]}, beyond ${bound} for a total weight of ${weight}: ` +
          'a client broke the plan; leave this sum out',
      );
    return { values: dequantize(integers, plan.quantize), weight, metrics, survivors };
  };
}

function firstBeyond(integers: Int32Array, bound: number): number | undefined {
  for (let i = 0; i < integers.length; i += 1) if (Math.abs(integers[i] as number) > bound) return i;
  return undefined;
}
