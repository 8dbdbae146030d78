/**
 * A process that charges rounds 0, 1, 2, ... and notes each release, for `kill.test.ts`. It kills itself at step
 * `dieAt` of its file system use: before the step, after it, or, for a write, half way through.
 */
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { fileStorage, type LedgerFile, type LedgerFiles, nodeFiles } from '../../../src/dp/ledger/file.node.js';
import { Ledger } from '../../../src/dp/ledger/ledger.js';

const [directory = '', releases = '', dieAt = '-1', moment = 'before', rounds = '3'] = process.argv.slice(2);

let steps = 0;

function die(): never {
  process.kill(process.pid, 'SIGKILL');
  for (;;); // the signal needs no cooperation, but must not be outrun
}

async function step<T>(run: () => Promise<T>, half?: () => Promise<unknown>): Promise<T> {
  const here = steps === Number(dieAt);
  steps += 1;
  if (here && moment === 'before') die();
  if (here && moment === 'during') {
    await half?.();
    die();
  }
  const result = await run();
  if (here && moment === 'after') die();
  return result;
}

const mortal = (file: LedgerFile): LedgerFile => ({
  write: (text) =>
    step(
      () => file.write(text),
      () => file.write(text.slice(0, text.length >> 1)),
    ),
  sync: () => step(() => file.sync()),
  close: () => step(() => file.close()),
});

const files: LedgerFiles = {
  prepare: (path) => step(() => nodeFiles.prepare(path)),
  list: (path) => step(() => nodeFiles.list(path)),
  read: (path) => step(() => nodeFiles.read(path)),
  create: (path) =>
    step(async () => {
      const file = await nodeFiles.create(path);
      return file === undefined ? undefined : mortal(file);
    }),
  syncDirectory: (path) => step(() => nodeFiles.syncDirectory(path)),
};

const ledger = await Ledger.open({ storage: fileStorage(directory, files) });
const noted = openSync(releases, 'a');
const done = readFileSync(releases, 'utf8').split('\n').length - 1;
for (let round = done; round < Number(rounds); round += 1) {
  await ledger.charge({ task: 'task', round, context: 'c0ffee', event: { gaussian: 1, round } });
  await step(async () => {
    writeSync(noted, `${round}\n`);
    fsyncSync(noted);
  });
}
closeSync(noted);
await ledger.close();
console.log(steps);
