/**
 * The golden records about learning, each within its tolerance. `VEILSUM_GOLDEN_ROBUST` names another file of the same
 * format.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { optimizerPresets } from '../../../src/fl/optimizers/index.js';
import { type GoldenRecord, optimizerOps, scaffoldRun, sequence } from './golden-ops.js';

const here = fileURLToPath(new URL('../../golden/robust.json', import.meta.url));
const { records } = JSON.parse(readFileSync(process.env.VEILSUM_GOLDEN_ROBUST ?? here, 'utf8')) as {
  readonly records: readonly GoldenRecord[];
};

function expectWithin(got: unknown, expected: unknown, { abs, rel }: GoldenRecord['tolerance']): void {
  if (Array.isArray(expected)) {
    expect(got).toHaveLength(expected.length);
    expected.forEach((value, i) => {
      expectWithin((got as readonly unknown[])[i], value, { abs, rel });
    });
    return;
  }
  expect(Math.abs(Number(got) - Number(expected))).toBeLessThanOrEqual(abs + rel * Math.abs(Number(expected)));
}

const mine = records.filter(({ op }) => op in optimizerOps);

/** What is asked of this project's own file; another one need not have every op. */
const ofOurs = process.env.VEILSUM_GOLDEN_ROBUST === undefined;

describe('golden records of server optimizers and client corrections', () => {
  for (const record of mine)
    it(record.name, () => {
      expectWithin(optimizerOps[record.op]?.(record), record.expected, record.tolerance);
    });
});

if (ofOurs)
  describe('the records of this project', () => {
    it('has records for every op', () => {
      expect([...new Set(mine.map(({ op }) => op))].sort()).toEqual(Object.keys(optimizerOps).sort());
      // Nothing about learning that no op is for.
      const learning = records.filter(({ op }) => /^(server|client|async)_/.test(op));
      expect(learning).toHaveLength(mine.length);
    });

    it("has SCAFFOLD's control variates as well", () => {
      const record = mine.find(({ op }) => op === 'client_scaffold');
      if (record === undefined) throw new Error('no record of client_scaffold');
      expectWithin(scaffoldRun(record).controls, record.server_control, record.tolerance);
    });

    it.each([
      ['flower/fedadam', 'fedadam_sequence/s0/flower/eta0.1_tau1e-09'],
      ['flower/fedyogi', 'fedyogi_sequence/s0/flower/eta0.01_tau0.001'],
      ['flower/fedadagrad', 'fedadagrad_sequence/s0/flower/eta0.1_tau1e-09'],
      ['reddi/fedadam', 'fedadam_sequence/s0/paper_v0_tau2/eta0.1_tau0.001'],
      ['reddi/fedyogi', 'fedyogi_sequence/s0/paper_v0_tau2/eta0.1_tau0.001'],
      ['reddi/fedadagrad', 'fedadagrad_sequence/s0/paper_v0_tau2/eta0.1_tau0.001'],
    ] as const)('%s is what the record %s was made with', (preset, name) => {
      const record = mine.find((one) => one.name === name);
      if (record === undefined) throw new Error(`no record ${name}`);
      expectWithin(sequence(record, optimizerPresets[preset]), record.expected, record.tolerance);
    });
  });
