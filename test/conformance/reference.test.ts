import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Check } from '../../src/conformance/check.js';
import { clientChecks } from '../../src/conformance/client/checks.js';
import { Driver } from '../../src/conformance/driver.js';
import { type Graded, runChecks } from '../../src/conformance/run.js';
import { serverChecks } from '../../src/conformance/server/checks.js';

/** The Python reference, whole and with one rule of the text left out at a time. */

const program = fileURLToPath(new URL('../../protocol-spec/reference/driver.py', import.meta.url));
const vectorChecks = fileURLToPath(new URL('../../protocol-spec/reference/check_vectors.py', import.meta.url));

async function graded<Party>(checks: readonly Check<Party>[], party: () => Party): Promise<Graded[]> {
  const found: Graded[] = [];
  for await (const one of runChecks(checks, party)) found.push(one);
  return found;
}

const said = (found: readonly Graded[]): string[] =>
  found.filter(({ grade }) => grade !== 'pass').map(({ id, grade, detail }) => `${grade} ${id}: ${detail}`);

describe('the Python reference', () => {
  let driver: Driver;
  beforeAll(() => {
    driver = new Driver(['python3', program]);
  });
  afterAll(() => driver.close());

  it('agrees with every vector', async () => {
    const { stdout } = await promisify(execFile)('python3', [vectorChecks]);
    expect(stdout).toMatch(/^\d{4,} passed, 0 failed\n$/);
  });

  it('passes every check of a client', async () => {
    expect(said(await graded(clientChecks, () => driver.client))).toEqual([]);
  });

  it('passes every check of a server', async () => {
    expect(said(await graded(serverChecks, () => driver.server))).toEqual([]);
  });
});

/** The checks of a rule. */
function citing<Party>(checks: readonly Check<Party>[], rule: string): readonly Check<Party>[] {
  return checks.filter(({ rules }) => rules.includes(rule));
}

const clientRules = [
  'ctx-1',
  'enrol-2',
  'policy-1',
  'param-2',
  'key-1',
  'sig-3',
  'wire-2',
  'wire-3',
  'wire-5',
  'wire-6',
  'roster-1',
  'roster-2',
  'roster-3',
  'roster-4',
  'roster-5',
  'roster-6',
  'roster-7',
  'roster-8',
  'roster-9',
  'roster-10',
  'deliver-1',
  'input-2',
  'confirm-1',
  'confirm-2',
  'confirm-3',
  'confirm-4',
  'confirm-5',
  'unmask-1',
  'unmask-2',
  'unmask-3',
  'unmask-4',
  'unmask-10',
  'order-1',
] as const;
const serverRules = [
  'key-1',
  'key-2',
  'sig-1',
  'sig-2',
  'wire-2',
  'wire-3',
  'wire-4',
  'adv-1',
  'adv-2',
  'adv-3',
  'adv-4',
  'adv-5',
  'adv-6',
  'share-3',
  'share-4',
  'input-2',
  'input-3',
  'input-4',
  'input-5',
  'input-6',
  'confirm-6',
  'confirm-7',
  'unmask-5',
  'unmask-7',
  'unmask-8',
  'order-2',
] as const;

async function caught<Party>(
  checks: readonly Check<Party>[],
  { rule, of }: { readonly rule: string; readonly of: (driver: Driver) => Party },
): Promise<string[]> {
  const driver = new Driver(['python3', program], { VEILSUM_BREAK: rule });
  try {
    const found = await graded(citing(checks, rule), () => of(driver));
    // A reference that crashes without the rule is no proof that the check sees the rule's absence.
    const seen = found.filter(
      ({ grade, detail }) => grade === 'fail' && detail?.includes('the program under test') !== true,
    );
    return seen.map(({ id }) => id);
  } finally {
    await driver.close();
  }
}

describe('a reference that leaves out a rule is caught by a check that cites it', () => {
  it.each(clientRules)('client %s', async (rule) => {
    expect(await caught(clientChecks, { rule, of: ({ client }) => client })).not.toEqual([]);
  });

  it.each(serverRules)('server %s', async (rule) => {
    expect(await caught(serverChecks, { rule, of: ({ server }) => server })).not.toEqual([]);
  });
});
