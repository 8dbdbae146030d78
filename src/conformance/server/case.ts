import type { MessageName } from '../../secagg/messages/envelope.js';
import type { WorldOptions } from '../world.js';
import type { Attempt, ServerPlay, Upward } from './stage.js';

/** A session in which one client, or several, do something to the server. */
export interface ServerCase extends ServerPlay {
  /** The rule, and what tells the case apart. */
  readonly name: string;
  readonly rules?: readonly string[];
  readonly title: string;
  readonly world?: WorldOptions;
  /** A message comes over another connection than its client's. */
  readonly elsewhere?: true;
}

/** Before one client's message of that name comes, others that must be refused; then the message itself. */
export function firstBy(
  client: string,
  name: MessageName,
  refuse: readonly string[],
  forge: (at: Upward) => Uint8Array | Promise<Uint8Array>,
): NonNullable<ServerPlay['up']> {
  return async (at) => {
    if (at.seat.name !== client || at.name !== name) return undefined;
    return [{ message: await forge(at), refuse }, { message: at.message }];
  };
}

/** The same message twice. */
export function twice(client: string, name: MessageName): NonNullable<ServerPlay['up']> {
  return ({ seat, name: got, message }): readonly Attempt[] | undefined =>
    seat.name === client && got === name ? [{ message }, { message, refuse: ['order.repeated'] }] : undefined;
}

export function changed(at: number, change: (byte: number) => number): (up: Upward) => Uint8Array {
  return ({ message }) =>
    Uint8Array.from(message, (byte, i) => (i === (at < 0 ? message.length + at : at) ? change(byte) : byte));
}
