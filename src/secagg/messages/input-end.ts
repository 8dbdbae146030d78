import { macLength } from '../input-mac.js';
import { readMessage, writeMessage } from './envelope.js';

/**
 * Client to server, end of phase 3: the code over the whole packed input, by a key that the client shares with the
 * server.
 */
export function encodeInputEnd(tag: Uint8Array, mac: Uint8Array): Uint8Array {
  return writeMessage('inputEnd', tag).bytes(mac, macLength).finish();
}

export function decodeInputEnd(tag: Uint8Array, message: Uint8Array): Uint8Array {
  const reader = readMessage('inputEnd', tag, message);
  const mac = reader.bytes(macLength, 'mac');
  reader.end();
  return mac;
}
