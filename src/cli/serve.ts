import { Command, Option } from 'commander';
import { PeerError, UsageError } from '../core/errors.js';
import { Ledger } from '../dp/index.js';
import { fileStorage } from '../dp/ledger/file.node.js';
import { definePlan, type Plan } from '../fl/index.js';
import type { Phase, SuiteId, Threat } from '../secagg/index.js';
import { type LogEntry, type RoundResult, type Server, serve } from '../server/index.js';
import { assignment, fraction, integer, seconds } from './arguments.js';
import { checkWritable, floatBytes, readBytes, readFloats, readPublicKey, writePublic } from './files.js';
import { exitCodes } from './report.js';

interface Options {
  readonly authority: string;
  readonly plan: string;
  readonly model?: string;
  readonly name: string;
  readonly rounds: number;
  readonly min: number;
  readonly max?: number;
  readonly cohorts?: number;
  readonly suite: string;
  readonly threat: Threat;
  readonly corrupt: number;
  readonly dropout: number;
  readonly minSurvivors?: number;
  readonly host: string;
  readonly port: number;
  readonly deadline?: Partial<Record<Phase, number>>;
  readonly gather?: number;
  readonly threads?: number;
  readonly uploadBudget: number;
  readonly ledger?: string;
  readonly resume?: string;
  readonly checkpoint?: string;
  readonly out?: string;
  readonly json?: true;
}

async function readPlan(path: string): Promise<Plan> {
  const text = Buffer.from(await readBytes(path)).toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new UsageError('usage.file', `${path} must hold a plan as JSON`, { cause });
  }
  // Checked against the plan's schema whatever it is.
  return definePlan(value as Parameters<typeof definePlan>[0]);
}

async function start(options: Options, ledger: Ledger | undefined): Promise<Server> {
  const plan = await readPlan(options.plan);
  const { model, max = plan.cohort.maxClients, suite, corrupt, dropout, minSurvivors, threads, deadline } = options;
  return serve({
    authority: await readPublicKey(options.authority),
    host: options.host,
    port: options.port,
    ...(options.gather === undefined ? {} : { gather: options.gather }),
    uploadBudget: options.uploadBudget * 2 ** 20,
    ...(threads === undefined ? {} : { threads }),
    ...(ledger === undefined ? {} : { ledger }),
    ...(deadline === undefined ? {} : { deadlines: deadline }),
    log: logLine,
    task: {
      name: options.name,
      plan,
      model: model === undefined ? new Float32Array(plan.vector.dimension) : await readFloats(model),
      rounds: options.rounds,
      clients: { min: options.min, max },
      ...(options.cohorts === undefined ? {} : { cohorts: options.cohorts }),
      suite: Number(suite) as SuiteId,
      threat: options.threat,
      assumptions: { corrupt, dropout },
      ...(minSurvivors === undefined ? {} : { minSurvivors }),
      ...(options.resume === undefined ? {} : { checkpoint: await readBytes(options.resume) }),
    },
  });
}

/** The log is for people and goes to standard error; results go to standard output. */
function logLine({ level, event, message }: LogEntry): void {
  if (event !== 'round.done') console.error(`${level} ${event} ${message}`);
}

function resultLine(result: RoundResult, json: boolean): string {
  const { round, weight, metrics, cohorts, failures, privacy, verdicts, seconds: time } = result;
  if (json) return JSON.stringify({ round, weight, metrics, cohorts, failures, privacy, verdicts, seconds: time });
  const survivors = cohorts.reduce((sum, cohort) => sum + cohort.survivors, 0);
  const bytes = (key: 'bytesUp' | 'bytesDown'): string =>
    `${(cohorts.reduce((sum, cohort) => sum + cohort[key], 0) / 2 ** 20).toFixed(2)} MiB`;
  return (
    `round ${round}: a sum of ${survivors} clients in ${cohorts.length} cohort${cohorts.length === 1 ? '' : 's'}, weight ${weight}, ` +
    `${bytes('bytesUp')} up, ${bytes('bytesDown')} down, ${time.toFixed(1)} s${rejectedText(verdicts)}${spentText(privacy)}`
  );
}

function rejectedText(verdicts: RoundResult['verdicts']): string {
  if (verdicts === undefined) return '';
  return `, ${verdicts.filter(({ kept }) => !kept).length} of ${verdicts.length} rejected`;
}

function spentText(privacy: RoundResult['privacy']): string {
  if (privacy === undefined) return '';
  const { epsilon, roundEpsilon, budget, delta } = privacy;
  return `, epsilon ${roundEpsilon.toFixed(3)}, ${epsilon.toFixed(3)} of ${budget} so far at delta ${delta}`;
}

async function run(options: Options): Promise<void> {
  // Before any client has worked for it.
  for (const path of [options.checkpoint, options.out]) if (path !== undefined) await checkWritable(path);
  const ledger = options.ledger === undefined ? undefined : await Ledger.open({ storage: fileStorage(options.ledger) });
  const server = await start(options, ledger).catch((cause: unknown) => {
    // No client is there yet: what is malformed is the checkpoint.
    if (options.resume === undefined || !(cause instanceof PeerError)) throw cause;
    throw new UsageError(
      'usage.file',
      `${options.resume} holds no checkpoint (${cause.message}): give a file that --checkpoint wrote, or no --resume`,
      { cause },
    );
  });
  const stop = (): void => void server.close();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  let last: RoundResult | undefined;
  try {
    console.error(`clients can join ${server.url}`);
    for await (const result of server.rounds()) {
      last = result;
      if (options.checkpoint !== undefined) await writePublic(options.checkpoint, result.checkpoint());
      console.log(resultLine(result, options.json === true));
    }
  } finally {
    await server.close();
    await ledger?.close();
    process.off('SIGINT', stop).off('SIGTERM', stop);
    if (options.out !== undefined && last !== undefined) await writePublic(options.out, floatBytes(last.model));
  }
}

export function serveCommand(): Command {
  return new Command('serve')
    .description('run the rounds of one task: send out a model, and add up what clients make of it without seeing it')
    .requiredOption('--authority <file>', "the enrolment authority's public key, authority.pub")
    .requiredOption('--plan <file>', 'the plan as JSON: what clients do to an update, and the server to the sum')
    .option('--model <file>', 'the first model as raw little-endian float32 values (default: zeros)')
    .option('--name <name>', "the task's name", 'task')
    .option('--rounds <n>', 'rounds to run', integer, 1)
    .option('--min <n>', 'least clients of a cohort', integer, 8)
    .option('--max <n>', "most clients of a cohort (default: the plan's cohort.maxClients)", integer)
    .option(
      '--cohorts <n>',
      'cohorts of a round (default: as many as a robust rule of the plan needs, else 1)',
      integer,
    )
    .addOption(new Option('--suite <n>', '1: ChaCha20, 2: AES-128-CTR').choices(['1', '2']).default('1'))
    .addOption(
      new Option('--threat <mode>', 'what clients may take this server for')
        .choices(['malicious', 'semi-honest'])
        .default('malicious'),
    )
    .option('--corrupt <fraction>', 'clients that may collude', fraction, 0.1)
    .option('--dropout <fraction>', 'clients that may drop out in a session', fraction, 0.1)
    .option('--min-survivors <n>', "least clients in a cohort's sum (default: half of --min)", integer)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <n>', 'port to listen on; 0 takes a free one', integer, 8787)
    .option(
      '--deadline <phase=seconds>',
      'how long advertise (with the training before it), share, input, confirm or unmask may take; repeatable',
      assignment(seconds),
    )
    .option('--gather <seconds>', 'how long to wait for more clients once there are enough (default: 1)', seconds)
    .option('--threads <n>', 'threads that take masks off sums (default: one per core)', integer)
    .option('--upload-budget <MiB>', 'memory of a cohort for uploads under way', integer, 64)
    .option('--ledger <directory>', 'what rounds with noise are charged to; made if it is not there')
    .option('--checkpoint <file>', 'write model and optimizer here after each round')
    .option('--resume <file>', 'go on from such a file, under the same plan')
    .option('--out <file>', 'write the last model here')
    .option('--json', 'print each round as one JSON object')
    .addHelpText('after', exitCodes)
    .action(run);
}
