import { equalBytes } from '../../core/bytes.js';
import { Reader, Writer } from '../../core/codec.js';
import { PeerError } from '../../core/errors.js';
import { tagLength } from '../context.js';

/** First byte of every message. */
export const messageTypes = {
  hello: 1,
  offer: 2,
  advertise: 3,
  roster: 4,
  share: 5,
  delivery: 6,
  input: 7,
  inputEnd: 8,
  survivors: 9,
  confirm: 10,
  confirmations: 11,
  unmask: 12,
  outcome: 13,
  abort: 14,
} as const;

export type MessageName = keyof typeof messageTypes;

const names = new Map<number, MessageName>(
  (Object.keys(messageTypes) as MessageName[]).map((name) => [messageTypes[name], name]),
);

/** The name of a message by its first byte; throws `PeerError` (`codec.type`) for an unknown or empty one. */
export function messageName(message: Uint8Array): MessageName {
  const name = names.get(message[0] ?? 0);
  if (name === undefined)
    throw new PeerError(
      'codec.type',
      message.length === 0 ? 'the message is empty' : `message type ${message[0]} is unknown`,
    );
  return name;
}

/** Starts a message of a session: type, then the first bytes of the context's hash. */
export function writeMessage(name: MessageName, tag: Uint8Array, capacity?: number): Writer {
  return new Writer(capacity).uint8(messageTypes[name]).bytes(tag, tagLength);
}

/** Starts reading a message that comes before any session; throws `PeerError` (`codec.type`) for another one. */
export function readUntagged(name: MessageName, message: Uint8Array): Reader {
  const got = messageName(message);
  if (got !== name) throw new PeerError('codec.type', `expected the message ${name}, got ${got}`);
  const reader = new Reader(message, name);
  reader.uint8('type');
  return reader;
}

/** Starts reading a message of the session `tag`; throws `PeerError`: `codec.type` or `session.mismatch`. */
export function readMessage(name: MessageName, tag: Uint8Array, message: Uint8Array): Reader {
  const reader = readUntagged(name, message);
  if (!equalBytes(reader.view(tagLength, 'tag'), tag))
    throw new PeerError('session.mismatch', `the message ${name} belongs to another session`);
  return reader;
}
