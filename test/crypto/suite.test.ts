import { describe, expect, it } from 'vitest';
import { checkSuite, prgSizes, suites } from '../../src/crypto/suite.js';

describe('suites', () => {
  it('are two, with the key and nonce sizes of their ciphers', () => {
    expect(suites).toEqual([1, 2]);
    expect(prgSizes).toEqual({ 1: { key: 32, nonce: 12 }, 2: { key: 16, nonce: 16 } });
  });

  it('checkSuite returns them and refuses the rest', () => {
    for (const suite of suites) expect(checkSuite(suite)).toBe(suite);
    for (const value of [0, 3, 1.5, '1', null, undefined, [1], Number.NaN])
      expect(() => checkSuite(value)).toThrow(expect.objectContaining({ code: 'usage.choice' }));
  });
});
