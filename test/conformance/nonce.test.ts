import { ed25519 } from '@noble/curves/ed25519.js';
import { describe, expect, it } from 'vitest';
import { defaultProvider } from '#provider';
import { signWithoutNonce } from '../../src/conformance/nonce.js';

describe('signWithoutNonce', () => {
  const privateKey = new Uint8Array(32).fill(5);
  const publicKey = ed25519.getPublicKey(privateKey);
  const message = new Uint8Array([1, 2, 3]);
  const aliased = Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 0xee : i === 31 ? 0x7f : 0xff));

  it('makes what a verifier takes that compares points, and a strict one refuses', async () => {
    const signature = signWithoutNonce(privateKey, message, aliased);
    expect(ed25519.verify(signature, message, publicKey, { zip215: true })).toBe(true);
    expect(await defaultProvider.verify([{ publicKey, message, signature }])).toEqual([false]);
  });

  it('makes no signature of anything else', () => {
    const signature = signWithoutNonce(privateKey, message, aliased);
    expect(ed25519.verify(signature, new Uint8Array([1, 2, 4]), publicKey, { zip215: true })).toBe(false);
  });
});
