import { createHash } from 'node:crypto';
import { checkBytes, checkChoice, checkInteger, checkOptions, describe } from '../core/check.js';
import { UsageError } from '../core/errors.js';
import { checkSuite, type SuiteId } from '../crypto/suite.js';
import { Ledger } from '../dp/ledger/ledger.js';
import { maxPlanBytes } from '../fl/plan/canonical.js';
import type { Plan } from '../fl/plan/fields.js';
import { planBytes } from '../fl/plan/plan.js';
import { leastCohorts, releaseAt } from '../fl/plan/shape.js';
import { type Checkpoint, decodeCheckpoint } from '../fl/plan/stages/checkpoint.js';
import { checkTaskName } from '../secagg/context.js';
import { MAX_DEGREE } from '../secagg/graph.js';
import { limits } from '../secagg/limits.js';
import { sealedLength } from '../secagg/messages/share.js';
import type { Assumptions, Threat } from '../secagg/parameters.js';
import { type Phase, phases } from '../secagg/phase.js';
import { parametersFor } from '../secagg/policy.js';

/** What the server and its clients work on together. */
export interface TaskOptions {
  /** 1 to 255 bytes of UTF-8. */
  readonly name: string;
  /** The model to begin with: the plan's `vector.dimension` finite values. */
  readonly model: Float32Array;
  /** What clients do to an update and the server to the sum; `definePlan` makes one. */
  readonly plan: Plan;
  /** Rounds to run, 1 to 2^32 - 1; under noise at most those that it is sized for. */
  readonly rounds: number;
  /**
   * Clients in a cohort's roster, least and most: 2 at least. `max` is at most the plan's `cohort.maxClients`. The size
   * of a buffer is between the two.
   */
  readonly clients: { readonly min: number; readonly max: number };
  /**
   * Cohorts of a round, 1 (or what the plan's robust rule needs) unless given: clients are put into one at random, and
   * each yields a sum of its own. Under a buffered schedule the buffers that go into one version.
   */
  readonly cohorts?: number;
  /** 1 (ChaCha20) unless given. */
  readonly suite?: SuiteId;
  /** What clients may take the server for, `malicious` unless given. */
  readonly threat?: Threat;
  /**
   * From which degree and threshold are chosen; a tenth of the clients corrupt and a tenth dropping out unless given.
   */
  readonly assumptions?: Partial<Omit<Assumptions, 'threat'>>;
  /**
   * Least clients in a cohort's sum; half of `clients.min`, but at least 2, unless given. Clients have their own floor.
   */
  readonly minSurvivors?: number;
  /** Where to go on from: a round's `checkpoint()` under the same plan. `model` is ignored then. */
  readonly checkpoint?: Uint8Array;
}

/** One line of what happens, for people; `event` is stable. No secret and no input is ever in it. */
export interface LogEntry {
  readonly level: 'info' | 'warn' | 'error';
  /** Such as `round.done` or `client.refused`. */
  readonly event: string;
  readonly message: string;
}

export interface ServeOptions {
  /** TCP port, any free one (0) unless given. */
  readonly port?: number;
  /** Address to listen on, 127.0.0.1 unless given. TLS is for a proxy in front. */
  readonly host?: string;
  /** Ed25519 key of the enrolment authority that clients pin, 32 bytes. */
  readonly authority: Uint8Array;
  readonly task: TaskOptions;
  /**
   * Milliseconds that each phase may take. Training happens before a client advertises, so that of *advertise* must
   * have room for it (unless the plan's schedule is buffered); a client that takes longer isn't in the roster and costs
   * nobody anything. Unless given 120,000 for *advertise* (30,000 under a buffered schedule) and *input*, 30,000 for
   * the others.
   */
  readonly deadlines?: Partial<Readonly<Record<Phase, number>>>;
  /** Milliseconds to wait for more clients once there are enough for a round, 1000 unless given. */
  readonly gather?: number;
  /** Under a buffered schedule the most sessions that are under way at a time, 16 unless given. */
  readonly sessions?: number;
  /** Bytes of uploads under way to hold in memory for each cohort, 64 MiB unless given. */
  readonly uploadBudget?: number;
  /**
   * Milliseconds within which an upload must bring another 64 KiB, 15,000 unless given: a slow one holds up others.
   * While others wait, it may also take no more than its share of the phase's deadline.
   */
  readonly uploadStall?: number;
  /** Times that a round is tried again after all its cohorts failed, 3 unless given. */
  readonly retries?: number;
  /** Threads that take masks off sums; as many as the machine has cores unless given, none besides this one for 1. */
  readonly threads?: number;
  /** WebSocket connections at a time, 10,000 unless given. */
  readonly maxConnections?: number;
  /**
   * What rounds with noise are charged to before their results are released. Open one over storage that lasts; unless
   * given it is in memory and forgets with the process, which is warned of.
   */
  readonly ledger?: Ledger;
  readonly log?: (entry: LogEntry) => void;
}

const defaultDeadlines: Readonly<Record<Phase, number>> = {
  advertise: 120_000,
  share: 30_000,
  input: 120_000,
  confirm: 30_000,
  unmask: 30_000,
};

/** In buffers clients have trained before they are offered a session. */
const bufferedAdvertise = 30_000;

/** A task with nothing left out. */
export interface Task extends Required<Omit<TaskOptions, 'assumptions' | 'threat' | 'checkpoint'>> {
  readonly assumptions: Assumptions;
  readonly planHash: Uint8Array;
  readonly checkpoint: Checkpoint | undefined;
}

const longest = 2 ** 31 - 1;

/** Throws `UsageError` that names the first option that is missing, of a wrong type or out of range. */
export function checkTask(options: TaskOptions): Task {
  checkOptions('task', options);
  const { name, model, plan, clients, cohorts, suite = 1, threat = 'malicious' } = options;
  checkTaskName('task.name', name);
  const { dimension } = checkPlan(plan).vector;
  checkModel(model, dimension, 'task.model');
  const planHash = new Uint8Array(createHash('sha256').update(planBytes(plan)).digest());
  const { combine } = plan;
  const fewest = combine.kind === 'robust' && combine.over === 'clients' ? combine.clients : 2;
  const min = checkInteger('task.clients.min', clients?.min, fewest, plan.cohort.maxClients);
  const max = checkInteger('task.clients.max', clients.max, min, Math.min(plan.cohort.maxClients, limits.clients));
  if (plan.schedule.kind === 'buffered')
    checkInteger('task.plan.schedule.bufferSize', plan.schedule.bufferSize, min, max);
  const floor = plan.privacy.kind === 'distributed' ? plan.privacy.minSurvivors : fewest;
  if (floor > min)
    throw new UsageError(
      'usage.range',
      `task.clients.min is ${min}, the plan's noise is sized for ${floor} survivors: raise it to ${floor} or more`,
    );
  const minSurvivors = options.minSurvivors ?? Math.max(floor, Math.ceil(min / 2));
  const assumptions = { corrupt: 0.1, dropout: 0.1, ...options.assumptions, threat };
  // Fails now rather than in each round.
  if (plan.masking.kind === 'pairwise') parametersFor(assumptions, min);
  return {
    name,
    model: model.slice(),
    plan,
    rounds: checkRounds(options.rounds, plan),
    clients: { min, max },
    cohorts: checkCohorts(plan, cohorts),
    suite: checkSuite(suite),
    minSurvivors: checkInteger('task.minSurvivors', minSurvivors, floor, min),
    assumptions,
    planHash,
    checkpoint:
      options.checkpoint === undefined ? undefined : decodeCheckpoint(options.checkpoint, { planHash, dimension }),
  };
}

function checkPlan(plan: Plan): Plan {
  if (typeof plan !== 'object' || plan === null || !Object.isFrozen(plan))
    throw new UsageError('usage.plan', `task.plan must be a plan that definePlan made, got ${describe(plan)}`);
  const { length } = planBytes(plan);
  if (length > maxPlanBytes)
    throw new UsageError(
      'usage.plan',
      `task.plan has ${length} bytes as JSON, clients take at most ${maxPlanBytes}: shorten its names, or have fewer metrics`,
    );
  checkInteger('task.plan.cohort.maxClients', plan.cohort.maxClients, 2, limits.clients);
  return plan;
}

function checkCohorts(plan: Plan, cohorts = leastCohorts(plan)): number {
  if (plan.masking.kind === 'none') return checkInteger('task.cohorts', cohorts, 1, 1);
  return checkInteger('task.cohorts', cohorts, leastCohorts(plan), 1024);
}

/** Noise is sized for so many rounds. */
function checkRounds(rounds: number, { privacy }: Plan): number {
  const most = privacy.kind === 'none' ? 0xffffffff : privacy.budget.rounds;
  return checkInteger('task.rounds', rounds, 1, most);
}

/** Throws `UsageError` (`usage.model`) unless `model` is a Float32Array of that many finite values. */
export function checkModel(model: unknown, dimension: number, name = 'model'): Float32Array {
  if (!(model instanceof Float32Array) || model.length !== dimension)
    throw new UsageError('usage.model', `${name} must be a Float32Array of ${dimension}, got ${describe(model)}`);
  const fault = model.findIndex((value) => !Number.isFinite(value));
  if (fault !== -1) throw new UsageError('usage.model', `${name} must be finite, value ${fault} is ${model[fault]}`);
  return model;
}

/** `ServeOptions` with nothing left out but the ledger. */
export type Settings = Required<Omit<ServeOptions, 'task' | 'deadlines' | 'ledger'>> & {
  readonly ledger: Ledger | undefined;
  /** Those that were given. */
  readonly deadlines: NonNullable<ServeOptions['deadlines']>;
};

/** Throws `UsageError` that names the first option that is missing, of a wrong type or out of range. */
export function checkSettings(options: ServeOptions, cores: number): Settings {
  checkOptions('options', options);
  const { host = '127.0.0.1', log = () => undefined } = options;
  if (typeof host !== 'string') throw new UsageError('usage.host', `host must be an address, got ${describe(host)}`);
  if (typeof log !== 'function') throw new UsageError('usage.log', `log must be a function, got ${describe(log)}`);
  if (options.ledger !== undefined && !(options.ledger instanceof Ledger))
    throw new UsageError('usage.ledger', `ledger must come from Ledger.open, got ${describe(options.ledger)}`);
  return {
    host,
    ledger: options.ledger,
    log: (entry) => {
      try {
        log(entry);
      } catch {
        // A log that fails must not take the server down with it, and there is nowhere left to say so.
      }
    },
    port: checkInteger('port', options.port ?? 0, 0, 65_535),
    authority: checkBytes('authority', options.authority, 32),
    deadlines: checkDeadlines(options.deadlines ?? {}),
    gather: checkInteger('gather', options.gather ?? 1000, 0, longest),
    sessions: checkInteger('sessions', options.sessions ?? 16, 1, 1024),
    uploadBudget: checkInteger('uploadBudget', options.uploadBudget ?? 64 * 2 ** 20, 0, Number.MAX_SAFE_INTEGER),
    uploadStall: checkInteger('uploadStall', options.uploadStall ?? 15_000, 1, longest),
    retries: checkInteger('retries', options.retries ?? 3, 0, 1000),
    threads: checkInteger('threads', options.threads ?? cores, 1, 1024),
    maxConnections: checkInteger('maxConnections', options.maxConnections ?? 10_000, 1, 1_000_000),
  };
}

function checkDeadlines(deadlines: Settings['deadlines']): Settings['deadlines'] {
  for (const [phase, milliseconds] of Object.entries(deadlines)) {
    checkChoice('deadlines', phase, phases);
    checkInteger(`deadlines.${phase}`, milliseconds, 1, longest);
  }
  return { ...deadlines };
}

/** A session's phases, with the milliseconds of each: without masking all comes in one, training included. */
export function phasesOf(
  { masking, schedule }: Plan,
  given: Settings['deadlines'],
): { readonly phases: readonly Phase[]; readonly deadlines: Readonly<Record<Phase, number>> } {
  const buffered = schedule.kind === 'buffered' ? { advertise: bufferedAdvertise } : {};
  const deadlines = { ...defaultDeadlines, ...buffered, ...given };
  if (masking.kind === 'pairwise') return { phases, deadlines };
  return { phases: ['input'], deadlines: { ...deadlines, input: deadlines.advertise + deadlines.input } };
}

/** The longest message that a client of the task has a reason to send. */
export function largestMessage({ clients, plan }: Pick<Task, 'clients' | 'plan'>): number {
  const neighbors = Math.min(clients.max - 1, MAX_DEGREE);
  const seeds = releaseAt(plan).length;
  return Math.max(limits.chunk, neighbors * sealedLength(seeds)) + 1024 + 32 * seeds;
}
