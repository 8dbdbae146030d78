import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InternalError } from '../../src/core/errors.js';
import { agreeAll } from '../../src/crypto/agreement.js';
import { nobleProvider } from '../../src/crypto/provider/noble.js';
import { nodeProvider } from '../../src/crypto/provider/provider.node.js';
import { suites } from '../../src/crypto/suite.js';
import { addLanes, type Lanes } from '../../src/kernels/lanes.js';
import { equalVectors, zeroVector } from '../../src/ring/vector.js';
import { type MaskRemoval, removalCost, removeMasks, splitRemoval } from '../../src/secagg/mask-removal.js';
import { pairwiseMask, selfMask } from '../../src/secagg/masking.js';
import { maskPrivateKey } from '../../src/secagg/seeds.js';
import { seededBytes } from '../support/provider.js';

const contextHash = new Uint8Array(32).fill(1);
const frozenHash = new Uint8Array(32).fill(2);

interface Member {
  readonly index: number;
  readonly selfSeed: Uint8Array;
  readonly maskSeed: Uint8Array;
  readonly privateKey: Uint8Array;
  readonly maskKey: Uint8Array;
}

async function makeMembers(n: number): Promise<readonly Member[]> {
  const random = seededBytes(`members ${n}`);
  return Promise.all(
    Array.from({ length: n }, async (_, index) => {
      const maskSeed = random(32);
      const privateKey = maskPrivateKey(contextHash, maskSeed);
      const maskKey = await nodeProvider.agreementPublicKey(privateKey);
      return { index, selfSeed: random(32), maskSeed, privateKey, maskKey };
    }),
  );
}

interface Scene {
  readonly removal: MaskRemoval;
  /** Sum of the survivors' masked inputs. */
  readonly masked: Lanes;
  /** Sum of their inputs. */
  readonly plain: Lanes;
}

type Shape = Pick<MaskRemoval, 'suite' | 'ringBits' | 'vectorLength'>;

/** A complete graph in which `dropped` masked with everyone, and then left. */
async function scene(n: number, dropped: readonly number[], shape: Shape): Promise<Scene> {
  const { suite, ringBits, vectorLength } = shape;
  const members = await makeMembers(n);
  const survivors = members.filter(({ index }) => !dropped.includes(index));
  const binding = { suite, frozenHash };
  const { lanes: masked } = zeroVector(ringBits, vectorLength);
  const { lanes: plain } = zeroVector(ringBits, vectorLength);
  for (const { index, selfSeed, privateKey } of survivors) {
    const input = zeroVector(ringBits, vectorLength).lanes.map((_, i) => index * 31 + i);
    addLanes(plain, input);
    addLanes(masked, input);
    const others = members.filter((other) => other.index !== index);
    const secrets = await agreeAll(
      nodeProvider,
      privateKey,
      others.map(({ maskKey }) => maskKey),
    );
    const pairs = others.map((other, i) => pairwiseMask(binding, index, other.index, secrets[i] ?? new Uint8Array()));
    await nodeProvider.expander.accumulate(suite, masked, [selfMask(binding, index, selfSeed, false), ...pairs]);
  }
  const neighbors = survivors.map(({ index, maskKey }) => ({ index, maskKey }));
  const removal = {
    ...shape,
    contextHash,
    frozenHash,
    selfMasks: survivors.map(({ index, selfSeed }) => ({ index, seed: selfSeed })),
    dropouts: members
      .filter(({ index }) => dropped.includes(index))
      .map(({ index, maskSeed }) => ({ index, seed: maskSeed, neighbors })),
  };
  return { removal, masked, plain };
}

/** Whether two sums are equal mod 2^b. */
function same(bits: number, a: Lanes, b: Lanes): boolean {
  return equalVectors({ bits, lanes: a }, { bits, lanes: b });
}

const shapes = suites.flatMap((suite) => [7, 16, 20].map((ringBits) => ({ suite, ringBits, vectorLength: 257 })));

describe('removeMasks', () => {
  it.each(shapes)('leaves the sum of inputs, suite $suite, $ringBits bits', async (shape) => {
    for (const dropped of [[], [0], [5], [1, 3], [0, 1, 2, 5]]) {
      const { removal, masked, plain } = await scene(6, dropped, shape);
      expect(same(shape.ringBits, masked, plain)).toBe(false);
      const unmasked = masked.slice();
      addLanes(unmasked, await removeMasks(removal, nodeProvider));
      expect(same(shape.ringBits, unmasked, plain)).toBe(true);
    }
  });

  it('gives the same lanes in noble and node, and leaves the removal as it is', async () => {
    const { removal } = await scene(4, [2], { suite: 1, ringBits: 16, vectorLength: 100 });
    const before = structuredClone(removal);
    const lanes = await removeMasks(removal, nobleProvider);
    expect(await removeMasks(removal, nodeProvider)).toEqual(lanes);
    expect(removal).toEqual(before);
  });

  it('leaves noise where a seed, an index or a mask key is another', async () => {
    const { removal, masked, plain } = await scene(4, [2], { suite: 1, ringBits: 16, vectorLength: 100 });
    const seed = new Uint8Array(32);
    const wrong: MaskRemoval[] = [
      { ...removal, selfMasks: removal.selfMasks.map((mask, i) => (i === 0 ? { ...mask, seed } : mask)) },
      { ...removal, selfMasks: removal.selfMasks.slice(1) },
      { ...removal, dropouts: [] },
      { ...removal, dropouts: removal.dropouts.map((dropout) => ({ ...dropout, seed })) },
      { ...removal, dropouts: removal.dropouts.map((dropout) => ({ ...dropout, index: 9 })) },
      { ...removal, frozenHash: contextHash },
      { ...removal, contextHash: frozenHash },
    ];
    for (const other of wrong) {
      const unmasked = masked.slice();
      addLanes(unmasked, await removeMasks(other, nodeProvider));
      expect(same(16, unmasked, plain)).toBe(false);
    }
  });

  it('holds a mask key of low order to be a bug: the roster was checked', async () => {
    const { removal } = await scene(3, [2], { suite: 1, ringBits: 16, vectorLength: 10 });
    const neighbors = [{ index: 0, maskKey: new Uint8Array(32) }];
    const dropouts = removal.dropouts.map((dropout) => ({ ...dropout, neighbors }));
    const call = removeMasks({ ...removal, dropouts }, nodeProvider);
    await expect(call).rejects.toThrow(InternalError);
    await expect(call).rejects.toMatchObject({ code: 'recovery.key' });
  });

  it('is zero where nothing is left', async () => {
    const empty = {
      suite: 1,
      contextHash,
      frozenHash,
      ringBits: 9,
      vectorLength: 5,
      selfMasks: [],
      dropouts: [],
    } as const;
    expect(await removeMasks(empty, nodeProvider)).toEqual(new Uint16Array(5));
  });
});

describe('splitRemoval', () => {
  const seed = new Uint8Array(32);
  const removals = fc
    .record({
      survivors: fc.nat(40),
      degrees: fc.array(fc.nat(30), { maxLength: 20 }),
      parts: fc.integer({ min: 1, max: 9 }),
    })
    .map(({ survivors, degrees, parts }) => {
      const removal: MaskRemoval = {
        suite: 1,
        contextHash,
        frozenHash,
        ringBits: 20,
        vectorLength: 3,
        selfMasks: Array.from({ length: survivors }, (_, index) => ({ index, seed })),
        dropouts: degrees.map((degree, i) => ({
          index: 1000 + i,
          seed,
          neighbors: Array.from({ length: degree }, (_, index) => ({ index, maskKey: seed })),
        })),
      };
      return { removal, parts };
    });
  const cost = (removal: MaskRemoval): number =>
    removalCost(
      removal,
      removal.selfMasks.length,
      removal.dropouts.reduce((sum, { neighbors }) => sum + neighbors.length, 0),
    );
  const byIndex = (a: { readonly index: number }, b: { readonly index: number }): number => a.index - b.index;

  it('has each mask in exactly one part, and all else in each', () => {
    fc.assert(
      fc.property(removals, ({ removal, parts }) => {
        const split = splitRemoval(removal, parts);
        expect(split.length).toBeLessThanOrEqual(parts);
        expect(split.flatMap(({ selfMasks }) => selfMasks).sort(byIndex)).toEqual(removal.selfMasks);
        expect(split.flatMap(({ dropouts }) => dropouts).sort(byIndex)).toEqual(removal.dropouts);
        for (const one of split) {
          expect(one.selfMasks.length + one.dropouts.length).toBeGreaterThan(0);
          expect({ ...one, selfMasks: [], dropouts: [] }).toEqual({ ...removal, selfMasks: [], dropouts: [] });
        }
      }),
    );
  });

  it('has parts whose work differs by no more than the largest item', () => {
    fc.assert(
      fc.property(removals, ({ removal, parts }) => {
        const costs = splitRemoval(removal, parts).map(cost);
        const pairs = removal.dropouts.map(({ neighbors }) => removalCost(removal, 0, neighbors.length));
        const largest = Math.max(removalCost(removal, 1), ...pairs);
        const items =
          removal.selfMasks.length + removal.dropouts.filter(({ neighbors }) => neighbors.length > 0).length;
        expect(costs.reduce((sum, one) => sum + one, 0)).toBe(cost(removal));
        if (items < parts) return;
        expect(Math.max(...costs) - Math.min(...costs)).toBeLessThanOrEqual(largest);
      }),
    );
  });

  it('has parts that add up to the whole', async () => {
    const { removal } = await scene(7, [1, 4], { suite: 2, ringBits: 20, vectorLength: 100 });
    const whole = await removeMasks(removal, nodeProvider);
    for (const parts of [1, 2, 3, 5, 7, 20]) {
      const split = splitRemoval(removal, parts);
      expect(split).toHaveLength(Math.min(parts, 7));
      const sum = new Uint32Array(100);
      for (const one of split) addLanes(sum, await removeMasks(one, nodeProvider));
      expect(sum).toEqual(whole);
    }
  });

  it('of nothing is nothing', () => {
    const empty = {
      suite: 1,
      contextHash,
      frozenHash,
      ringBits: 9,
      vectorLength: 5,
      selfMasks: [],
      dropouts: [],
    } as const;
    expect(splitRemoval(empty, 4)).toEqual([]);
  });
});
