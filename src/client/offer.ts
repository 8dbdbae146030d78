import { equalBytes } from '../core/bytes.js';
import { PeerError } from '../core/errors.js';
import type { CryptoProvider } from '../crypto/provider/provider.js';
import type { Plan } from '../fl/plan/fields.js';
import { parsePlan } from '../fl/plan/plan.js';
import { releaseAt, ringShape } from '../fl/plan/shape.js';
import { broadcastLength } from '../fl/plan/stages/optimizer.js';
import type { SessionContext } from '../secagg/context.js';
import { decodeOffer } from '../secagg/messages/offer.js';
import type { ModelReference } from './model-cache.js';

export interface Offered {
  readonly context: SessionContext;
  readonly plan: Plan;
  readonly model: ModelReference;
}

export interface OfferExpectation {
  readonly provider: CryptoProvider;
  /** The task that the client asked for; any if it asked for none. */
  readonly task: string | undefined;
  /** The server's HTTP address. */
  readonly base: URL;
  /** The last round that the client was offered: a task never goes back. */
  readonly lastRound: number;
}

/**
 * What a server offers, if it is of one piece: the plan is the one that the context names, and the ring, length and
 * number of clients follow from the plan. Throws `PeerError`: `offer.task`, `offer.round`, `offer.plan`, `offer.shape`,
 * `offer.model`, or what `decodeOffer` and `parsePlan` throw.
 */
export function readOffer(message: Uint8Array, expected: OfferExpectation): Offered {
  const { context, plan: bytes, model } = decodeOffer(message);
  const { provider, task, base, lastRound } = expected;
  if (task !== undefined && context.task !== task)
    throw new PeerError('offer.task', `the client asked for the task ${task}, the server offers ${context.task}`);
  if (context.round < lastRound)
    throw new PeerError('offer.round', `the server goes back from round ${lastRound} to round ${context.round}`);
  if (!equalBytes(provider.sha256(bytes), context.planHash))
    throw new PeerError('offer.plan', 'the plan is not the one that the session is bound to');
  const plan = parsePlan(bytes);
  checkShape(context, plan);
  const reference = { url: modelUrl(model, base), hash: context.modelHash, length: broadcastLength(plan) };
  return { context, plan, model: reference };
}

function checkShape(context: SessionContext, plan: Plan): void {
  const { bits, length } = ringShape(plan);
  const fields = [
    ['ringBits', context.ringBits, bits],
    ['vectorLength', context.vectorLength, length],
    ['maxClients', context.maxClients, plan.cohort.maxClients],
  ] as const;
  for (const [name, offered, derived] of fields)
    if (offered !== derived)
      throw new PeerError('offer.shape', `the plan gives ${name} ${derived}, the session has ${offered}`);
  const seeds = releaseAt(plan);
  if (seeds.length !== context.releaseAt.length || seeds.some((survivors, i) => survivors !== context.releaseAt[i]))
    throw new PeerError(
      'offer.shape',
      `the plan releases seeds at ${seeds.join(', ') || 'no number'} of survivors, the session at others`,
    );
}

/** On the server itself: a client doesn't fetch from addresses that a server makes up. */
function modelUrl(reference: string, base: URL): URL {
  let url: URL | undefined;
  try {
    url = new URL(reference, base);
  } catch {
    // Not a URL: refused below.
  }
  if (url?.origin !== base.origin)
    throw new PeerError('offer.model', `the model must be on the server ${base.origin} itself`);
  return url;
}
