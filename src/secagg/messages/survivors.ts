import { limits } from '../limits.js';
import { readMessage, writeMessage } from './envelope.js';

/** Server to client, phase 4: one bit a roster index, little-endian in each byte, padding zero. */
export function encodeSurvivors(tag: Uint8Array, bitmap: Uint8Array): Uint8Array {
  return writeMessage('survivors', tag, bitmap.length + 32)
    .opaque(bitmap, limits.clients / 8)
    .finish();
}

export function decodeSurvivors(tag: Uint8Array, message: Uint8Array): Uint8Array {
  const reader = readMessage('survivors', tag, message);
  const bitmap = reader.opaque(limits.clients / 8, 'bitmap');
  reader.end();
  return bitmap;
}
