import { PeerError } from '../../core/errors.js';
import { readMessage, writeMessage } from './envelope.js';

/** Server to client, after the session: whether its input is in the sum, and of how many. */
export interface Outcome {
  readonly survived: boolean;
  readonly survivors: number;
}

export function encodeOutcome(tag: Uint8Array, { survived, survivors }: Outcome): Uint8Array {
  return writeMessage('outcome', tag)
    .uint8(survived ? 1 : 0)
    .uint32(survivors)
    .finish();
}

export function decodeOutcome(tag: Uint8Array, message: Uint8Array): Outcome {
  const reader = readMessage('outcome', tag, message);
  const survived = reader.uint8('survived');
  if (survived > 1) throw new PeerError('codec.malformed', 'outcome: survived must be 0 or 1');
  const survivors = reader.uint32('survivors');
  reader.end();
  return { survived: survived === 1, survivors };
}
