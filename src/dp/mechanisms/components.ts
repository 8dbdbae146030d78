import { chacha20 } from '@noble/ciphers/chacha.js';
import { utf8 } from '../../core/bytes.js';
import { checkBytes, checkChoice, checkInteger, describe } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';
import type { RandomSource } from '../../core/random.js';
import { discreteGaussian } from '../samplers/gaussian.js';
import { skellam } from '../samplers/poisson.js';
import { add, checkPositive, multiply, type Rational, rational, subtract } from '../samplers/rational.js';
import type { NoiseSampler } from '../samplers/sampler.js';
import { type DistributedNoiseKind, distributedNoiseKinds } from './noisy-sum.js';

/** The most application seeds that the protocol shares for a client. */
export const maxRemovable = 16;

/** What noise components are made for. */
export interface ComponentOptions {
  /** n: clients in the roster. */
  readonly clients: number;
  /** Fewest survivors that the sum is released for. */
  readonly minSurvivors: number;
  /** Survivors who may tell the server their noise. */
  readonly colluders: number;
  /** V: variance that the honest survivors' noise must have together, in units of the grid. */
  readonly sumVariance: Rational;
  readonly noise: DistributedNoiseKind;
  /**
   * Removable components, at most 16; more come closer to the least noise for each number of survivors. Ignored with
   * `releaseAt`.
   */
  readonly removable?: number;
  /**
   * The removable components' `releaseAt`, falling, where they are settled: the parties take them from the session's
   * context.
   */
  readonly releaseAt?: readonly number[];
}

/** A client's noise in parts that can be taken back (XNoise: Jiang et al., Dordis, 2024, section 4). */
export interface NoiseComponents {
  /** Component 0 is never removed; its randomness is the client's own. */
  readonly base: NoiseSampler;
  /** Components 1, 2, ...: drawn from application seeds 0, 1, ... */
  readonly removable: readonly {
    readonly sampler: NoiseSampler;
    /** Survivors from which on the component is excess: the entry of the session context's `releaseAt`. */
    readonly releaseAt: number;
  }[];
}

/**
 * Each client adds as much noise as the fewest survivors would need. The protocol then gives the server the seeds of
 * the components that are too much for as many as did survive. With survivors s_0 = n > s_1 > ... > s_T = minimum,
 * component j has variance V (1/(s_j - c) - 1/(s_{j-1} - c)) and is removed from s_{j-1} survivors on. So for s_j <= S
 * < s_{j-1} survivors each keeps V/(s_j - c), and the S - c honest ones at least V: never less, and more by at most the
 * ratio of neighboring steps.
 *
 * @throws UsageError `usage.range`, `usage.rational`, `usage.choice`
 */
export function noiseComponents(options: ComponentOptions): NoiseComponents {
  const clients = checkInteger('clients', options.clients, 1, 2 ** 24);
  const least = checkInteger('minSurvivors', options.minSurvivors, 1, clients);
  const colluders = checkInteger('colluders', options.colluders, 0, least - 1);
  const variance = checkPositive('sumVariance', options.sumVariance, 2 ** 60);
  const noise = checkChoice('noise', options.noise, distributedNoiseKinds);
  const steps = honestSteps(options, { clients, least, colluders });
  const share = (honest: number): Rational => multiply(variance, rational(1, honest));
  const removable = steps.slice(1).map((honest, j) => {
    const above = steps[j] as number;
    return {
      sampler: distributedSampler(noise, subtract(share(honest), share(above))),
      releaseAt: above + colluders,
    };
  });
  return { base: distributedSampler(noise, share(steps[0] as number)), removable };
}

/** Honest survivors s_0 > ... > s_T; without a removable component only the fewest, whom the base must do for. */
function honestSteps(
  { removable, releaseAt }: ComponentOptions,
  { clients, least, colluders }: { readonly clients: number; readonly least: number; readonly colluders: number },
): readonly number[] {
  if (releaseAt === undefined) {
    const count = checkInteger('removable', removable ?? maxRemovable, 0, maxRemovable);
    if (count === 0) return [least - colluders];
    return survivorSteps({ honest: clients - colluders, least: least - colluders, count });
  }
  const steps: readonly number[] = [...checkReleaseAt(releaseAt), least];
  steps.forEach((step, i) => {
    // Falling, and the last above the fewest survivors.
    checkInteger(
      `releaseAt[${i}]`,
      step,
      least + (i < releaseAt.length ? 1 : 0),
      i === 0 ? clients : (steps[i - 1] ?? 0) - 1,
    );
  });
  return steps.map((step) => step - colluders);
}

/** Returns `releaseAt` if it is a list of no more than can be; throws `UsageError` (`usage.range`) otherwise. */
export function checkReleaseAt(releaseAt: readonly number[]): readonly number[] {
  if (Array.isArray(releaseAt) && releaseAt.length <= maxRemovable) return releaseAt;
  throw new UsageError(
    'usage.range',
    `releaseAt must be an array of at most ${maxRemovable} numbers, got ${describe(releaseAt)}`,
  );
}

/** Which application seeds a sum of this many survivors takes back, as positions in `removable`. */
export function removedComponents(components: NoiseComponents, survivors: number): readonly number[] {
  checkInteger('survivors', survivors, 0, 2 ** 24);
  return components.removable.flatMap(({ releaseAt }, position) => (survivors >= releaseAt ? [position] : []));
}

/** Variances of what one client's noise consists of once the excess is removed. Throws `UsageError` (`usage.range`). */
export function keptVariances(components: NoiseComponents, survivors: number): readonly Rational[] {
  const removed = new Set(removedComponents(components, survivors));
  const kept = components.removable.filter((_, position) => !removed.has(position));
  return [components.base.variance, ...kept.map(({ sampler }) => sampler.variance)];
}

/** Variance that `honest` of these survivors have together in a sum of `survivors`, the excess removed. */
export function keptSumVariance(components: NoiseComponents, survivors: number, honest: number): Rational {
  return multiply(rational(honest), keptVariances(components, survivors).reduce(add));
}

export function distributedSampler(noise: DistributedNoiseKind, variance: Rational): NoiseSampler {
  return noise === 'skellam' ? skellam({ variance }) : discreteGaussian({ variance });
}

const nonce: Uint8Array = utf8('veilsum nois');

/**
 * The random bytes that a component is drawn from: the ChaCha20 key stream (RFC 8439) under its application seed.
 * Client and server get the same noise from the same seed, since samplers don't depend on the platform's arithmetic.
 *
 * @param seed 32 bytes, used for one component of one client in one session
 * @throws UsageError `usage.bytes`; later `usage.random` after 256 GiB
 */
export function seededNoise(seed: Uint8Array): RandomSource {
  const key = new Uint8Array(checkBytes('seed', seed, 32));
  let block = 0;
  let left = new Uint8Array(0);
  return (length) => {
    checkInteger('length', length, 0, 2 ** 30);
    const out = new Uint8Array(length);
    const reused = Math.min(left.length, length);
    out.set(left.subarray(0, reused));
    left = left.subarray(reused);
    const missing = length - reused;
    if (missing === 0) return out;
    const blocks = Math.ceil(missing / 64);
    if (block + blocks > 0xffffffff) throw new UsageError('usage.random', `the stream of ${describe(seed)} is used up`);
    const fresh = chacha20(key, nonce, new Uint8Array(64 * blocks), undefined, block);
    block += blocks;
    out.set(fresh.subarray(0, missing), reused);
    left = fresh.subarray(missing) as Uint8Array<ArrayBuffer>;
    return out;
  };
}

/** Honest survivors s_0 > s_1 > ... > s_T: geometric steps, which bounds the excess at every number alike. */
function survivorSteps(options: { readonly honest: number; readonly least: number; readonly count: number }): number[] {
  const { honest, least, count } = options;
  if (honest - least <= count) return Array.from({ length: honest - least + 1 }, (_, i) => honest - i);
  const steps = [honest];
  for (let j = 1; j <= count; j += 1) {
    const previous = steps[j - 1] as number;
    const wanted = Math.round(honest * (least / honest) ** (j / count));
    steps.push(j === count ? least : Math.max(least + (count - j), Math.min(previous - 1, wanted)));
  }
  return steps;
}
