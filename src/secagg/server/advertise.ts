import { equalBytes, lookupKey } from '../../core/bytes.js';
import { checkInteger, checkOptions } from '../../core/check.js';
import { AbortError, InternalError, PeerError, UsageError } from '../../core/errors.js';
import { hasLowOrder } from '../../crypto/agreement.js';
import { addDistinct, findFault } from '../advertisement.js';
import { frozenHash } from '../context.js';
import { type Advertisement, decodeAdvertise } from '../messages/advertise.js';
import type { MessageName } from '../messages/envelope.js';
import { encodeRoster } from '../messages/roster.js';
import { formWeakness, type SessionParameters } from '../parameters.js';
import { byIdentityKey, type RosterProofs, rosterGraph, rosterProofs } from '../roster.js';
import type { Closing, FrozenRoster, Outbound, PeerId, Receipt, ServerEnvironment, ServerPhase } from './phase.js';
import { SharePhase } from './share.js';

/** Phase 1: collects advertisements, then freezes the roster in the order of identity keys. */
export class AdvertisePhase implements ServerPhase {
  readonly name = 'advertise';
  readonly #environment: ServerEnvironment;
  readonly #candidates = new Map<PeerId, Advertisement>();
  readonly #keys = new Set<string>();

  constructor(environment: ServerEnvironment) {
    this.#environment = environment;
  }

  get missing(): number {
    return this.#environment.context.maxClients - this.#candidates.size;
  }

  async receive(peer: PeerId, _name: MessageName, message: Uint8Array): Promise<Receipt> {
    const { context, contextHash, tag, provider, time } = this.#environment;
    if (this.#candidates.has(peer)) throw new PeerError('order.repeated', 'this peer has advertised before', { peer });
    if (this.missing <= 0)
      throw new PeerError('advertise.full', `the session has its ${context.maxClients} clients`, { peer });
    const advertisement = decodeAdvertise(tag, message);
    const fault = await findFault(provider, [advertisement], { authority: context.authority, contextHash, time });
    if (fault !== undefined) throw new PeerError(fault.code, fault.message, { peer });
    if (hasLowOrder(advertisement.channelKey) || hasLowOrder(advertisement.maskKey))
      throw new PeerError('advertise.key', 'an X25519 key has low order', { peer });
    addDistinct(this.#keys, advertisement);
    this.#candidates.set(peer, advertisement);
    return 'taken';
  }

  leave(peer: PeerId): void {
    const advertisement = this.#candidates.get(peer);
    if (advertisement === undefined) return;
    this.#candidates.delete(peer);
    // Who comes back has the same identity, but makes new session keys: those stay taken.
    this.#keys.delete(lookupKey(advertisement.certificate.identityKey));
  }

  async close(): Promise<Closing> {
    const { minClients, tag, provider, privateKey, context } = this.#environment;
    if (!equalBytes(await provider.agreementPublicKey(privateKey), context.serverKey))
      throw new UsageError(
        'usage.key',
        "privateKey is not that of the context's serverKey: pass what createContext gave",
      );
    const n = this.#candidates.size;
    if (n < minClients)
      throw new AbortError('advertise.few', `${n} clients advertised, the session wants at least ${minClients}`);
    const { roster, proofs } = this.#freeze(this.#chooseParameters(n));
    return { next: new SharePhase(this.#environment, roster), messages: rosterMessages(tag, roster, proofs) };
  }

  #chooseParameters(n: number): SessionParameters {
    try {
      return checkForm(this.#environment.parameters(n), n);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : 'no parameters';
      throw new AbortError('advertise.parameters', `no lawful degree and threshold for ${n} clients: ${reason}`, {
        cause,
      });
    }
  }

  #freeze(parameters: SessionParameters): { readonly roster: FrozenRoster; readonly proofs: RosterProofs } {
    const sorted = [...this.#candidates].sort(([, a], [, b]) => byIdentityKey(a, b));
    const proofs = rosterProofs(sorted.map(([, advertisement]) => advertisement));
    const graph = rosterGraph(proofs.root, parameters);
    const members = sorted.map(([peer, advertisement], index) => ({
      peer,
      index,
      advertisement,
      neighbors: graph.neighborsOf(index),
    }));
    const roster = {
      members,
      byPeer: new Map(members.map((member) => [member.peer, member])),
      parameters,
      frozenHash: frozenHash(this.#environment.contextHash, proofs.root, parameters),
    };
    return { roster, proofs };
  }
}

/** Parameters that a caller's own function gave: those that no session can have are found before anybody gets them. */
function checkForm(parameters: SessionParameters, n: number): SessionParameters {
  checkInteger('parameters.n', checkOptions('parameters', parameters).n, n, n);
  const fault = formWeakness(parameters);
  if (fault !== undefined) throw new UsageError('usage.parameters', fault.message);
  return parameters;
}

function* rosterMessages(
  tag: Uint8Array,
  { members, parameters }: FrozenRoster,
  { tree, root, identities }: RosterProofs,
): Generator<Outbound> {
  for (const { peer, index, neighbors } of members) {
    const indices = [...neighbors, index].sort((a, b) => a - b);
    const entries = indices.map((entry) => {
      const member = members[entry];
      if (member === undefined) throw new InternalError('graph.range', 'a neighbor lies outside the roster');
      return { index: entry, advertisement: member.advertisement };
    });
    yield {
      to: peer,
      message: encodeRoster(tag, { parameters, root, identities, entries, proof: tree.prove(indices) }),
    };
  }
}
