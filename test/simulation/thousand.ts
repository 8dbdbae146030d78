/**
 * A thousand clients and 10,000 values, three tenths of them vanishing in one phase: by graph, in both threat modes.
 */
import { expect, test } from 'vitest';
import { nodeProvider } from '../../src/crypto/provider/provider.node.js';
import type { Threat } from '../../src/secagg/parameters.js';
import { phases } from '../../src/secagg/phase.js';
import { memoizingProvider, type SimulationOptions, simulate } from '../../src/simulation/index.js';

export interface Graph {
  readonly threat: Threat;
  readonly graph: Pick<SimulationOptions, 'assumptions' | 'degree' | 'threshold'>;
  /** More dropouts than the graph can bear. */
  readonly tooMany: number;
}

const clients = 1000;

/** The sessions of all phases have one seed, hence the same keys, and the memory saves most of the public-key work. */
export function thousand({ threat, graph, tooMany }: Graph, entries: number): void {
  const provider = memoizingProvider(nodeProvider, { entries });
  const options: SimulationOptions = {
    clients,
    dimension: 10_000,
    seed: 'thousand',
    suite: 2,
    threat,
    ...graph,
    provider,
  };

  test.each(phases)(`${threat}: 30% vanish in %s`, { timeout: 1_200_000 }, async (phase) => {
    const report = await simulate({ ...options, dropout: { [phase]: 0.3 } });
    expect(report.outcome).toEqual({ kind: 'done' });
    expect(report.exact).toBe(true);
    expect(report.parameters?.n).toBe(phase === 'advertise' ? 700 : 1000);
    expect(report.survivors.length).toBe(phase === 'confirm' || phase === 'unmask' ? 1000 : 700);
    expect(report.refusals.size).toBe(0);
  });

  test(`${threat}: below the threshold nothing is revealed`, { timeout: 1_200_000 }, async () => {
    const report = await simulate({ ...options, dropout: { share: tooMany } });
    expect(report.outcome).toMatchObject({ kind: 'aborted', phase: 'share', code: 'share.few' });
    expect(report.exact).toBeUndefined();
    expect(report.revealed).toBe(0);
  });
}
