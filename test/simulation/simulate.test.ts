import { describe, expect, test } from 'vitest';
import { UsageError } from '../../src/core/errors.js';
import { nobleProvider } from '../../src/crypto/provider/noble.js';
import { nodeProvider } from '../../src/crypto/provider/provider.node.js';
import { messageName } from '../../src/secagg/messages/envelope.js';
import { chooseParameters } from '../../src/secagg/parameters.js';
import { phases } from '../../src/secagg/phase.js';
import { memoizingProvider, type SimulationOptions, simulate } from '../../src/simulation/index.js';

const base: SimulationOptions = {
  clients: 12,
  dimension: 300,
  seed: 'simulate',
  degree: 11,
  threshold: 7,
  provider: memoizingProvider(nodeProvider),
};

describe('simulate', () => {
  test('everybody stays: the sum of all, and each byte counted', async () => {
    let up = 0;
    const report = await simulate({
      ...base,
      observe: ({ direction, message }) => {
        if (direction === 'up') up += message.length;
      },
    });
    expect(report.outcome).toEqual({ kind: 'done' });
    expect(report.exact).toBe(true);
    expect(report.parameters).toEqual({ n: 12, degree: 11, threshold: 7 });
    expect(report.survivors).toEqual(Array.from({ length: 12 }, (_, i) => i));
    expect(report.revealed).toBe(12);
    const bytesUp = phases.reduce((sum, phase) => sum + report.phases[phase].bytesUp, 0);
    expect(bytesUp).toBe(up);
    expect(report.perClient.bytesUp.mean * 12).toBeCloseTo(up, 6);
    for (const phase of phases) expect(report.phases[phase].seconds, phase).toBeGreaterThan(0);
  });

  test('some vanish in every phase: the exact sum of those whose inputs came', async () => {
    const report = await simulate({
      ...base,
      clients: 40,
      degree: 39,
      threshold: 19,
      dropout: { advertise: 0.1, share: 0.1, input: 0.1, confirm: 0.1, unmask: 0.1 },
    });
    expect(report.exact).toBe(true);
    expect(report.dropouts).toEqual({ advertise: 4, share: 4, input: 4, confirm: 4, unmask: 4 });
    expect(report.survivors.length).toBe(40 - 12);
    expect(report.revealed).toBe(40 - 20);
    // Everybody had every chance, so nobody was refused.
    expect(report.refusals.size).toBe(0);
  });

  test('is the same, byte by byte, for the same seed and any provider, and not for another', async () => {
    const options: SimulationOptions = { ...base, dropout: { share: 0.1, input: 0.1, unmask: 0.1 } };
    const seen: string[] = [];
    const watched = await simulate({
      ...options,
      observe: ({ direction, client, message }) => void seen.push(`${direction} ${client} ${messageName(message)}`),
    });
    const again = await simulate({ ...options, provider: nobleProvider });
    const other = await simulate({ ...options, seed: 'another' });
    const { transcript } = watched;
    expect(again.transcript).toBe(transcript);
    expect(again.phases.input.seconds).toBe(watched.phases.input.seconds);
    expect(other.transcript).not.toBe(transcript);
    expect(seen.length).toBeGreaterThan(12 * 4);
    const shifted = await simulate({ ...options, network: { latency: { least: 0.5, most: 1 } } });
    expect(shifted.transcript).not.toBe(transcript);
    expect(shifted.exact).toBe(true);
  });

  test.each([1, 2] as const)('suite %i, both threat modes, chosen parameters', async (suite) => {
    for (const threat of ['semi-honest', 'malicious'] as const) {
      const { degree: _, threshold: __, ...rest } = base;
      const report = await simulate({ ...rest, clients: 40, suite, threat, dropout: { input: 0.1 } });
      expect(report.exact, threat).toBe(true);
      expect(report.parameters).toEqual(chooseParameters({ n: 40, corrupt: 0.1, dropout: 0.1, threat }));
    }
  });

  test.each([1, 8, 13, 16, 21, 32])('a ring of %i bits', async (ringBits) => {
    const report = await simulate({ ...base, ringBits, dimension: 77, dropout: { input: 0.2 } });
    expect(report.exact).toBe(true);
  });

  test('uploads wait for the budget and all come in', async () => {
    const dimension = 40_000; // three messages of 64 KiB each
    const length = 4 * dimension;
    const dropout = { input: 0.25 };
    const tight = await simulate({ ...base, dimension, dropout, uploadBudget: 2 * length + 5 });
    expect(tight.exact).toBe(true);
    expect(tight.survivors.length).toBe(9);
    expect(tight.stagedBytes).toBe(2 * length);
    const none = await simulate({ ...base, dimension, dropout, uploadBudget: 0 });
    expect(none.outcome).toEqual({ kind: 'done' });
    expect(none.exact).toBe(true);
    expect(none.survivors.length).toBe(9);
    expect(none.stagedBytes).toBe(length);
    const ample = await simulate({ ...base, dimension, dropout });
    expect(ample.stagedBytes).toBeGreaterThan(2 * length);
    expect(none.phases.input.seconds).toBeGreaterThan(ample.phases.input.seconds);
  });

  test('application seeds are released from enough survivors on, to nobody below', async () => {
    const releaseAt = [2, 9, 10, 12];
    const report = await simulate({ ...base, releaseAt, dropout: { input: 0.25 } });
    expect(report.survivors.length).toBe(9);
    expect(report.applicationSeeds).toEqual({ released: 2 * 9, right: true });
    const all = await simulate({ ...base, releaseAt });
    expect(all.applicationSeeds).toEqual({ released: 4 * 12, right: true });
  });

  test('too few are left: an abort, with nothing revealed before unmask', async () => {
    for (const phase of ['share', 'input', 'confirm'] as const) {
      const report = await simulate({ ...base, dropout: { [phase]: 0.5 } });
      expect(report.outcome).toMatchObject({ kind: 'aborted', phase, code: `${phase}.few` });
      expect(report.exact).toBeUndefined();
      expect(report.revealed, phase).toBe(0);
    }
    const report = await simulate({ ...base, dropout: { unmask: 0.5 } });
    expect(report.outcome).toMatchObject({ kind: 'aborted', phase: 'unmask', code: 'unmask.few' });
    expect(await simulate({ ...base, dropout: { advertise: 0.95 } })).toMatchObject({
      outcome: { kind: 'aborted', phase: 'advertise', code: 'advertise.few' },
    });
  });

  test('clients refuse parameters that are weaker than the threat mode allows', async () => {
    const report = await simulate({ ...base, threat: 'malicious', threshold: 6 });
    expect(report.outcome).toMatchObject({ kind: 'aborted', phase: 'share', code: 'share.few' });
    expect(report.refusals.get('policy.parameters')).toBe(12);
  });

  test('those who are late are told so, and the rest goes on', async () => {
    const report = await simulate({ ...base, deadline: 0.6, network: { latency: { least: 0.02, most: 0.35 } } });
    expect(report.survivors.length === 0 || report.exact === true).toBe(true);
  });
});

describe('options', () => {
  const refused = (options: Partial<Record<keyof SimulationOptions, unknown>>, message: RegExp) =>
    // The types forbid most of these; JavaScript doesn't.
    expect(simulate({ ...base, ...options } as SimulationOptions)).rejects.toThrow(message);

  test('each is checked, by name', async () => {
    await refused({ clients: 1 }, /clients/);
    await refused({ clients: 2 ** 21 }, /clients/);
    await refused({ clients: '12' }, /clients/);
    await refused({ dimension: 0 }, /dimension/);
    await refused({ dimension: 2 ** 40 }, /dimension/);
    await refused({ seed: undefined }, /seed/);
    await refused({ suite: 3 }, /suite/);
    await refused({ threat: 'kind' }, /threat/);
    await refused({ ringBits: 33 }, /ringBits/);
    await refused({ degree: 4, threshold: undefined }, /degree and threshold/);
    await refused({ degree: 3 }, /degree must be even/);
    await refused({ threshold: 12 }, /threshold/);
    await refused({ uploadBudget: -1 }, /uploadBudget/);
    await refused({ deadline: 0 }, /deadline/);
    await refused({ dropout: { share: 2 } }, /dropout.share/);
    await refused({ dropout: 'share' }, /phase/);
    await refused({ minSurvivors: 1 }, /minSurvivors/);
    await refused({ releaseAt: [-1] }, /releaseAt/);
    await refused({ degree: undefined, threshold: undefined, assumptions: { corrupt: 2 } }, /corrupt/);
    // @ts-expect-error no options
    await expect(simulate(undefined)).rejects.toThrow(UsageError);
  });
});
