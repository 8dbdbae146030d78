import type { MaskedVector } from '../../ring/vector.js';
import type { Phase } from '../phase.js';
import type { Survivors } from '../survivors.js';
import type { FrozenRoster, Member, PeerId } from './phase.js';

/** What is left of a client's share message once its sealed shares are delivered. */
export interface Sharer {
  readonly member: Member;
  /** To the self-mask seed, then to each application seed, 32 bytes each. */
  readonly commitments: readonly Uint8Array[];
  /** Under which the client authenticates its masked input, 32 bytes; wiped once that is in. */
  readonly inputKey: Uint8Array;
}

/** What the phases from *input* on know of the session so far. */
export interface InputStage {
  readonly roster: FrozenRoster;
  /** By roster index: the clients that shared their seeds. */
  readonly sharers: ReadonlyMap<number, Sharer>;
  readonly dropouts: { readonly [phase in Phase]: readonly PeerId[] };
}

/** What the phases from *confirm* on know of the session so far. */
export interface ConfirmStage extends InputStage {
  /** Of the survivors' masked inputs. */
  readonly sum: MaskedVector;
  readonly survivors: Survivors;
  /** Clients whose seed must be reconstructed: survivors, and dropouts that a survivor masked with. */
  readonly owners: readonly Member[];
}

/** What *unmask* knows. */
export interface UnmaskStage extends ConfirmStage {
  /** Survivors that signed the survivors. */
  readonly confirmed: readonly Member[];
}
