import { availableParallelism } from 'node:os';
import { AbortError, UsageError } from '../core/errors.js';
import type { Plan } from '../fl/plan/fields.js';
import { ringShape } from '../fl/plan/shape.js';
import { packedLength } from '../ring/pack.js';
import { BufferedRunner } from './buffered.js';
import { Gateway } from './gateway.js';
import { ModelStore } from './models.js';
import { checkSettings, checkTask, largestMessage, type ServeOptions, type Settings, type Task } from './options.js';
import { MaskPool } from './pool.js';
import { PrivacyAccount } from './privacy.js';
import { RoundRunner, type RoundRunnerOptions, type RoundStart } from './round.js';
import type { RoundResult } from './round-result.js';

/** A running server. */
export interface Server {
  /** Where clients join: `ws://host:port`. */
  readonly url: string;
  readonly port: number;
  /** Connections at the moment. */
  readonly connections: () => number;
  /**
   * The task's rounds, each run when it is asked for; under a buffered schedule its steps, each taken when it is asked
   * for, while sessions go on beside. Ends after the last, when clients are told that there are no more, and when the
   * server is closed.
   *
   * @param begin called before each round: the model that it begins with, for who gets that from elsewhere, as an edge
   *   aggregator does from its root. Without it a round begins with what the one before came to.
   * @throws AbortError (`round.failed`) if all cohorts of a round fail again and again; asking anew tries the round
   *   again. `round.cancelled` by the signal that `begin` gave; `ledger.exhausted` if the privacy budget has no room
   *   for another round
   * @throws UsageError (`usage.order`) if somebody else is iterating
   */
  readonly rounds: (begin?: () => RoundStart | Promise<RoundStart>) => AsyncGenerator<RoundResult, void, undefined>;
  /** Ends sessions under way, tells clients and frees the port. Can be called at any time and more than once. */
  readonly close: () => Promise<void>;
}

/** Milliseconds for sessions under way to tell their clients that the server closes. */
const cancelPatience = 250;
/** Bytes of models that are kept for clients to fetch, under a buffered schedule. */
const keptBytes = 64 * 2 ** 20;
/** Bytes that a client may have sent, beyond an upload, before it knows that its session is over. */
const straySlack = 2 ** 20;

/**
 * Starts a server for one task, over HTTP and WebSocket on one port:
 *
 *     const clients = { min: 8, max: 50 };
 *     const server = await serve({ authority, task: { name: 'digits', model, plan, rounds: 10, clients } });
 *     for await (const { round, model } of server.rounds()) console.log(round, accuracy(model));
 *     await server.close();
 *
 * A client that breaks the protocol, is late or goes away is left out and others go on.
 *
 * @throws UsageError for an option that is missing, of a wrong type or out of range, or a port that can't be listened
 *   on
 */
export async function serve(options: ServeOptions): Promise<Server> {
  const settings = checkSettings(options, Math.min(1024, availableParallelism()));
  const task = checkTask(options.task);
  const account = await PrivacyAccount.open(task, settings);
  if (task.plan.masking.kind === 'none')
    settings.log({
      level: 'warn',
      event: 'masking.none',
      message: 'NO MASKING: this server sees the update of each client by itself; clients join only if they allow that',
    });
  const models = new ModelStore(keptVersions(task.plan));
  const pool = new MaskPool(settings.threads);
  const { bits, length } = ringShape(task.plan);
  const gateway = new Gateway({
    taskName: task.name,
    models,
    maxPayload: largestMessage(task),
    maxConnections: settings.maxConnections,
    maxStray: packedLength(bits, length) + straySlack,
    log: settings.log,
  });
  const runner = await runnerOf({ task, settings, gateway, models, pool, account });
  const port = await gateway.listen(settings.port, settings.host);
  settings.log({ level: 'info', event: 'server.listening', message: `on ${settings.host}, port ${port}` });
  let closing: Promise<void> | undefined;
  const shutDown = async (): Promise<void> => {
    await runner.cancel(new AbortError('session.cancelled', 'the server was closed'), cancelPatience);
    await gateway.close();
    await pool.close();
    settings.log({ level: 'info', event: 'server.closed', message: 'all connections are closed' });
  };
  return {
    url: `ws://${settings.host.includes(':') ? `[${settings.host}]` : settings.host}:${port}`,
    port,
    connections: () => gateway.size,
    rounds: iterate(task, settings, { runner, gateway }),
    close: () => {
      closing ??= shutDown();
      return closing;
    },
  };
}

/** What runs the task's rounds, or the buffers that take their place. */
interface Runner {
  readonly firstRound: number;
  readonly run: (round: number, start?: RoundStart) => Promise<RoundResult>;
  readonly cancel: (error: AbortError, patience: number) => Promise<void>;
}

async function runnerOf(options: RoundRunnerOptions): Promise<Runner> {
  const { schedule } = options.task.plan;
  const rounds = new RoundRunner(options);
  return schedule.kind === 'rounds' ? rounds : await BufferedRunner.open(options, schedule, rounds);
}

/** Models to be fetched at a time, where versions don't wait for clients to fetch them. */
function keptVersions({ schedule, vector }: Plan): number | undefined {
  return schedule.kind === 'rounds'
    ? undefined
    : Math.max(2, Math.min(64, Math.floor(keptBytes / (4 * vector.dimension))));
}

/** The generator function of a server's rounds; where it has been is kept between calls. */
function iterate(
  task: Task,
  { log }: Settings,
  { runner, gateway }: { readonly runner: Runner; readonly gateway: Gateway },
): Server['rounds'] {
  let next = runner.firstRound;
  let iterating = false;
  return async function* rounds(begin) {
    if (iterating) throw new UsageError('usage.order', 'the rounds are being iterated already');
    if (begin !== undefined && task.plan.schedule.kind === 'buffered')
      throw new UsageError(
        'usage.options',
        'begin is for rounds: buffers go into whatever the model is by then, so leave it out',
      );
    iterating = true;
    try {
      while (next < task.rounds) {
        const result = await runner.run(next, await begin?.());
        const survivors = result.cohorts.reduce((sum, cohort) => sum + cohort.survivors, 0);
        log({ level: 'info', event: 'round.done', message: `round ${next}: a sum of ${survivors} clients` });
        next += 1;
        if (next === task.rounds) gateway.finish();
        yield result;
      }
    } catch (error) {
      if (!(error instanceof AbortError && error.code === 'session.cancelled')) throw error;
    } finally {
      iterating = false;
    }
  };
}
