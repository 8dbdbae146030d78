import { wipe } from '../../core/bytes.js';
import { PeerError } from '../../core/errors.js';
import { unmask } from '../../ring/vector.js';
import { seedLength } from '../limits.js';
import type { MessageName } from '../messages/envelope.js';
import { encodeOutcome } from '../messages/outcome.js';
import { decodeUnmask, type Reveal } from '../messages/unmask.js';
import { releasedSeeds } from '../survivors.js';
import { Answers, requireHolders } from './members.js';
import type {
  Closing,
  Member,
  Outbound,
  PeerId,
  Receipt,
  ServerEnvironment,
  ServerPhase,
  SessionResult,
} from './phase.js';
import { type Reconstruction, reconstruct } from './recovery.js';
import type { UnmaskStage } from './stages.js';

/** Phase 5: collects one reveal for each pair of neighbors, reconstructs the seeds, and takes the masks off the sum. */
export class UnmaskPhase implements ServerPhase {
  readonly name = 'unmask';
  readonly #environment: ServerEnvironment;
  readonly #stage: UnmaskStage;
  readonly #awaited: Answers<readonly Reveal[]>;
  readonly #released: readonly number[];

  constructor(environment: ServerEnvironment, stage: UnmaskStage) {
    this.#environment = environment;
    this.#stage = stage;
    this.#awaited = new Answers(stage.confirmed, 'unmask');
    this.#released = releasedSeeds(environment.context.releaseAt, stage.survivors.size);
  }

  get missing(): number {
    return this.#awaited.missing;
  }

  /** The survivors that are asked to reveal. */
  get members(): readonly Member[] {
    return this.#awaited.members;
  }

  async receive(peer: PeerId, _name: MessageName, message: Uint8Array): Promise<Receipt> {
    const member = this.#awaited.expect(this.#stage.roster, peer);
    const reveals = decodeUnmask(this.#environment.tag, message);
    this.#check(member, reveals);
    this.#awaited.answers.set(member.index, reveals);
    return 'taken';
  }

  leave(peer: PeerId): void {
    this.#awaited.leave(this.#stage.roster, peer);
  }

  async close(): Promise<Closing> {
    const { roster, owners, survivors } = this.#stage;
    requireHolders(roster, { phase: 'unmask', owners, holders: this.#awaited.answers });
    const { tag } = this.#environment;
    const result = await this.#unmask(await reconstruct(this.#environment, this.#stage, this.#awaited.answers));
    const messages = roster.members.map(
      ({ peer, index }): Outbound => ({
        to: peer,
        message: encodeOutcome(tag, { survived: survivors.has(index), survivors: survivors.size }),
      }),
    );
    return { result, messages };
  }

  /** A reveal for each neighbor that shared, of the kind that the survivors call for. */
  #check(member: Member, reveals: readonly Reveal[]): void {
    const { sharers, survivors } = this.#stage;
    const { peer } = member;
    const expected = [...member.neighbors].filter((index) => sharers.has(index));
    if (reveals.length !== expected.length || reveals.some(({ owner }, i) => owner !== expected[i]))
      throw new PeerError('unmask.owners', 'the reveals are not of the neighbors that shared', { peer });
    for (const { owner, kind, shares } of reveals) {
      const right = survivors.has(owner) ? 'self-mask' : 'mask';
      if (kind !== right && kind !== 'nothing')
        throw new PeerError('unmask.kind', `client ${owner} calls for a ${right} share, got ${kind}`, { peer });
      const seeds = kind === 'nothing' ? 0 : kind === 'mask' ? 1 : 1 + this.#released.length;
      if (shares.length !== seeds * seedLength)
        throw new PeerError('unmask.length', `the reveal of client ${owner} has ${shares.length} bytes`, { peer });
    }
  }

  async #unmask({ selfMaskSeeds, maskSeeds, applicationSeeds, cheaters }: Reconstruction): Promise<SessionResult> {
    const { context, contextHash, removeMasks } = this.#environment;
    const { roster, survivors, sum } = this.#stage;
    const { members, frozenHash, parameters } = roster;
    const lanes = await removeMasks({
      suite: context.suite,
      contextHash,
      frozenHash,
      ringBits: context.ringBits,
      vectorLength: context.vectorLength,
      selfMasks: [...selfMaskSeeds].map(([index, seed]) => ({ index, seed })),
      dropouts: [...maskSeeds].map(([index, seed]) => ({
        index,
        seed,
        neighbors: [...(members[index]?.neighbors ?? [])].flatMap((neighbor) => {
          const maskKey = members[neighbor]?.advertisement.maskKey;
          return maskKey === undefined || !survivors.has(neighbor) ? [] : [{ index: neighbor, maskKey }];
        }),
      })),
    });
    for (const seed of [...selfMaskSeeds.values(), ...maskSeeds.values()]) wipe(seed);
    const peerOf = (index: number): PeerId => members[index]?.peer ?? '';
    return {
      sum: unmask(sum, lanes),
      roster: members.map(({ peer }) => peer),
      survivors: members.filter(({ index }) => survivors.has(index)).map(({ peer }) => peer),
      parameters,
      dropouts: { ...this.#stage.dropouts, unmask: this.#awaited.silent.map(({ peer }) => peer) },
      cheaters: cheaters.map(peerOf),
      applicationSeeds: new Map([...applicationSeeds].map(([index, seeds]) => [peerOf(index), seeds])),
    };
  }
}
