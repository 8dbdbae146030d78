import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/core/errors.js';
import { readChain } from '../../../src/dp/ledger/chain.js';
import { type Charge, canonicalJson, type JsonValue, lineHash, parseEntry } from '../../../src/dp/ledger/entry.js';
import { fileStorage, nodeFiles } from '../../../src/dp/ledger/file.node.js';
import {
  type Budget,
  exportLedger,
  importLedger,
  Ledger,
  type LedgerOptions,
  parseLedger,
  verifyLedger,
} from '../../../src/dp/ledger/ledger.js';
import { type LedgerStorage, memoryStorage } from '../../../src/dp/ledger/storage.js';

const charge = (round: number, rest: Partial<Charge> = {}): Charge => ({
  task: 'digits',
  round,
  context: 'ab01',
  event: { kind: 'gaussian', noiseMultiplier: 1.5 },
  ...rest,
});

const counting: Budget = { epsilon: 3, scope: 'ledger', accountant: (events) => events.length };

const folders: string[] = [];
const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), 'veilsum-ledger-'));
  folders.push(made);
  return made;
};
const ledgers: Ledger[] = [];
const opened = async (options: LedgerOptions): Promise<Ledger> => {
  const ledger = await Ledger.open(options);
  ledgers.push(ledger);
  return ledger;
};
afterEach(async () => {
  for (const ledger of ledgers.splice(0)) await ledger.close();
  for (const made of folders.splice(0)) rmSync(made, { recursive: true, force: true });
});

const storages: readonly (readonly [string, () => LedgerStorage])[] = [
  ['in memory', () => memoryStorage()],
  ['in files', () => fileStorage(join(folder(), 'ledger'))],
];

describe.each(storages)('a ledger %s', (_, make) => {
  it('keeps charges across openings, each once', async () => {
    const storage = make();
    const first = await opened({ storage });
    expect((await first.charge(charge(0))).repeated).toBe(false);
    const again = await first.charge(charge(0));
    expect(again).toEqual({ head: first.head, repeated: true });
    await first.charge(charge(0, { context: 'ab02' }));
    await first.charge(charge(0, { task: 'other' }));
    await first.close();
    const second = await opened({ storage });
    expect((await second.charge(charge(0))).repeated).toBe(true);
    expect((await second.charge(charge(1))).repeated).toBe(false);
    expect(second.charges).toHaveLength(4);
    expect(second.events('other')).toEqual([charge(0).event]);
    expect(await verifyLedger(storage, second.head)).toMatchObject({ late: 0, torn: 0, head: second.head });
    await second.close();
  });

  it('refuses another event under a name that was charged', async () => {
    const ledger = await opened({ storage: make() });
    await ledger.charge(charge(0));
    await expect(ledger.charge(charge(0, { event: 'cheaper' }))).rejects.toMatchObject({ code: 'ledger.conflict' });
    expect(ledger.charges).toEqual([charge(0)]);
  });

  it('refuses what would pass the budget, and writes nothing', async () => {
    const storage = make();
    const ledger = await opened({ storage, budget: counting });
    for (const round of [0, 1, 2]) await ledger.charge(charge(round));
    await expect(ledger.charge(charge(3))).rejects.toMatchObject({ code: 'ledger.exhausted' });
    expect((await ledger.charge(charge(2))).repeated).toBe(true);
    expect((await verifyLedger(storage)).charges).toHaveLength(3);
  });

  it('charges what is asked for at once in turn', async () => {
    const ledger = await opened({ storage: make(), budget: counting });
    const results = await Promise.allSettled([0, 0, 1, 2, 3, 4].map((round) => ledger.charge(charge(round))));
    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
    ]);
    expect(ledger.charges).toHaveLength(3);
  });

  it('fences the older of two writers, who then knows that it must not release', async () => {
    const storage = make();
    const old = await opened({ storage });
    await old.charge(charge(0));
    const young = await opened({ storage });
    await expect(old.charge(charge(1))).rejects.toMatchObject({ code: 'ledger.fenced' });
    await expect(old.charge(charge(2))).rejects.toMatchObject({ code: 'ledger.broken' });
    expect((await young.charge(charge(1))).repeated).toBe(false);
    const state = await verifyLedger(storage, young.head);
    expect(state.charges.map(({ round }) => round)).toEqual([0, 1]);
    expect(state.late).toBe(1);
    expect((await opened({ storage })).charges).toHaveLength(2);
  });

  it('counts a late charge as spent, and an unlike one as well', async () => {
    const storage = make();
    const old = await opened({ storage });
    const young = await opened({ storage });
    await old.charge(charge(7, { event: 1 })).catch(() => undefined);
    await young.charge(charge(7, { event: 2 }));
    expect((await verifyLedger(storage)).charges.map(({ event }) => event)).toEqual([1, 2]);
  });

  it('exports, verifies and imports', async () => {
    const storage = make();
    for (const round of [0, 1, 2]) {
      const ledger = await opened({ storage });
      await ledger.charge(charge(round));
      await ledger.close();
    }
    const text = await exportLedger(storage);
    expect(text.split('\n')).toHaveLength(7);
    expect(readChain(parseLedger(text)).charges).toEqual([charge(0), charge(1), charge(2)]);
    const target = await opened({ storage: make() });
    await target.charge(charge(1));
    expect(await importLedger(target, text)).toBe(2);
    expect(await importLedger(target, text)).toBe(0);
    expect(target.charges.map(({ round }) => round)).toEqual([1, 0, 2]);
  });
});

describe('a client', () => {
  it('refuses a task that would pass its own budget, before it takes part', async () => {
    const ledger = await opened({ storage: memoryStorage(), budget: { ...counting, epsilon: 10 } });
    await ledger.charge(charge(0));
    ledger.refuseBeyondBudget('new task', Array(9).fill('round'));
    expect(() => ledger.refuseBeyondBudget('new task', Array(10).fill('round'))).toThrow(
      expect.objectContaining({ code: 'ledger.exhausted' }),
    );
    expect(ledger.charges).toHaveLength(1);
  });

  it('may count by task', async () => {
    const ledger = await opened({ storage: memoryStorage(), budget: { ...counting, scope: 'task' } });
    for (const round of [0, 1, 2]) await ledger.charge(charge(round));
    await ledger.charge(charge(0, { task: 'other' }));
    expect(ledger.epsilonAfter('digits')).toBe(3);
    expect(ledger.epsilonAfter('other', ['one more'])).toBe(2);
  });
});

describe('a chain', () => {
  const lines = async (): Promise<string[]> => {
    const storage = memoryStorage();
    for (const rounds of [[0, 1], [2]]) {
      const ledger = await opened({ storage });
      for (const round of rounds) await ledger.charge(charge(round));
    }
    return (await exportLedger(storage)).split('\n').slice(0, -1);
  };
  const text = (parts: readonly string[]): string => parts.map((line) => `${line}\n`).join('');

  it('shows any change, drop, swap and repetition of a line but at its end', async () => {
    const whole = await lines();
    expect(readChain(parseLedger(text(whole))).charges).toHaveLength(3);
    for (let i = 0; i < whole.length; i += 1) {
      const [before, line, after] = [whole.slice(0, i), whole[i] ?? '', whole.slice(i + 1)];
      const changed = [...before, line.replace(/1.5|"epoch":./, '9.5'), ...after];
      const repeated = [...before, line, line, ...after];
      const swapped = i > 0 ? [...before.slice(0, -1), line, before.at(-1) ?? '', ...after] : undefined;
      const dropped = after.length > 0 ? [...before, ...after] : undefined;
      // A changed last line is a line that nothing follows yet: only a head noted elsewhere shows it.
      for (const bad of [i < whole.length - 1 ? changed : undefined, repeated, swapped, dropped]) {
        if (bad === undefined || bad.join() === whole.join()) continue;
        const wrong = (() => {
          try {
            return readChain(parseLedger(text(bad))).late > 0;
          } catch (error) {
            expect(error).toMatchObject({ code: 'ledger.corrupt' });
            return true;
          }
        })();
        expect(wrong, `line ${i}`).toBe(true);
      }
    }
  });

  it('cut short is told by a head noted before', async () => {
    const whole = await lines();
    const head = lineHash(whole.at(-1) ?? '');
    const short = memoryStorage(parseLedger(text(whole.slice(0, -1))));
    await expect(verifyLedger(short)).resolves.toMatchObject({ late: 0 });
    await expect(verifyLedger(short, head)).rejects.toMatchObject({ code: 'ledger.corrupt' });
    expect(() => parseLedger(text(whole).slice(0, -1))).toThrow(expect.objectContaining({ code: 'ledger.corrupt' }));
  });

  it('takes a line cut off by a crash for one that was never written', async () => {
    const directory = join(folder(), 'ledger');
    const ledger = await opened({ storage: fileStorage(directory) });
    await ledger.charge(charge(0));
    await ledger.charge(charge(1));
    const file = join(directory, readdirSync(directory)[0] ?? '');
    writeFileSync(file, readFileSync(file, 'utf8').slice(0, -10));
    const reopened = await opened({ storage: fileStorage(directory) });
    expect(reopened.charges).toEqual([charge(0)]);
    expect(await verifyLedger(fileStorage(directory))).toMatchObject({ torn: 1, late: 0 });
  });

  it('says which path is no directory for it', async () => {
    const file = join(folder(), 'file');
    writeFileSync(file, 'kept');
    for (const path of [file, join(file, 'below')])
      for (const fails of [opened({ storage: fileStorage(path) }), verifyLedger(fileStorage(path))]) {
        const error: unknown = await fails.catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(UsageError);
        expect(error).toMatchObject({ code: 'usage.file', message: expect.stringContaining(`can't be ${path}: `) });
      }
    expect(readFileSync(file, 'utf8')).toBe('kept');
  });

  it.each(['EACCES', 'EROFS', 'EPERM', 'ENOENT'])('says what %s means for it', async (code) => {
    const refused = Object.assign(new Error(code), { code });
    const fails = (): Promise<never> => Promise.reject(refused);
    for (const files of [{ prepare: fails }, { list: fails }, { create: fails }])
      await expect(opened({ storage: fileStorage(folder(), { ...nodeFiles, ...files }) })).rejects.toMatchObject({
        code: 'usage.file',
        cause: refused,
      });
  });

  it('leaves other errors of the disk as they are', async () => {
    const full = Object.assign(new Error('full'), { code: 'ENOSPC' });
    const files = { ...nodeFiles, create: (): Promise<never> => Promise.reject(full) };
    await expect(opened({ storage: fileStorage(folder(), files) })).rejects.toBe(full);
  });

  it('misses a part that is gone', async () => {
    const directory = join(folder(), 'ledger');
    for (const _ of [1, 2]) await (await opened({ storage: fileStorage(directory) })).close();
    rmSync(join(directory, '000000001.jsonl'));
    await expect(opened({ storage: fileStorage(directory) })).rejects.toMatchObject({ code: 'ledger.corrupt' });
  });

  it('of anything else is refused, whatever it is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', minLength: 1 }), async (garbage) => {
        await expect(verifyLedger(memoryStorage([`${garbage}\n`]))).rejects.toMatchObject({ code: 'ledger.corrupt' });
      }),
    );
  });
});

describe('entries', () => {
  it.each([
    ['no charge', null, 'usage.options'],
    ['no task', charge(0, { task: '' }), 'usage.task'],
    ['a long task', charge(0, { task: 'x'.repeat(256) }), 'usage.task'],
    ['a negative round', charge(-1), 'usage.range'],
    ['a huge round', charge(2 ** 32), 'usage.range'],
    ['a context that is no hash', charge(0, { context: 'AB' }), 'usage.hex'],
    ['an infinite event', charge(0, { event: Number.POSITIVE_INFINITY }), 'usage.json'],
    ['a missing field', charge(0, { event: { a: undefined } as unknown as JsonValue }), 'usage.json'],
    ['a Map', charge(0, { event: new Map() as unknown as JsonValue }), 'usage.json'],
    ['a bigint', charge(0, { event: 1n as unknown as JsonValue }), 'usage.json'],
    ['a huge event', charge(0, { event: 'x'.repeat(2 ** 19) }), 'usage.json'],
    ['a deep event', charge(0, { event: JSON.parse('['.repeat(100) + ']'.repeat(100)) as JsonValue }), 'usage.json'],
  ])('refuse %s', async (_, bad, code) => {
    const ledger = await opened({ storage: memoryStorage() });
    await expect(ledger.charge(bad as Charge)).rejects.toMatchObject({ code });
  });

  it.each([
    ['no object', null, 'usage.options'],
    ['no accountant', { epsilon: 1, scope: 'task' }, 'usage.options'],
    ['a budget of zero', { ...counting, epsilon: 0 }, 'usage.range'],
    ['another scope', { ...counting, scope: 'world' }, 'usage.choice'],
  ])('budgets refuse %s', async (_, budget, code) => {
    const opening = opened({ storage: memoryStorage(), budget: budget as Budget });
    await expect(opening).rejects.toMatchObject({ code });
  });

  it('budgets refuse an accountant that gives no number', async () => {
    const budget: Budget = { ...counting, accountant: () => Number.NaN };
    const ledger = await opened({ storage: memoryStorage(), budget });
    await expect(ledger.charge(charge(0))).rejects.toMatchObject({ code: 'usage.budget' });
  });

  it('have one canonical line', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value as JsonValue);
        expect(canonicalJson(JSON.parse(text) as JsonValue)).toBe(text);
      }),
    );
    expect(parseEntry('{"kind":"open","epoch":1,"previous":"","version":1}')).toBeUndefined();
    expect(parseEntry('[]')).toBeUndefined();
  });

  it("don't change under their owner's hands", async () => {
    const event = { gaussian: [1] };
    const ledger = await opened({ storage: memoryStorage() });
    await ledger.charge(charge(0, { event }));
    event.gaussian.push(2);
    expect(ledger.events()).toEqual([{ gaussian: [1] }]);
  });
});
