import { stat } from 'node:fs/promises';
import { Command, Option } from 'commander';
import {
  type Charge,
  exportLedger,
  importLedger,
  Ledger,
  type LedgerStorage,
  memoryStorage,
  parseEvent,
  parseLedger,
  type Relation,
  relations,
  spentEpsilon,
  verifyLedger,
} from '../dp/index.js';
import { fileStorage } from '../dp/ledger/file.node.js';
import { probability } from './arguments.js';
import { boundsText, plainBounds } from './dp-event.js';
import { readBytes, writePublic } from './files.js';
import { exitCodes } from './report.js';

/** A ledger as it is kept, a directory, or as it is exported, a file of JSON lines. Reading changes neither. */
async function storageOf(path: string): Promise<LedgerStorage> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() === true) return fileStorage(path);
  return memoryStorage(parseLedger(Buffer.from(await readBytes(path)).toString('utf8')));
}

async function verify(path: string, { head, json }: { readonly head?: string; readonly json: boolean }): Promise<void> {
  const state = await verifyLedger(await storageOf(path), head);
  const { charges, late, torn } = state;
  if (json) console.log(JSON.stringify({ charges: charges.length, head: state.head, late, torn }));
  else {
    console.log(`the chain is whole: ${charges.length} charges, head ${state.head}`);
    if (late > 0) console.log(`${late} lines were written by a writer that was fenced: they count as spent`);
    if (torn > 0) console.log(`${torn} lines were cut off by a crash: nothing was released for them`);
  }
}

interface ShowFlags {
  readonly task?: string;
  readonly delta: number;
  readonly relation?: Relation;
  readonly json: boolean;
}

/** What the charges are for, where nobody says: they can only be added up if they agree. */
function relationOf(charges: readonly Charge[]): Relation {
  const [first] = charges;
  return first === undefined ? 'addOrRemoveOne' : parseEvent(first.event).relation;
}

async function show(path: string, flags: ShowFlags): Promise<void> {
  const { charges } = await verifyLedger(await storageOf(path));
  const { delta, relation = relationOf(charges) } = flags;
  const tasks = [...new Set(charges.map(({ task }) => task))].filter(
    (task) => flags.task === undefined || task === flags.task,
  );
  const rows = tasks.map((task) => {
    const events = charges.filter((charge) => charge.task === task).map(({ event }) => event);
    return { task, charges: events.length, epsilon: spentEpsilon(events, { delta, relation }) };
  });
  const all = spentEpsilon(
    charges.map(({ event }) => event),
    { delta, relation },
  );
  if (flags.json) {
    const plain = rows.map((row) => ({ ...row, epsilon: plainBounds(row.epsilon) }));
    console.log(JSON.stringify({ delta, relation, tasks: plain, all: plainBounds(all) }));
    return;
  }
  for (const { task, charges: count, epsilon } of rows)
    console.log(`${JSON.stringify(task)}  ${count} charges  ${boundsText('epsilon', epsilon)}`);
  console.log(`all tasks at delta ${delta} (${relation}): ${boundsText('epsilon', all)}`);
}

async function exported(path: string, { out }: { readonly out?: string }): Promise<void> {
  const text = await exportLedger(await storageOf(path));
  if (out === undefined) process.stdout.write(text);
  else await writePublic(out, text);
}

async function imported(path: string, { into }: { readonly into: string }): Promise<void> {
  const text = await exportLedger(await storageOf(path));
  const ledger = await Ledger.open({ storage: fileStorage(into) });
  try {
    const fresh = await importLedger(ledger, text);
    console.log(`${fresh} new charges; ${ledger.charges.length} in ${into}, head ${ledger.head}`);
  } finally {
    await ledger.close();
  }
}

/** `veilsum dp ledger`. */
export function ledgerCommand(): Command {
  const ledger = new Command('ledger').description('check, show and move ledgers of what was spent');
  const on = (name: string, description: string): Command =>
    ledger
      .command(name)
      .description(description)
      .argument('<ledger>', "a ledger's directory, or an exported file of JSON lines");
  on('verify', 'check the hash chain: fails if anything was altered, dropped or inserted')
    .option('--head <hash>', 'hash of a line noted before: fails if the ledger was cut short of it')
    .option('--json', 'print one JSON object', false)
    .action(verify);
  on('show', 'what was charged, by task, and the epsilon it comes to')
    .option('--task <name>', 'only this task')
    .option('--delta <delta>', 'at this delta', probability, 1e-5)
    .addOption(
      new Option('--relation <name>', 'what one record more means (default: as the charges say)').choices([
        ...relations,
      ]),
    )
    .option('--json', 'print one JSON object', false)
    .action(show);
  on('export', 'all complete lines, for an auditor')
    .option('--out <file>', 'write to a file (default: print)')
    .action(exported);
  on('import', 'charge all entries to a ledger in a directory; what both hold counts once')
    .requiredOption('--into <directory>', 'the ledger to charge')
    .action(imported);
  for (const command of ledger.commands) command.addHelpText('after', exitCodes);
  return ledger;
}
