import { utf8 } from '../../core/bytes.js';
import { decodeText } from '../../core/codec.js';
import { AbortError, PeerError, VeilsumError } from '../../core/errors.js';
import { readMessage, writeMessage } from './envelope.js';

/** Either way, any time: the sender has left the session, and why. */
export interface AbortMessage {
  /** A stable error code, such as `input.few`; 1 to 64 characters a-z, digits, dots and dashes. */
  readonly code: string;
  /** For people, up to 500 bytes of UTF-8. */
  readonly reason: string;
}

const maximumCode = 64;
const maximumReason = 500;

export function encodeAbort(tag: Uint8Array, { code, reason }: AbortMessage): Uint8Array {
  const text = utf8(reason);
  // A cut in the middle of a character would not decode; errors are ASCII nearly always.
  const cut = text.length > maximumReason ? utf8(reason.slice(0, maximumReason / 4)) : text;
  return writeMessage('abort', tag).opaque(utf8(code), maximumCode).opaque(cut, maximumReason).finish();
}

/**
 * What a client says of its error. The text of its own ones stays with it: a `UsageError` may quote a value of the
 * input.
 */
export function encodeClientAbort(tag: Uint8Array, error: unknown): Uint8Array {
  const told = error instanceof PeerError || error instanceof AbortError;
  return encodeAbort(tag, {
    code: error instanceof VeilsumError ? error.code : 'client.failed',
    reason: told ? error.message : 'the client failed',
  });
}

/** What a server says of its error, to one client or to all. */
export function encodeServerAbort(tag: Uint8Array, error: unknown): Uint8Array {
  const known = error instanceof VeilsumError;
  return encodeAbort(tag, {
    code: known ? error.code : 'server.failed',
    reason: known ? error.message : 'the server failed',
  });
}

export function decodeAbort(tag: Uint8Array, message: Uint8Array): AbortMessage {
  const reader = readMessage('abort', tag, message);
  const code = decodeText(reader.opaque(maximumCode, 'code'));
  if (!/^[a-z0-9.-]+$/.test(code)) throw new PeerError('codec.malformed', 'abort: code has a character that none has');
  const reason = decodeText(reader.opaque(maximumReason, 'reason'));
  reader.end();
  return { code, reason };
}
