import crypto from 'node:crypto';
import { wipe } from '../core/bytes.js';
import type { HkdfInput } from './hash.js';

// Node has the one-shot `hash` since 20.12, and it takes half the time.
const oneShot = 'hash' in crypto && typeof crypto.hash === 'function' ? crypto.hash : undefined;

/**
 * SHA-256 by OpenSSL: a hash of a few hundred bytes takes 1 to 3 microseconds from the first call on, where JavaScript
 * takes 40 at first.
 */
export function sha256(message: Uint8Array): Uint8Array {
  const digest = oneShot?.('sha256', message, 'buffer') ?? crypto.createHash('sha256').update(message).digest();
  return new Uint8Array(digest);
}

/**
 * HKDF-SHA-256 (RFC 5869) by OpenSSL. Its own HKDF takes 10 microseconds, most of them to look up what it is made of;
 * the hashes that it is made of take 4, and a session derives some keys for each neighbor.
 */
export function hkdf({ secret, salt, info, length }: HkdfInput): Uint8Array {
  const fits = salt.length === keyBytes && secret.length <= messageBytes && hashBytes + info.length < messageBytes;
  if (oneShot === undefined || !fits || length > mostBlocks * hashBytes)
    return new Uint8Array(crypto.hkdfSync('sha256', secret, salt, info, length));
  inner.set(secret, blockBytes);
  const extracted = hmac(oneShot, salt, secret.length);
  const okm = new Uint8Array(length);
  for (let at = 0, before = 0; at < length; at += hashBytes, before = hashBytes) {
    inner.set(info, blockBytes + before);
    inner[blockBytes + before + info.length] = at / hashBytes + 1;
    const block = hmac(oneShot, extracted, before + info.length + 1);
    okm.set(block.subarray(0, length - at), at);
    inner.set(block, blockBytes);
    wipe(block);
  }
  wipe(extracted, innerKey, outerKey, inner.subarray(blockBytes), outer.subarray(blockBytes));
  return okm;
}

const [hashBytes, keyBytes, blockBytes, messageBytes] = [32, 32, 64, 512];
const mostBlocks = 255;

/**
 * What HMAC (RFC 2104) hashes first, a block of key and pad and the message, and then: such a block and the first hash.
 */
const inner = new Uint8Array(blockBytes + messageBytes).fill(0x36, keyBytes, blockBytes);
const outer = new Uint8Array(blockBytes + hashBytes).fill(0x5c, keyBytes, blockBytes);
const innerKey = new Uint32Array(inner.buffer, 0, keyBytes / 4);
const outerKey = new Uint32Array(outer.buffer, 0, keyBytes / 4);

/** HMAC-SHA-256 under a key of 32 bytes, over the first `length` bytes of the message in `inner`. */
function hmac(hash: NonNullable<typeof oneShot>, key: Uint8Array, length: number): Uint8Array {
  inner.set(key);
  innerKey.forEach((word, i) => {
    innerKey[i] = word ^ 0x36363636;
    outerKey[i] = word ^ 0x5c5c5c5c;
  });
  const first = hash('sha256', inner.subarray(0, blockBytes + length), 'buffer');
  outer.set(first, blockBytes);
  wipe(first);
  return hash('sha256', outer, 'buffer');
}
