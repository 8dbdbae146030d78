import fc from 'fast-check';
import { expect, test } from 'vitest';
import { wrongHolders } from '../../../src/crypto/shamir/decode.js';
import { multiply } from '../../../src/crypto/shamir/field16.js';

/** s_j = sum of error * holder^j. */
function syndromesOf(errors: ReadonlyMap<number, number>, count: number): Uint16Array {
  const syndromes = new Uint16Array(count);
  for (const [holder, error] of errors) {
    let term = error;
    for (let j = 0; j < count; j += 1) {
      syndromes[j] = (syndromes[j] ?? 0) ^ term;
      term = multiply(term, holder);
    }
  }
  return syndromes;
}

const holder = fc.integer({ min: 1, max: 0xffff });
const error = fc.integer({ min: 1, max: 0xffff });

test('the wrong holders are found, up to half as many as there are syndromes', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(holder, { minLength: 1, maxLength: 60 }),
      fc.array(error, { minLength: 1, maxLength: 20 }),
      fc.nat(3),
      (holders, errors, spare) => {
        const wrong = holders.slice(0, errors.length);
        const syndromes = syndromesOf(new Map(wrong.map((h, i) => [h, errors[i] ?? 1])), 2 * wrong.length + spare);
        expect(wrongHolders(syndromes, holders)).toEqual(wrong);
      },
    ),
  );
});

test('an error of a holder that is not there is not pinned on another', () => {
  expect(wrongHolders(syndromesOf(new Map([[9, 5]]), 6), [1, 2, 3, 4, 5, 6, 7, 8])).toBeUndefined();
});

test('arbitrary syndromes are explained rightly or not at all', () => {
  const holders = Array.from({ length: 12 }, (_, i) => i + 1);
  fc.assert(
    fc.property(fc.uint16Array({ minLength: 1, maxLength: 8 }), (syndromes) => {
      fc.pre(syndromes.some((s) => s !== 0));
      const wrong = wrongHolders(syndromes, holders);
      if (wrong === undefined) return;
      expect(2 * wrong.length).toBeLessThanOrEqual(syndromes.length);
      expect(wrong.length).toBeGreaterThan(0);
    }),
  );
});
