/**
 * The tables of docs/compression.md are of these schemes and have their exact sizes; `npm run bench -- compression`
 * writes them.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  downloadCost,
  downloadError,
  downloads,
  schemes,
  uploadCost,
  uploadError,
} from '../../../bench/compression-schemes.js';

const text = readFileSync(fileURLToPath(new URL('../../../docs/compression.md', import.meta.url)), 'utf8');

/** The cells of each row of a table, by its first cell. */
function table(name: string): ReadonlyMap<string, readonly string[]> {
  const rows = text
    .slice(text.indexOf(`<!-- ${name} -->`), text.indexOf(`<!-- end of ${name} -->`))
    .split('\n')
    .slice(3)
    .filter((line) => line.startsWith('|'))
    .map((line) => line.split('|').map((cell) => cell.trim()));
  return new Map(rows.map(([, first = '', ...cells]) => [first, cells]));
}

describe('docs/compression.md', () => {
  it('has the uploads, with their bytes', () => {
    const rows = table('uploads');
    expect([...rows.keys()]).toEqual(schemes.map(({ name }) => name));
    for (const scheme of schemes) {
      const { linear, unbiased, values, ringBits, bytes } = uploadCost(scheme);
      const said = [linear ? 'yes' : 'no', unbiased ? 'yes' : 'no', values, ringBits, bytes].map(String);
      expect(rows.get(scheme.name)?.slice(0, 5)).toEqual(said);
    }
  });

  it('has the downloads, with their bytes and errors', () => {
    const rows = table('downloads');
    expect([...rows.keys()]).toEqual(downloads.map(({ name }) => name));
    for (const download of downloads) {
      expect(rows.get(download.name)?.[0]).toBe(String(downloadCost(download).bytes));
      expect(Number(rows.get(download.name)?.[2])).toBeCloseTo(downloadError(download), 2);
    }
  });

  it('has the errors of 4 bits with and without rotation, which makes the error twenty times less', () => {
    const [plain, rotated] = ['quantize, 4 bits', 'rotate, 4 bits'].map((name) => {
      const scheme = schemes.find((one) => one.name === name);
      if (scheme === undefined) throw new Error(`no scheme ${name}`);
      const { once } = uploadError(scheme);
      // Two digits are printed.
      expect(Number(table('uploads').get(name)?.[6]) / once.whole).toBeCloseTo(1, 1);
      return once.whole;
    });
    expect(plain).toBeGreaterThan(20 * (rotated ?? Number.NaN));
  });
});
