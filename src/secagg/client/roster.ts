import { equalBytes } from '../../core/bytes.js';
import { PeerError } from '../../core/errors.js';
import type { CryptoProvider } from '../../crypto/provider/provider.js';
import { findFault } from '../advertisement.js';
import { frozenHash, type SessionContext } from '../context.js';
import { type Advertisement, advertisementBytes } from '../messages/advertise.js';
import type { RosterEntry, RosterMessage } from '../messages/roster.js';
import type { SessionParameters } from '../parameters.js';
import { type ClientPolicy, checkParameters } from '../policy.js';
import { checkIdentities, checkNeighbors, checkOrder, checkProof } from './roster-checks.js';

/** The frozen roster as one client knows it, all checks passed. */
export interface ClientRoster {
  readonly index: number;
  readonly parameters: SessionParameters;
  readonly frozenHash: Uint8Array;
  /** By ascending index; holder number i + 1 of this client's shares is the i-th. */
  readonly neighbors: readonly RosterEntry[];
}

export interface RosterChecks {
  readonly provider: CryptoProvider;
  readonly context: SessionContext;
  readonly contextHash: Uint8Array;
  readonly policy: ClientPolicy;
  readonly advertisement: Advertisement;
  readonly time: number;
}

/**
 * Checks a roster (phase *share*): the numbers hold up under the policy, the entries are under the root, the neighbors
 * are those that the root gives, each is enrolled and signed for this session, and no key stands twice.
 *
 * @throws PeerError `policy.*`, `roster.*`, `merkle.proof` or `advertise.*`
 */
export async function verifyRoster(message: RosterMessage, checks: RosterChecks): Promise<ClientRoster> {
  const { parameters, root, entries } = message;
  checkParameters(checks.policy, parameters);
  if (parameters.n > checks.context.maxClients)
    throw new PeerError(
      'roster.wrap',
      `${parameters.n} clients are more than the ring of ${checks.context.maxClients} can sum`,
    );
  checkOrder(entries, parameters.n);
  checkProof(message);
  checkIdentities(message);
  const own = entries.find(({ advertisement }) => sameBytes(advertisement, checks.advertisement));
  if (own === undefined) throw new PeerError('roster.self', 'the roster does not hold what this client advertised');
  const neighbors = entries.filter((entry) => entry !== own);
  checkNeighbors(own.index, neighbors, message);
  const fault = await findFault(
    checks.provider,
    neighbors.map(({ advertisement }) => advertisement),
    { authority: checks.context.authority, contextHash: checks.contextHash, time: checks.time },
  );
  if (fault !== undefined)
    throw new PeerError(fault.code, `neighbor ${neighbors[fault.position]?.index}: ${fault.message}`);
  return { index: own.index, parameters, frozenHash: frozenHash(checks.contextHash, root, parameters), neighbors };
}

function sameBytes(a: Advertisement, b: Advertisement): boolean {
  return equalBytes(advertisementBytes(a), advertisementBytes(b));
}
