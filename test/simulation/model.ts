/** What ought to come of a session: a page of set theory, to hold the real thing against. */

import { toHex } from '../../src/core/bytes.js';
import { decodeAdvertise } from '../../src/secagg/messages/advertise.js';
import { messageName } from '../../src/secagg/messages/envelope.js';
import { decodeRoster } from '../../src/secagg/messages/roster.js';
import type { Phase } from '../../src/secagg/phase.js';
import type { Observation } from '../../src/simulation/index.js';

/** Learns the neighbor graph, by client number, from what goes over the wire. */
export class GraphWatcher {
  readonly #identities = new Map<number, string>();
  /** By identity key: those of its neighbors. */
  readonly #neighbors = new Map<string, readonly string[]>();

  readonly observe = ({ direction, client, message }: Observation): void => {
    const name = messageName(message);
    const tag = message.subarray(1, 17);
    if (direction === 'up' && name === 'advertise')
      this.#identities.set(client, toHex(decodeAdvertise(tag, message).certificate.identityKey));
    if (direction === 'down' && name === 'roster') {
      const own = this.#identities.get(client) ?? '';
      const keys = decodeRoster(tag, message).entries.map(({ advertisement }) =>
        toHex(advertisement.certificate.identityKey),
      );
      this.#neighbors.set(
        own,
        keys.filter((key) => key !== own),
      );
    }
  };

  /** Neighbors of each client of the roster. */
  get graph(): ReadonlyMap<number, readonly number[]> {
    const numbers = new Map([...this.#identities].map(([client, key]) => [key, client]));
    return new Map(
      [...this.#identities].map(([client, key]) => [
        client,
        (this.#neighbors.get(key) ?? []).flatMap((neighbor) => numbers.get(neighbor) ?? []),
      ]),
    );
  }
}

export type Prediction =
  | { readonly kind: 'done'; readonly survivors: readonly number[] }
  | { readonly kind: 'aborted'; readonly phase: Phase; readonly code: string };

export interface Given {
  readonly graph: ReadonlyMap<number, readonly number[]>;
  readonly threshold: number;
  /** The phase in which each client vanishes before its message, if it does. */
  readonly vanishes: ReadonlyMap<number, Phase>;
}

/**
 * Everybody who takes part must have t neighbors left, and so must everybody whose mask is in the sum; at least two
 * must share and send.
 */
export function predict({ graph, threshold, vanishes }: Given): Prediction {
  const after = (before: readonly number[], phase: Phase): readonly number[] =>
    before.filter((client) => vanishes.get(client) !== phase);
  const enough = (owners: readonly number[], holders: readonly number[]): boolean => {
    const present = new Set(holders);
    return owners.every(
      (owner) => (graph.get(owner) ?? []).filter((neighbor) => present.has(neighbor)).length >= threshold,
    );
  };
  const aborted = (phase: Phase): Prediction => ({ kind: 'aborted', phase, code: `${phase}.few` });

  const sharers = after([...graph.keys()], 'share');
  if (sharers.length < 2 || !enough(sharers, sharers)) return aborted('share');
  const survivors = after(sharers, 'input');
  const summed = new Set(survivors);
  const masked = sharers.filter(
    (client) => summed.has(client) || (graph.get(client) ?? []).some((neighbor) => summed.has(neighbor)),
  );
  if (survivors.length < 2 || !enough(masked, survivors)) return aborted('input');
  const confirmed = after(survivors, 'confirm');
  if (!enough(masked, confirmed)) return aborted('confirm');
  if (!enough(masked, after(confirmed, 'unmask'))) return aborted('unmask');
  return { kind: 'done', survivors: [...survivors].sort((a, b) => a - b) };
}
