import { AbortError, PeerError } from '../../core/errors.js';
import type { Phase } from '../phase.js';
import type { FrozenRoster, Member, PeerId } from './phase.js';

/** The roster's member behind a peer; throws `PeerError` (`order.stranger`) for one that isn't in it. */
export function memberOf(roster: FrozenRoster, peer: PeerId): Member {
  const member = roster.byPeer.get(peer);
  if (member === undefined)
    throw new PeerError('order.stranger', 'the sender is not in the roster of this session', { peer });
  return member;
}

/** Members of whom one message is awaited in a phase, and which have sent it. */
export class Answers<T> {
  readonly answers: Map<number, T> = new Map<number, T>();
  readonly #awaited: Map<number, Member>;
  readonly #gone = new Set<number>();
  readonly #what: string;

  constructor(members: Iterable<Member>, what: string) {
    this.#awaited = new Map([...members].map((member) => [member.index, member]));
    this.#what = what;
  }

  get members(): readonly Member[] {
    return [...this.#awaited.values()];
  }

  /** How many have neither answered nor left. */
  get missing(): number {
    return this.#awaited.size - this.answers.size - this.#gone.size;
  }

  /** Members without an answer. */
  get silent(): readonly Member[] {
    return this.members.filter(({ index }) => !this.answers.has(index));
  }

  /** The member if its answer is still awaited; throws `PeerError` (`order.stranger` or `order.repeated`) otherwise. */
  expect(roster: FrozenRoster, peer: PeerId): Member {
    const member = memberOf(roster, peer);
    if (!this.#awaited.has(member.index) || this.#gone.has(member.index))
      throw new PeerError('order.stranger', `the sender has dropped out of the session before ${this.#what}`, { peer });
    if (this.answers.has(member.index))
      throw new PeerError('order.repeated', `${this.#what} was sent before: each message counts once`, { peer });
    return member;
  }

  leave(roster: FrozenRoster, peer: PeerId): void {
    const index = roster.byPeer.get(peer)?.index;
    if (index !== undefined && this.#awaited.has(index) && !this.answers.has(index)) this.#gone.add(index);
  }
}

/**
 * Throws `AbortError` unless each of `owners` has at least t neighbors among `holders`: without them its seed can't be
 * reconstructed, so the session must end before anything is revealed.
 */
export function requireHolders(
  roster: FrozenRoster,
  options: {
    readonly phase: Phase;
    readonly owners: Iterable<Member>;
    readonly holders: { has(index: number): boolean };
  },
): void {
  const { threshold } = roster.parameters;
  for (const { index, neighbors } of options.owners) {
    const held = neighbors.reduce((count, neighbor) => count + (options.holders.has(neighbor) ? 1 : 0), 0);
    if (held < threshold)
      throw new AbortError(
        `${options.phase}.few`,
        `after ${options.phase}, client ${index} has ${held} neighbors left of the ${threshold} that the threshold wants`,
      );
  }
}
