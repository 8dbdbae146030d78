import { InternalError } from '../../../core/errors.js';
import { bestEpsilon } from '../../../dp/accounting/best.js';
import type { PrivacyEvent } from '../../../dp/events/event.js';
import { CentralMechanism, quantizedContribution } from '../../../dp/mechanisms/central-mechanism.js';
import { DistributedMechanism } from '../../../dp/mechanisms/distributed-mechanism.js';
import type { PlanFields } from '../fields.js';
import { gridStep, valuesLength } from '../shape.js';
import { compressedLength } from './compress.js';

/**
 * Noise, and what it costs. Clients are the records, and a client's record may be replaced by one that contributes
 * nothing: how many took part is public, as the server announces the survivors.
 */
export const relation = 'replaceSpecial';

/**
 * What computed epsilons and probabilities may be above a bound: engines' logarithms may round differently in the last
 * digits.
 */
export const slack = 1e-9;

export type RoundEvent = PrivacyEvent<typeof relation>;

/**
 * Client: clip, rotate, round and add noise in the ring; server: take excess noise back. Throws `UsageError` for
 * numbers that don't fit.
 */
export function distributedMechanism(fields: PlanFields): DistributedMechanism {
  const { privacy, quantize, clip, cohort } = fields;
  if (privacy.kind !== 'distributed' || quantize.kind !== 'conditional' || clip.kind !== 'l2')
    throw new InternalError('plan.privacy', 'the plan has no distributed noise');
  return new DistributedMechanism({
    noise: privacy.noise,
    dimension: compressedLength(fields),
    clip: clip.norm,
    granularity: quantize.granularity,
    beta: quantize.beta,
    ringBits: quantize.ringBits,
    clients: cohort.maxClients,
    minSurvivors: privacy.minSurvivors,
    colluders: privacy.colluders,
    variance: privacy.variance,
    releaseAt: privacy.releaseAt,
  });
}

/** Server: noise on a cohort's decoded sum, in its integer steps. */
export function centralMechanism(fields: PlanFields): CentralMechanism {
  const { privacy, clip } = fields;
  if (privacy.kind !== 'central' || clip.kind !== 'l2')
    throw new InternalError('plan.privacy', 'the plan has no central noise');
  const dimension = valuesLength(fields);
  const contribution = quantizedContribution({ clip: clip.norm, step: gridStep(fields), dimension });
  return new CentralMechanism({ dimension, contribution, variance: privacy.variance });
}

/**
 * The event of one cohort's sum of `survivors` clients, or of several cohorts', nobody being in two; `undefined`
 * without noise. Throws `AbortError` (`dp.survivors`) below the fewest.
 */
export function privacyEvent(fields: PlanFields, survivors: number | readonly number[]): RoundEvent | undefined {
  switch (fields.privacy.kind) {
    case 'none':
      return undefined;
    case 'central':
      return centralMechanism(fields).event({ relation });
    case 'distributed':
      return distributedMechanism(fields).event({ relation, survivors });
  }
}

/** What one round costs a client at most, however many survive. `undefined` without noise. */
export function worstEvent(fields: PlanFields): RoundEvent | undefined {
  switch (fields.privacy.kind) {
    case 'none':
      return undefined;
    case 'central':
      return centralMechanism(fields).event({ relation });
    case 'distributed':
      return distributedMechanism(fields).worstEvent({ relation });
  }
}

/** Epsilon of so many rounds like this one, at the plan's delta. */
export function epsilonOf(
  event: RoundEvent,
  { delta, rounds }: { readonly delta: number; readonly rounds: number },
): number {
  return bestEpsilon({ relation, delta, events: [{ event, count: rounds }] }).upper;
}

/** Epsilon of all of the plan's rounds at most; 0 without noise, where nothing is promised. */
export function plannedEpsilon(fields: PlanFields): number {
  const event = worstEvent(fields);
  return event === undefined || fields.privacy.kind === 'none' ? 0 : epsilonOf(event, fields.privacy.budget);
}
