/** What the main thread and the clients' threads say to each other. None of it goes over the network. */
import type { LocalExtra } from 'veilsum/fl';
import type { Certificate, Phase } from 'veilsum/secagg';
import type { Digits } from './digits.js';
import type { Settings } from './settings.js';

/** What a thread starts with. */
export interface ThreadData {
  readonly settings: Settings;
  readonly everyone: readonly ClientData[];
}

/** One of the thread's clients. */
export interface ClientData {
  /** Counted from 0. */
  readonly client: number;
  /** The phase in which to vanish, by round. */
  readonly leaves: ReadonlyMap<number, Phase>;
}

/** To or from one client. */
export interface Addressed<Message> {
  readonly client: number;
  readonly message: Message;
}

/** An update, what it counts for, and what the optimizer asks for beside it. */
export interface Update {
  readonly values: Float32Array;
  readonly weight: number;
  readonly extra: LocalExtra;
}

export type ToClient =
  | { readonly kind: 'digits'; readonly digits: Digits }
  | { readonly kind: 'join'; readonly url: string; readonly authority: Uint8Array; readonly certificate: Certificate }
  /** The round in which the client left has ended: it can come back, unless that was the last. */
  | { readonly kind: 'roundOver'; readonly last: boolean }
  /** What a Byzantine client is to send, made from the honest ones' updates. */
  | { readonly kind: 'craft'; readonly round: number; readonly values: Float32Array }
  /** Trains without veilsum, for the comparison; the update will be in the mean. */
  | {
      readonly kind: 'train';
      readonly round: number;
      readonly model: Float32Array;
      readonly control: Float32Array | undefined;
    };

export type FromClient =
  | { readonly kind: 'key'; readonly publicKey: Uint8Array }
  | { readonly kind: 'ready'; readonly backend: string }
  | { readonly kind: 'phase'; readonly round: number; readonly phase: Phase }
  | { readonly kind: 'left'; readonly round: number; readonly phase: Phase }
  /** A Byzantine client waits for what it is to send. */
  | { readonly kind: 'plotting'; readonly round: number }
  /**
   * A copy of what went into the masked input, kept for the comparison. The server, in the main thread as well, isn't
   * told.
   */
  | { readonly kind: 'submitted'; readonly round: number; readonly update: Update }
  | { readonly kind: 'trained'; readonly round: number; readonly update: Update };
