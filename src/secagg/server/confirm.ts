import { PeerError } from '../../core/errors.js';
import { verifyAll } from '../../crypto/signature.js';
import { decodeConfirm } from '../messages/confirm.js';
import { encodeConfirmations } from '../messages/confirmations.js';
import type { MessageName } from '../messages/envelope.js';
import { confirmInput } from '../survivors.js';
import { Answers, requireHolders } from './members.js';
import type { Closing, Member, Outbound, PeerId, Receipt, ServerEnvironment, ServerPhase } from './phase.js';
import type { ConfirmStage } from './stages.js';
import { UnmaskPhase } from './unmask.js';

/** Phase 4: collects the survivors' signatures over who survived, then hands each those of its neighbors. */
export class ConfirmPhase implements ServerPhase {
  readonly name = 'confirm';
  readonly #environment: ServerEnvironment;
  readonly #stage: ConfirmStage;
  readonly #awaited: Answers<Uint8Array>;

  constructor(environment: ServerEnvironment, stage: ConfirmStage) {
    this.#environment = environment;
    this.#stage = stage;
    this.#awaited = new Answers(
      stage.roster.members.filter(({ index }) => stage.survivors.has(index)),
      'confirm',
    );
  }

  get missing(): number {
    return this.#awaited.missing;
  }

  /** The survivors. */
  get members(): readonly Member[] {
    return this.#awaited.members;
  }

  async receive(peer: PeerId, _name: MessageName, bytes: Uint8Array): Promise<Receipt> {
    const { provider, tag } = this.#environment;
    const { roster, survivors } = this.#stage;
    const member = this.#awaited.expect(roster, peer);
    const signature = decodeConfirm(tag, bytes);
    const publicKey = member.advertisement.certificate.identityKey;
    const [fits] = await verifyAll(provider, [
      { publicKey, message: confirmInput(roster.frozenHash, survivors), signature },
    ]);
    if (fits !== true)
      throw new PeerError('confirm.signature', 'the signature is not over the survivors of this session', { peer });
    this.#awaited.answers.set(member.index, signature);
    return 'taken';
  }

  leave(peer: PeerId): void {
    this.#awaited.leave(this.#stage.roster, peer);
  }

  async close(): Promise<Closing> {
    const { roster, owners, dropouts } = this.#stage;
    const { answers, members, silent } = this.#awaited;
    requireHolders(roster, { phase: 'confirm', owners, holders: answers });
    const next = new UnmaskPhase(this.#environment, {
      ...this.#stage,
      confirmed: members.filter(({ index }) => answers.has(index)),
      dropouts: { ...dropouts, confirm: silent.map(({ peer }) => peer) },
    });
    return { next, messages: this.#confirmations(next.members) };
  }

  *#confirmations(confirmed: readonly Member[]): Generator<Outbound> {
    for (const { peer, neighbors } of confirmed) {
      const confirmations = [...neighbors].flatMap((index) => {
        const signature = this.#awaited.answers.get(index);
        return signature === undefined ? [] : [{ index, signature }];
      });
      yield { to: peer, message: encodeConfirmations(this.#environment.tag, confirmations) };
    }
  }
}
