import type { Assumptions } from '../secagg/parameters.js';
import type { ClientPolicy } from '../secagg/policy.js';

/**
 * How an implementation under test is driven, whatever it is written in: a program, a connection, or objects in this
 * process.
 */

/** How a party's session ended. */
export interface PartyEnd {
  /** `refused`: it found a fault in what came; `aborted`: it was told so, or a server gave up. */
  readonly kind: 'refused' | 'aborted' | 'finished' | 'done';
  /** An error code of the registry, for `refused` and `aborted`. */
  readonly code?: string | undefined;
  readonly survived?: boolean | undefined;
  readonly survivors?: number | undefined;
}

export interface ClientInit {
  /** The encoded context. */
  readonly context: Uint8Array;
  /** Ed25519 seed. */
  readonly identityKey: Uint8Array;
  /** 104 bytes. */
  readonly certificate: Uint8Array;
  /** All of the client's randomness, 192 bytes. */
  readonly rand: Uint8Array;
  /** Unix time in seconds. */
  readonly time: number;
  /** The pinned authority. */
  readonly authority: Uint8Array;
  readonly policy: ClientPolicy;
  /** d integers mod 2^b, submitted as soon as the deliveries are in. */
  readonly input: readonly number[];
}

export interface ClientAnswer {
  readonly send: readonly Uint8Array[];
  readonly end?: PartyEnd | undefined;
}

/** A client in one session at a time. */
export interface ClientUnderTest {
  /** A new session; the answer has the *advertise* message. */
  readonly start: (init: ClientInit) => Promise<ClientAnswer>;
  readonly receive: (message: Uint8Array) => Promise<ClientAnswer>;
}

export interface ServerInit {
  readonly context: Uint8Array;
  /** X25519 private key of the context's server key. */
  readonly serverKey: Uint8Array;
  readonly assumptions: Assumptions & { readonly correctnessBits: number };
  readonly minDegree: number;
  readonly minClients: number;
  readonly minSurvivors: number;
  readonly time: number;
}

export interface Addressed {
  readonly to: string;
  readonly message: Uint8Array;
}

export interface ServerAnswer {
  readonly send: readonly Addressed[];
  /** The code, if the message was refused. */
  readonly refused?: string | undefined;
  readonly end?: PartyEnd | undefined;
}

export interface ServerResult {
  readonly sum: readonly number[];
  /** Roster indices. */
  readonly survivors: readonly number[];
  /** Names by roster index. */
  readonly roster: readonly string[];
  readonly cheaters: readonly string[];
}

/** A server in one session at a time; it closes no phase by itself. */
export interface ServerUnderTest {
  readonly start: (init: ServerInit) => Promise<void>;
  readonly receive: (from: string, message: Uint8Array) => Promise<ServerAnswer>;
  readonly leave: (from: string) => Promise<void>;
  readonly deadline: () => Promise<ServerAnswer>;
  /** Once it is done. */
  readonly result: () => Promise<ServerResult>;
}
