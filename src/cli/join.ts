import { Command } from 'commander';
import { defaultProvider } from '#provider';
import { type ClientBudget, type ClientRound, join, type RoundOutcome } from '../client/index.js';
import { AbortError, UsageError } from '../core/errors.js';
import { verifyAll } from '../crypto/signature.js';
import { fileStorage } from '../dp/ledger/file.node.js';
import { certificateCheck } from '../secagg/identity.js';
import { type ClientPolicy, decodeIdentity, defaultPolicy, type Identity } from '../secagg/index.js';
import { assignment, fraction, integer, positive, properFraction } from './arguments.js';
import { readBytes, readFloats, readPublicKey } from './files.js';
import { exitCodes } from './report.js';

interface Options {
  readonly identity: string;
  readonly authority: string;
  readonly update: string;
  readonly weight?: number;
  readonly metric?: Record<string, number>;
  readonly task?: string;
  readonly rounds?: number;
  readonly minClients: number;
  readonly minSurvivors: number;
  readonly minDegree: number;
  readonly minThreshold: number;
  readonly corrupt: number;
  readonly dropout: number;
  readonly epsilon?: number;
  readonly delta: number;
  readonly ledger?: string;
  readonly trustServer?: true;
  readonly allowUnmasked?: true;
}

function policyOf(options: Options): Partial<ClientPolicy> {
  const { minClients, minSurvivors, minDegree, minThreshold, corrupt, dropout } = options;
  const assumptions = { ...defaultPolicy.assumptions, corrupt, dropout };
  return { minClients, minSurvivors, minDegree, minThreshold, assumptions };
}

/** None unless an epsilon is given: then the client keeps its own account and refuses what would pass it. */
function budgetOf({ epsilon, delta, ledger, trustServer }: Options): ClientBudget | undefined {
  if (epsilon === undefined) {
    if (ledger !== undefined || trustServer !== undefined)
      throw new UsageError('usage.budget', '--ledger and --trust-server belong to a budget: give --epsilon too');
    return undefined;
  }
  return {
    epsilon,
    delta,
    trustServer: trustServer === true,
    ...(ledger === undefined ? {} : { storage: fileStorage(ledger) }),
  };
}

function outcomeLine({ round }: ClientRound, outcome: RoundOutcome): string {
  switch (outcome.status) {
    case 'summed':
      return `round ${round}: in a sum of ${outcome.survivors} clients`;
    case 'missed':
      return `round ${round}: not in the sum of ${outcome.survivors} clients`;
    case 'aborted':
      return `round ${round}: no sum: ${outcome.code}: ${outcome.reason}`;
  }
}

/**
 * A client's identity. Throws `UsageError` (`usage.identity`) for one that every server refuses, before any is asked.
 */
async function readIdentity(
  path: string,
  authority: { readonly path: string; readonly key: Uint8Array },
): Promise<Identity> {
  const refuse = (fault: string, cause?: unknown): UsageError =>
    new UsageError('usage.identity', `${path} ${fault}`, { cause });
  const bytes = await readBytes(path);
  let identity: Identity;
  try {
    identity = decodeIdentity(bytes);
  } catch (cause) {
    throw refuse('holds no identity: make one with `veilsum keys client`', cause);
  }
  const { certificate } = identity;
  const [signed] = await verifyAll(defaultProvider, [certificateCheck(authority.key, certificate)]);
  if (signed !== true)
    throw refuse(`is not by the authority of ${authority.path}: give that of the authority which certified it`);
  if (certificate.validUntil < Math.floor(Date.now() / 1000)) {
    const end = new Date(certificate.validUntil * 1000).toISOString();
    throw refuse(`has expired, ${end}: make another with \`veilsum keys client\`, and look at this machine's clock`);
  }
  return identity;
}

async function readUpdate(path: string): Promise<Float32Array> {
  const update = await readFloats(path);
  const wrong = update.findIndex((value) => !Number.isFinite(value));
  if (wrong !== -1)
    throw new UsageError('usage.file', `${path}: value ${wrong} is ${update[wrong]}, and all must be finite numbers`);
  return update;
}

async function run(url: string, options: Options): Promise<void> {
  const authority = await readPublicKey(options.authority);
  const identity = await readIdentity(options.identity, { path: options.authority, key: authority });
  const update = await readUpdate(options.update);
  const { weight, metric, task, rounds = Number.POSITIVE_INFINITY } = options;
  const contribution = {
    ...(weight === undefined ? {} : { weight }),
    ...(metric === undefined ? {} : { metrics: metric }),
  };
  const stopped = new AbortController();
  const stop = (): void => stopped.abort(new AbortError('client.stopped', 'stopped'));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  let summed = 0;
  try {
    const policy = policyOf(options);
    const budget = budgetOf(options);
    const { signal } = stopped;
    const offered = join(url, {
      identity,
      authority,
      policy,
      signal,
      ...(budget === undefined ? {} : { budget }),
      allowUnmasked: options.allowUnmasked === true,
      ...(task === undefined ? {} : { task }),
    });
    console.error(`joining ${url}: a round begins when enough clients are there`);
    for await (const round of offered) {
      const outcome = await round.submit(update, contribution);
      console.log(outcomeLine(round, outcome));
      if (outcome.status === 'summed') summed += 1;
      if (summed >= rounds) return;
    }
    console.error(`the server has no more rounds; this client was in ${summed} sum${summed === 1 ? '' : 's'}`);
  } catch (error) {
    // Ctrl-C is no failure.
    if (!stopped.signal.aborted) throw error;
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

export function joinCommand(): Command {
  const floors = defaultPolicy;
  return new Command('join')
    .description(
      'take part in a task with one and the same update each round, such as counts that only the sum may show',
    )
    .argument('<url>', 'address of the server, such as ws://127.0.0.1:8787')
    .requiredOption('--identity <file>', "this client's identity, made by `veilsum keys client`")
    .requiredOption(
      '--authority <file>',
      "the enrolment authority's public key, authority.pub, from where you trust it",
    )
    .requiredOption('--update <file>', 'the update as raw little-endian float32 values')
    .option('--weight <n>', 'what the update counts for, where the plan weights clients', integer)
    .option('--metric <name=n>', "a value for one of the plan's metrics; repeatable", assignment(integer))
    .option('--task <name>', "the task to join (default: the server's only one)")
    .option('--rounds <n>', 'leave after that many sums (default: when the server has no more)', integer)
    .option('--min-clients <n>', 'refuse cohorts of fewer clients', integer, floors.minClients)
    .option('--min-survivors <n>', 'refuse sums of fewer clients', integer, floors.minSurvivors)
    .option('--min-degree <n>', 'refuse graphs with fewer neighbors', integer, floors.minDegree)
    .option('--min-threshold <n>', 'refuse lower thresholds', integer, floors.minThreshold)
    .option('--corrupt <fraction>', 'clients that may collude', fraction, floors.assumptions.corrupt)
    .option('--dropout <fraction>', 'clients that may drop out', fraction, floors.assumptions.dropout)
    .option('--epsilon <n>', 'own privacy budget: refuse tasks that could pass it, or that add no noise', positive)
    .option('--delta <n>', 'delta of that budget', properFraction, 1e-5)
    .option('--ledger <directory>', 'own ledger for it, one for all tasks (default: in memory)')
    .option('--allow-unmasked', 'join a task without masking too, whose server sees this update by itself')
    .option('--trust-server', "let the server's own noise count")
    .addHelpText('after', exitCodes)
    .action(run);
}
