import { wipe } from '../../core/bytes.js';
import { AbortError, InternalError, PeerError } from '../../core/errors.js';
import { inputKeys } from '../input-mac.js';
import { encodeDelivery } from '../messages/delivery.js';
import type { MessageName } from '../messages/envelope.js';
import { decodeShare, type ShareMessage } from '../messages/share.js';
import { InputPhase } from './input.js';
import { Answers, requireHolders } from './members.js';
import type {
  Closing,
  FrozenRoster,
  Member,
  Outbound,
  PeerId,
  Receipt,
  ServerEnvironment,
  ServerPhase,
} from './phase.js';
import type { Sharer } from './stages.js';

/** Phase 2: collects sealed seed shares, then delivers each to its neighbor. */
export class SharePhase implements ServerPhase {
  readonly name = 'share';
  readonly #environment: ServerEnvironment;
  readonly #roster: FrozenRoster;
  readonly #awaited: Answers<ShareMessage>;

  constructor(environment: ServerEnvironment, roster: FrozenRoster) {
    this.#environment = environment;
    this.#roster = roster;
    this.#awaited = new Answers(roster.members, 'share');
  }

  get missing(): number {
    return this.#awaited.missing;
  }

  async receive(peer: PeerId, _name: MessageName, message: Uint8Array): Promise<Receipt> {
    const { tag, context } = this.#environment;
    const member = this.#awaited.expect(this.#roster, peer);
    const share = decodeShare(tag, message, context.releaseAt.length);
    if (share.sealed.length !== member.neighbors.length)
      throw new PeerError(
        'share.count',
        `${member.neighbors.length} neighbors need shares, got ${share.sealed.length}`,
        { peer },
      );
    this.#awaited.answers.set(member.index, share);
    return 'taken';
  }

  leave(peer: PeerId): void {
    this.#awaited.leave(this.#roster, peer);
  }

  async close(): Promise<Closing> {
    const { answers, members } = this.#awaited;
    const { minSurvivors } = this.#environment;
    if (answers.size < minSurvivors)
      throw new AbortError(
        'share.few',
        `${answers.size} clients shared their seeds, the session wants at least ${minSurvivors}`,
      );
    const sharers = members.filter(({ index }) => answers.has(index));
    requireHolders(this.#roster, { phase: 'share', owners: sharers, holders: answers });
    const next = new InputPhase(this.#environment, {
      roster: this.#roster,
      sharers: await this.#sharers(sharers),
      dropouts: {
        advertise: [],
        share: this.#awaited.silent.map(({ peer }) => peer),
        input: [],
        confirm: [],
        unmask: [],
      },
    });
    return { next, messages: this.#deliveries(sharers) };
  }

  /**
   * What later phases need of the clients that shared, by roster index. The server's private key has done its work
   * then.
   */
  async #sharers(members: readonly Member[]): Promise<ReadonlyMap<number, Sharer>> {
    const { provider, privateKey } = this.#environment;
    const { frozenHash } = this.#roster;
    const { answers } = this.#awaited;
    const uploads = members.map(({ index, neighbors, advertisement }) => {
      const maskedWith = neighbors.filter((neighbor) => answers.has(neighbor));
      return { publicKey: advertisement.channelKey, frozenHash, index, maskedWith };
    });
    const keys = await inputKeys(provider, privateKey, uploads);
    wipe(privateKey);
    return new Map(
      members.map((member, i): readonly [number, Sharer] => {
        const inputKey = keys[i];
        if (inputKey === undefined) throw new InternalError('share.key', 'a channel key in the roster has low order');
        return [member.index, { member, commitments: answers.get(member.index)?.commitments ?? [], inputKey }];
      }),
    );
  }

  *#deliveries(sharers: readonly Member[]): Generator<Outbound> {
    const { members } = this.#roster;
    for (const { peer, index, neighbors } of sharers) {
      const deliveries = [...neighbors].flatMap((sender) => {
        const sealed = this.#awaited.answers.get(sender)?.sealed[members[sender]?.neighbors.indexOf(index) ?? -1];
        return sealed === undefined ? [] : [{ sender, sealed }];
      });
      yield { to: peer, message: encodeDelivery(this.#environment.tag, deliveries) };
    }
  }
}
