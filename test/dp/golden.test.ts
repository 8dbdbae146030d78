/**
 * Every golden record, against its bounds. `VEILSUM_GOLDEN_DP` names another file of the same format. A kind that isn't
 * known here fails: a record that nothing checks would look like one that passed.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { checkedBy } from './golden-kinds.js';

interface GoldenRecord {
  readonly id: string;
  readonly kind: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly accept: { readonly lower: number; readonly upper: number };
}

const here = fileURLToPath(new URL('../golden/dp.json', import.meta.url));
const path = process.env.VEILSUM_GOLDEN_DP ?? here;
const file = JSON.parse(readFileSync(path, 'utf8')) as {
  readonly format: string;
  readonly count: number;
  readonly records: readonly GoldenRecord[];
};

describe('golden records', () => {
  it('is a file of the known format with all its records', () => {
    expect(file.format).toBe('dp-golden/1');
    expect(file.records.length).toBe(file.count);
  });

  for (const { id, kind, inputs, accept } of file.records)
    it(id, () => {
      const check = checkedBy(kind);
      if (check === undefined) throw new Error(`no check for the kind ${kind}`);
      const value = check(inputs);
      expect(value).toBeGreaterThanOrEqual(accept.lower);
      expect(value).toBeLessThanOrEqual(accept.upper);
    });
});
