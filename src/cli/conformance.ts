import { Command, Option } from 'commander';
import type { Check } from '../conformance/check.js';
import { clientChecks } from '../conformance/client/checks.js';
import { Driver } from '../conformance/driver.js';
import { networkClientChecks } from '../conformance/network/client.js';
import type { ServerAddress } from '../conformance/network/cohort.js';
import { joiningClient } from '../conformance/network/joining.js';
import { checkAddress } from '../conformance/network/line.js';
import { networkServerChecks } from '../conformance/network/server.js';
import { junit, line, tally, widest } from '../conformance/report.js';
import { type Graded, runChecks } from '../conformance/run.js';
import { serverChecks } from '../conformance/server/checks.js';
import { UsageError } from '../core/errors.js';
import { integer, seconds } from './arguments.js';
import { readKeyPair, writePublic } from './files.js';

interface Flags {
  readonly only?: string;
  readonly list: boolean;
  readonly json: boolean;
  readonly junit?: string;
}

/** What a run asks: checks with the party that each gets. */
interface Suite<Party> {
  readonly checks: readonly Check<Party>[];
  readonly party: () => Party;
  /** Aborted when the run is to stop. */
  readonly signal?: AbortSignal;
}

const exitCodes = `
Exit codes: 0 everything passed (warnings allowed), 1 a check failed, 2 a wrong option, 130 stopped by Ctrl-C.
Grades: pass; warn: refused, but with another code than the text's; fail. Each check names the rule of protocol-spec/ that it is for.
`;

/** `veilsum conformance`: holds any implementation to the protocol text. */
export function conformanceCommand(): Command {
  return new Command('conformance')
    .description('hold any implementation of the protocol to its text, check by check')
    .addCommand(driverCommand())
    .addCommand(serverCommand())
    .addCommand(clientCommand());
}

function reporting(command: Command): Command {
  return command
    .addHelpText('after', exitCodes)
    .option('--only <text>', 'run only checks whose name or rules hold this text, such as roster-8')
    .option('--list', 'name the checks without running them', false)
    .option('--json', 'print one JSON object a line', false)
    .option('--junit <file>', 'write a JUnit report as well');
}

function driverCommand(): Command {
  return reporting(new Command('driver'))
    .description('drive a program without a network by JSON lines (protocol-spec/driver.md)')
    .addOption(new Option('--role <role>', 'what to test').choices(['client', 'server', 'both']).default('both'))
    .argument('[command...]', 'after --, the program and its arguments')
    .action(async (command: string[], flags: Flags & { readonly role: 'client' | 'server' | 'both' }) => {
      const wanted = (role: 'client' | 'server'): boolean => flags.role === role || flags.role === 'both';
      if (flags.list) {
        return list([...(wanted('client') ? clientChecks : []), ...(wanted('server') ? serverChecks : [])], flags);
      }
      const driver = new Driver(command);
      await closing(driver, async (signal) => {
        const all: Graded[] = [];
        const { client, server } = driver;
        if (wanted('client')) all.push(...(await run({ checks: clientChecks, party: () => client, signal }, flags)));
        if (wanted('server')) all.push(...(await run({ checks: serverChecks, party: () => server, signal }, flags)));
        if (!signal.aborted) await finish(all, flags);
      });
    });
}

/** Carries out a task and closes what it is about, also when Ctrl-C ends it: no program is left running. */
async function closing(
  party: { readonly close: () => Promise<void> },
  task: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const stopped = new AbortController();
  const stop = (signal: 'SIGINT' | 'SIGTERM'): void => {
    stopped.abort();
    void party.close().finally(() => process.exit(signal === 'SIGINT' ? 130 : 143));
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    await task(stopped.signal);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    if (!stopped.signal.aborted) await party.close();
  }
}

interface ServerFlags extends Flags {
  readonly enrol?: string;
  readonly task: string;
  readonly clients: number;
  /** Milliseconds. */
  readonly patience?: number;
}

/** Sessions of a run, and one client that is refused in many of them. */
const setUp = `
The server must have rounds for all checks, take --clients into a session, go on with one less, and try again after a session without
a sum. This one does:
  veilsum serve --authority authority.pub --plan plan.json --rounds 1000 --min 7 --max 8
`;

function serverCommand(): Command {
  return reporting(new Command('server'))
    .description('play honest, dropping, malformed and lying clients against a server')
    .addHelpText('after', setUp)
    .argument('[url]', 'where it listens, such as ws://127.0.0.1:8787')
    .option('--enrol <file>', 'key pair of the authority that the server pins: the runner enrols clients of its own')
    .option('--task <name>', "the task's name; the server's only one unless given", '')
    .option('--clients <n>', 'clients to play in each session: the most that the server takes into one', integer, 8)
    .option('--patience <seconds>', "how long to wait for the server's next message (default: 60)", seconds)
    .action(async (url: string | undefined, flags: ServerFlags) => {
      if (flags.list) return list(networkServerChecks, flags);
      if (url === undefined || flags.enrol === undefined)
        throw new UsageError('usage.options', "give the server's URL and --enrol with the authority's key file");
      checkAddress(url);
      const { task, clients, patience = 60_000 } = flags;
      if (clients < 4 || clients > 1000)
        throw new UsageError('usage.clients', `--clients must be from 4 to 1000, got ${clients}`);
      const authority = await readKeyPair(flags.enrol);
      const address: ServerAddress = { url, task, clients, patience, authority };
      await finish(await run({ checks: networkServerChecks, party: () => address }, flags), flags);
    });
}

function clientCommand(): Command {
  return reporting(new Command('client'))
    .description('be an honest server, then a malicious one in each way, to a client that is started for each check')
    .argument(
      '[command...]',
      "after --, the client; {url}, {identity}, {authority} and {update} stand for the server's address and the paths of files: " +
        "the client's identity, the authority's public key, an update of 4 zeros as float32",
    )
    .option('--patience <seconds>', "how long to wait for the client's next message (default: 30)", seconds)
    .action(async (command: string[], flags: Flags & { readonly patience?: number }) => {
      if (flags.list) return list(networkClientChecks, flags);
      const joining = await joiningClient(command, flags.patience ?? 30_000);
      await closing(joining, async (signal) => {
        const all = await run({ checks: networkClientChecks, party: () => joining, signal }, flags);
        if (!signal.aborted) await finish(all, flags);
      });
    });
}

type Named = Pick<Graded, 'id' | 'rules' | 'title'>;

function selected<One extends Named>(checks: readonly One[], { only }: Flags): readonly One[] {
  return only === undefined ? checks : checks.filter(({ id, rules }) => id.includes(only) || rules.includes(only));
}

/** Throws if `--only` leaves nothing: a run of no checks must not look like one that passed. */
function some<One>(found: readonly One[], { only }: Flags): readonly One[] {
  if (found.length === 0) throw new UsageError('usage.options', `no check is named ${only}: see --list`);
  return found;
}

function list(checks: readonly Named[], flags: Flags): void {
  const found = some(selected(checks, flags), flags);
  const width = widest(found);
  for (const { id, rules, title } of found)
    console.log(
      flags.json
        ? JSON.stringify({ id, rules, title })
        : `${id.padEnd(width)}  ${title}\n${''.padEnd(width)}  ${rules.join(', ')}`,
    );
}

async function run<Party>({ checks, party, signal }: Suite<Party>, flags: Flags): Promise<Graded[]> {
  const all: Graded[] = [];
  const found = selected(checks, flags);
  const width = widest(found);
  for await (const graded of runChecks(found, party)) {
    // What ended the check was the end of the run.
    if (signal?.aborted === true) break;
    all.push(graded);
    console.log(flags.json ? JSON.stringify(graded) : line(graded, width));
  }
  return all;
}

async function finish(all: readonly Graded[], flags: Flags): Promise<void> {
  const { json, junit: path } = flags;
  some(all, flags);
  const { passed, warned, failed } = tally(all);
  if (!json) console.log(`\n${passed} passed, ${warned} warned, ${failed} failed`);
  if (path !== undefined) await writePublic(path, junit(all));
  if (failed > 0) process.exitCode = 1;
}
