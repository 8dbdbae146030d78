import { WebSocket } from 'ws';
import { plainBytes } from '../core/bytes.js';
import type { Socket, SocketListener } from './socket.js';

/** A roster message of the largest lawful degree has 15 MiB. */
const maxPayload = 32 * 2 ** 20;

/**
 * Pieces that a message may come in. ws keeps each with all that was read along with it; its types don't know the
 * option.
 */
const fragments = { maxFragments: 16 };

/** `ws`, since Node 20 has no WebSocket; package.json's `imports` picks this file or its browser twin. */
export function openSocket(url: string, listener: SocketListener): Socket {
  const socket = new WebSocket(url, { maxPayload, ...fragments, perMessageDeflate: false, handshakeTimeout: 10_000 });
  let failure = '';
  socket.on('open', () => listener.open());
  socket.on('message', (data, isBinary) => {
    listener.message(isBinary && data instanceof Buffer ? plainBytes(data) : new Uint8Array());
  });
  // Always followed by `close`.
  socket.on('error', (error) => {
    failure = error.message;
  });
  socket.on('close', (code, reason) => listener.end({ code, reason: reason.toString() || failure }));
  return {
    buffered: () => socket.bufferedAmount,
    send: (message) => socket.send(message),
    close: () => socket.close(1000),
    drop: () => socket.terminate(),
  };
}
