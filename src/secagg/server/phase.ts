import type { CryptoProvider } from '../../crypto/provider/provider.js';
import type { Lanes } from '../../kernels/lanes.js';
import type { PlainVector } from '../../ring/vector.js';
import type { SessionContext } from '../context.js';
import type { MaskRemoval } from '../mask-removal.js';
import type { Advertisement } from '../messages/advertise.js';
import type { MessageName } from '../messages/envelope.js';
import type { SessionParameters } from '../parameters.js';
import type { Phase } from '../phase.js';

/** How the caller names the other end of a connection. Any string; it never goes on the wire. */
export type PeerId = string;

export interface Outbound {
  readonly to: PeerId;
  readonly message: Uint8Array;
}

/**
 * What became of a message: `taken`, or `deferred`: the upload budget is used up. A deferred message has changed
 * nothing; stop reading from that peer and give the same message again when another upload has ended.
 */
export type Receipt = 'taken' | 'deferred';

/** What all phases of a server's session share. */
export interface ServerEnvironment {
  readonly context: SessionContext;
  readonly contextHash: Uint8Array;
  readonly tag: Uint8Array;
  /** X25519 private key behind the context's `serverKey`; wiped once the keys of uploads are derived. */
  readonly privateKey: Uint8Array;
  readonly provider: CryptoProvider;
  /** Unix time in seconds, for certificates. */
  readonly time: number;
  /** Least clients in the roster, and in the sum. */
  readonly minClients: number;
  readonly minSurvivors: number;
  readonly parameters: (n: number) => SessionParameters;
  /** Bytes of uploads under way that are held in memory, beside the sum. */
  readonly uploadBudget: number;
  readonly removeMasks: (removal: MaskRemoval) => Promise<Lanes>;
}

/** A client of the frozen roster. */
export interface Member {
  readonly peer: PeerId;
  readonly index: number;
  readonly advertisement: Advertisement;
  /** Roster indices, ascending; holder number i + 1 of this client's seed shares is the i-th. */
  readonly neighbors: Uint32Array;
}

/** The roster once nobody can join any more. */
export interface FrozenRoster {
  readonly members: readonly Member[];
  readonly byPeer: ReadonlyMap<PeerId, Member>;
  readonly parameters: SessionParameters;
  readonly frozenHash: Uint8Array;
}

export interface SessionResult {
  /** The sum of the survivors' inputs: `vectorLength` values, each in [0, 2^b). */
  readonly sum: PlainVector;
  readonly roster: readonly PeerId[];
  /** Whose inputs are in the sum. */
  readonly survivors: readonly PeerId[];
  readonly parameters: SessionParameters;
  /** Who left before each phase's message. *advertise* is always empty: who never advertised isn't known here. */
  readonly dropouts: { readonly [phase in Phase]: readonly PeerId[] };
  /** Who revealed a seed share that was wrong. The sum is right in spite of it. */
  readonly cheaters: readonly PeerId[];
  /** For each survivor, its released application seeds by position. */
  readonly applicationSeeds: ReadonlyMap<PeerId, ReadonlyMap<number, Uint8Array>>;
}

/** What closing a phase leads to. */
export type Closing =
  | { readonly next: ServerPhase; readonly messages: Iterable<Outbound> }
  | { readonly result: SessionResult; readonly messages: Iterable<Outbound> };

/** One phase of a session, server side. */
export interface ServerPhase {
  readonly name: Phase;
  /** Messages that can still come; the phase may be closed before its deadline when none is left. */
  readonly missing: number;
  /** Throws `PeerError` for what must be refused; nothing has changed then. */
  readonly receive: (peer: PeerId, name: MessageName, message: Uint8Array) => Promise<Receipt>;
  /** The peer is gone and won't send what it hasn't sent. */
  readonly leave: (peer: PeerId) => void;
  /** Ends the phase; throws `AbortError` if the session can't go on. */
  readonly close: () => Promise<Closing>;
}
