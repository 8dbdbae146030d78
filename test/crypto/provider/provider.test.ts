import { describe, expect, it } from 'vitest';
import { nobleProvider } from '../../../src/crypto/provider/noble.js';
import { nodeProvider } from '../../../src/crypto/provider/provider.node.js';
import { webProvider } from '../../../src/crypto/provider/web.js';
import { primitives } from './primitives.js';

const noble = await primitives(nobleProvider);

describe.each([nodeProvider, webProvider])('$name', (provider) => {
  it('computes the same bytes as noble, for every primitive', async () => {
    expect(await primitives(provider)).toEqual(noble);
  });
});

describe.each([nobleProvider, nodeProvider, webProvider])('$name', (provider) => {
  it('gives randomness of any length, and another each time', () => {
    for (const length of [0, 1, 65_536, 65_537, 200_000]) expect(provider.randomBytes(length)).toHaveLength(length);
    expect(provider.randomBytes(32)).not.toEqual(provider.randomBytes(32));
    // The last bytes of a long answer are random too.
    expect(new Set(provider.randomBytes(70_000).subarray(69_000)).size).toBeGreaterThan(200);
  });

  it('gives plain arrays of their own, so that slices are copies and wiping one wipes no other', async () => {
    const key = provider.randomBytes(32);
    const arrays = [
      key,
      provider.sha256(key),
      await provider.agreementPublicKey(key),
      await provider.signaturePublicKey(key),
      await provider.sign(key, key),
      provider.seal({ key, associatedData: key, data: key }),
    ];
    for (const array of arrays) {
      expect(Object.getPrototypeOf(array)).toBe(Uint8Array.prototype);
      expect(array.buffer.byteLength).toBe(array.byteLength);
    }
  });

  it('leaves its inputs as they are', async () => {
    const key = new Uint8Array(32).fill(9);
    const copy = key.slice();
    await provider.agreementPublicKey(key);
    await provider.agree(key, [await provider.agreementPublicKey(provider.randomBytes(32))]);
    await provider.sign(key, key);
    provider.seal({ key, associatedData: key, data: key });
    expect(key).toEqual(copy);
  });
});

it('knows what the primitives of the published standards give', () => {
  // RFC 6234's empty message; the rest is held to noble, which holds itself to the RFCs' vectors.
  expect(noble['sha256 of 0']).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  expect(noble['ed25519 verify 0']).toBe(['true', ...Array(10).fill('false')].join(','));
  // Only the signature whose R has no torsion part.
  expect(noble['ed25519 verify crafted']).toBe('true,false,false');
  const refused = Object.entries(noble).filter(([name, value]) => name.startsWith('x25519 ') && value === 'none');
  expect(refused).toHaveLength(4 * 8);
});
