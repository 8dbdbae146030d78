import { checkInteger, checkOptions } from '../../../core/check.js';
import { PeerError, UsageError } from '../../../core/errors.js';
import type { RandomSource } from '../../../core/random.js';
import { noiseNorm, noiseReach } from '../../../dp/mechanisms/central-mechanism.js';
import { decodeCounters, decodeSum, quantizationLimit, quantizeInto } from '../../../ring/quantize.js';
import { asPlain, checkVector, type PlainVector, part, zeroVector } from '../../../ring/vector.js';
import type { Plan, QuantizePlan } from '../fields.js';
import { gridStep, ringShape, updateLength, valuesLength } from '../shape.js';
import { compress, compressedLength, decompress } from './compress.js';
import { extraDimension } from './optimizer.js';
import { centralMechanism, distributedMechanism } from './privacy.js';
import { rotate, unrotate } from './rotate.js';
import { seedFor } from './seed.js';
import type { DecodeOptions, Decoder, EncodeOptions, Encoder } from './stage.js';

/**
 * Client: weighted, quantized values, then the counters as they are. Throws `UsageError` as `quantizeInto` and the
 * mechanisms do.
 */
export function encoder(plan: Plan): Encoder {
  const { bits, length } = ringShape(plan);
  const values = valuesLength(plan);
  const writeValues = plan.quantize.kind === 'conditional' ? noisyValues(plan) : roundedValues(plan, plan.quantize);
  return (input, options) => {
    const vector = asPlain(zeroVector(bits, length));
    writeValues(vector, input, options);
    vector.lanes[values] = input.weight;
    vector.lanes.set(input.metrics, values + 1);
    return vector;
  };
}

type WriteValues = (vector: PlainVector, ...input: Parameters<Encoder>) => void;

function roundedValues(
  plan: Plan,
  { bits, range }: Extract<QuantizePlan, { readonly kind: 'stochastic' }>,
): WriteValues {
  return (vector, { update, extra, weight }, { rounding, publicSeed }) => {
    const values = joined(
      rotate(plan, compress(plan, update, publicSeed), publicSeed),
      extra.length === 0 ? extra : rotate(plan, extra, publicSeed),
    );
    quantizeInto(vector, values, { bits, range, weight, rounding: rounding(values.length) });
  };
}

function joined(update: Float32Array, extra: Float32Array): Float32Array {
  if (extra.length === 0) return update;
  const values = new Float32Array(update.length + extra.length);
  values.set(update);
  values.set(extra, update.length);
  return values;
}

/**
 * Rotation, rounding and noise are one step, since the noise is sized for a norm that is checked in integers right
 * before.
 */
function noisyValues(plan: Plan): WriteValues {
  const mechanism = distributedMechanism(plan);
  return (vector, { update }, options: EncodeOptions) => {
    const { publicSeed, applicationSeeds = [] } = options;
    const random = randomFor(options);
    const rotation = seedFor(plan, publicSeed);
    const noisy = mechanism.encode(compress(plan, update, publicSeed), { rotation, random, applicationSeeds });
    vector.lanes.set(noisy.lanes);
    noisy.lanes.fill(0);
  };
}

/**
 * Server: the sums behind a plain vector. Throws `UsageError` on a vector of another shape or more survivors than the
 * plan has clients, `PeerError` if a coordinate (`sum.range`) or the norm (`sum.norm`) is beyond what clients of that
 * total weight can reach: one of them broke the plan, and the sum, which may even have wrapped, is worth nothing.
 */
export function decoder(plan: Plan): Decoder {
  const { bits, length } = ringShape(plan);
  const values = valuesLength(plan);
  const decodeValues = valuesDecoder(plan);
  const step = gridStep(plan);
  return (sum, survivors, options = {}) => {
    checkVector('sum', sum);
    checkOptions('options', options);
    if (sum.bits !== bits || sum.lanes.length !== length)
      throw new UsageError(
        'usage.vector',
        `sum must have ${length} values of ${bits} bits, as the plan says, got ${sum.lanes.length} of ${sum.bits}`,
      );
    checkInteger('survivors', survivors, 1, plan.cohort.maxClients);
    const [weight = 0, ...metrics] = decodeCounters(part(sum, values, length));
    const integers = decodeValues(part(sum, 0, values), { survivors, weight, options });
    const scaled = Float64Array.from(integers, (integer) => integer * step);
    return { values: realSums(plan, scaled, options.publicSeed), weight, metrics, survivors };
  };
}

/**
 * The rotation and the compression of a sum undone: the update's part, and what was beside it, which was never
 * compressed.
 */
function realSums(plan: Plan, scaled: Float64Array<ArrayBuffer>, seed: Uint8Array | undefined): Float64Array {
  const extras = extraDimension(plan);
  const split = updateLength(plan);
  const update = decompress(plan, unrotate(plan, scaled.slice(0, split), seed, compressedLength(plan)), seed);
  if (extras === 0) return update;
  const sums = new Float64Array(update.length + extras);
  sums.set(update);
  sums.set(unrotate(plan, scaled.slice(split), seed, extras), update.length);
  return sums;
}

interface SumFacts {
  readonly survivors: number;
  readonly weight: number;
  readonly options: DecodeOptions;
}

/** From the ring to integers of the grid, with the noise that the plan wants in them. */
function valuesDecoder(plan: Plan): (sum: PlainVector, facts: SumFacts) => Int32Array | Float64Array {
  const { quantize } = plan;
  if (quantize.kind === 'conditional') return excessRemover(plan);
  const limit = quantizationLimit(quantize.bits);
  const bound = normBound(plan);
  if (plan.privacy.kind === 'central') return noisyValuesDecoder(plan, { limit, bound });
  const clipped = updateLength(plan);
  return (sum, { weight }) => {
    const integers = decodeSum(sum);
    checkRange(integers, limit * weight, weight);
    checkNorm(integers.subarray(0, clipped), bound * weight, weight);
    return integers;
  };
}

/**
 * Noise comes first, and what follows only knows noisy integers: a client that doesn't keep to the plan could make a
 * check of the exact sum, or the place where the sum wraps, say something exact about the others.
 */
function noisyValuesDecoder(
  plan: Plan,
  { limit, bound }: { readonly limit: number; readonly bound: number },
): (sum: PlainVector, facts: SumFacts) => Float64Array {
  const central = centralMechanism(plan);
  const { variance, dimension } = central.settings;
  const [reach, norm] = [noiseReach(variance), noiseNorm(variance, dimension)];
  const size = 2 ** ringShape(plan).bits;
  return (sum, { weight, options }) => {
    const noisy = central.addNoise(decodeSum(sum), randomFor(options));
    const wrapped = noisy.map((value) => value - size * Math.floor(value / size + 0.5));
    checkRange(wrapped, limit * weight + reach, weight);
    checkNorm(wrapped, bound * weight + norm, weight);
    return wrapped;
  };
}

/** The source that noise is drawn from. */
function randomFor({ random }: EncodeOptions | DecodeOptions): RandomSource {
  if (typeof random === 'function') return random;
  throw new UsageError('usage.options', 'options.random must be a function that gives secret random bytes, for noise');
}

/** The sum's excess noise taken back, by the seeds that the survivors released. */
function excessRemover(plan: Plan): (sum: PlainVector, facts: SumFacts) => Int32Array {
  const mechanism = distributedMechanism(plan);
  return (sum, { survivors, options }) => {
    const seeds = options.applicationSeeds ?? Array.from({ length: survivors }, () => new Map<number, Uint8Array>());
    if (!Array.isArray(seeds) || seeds.length !== survivors)
      throw new UsageError('usage.seeds', `options.applicationSeeds must be those of each of ${survivors} survivors`);
    const kept: PlainVector = { ...sum, lanes: sum.lanes.slice() };
    mechanism.removeExcess(kept, seeds);
    return decodeSum(kept);
  };
}

function checkRange(integers: Int32Array | Float64Array, bound: number, weight: number): void {
  const beyond = firstBeyond(integers, bound);
  if (beyond !== undefined)
    throw new PeerError(
      'sum.range',
      `value ${beyond} of the sum is ${integers[beyond]}, beyond ${bound} for a total weight of ${weight}: ` +
        'a client broke the plan; leave this sum out',
    );
}

/**
 * The most that a client of weight 1 has in its update's part, in grid steps: its clip norm, and a step of rounding in
 * each coordinate. FedNova divides by 1 or more, so it is the clip norm at most there as well. The protocol's text
 * knows no such check for plans of version 1.
 */
function normBound(plan: Plan): number {
  const { clip, compress: how, version } = plan;
  // A sketch may be longer than what it is of.
  if (clip.kind === 'none' || version === 1 || how.kind === 'count-sketch') return Number.POSITIVE_INFINITY;
  return (clip.norm / gridStep(plan) + Math.sqrt(updateLength(plan))) * (1 + 2 ** -20);
}

/** The norm of a sum is no more than the sum of the norms. */
function checkNorm(integers: Int32Array | Float64Array, bound: number, weight: number): void {
  if (bound === Number.POSITIVE_INFINITY) return;
  let squares = 0;
  for (const integer of integers) squares += integer * integer;
  const norm = Math.sqrt(squares);
  if (norm > bound)
    throw new PeerError(
      'sum.norm',
      `the sum has a norm of ${norm.toPrecision(4)} steps, beyond ${bound.toPrecision(4)} for a total weight of ${weight}: ` +
        "a client didn't clip; leave this sum out",
    );
}

function firstBeyond(integers: Int32Array | Float64Array, bound: number): number | undefined {
  for (let i = 0; i < integers.length; i += 1) if (Math.abs(integers[i] as number) > bound) return i;
  return undefined;
}
