import { utf8 } from '../../core/bytes.js';
import { decodeText, Writer } from '../../core/codec.js';
import { PeerError } from '../../core/errors.js';
import { protocolVersion } from '../context.js';
import { limits } from '../limits.js';
import { messageTypes, readUntagged } from './envelope.js';

/**
 * Client to server, first of all: what it speaks and which task it wants; an empty name takes the server's only one.
 */
export interface Hello {
  readonly task: string;
}

export function encodeHello({ task }: Hello): Uint8Array {
  return new Writer().uint8(messageTypes.hello).uint16(protocolVersion).opaque(utf8(task), limits.taskName).finish();
}

/** Throws `PeerError`: `codec.type`, `codec.malformed` or `context.version`. */
export function decodeHello(message: Uint8Array): Hello {
  const reader = readUntagged('hello', message);
  const version = reader.uint16('version');
  if (version !== protocolVersion)
    throw new PeerError(
      'context.version',
      `the client speaks protocol version ${version}, this server ${protocolVersion}`,
    );
  const task = decodeText(reader.opaque(limits.taskName, 'task'));
  reader.end();
  return { task };
}
