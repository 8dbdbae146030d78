import { checkNumber } from '../core/check.js';
import { UsageError } from '../core/errors.js';
import type { Numbers } from './random.js';

/** What every client's connection is like. */
export interface NetworkOptions {
  /** Seconds that a message is under way, drawn anew for each from this range. 0.02 to 0.12 unless given. */
  readonly latency?: { readonly least: number; readonly most: number };
  /** Bytes a second that a client can send; 1,250,000 (10 Mbit/s) unless given. */
  readonly uplink?: number;
  /** Bytes a second that a client can receive; 6,250,000 (50 Mbit/s) unless given. */
  readonly downlink?: number;
}

export type Network = Required<NetworkOptions>;

/** `options` with defaults; throws `UsageError` (`usage.range`). */
export function completeNetwork(options: NetworkOptions = {}): Network {
  const { latency = { least: 0.02, most: 0.12 }, uplink = 1_250_000, downlink = 6_250_000 } = options;
  checkNumber('latency.least', latency.least, 0, 3600);
  checkNumber('latency.most', latency.most, 0, 3600);
  if (latency.least > latency.most)
    throw new UsageError('usage.range', `latency.least must be at most latency.most, ${latency.most}`);
  return {
    latency,
    uplink: checkNumber('uplink', uplink, 1, Number.MAX_VALUE),
    downlink: checkNumber('downlink', downlink, 1, Number.MAX_VALUE),
  };
}

/** One direction of a connection: messages leave one after another and arrive in order. */
export class Line {
  readonly #rate: number;
  readonly #delay: () => number;
  #free = 0;
  #arrived = 0;

  constructor(rate: number, latency: Network['latency'], numbers: Numbers) {
    this.#rate = rate;
    this.#delay = () => numbers.between(latency.least, latency.most);
  }

  /** When a message that is ready `now` has left, and when it arrives; in virtual seconds. */
  carry(now: number, bytes: number): { readonly left: number; readonly arrives: number } {
    this.#free = Math.max(now, this.#free) + bytes / this.#rate;
    this.#arrived = Math.max(this.#arrived, this.#free + this.#delay());
    return { left: this.#free, arrives: this.#arrived };
  }
}
