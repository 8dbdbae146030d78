import { type AsyncSpec, asyncContribution, asyncMean, sendableAge } from '../../async.js';
import { stalenessWeight } from '../../optimizers/fedbuff.js';
import type { Plan } from '../fields.js';
import type { ClientStage, ServerStage } from './stage.js';

/** What a client knows of its update's age. */
export interface ClientVersions {
  /** The version that it trained. */
  readonly trained: number;
  /** The version that its cohort was formed at. */
  readonly formed: number;
}

/** What a server knows of a sum's age. */
export interface SumVersions {
  readonly formed: number;
  /** The version that the sum goes into. */
  readonly current: number;
}

/**
 * Client: weighs a clipped update by its staleness, so that it stays within the clip norm and a stale one counts less
 * whatever its length was. Throws `UsageError` (`usage.range`), `AbortError` (`async.stale`).
 */
export function weighStale(plan: Plan, versions: ClientVersions | undefined): ClientStage {
  const spec = asyncOf(plan);
  if (spec === undefined || versions === undefined) return (contribution) => contribution;
  return (contribution) => ({ ...contribution, update: asyncContribution(spec, contribution.update, versions) });
}

/**
 * What `weighStale` multiplies with: above 0, up to 1, which it is in rounds. Throws as it, before anything is sent.
 */
export function staleWeight(plan: Plan, versions: ClientVersions | undefined): number {
  const spec = asyncOf(plan);
  if (spec === undefined || versions === undefined) return 1;
  return stalenessWeight(spec.staleness, sendableAge(spec, versions));
}

/** Server: weighs a decoded sum by how many versions passed since its cohort was formed. */
export function weighLate(plan: Plan, versions: SumVersions): ServerStage {
  const spec = asyncOf(plan);
  if (spec === undefined) return (aggregate) => aggregate;
  return (aggregate) => ({ ...aggregate, values: asyncMean(spec, aggregate.values, versions) });
}

/** What `weighLate` multiplies with. */
export function lateWeight(plan: Plan, { formed, current }: SumVersions): number {
  const spec = asyncOf(plan);
  return spec === undefined ? 1 : stalenessWeight(spec.staleness, current - formed);
}

function asyncOf({ schedule }: Plan): AsyncSpec | undefined {
  if (schedule.kind === 'rounds') return undefined;
  const { kind: _, ...spec } = schedule;
  return spec;
}
