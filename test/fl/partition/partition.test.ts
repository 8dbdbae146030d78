import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  dirichletPartition,
  iidPartition,
  type Partition,
  quantityPartition,
  shardPartition,
} from '../../../src/fl/partition/partition.js';
import { dirichlet, seededNumbers } from '../../../src/fl/partition/random.js';

const labels = Uint8Array.from({ length: 5000 }, (_, i) => (i * 7) % 10);

function expectWhole(partition: Partition, examples: number): void {
  const all = partition.flatMap((hand) => [...hand]).sort((a, b) => a - b);
  expect(all).toEqual(Array.from({ length: examples }, (_, i) => i));
  for (const hand of partition) expect([...hand]).toEqual([...hand].sort((a, b) => a - b));
}

/** Mean over clients of the largest share that one label has: 0.1 if labels are mixed, 1 if each has one label. */
function skew(partition: Partition): number {
  const shares = partition.map((hand) => {
    const counts = new Array<number>(10).fill(0);
    for (const example of hand) counts[labels[example] ?? 0] = (counts[labels[example] ?? 0] ?? 0) + 1;
    return Math.max(...counts) / Math.max(1, hand.length);
  });
  return shares.reduce((sum, share) => sum + share, 0) / shares.length;
}

describe('partitions', () => {
  it('deal every example once, the same way for the same seed', () => {
    fc.assert(
      fc.property(
        fc.record({ clients: fc.integer({ min: 1, max: 30 }), seed: fc.nat() }),
        fc.array(fc.nat(4), { minLength: 100, maxLength: 200 }),
        fc.integer({ min: 1, max: 3 }),
        ({ clients, seed }, some, shards) => {
          const examples = some.length;
          const kinds = [
            () => iidPartition({ clients, seed, examples }),
            () => dirichletPartition({ clients, seed, labels: some, alpha: 0.5, minimum: 0 }),
            () => shardPartition({ clients, seed, labels: some, shards }),
            () => quantityPartition({ clients, seed, examples, alpha: 0.5, minimum: 0 }),
          ];
          for (const kind of kinds) {
            const partition = kind();
            expect(partition).toHaveLength(clients);
            expectWhole(partition, examples);
            expect(kind()).toEqual(partition);
          }
        },
      ),
    );
  });

  it('other seeds deal otherwise', () => {
    const deal = (seed: number) => dirichletPartition({ clients: 5, seed, labels, alpha: 1 });
    expect(deal(1)).not.toEqual(deal(2));
  });

  it('iid: even sizes, labels mixed', () => {
    const partition = iidPartition({ clients: 7, seed: 1, examples: labels.length });
    const sizes = partition.map((hand) => hand.length);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    expect(skew(partition)).toBeLessThan(0.15);
  });

  it('Dirichlet: the smaller alpha, the stronger the skew', () => {
    const at = (alpha: number) => skew(dirichletPartition({ clients: 20, seed: 3, labels, alpha }));
    expect(at(0.1)).toBeGreaterThan(0.5);
    expect(at(0.1)).toBeGreaterThan(at(1));
    expect(at(1)).toBeGreaterThan(at(1000));
    expect(at(1000)).toBeLessThan(0.15);
  });

  it('Dirichlet: every client has its minimum', () => {
    const partition = dirichletPartition({ clients: 10, seed: 5, labels, alpha: 0.3, minimum: 40 });
    expect(Math.min(...partition.map((hand) => hand.length))).toBeGreaterThanOrEqual(40);
  });

  it('Dirichlet: an alpha at which gamma draws underflow still deals everything', () => {
    expectWhole(dirichletPartition({ clients: 4, seed: 5, labels, alpha: 1e-6, minimum: 0 }), labels.length);
    const draw = dirichlet(10, 1e-6, seededNumbers(1, 'tiny'));
    expect(draw.reduce((sum, part) => sum + part, 0)).toBeCloseTo(1, 12);
  });

  it('shards: as many labels as shards', () => {
    const partition = shardPartition({ clients: 10, seed: 2, labels, shards: 2 });
    for (const hand of partition)
      expect(new Set([...hand].map((example) => labels[example])).size).toBeLessThanOrEqual(2);
  });

  it('quantity: sizes differ, labels are mixed', () => {
    const partition = quantityPartition({ clients: 10, seed: 4, examples: labels.length, alpha: 0.5, minimum: 30 });
    const sizes = partition.map((hand) => hand.length);
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(30);
    expect(Math.max(...sizes)).toBeGreaterThan(1000);
    expect(skew(partition)).toBeLessThan(0.35);
  });

  it('refuses what it can not deal', () => {
    const deal = { clients: 4, seed: 1 };
    const refused: readonly [string, () => unknown][] = [
      ['usage.range', () => iidPartition({ ...deal, examples: 3 })],
      ['usage.range', () => iidPartition({ ...deal, examples: Number.NaN })],
      ['usage.range', () => iidPartition({ clients: 0, seed: 1, examples: 3 })],
      ['usage.range', () => iidPartition({ clients: 1e9, seed: 1, examples: 3 })],
      ['usage.range', () => iidPartition({ clients: 2, seed: -1, examples: 3 })],
      ['usage.options', () => Reflect.apply(iidPartition, undefined, [undefined])],
      ['usage.options', () => Reflect.apply(dirichletPartition, undefined, [{ ...deal, alpha: 1, labels: 'no' }])],
      ['usage.range', () => dirichletPartition({ ...deal, alpha: 1, labels: [0, 1, -1, 2] })],
      ['usage.range', () => dirichletPartition({ ...deal, alpha: 0, labels })],
      ['usage.range', () => dirichletPartition({ ...deal, alpha: Number.POSITIVE_INFINITY, labels })],
      ['usage.range', () => dirichletPartition({ ...deal, alpha: 1, labels, minimum: 1251 })],
      ['partition.minimum', () => dirichletPartition({ ...deal, alpha: 1e-3, labels, minimum: 1250 })],
      ['usage.range', () => shardPartition({ ...deal, labels, shards: 1251 })],
      ['usage.range', () => shardPartition({ ...deal, labels, shards: 0 })],
    ];
    for (const [code, call] of refused) expect(call).toThrow(expect.objectContaining({ name: 'UsageError', code }));
  });
});
