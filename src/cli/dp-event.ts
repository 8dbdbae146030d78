import { type Command, Option } from 'commander';
import { UsageError } from '../core/errors.js';
import {
  type Accountant,
  type Bounds,
  bestDelta,
  bestEpsilon,
  type CountedEvent,
  PldAccountant,
  type PrivacyEvent,
  PureAccountant,
  parseEvent,
  RdpAccountant,
  type Relation,
  relations,
  ZcdpAccountant,
} from '../dp/index.js';
import { integer, number, wholeNumbers } from './arguments.js';
import { readBytes } from './files.js';

/** Mechanisms by their names on the command line: the kinds of events, and the fields that they can't do without. */
const mechanisms = {
  gaussian: { kind: 'gaussian', needs: ['noiseMultiplier'] },
  laplace: { kind: 'laplace', needs: ['noiseMultiplier'] },
  'discrete-gaussian': { kind: 'discreteGaussian', needs: ['sigmaSquared'] },
  'discrete-laplace': { kind: 'discreteLaplace', needs: ['scale'] },
  skellam: { kind: 'skellam', needs: ['variance', 'l1', 'l2'] },
  'randomized-response': { kind: 'randomizedResponse', needs: ['noise', 'buckets'] },
  exponential: { kind: 'exponential', needs: ['epsilon'] },
  'epsilon-delta': { kind: 'epsilonDelta', needs: ['epsilon', 'delta'] },
  zcdp: { kind: 'zcdp', needs: ['rho'] },
  'tree-restarts': { kind: 'treeRestarts', needs: ['noiseMultiplier', 'stepsPerTree'] },
  'single-tree': { kind: 'singleTree', needs: ['noiseMultiplier', 'steps', 'maxParticipation', 'minSeparation'] },
} as const;

/** Accountants by their names; `best` is the least of what PLD and RDP prove. */
export const accountants = ['best', 'pld', 'rdp', 'zcdp', 'pure', 'analytic'] as const;

/** What the commands that account for a mechanism take. */
export interface EventFlags {
  readonly mechanism: keyof typeof mechanisms;
  readonly events?: string;
  readonly relation?: Relation;
  readonly sampling?: number;
  readonly sampleSize?: number;
  readonly datasetSize?: number;
  readonly rounds: number;
  readonly accountant: (typeof accountants)[number];
  readonly json: boolean;
}

/** Fields of events, by option; each mechanism has some of them. */
const fields: readonly (readonly [flag: string, field: string, text: string])[] = [
  ['--noise-multiplier <z>', 'noiseMultiplier', 'noise over the clip norm (gaussian, laplace, trees)'],
  ['--sigma-squared <v>', 'sigmaSquared', 'variance in grid steps squared (discrete-gaussian)'],
  ['--scale <b>', 'scale', 'scale in grid steps (discrete-laplace)'],
  ['--variance <v>', 'variance', 'variance in grid steps squared (skellam)'],
  ['--contribution <c>', 'contribution', 'largest norm that one record adds, in grid steps'],
  ['--l1 <norm>', 'l1', 'largest l1 norm that one record adds (skellam)'],
  ['--l2 <norm>', 'l2', 'largest l2 norm that one record adds (skellam)'],
  ['--dimension <d>', 'dimension', 'coordinates (discrete-gaussian, skellam)'],
  ['--lie <p>', 'noise', 'probability of a uniform answer (randomized-response)'],
  ['--buckets <n>', 'buckets', 'possible answers (randomized-response)'],
  ['--release-epsilon <e>', 'epsilon', 'epsilon of one release (exponential, epsilon-delta)'],
  ['--release-delta <d>', 'delta', 'delta of one release (epsilon-delta)'],
  ['--rho <rho>', 'rho', 'rho of one release (zcdp)'],
  ['--steps <n>', 'steps', 'steps of the tree (single-tree)'],
  ['--max-participation <n>', 'maxParticipation', 'steps that a record is in at most (single-tree)'],
  ['--min-separation <n>', 'minSeparation', 'other steps between two of them at least (single-tree)'],
];

/** Options with the fields of events that they become. */
const optionsOfFields: readonly (readonly [flag: string, field: string])[] = [
  ...fields.map(([flag, field]) => [flag, field] as const),
  ['--sampling <q>', 'samplingProbability'],
  ['--sample-size <n>', 'sampleSize'],
  ['--dataset-size <n>', 'datasetSize'],
  ['--steps-per-tree <n,n,...>', 'stepsPerTree'],
];

/** Adds the options that say what is released, how often and who does the sums. */
export function withEventOptions(command: Command): Command {
  command
    .addOption(
      new Option('--mechanism <name>', 'what adds the noise').choices(Object.keys(mechanisms)).default('gaussian'),
    )
    .option('--events <file>', 'instead: a JSON array of events, or of {event, count}')
    .addOption(new Option('--relation <name>', 'what one record more means').choices([...relations]))
    .option('--sampling <q>', 'probability that a record is in a round, by its own coin', number)
    .option('--sample-size <n>', 'instead: records of a round, drawn without replacement', integer)
    .option('--dataset-size <n>', 'of so many', integer)
    .option('--rounds <n>', 'how often it is done', integer, 1)
    .addOption(
      new Option('--accountant <name>', 'who does the sums; best is the least that pld and rdp prove')
        .choices([...accountants])
        .default('best'),
    )
    .option('--steps-per-tree <n,n,...>', 'steps of each tree (tree-restarts)', wholeNumbers)
    .option('--json', 'print one JSON object', false);
  for (const [flag, , text] of fields) command.option(flag, text, number);
  return command;
}

/** The releases that the options name. Throws `UsageError`. */
export async function eventsOf(flags: EventFlags): Promise<readonly CountedEvent[]> {
  if (flags.events === undefined) return [{ event: eventOf(flags), count: flags.rounds }];
  return (await readEvents(flags.events)).map(({ event, count }) => ({ event, count: count * flags.rounds }));
}

/**
 * One round of the mechanism that the options name. Throws `UsageError`, which names the options that are wrong or
 * missing.
 */
export function eventOf(flags: EventFlags): PrivacyEvent {
  const { mechanism, sampling, sampleSize, datasetSize } = flags;
  const { kind, needs } = mechanisms[mechanism];
  const relation = flags.relation ?? defaultRelation(flags);
  const given = givenFields(flags);
  checkGiven(given, needs, `the mechanism ${mechanism}`);
  const { samplingProbability, sampleSize: size, datasetSize: all, ...values } = Object.fromEntries(given);
  const event = { kind, relation, ...values };
  if (sampleSize === undefined && datasetSize === undefined) {
    if (sampling === undefined) return parsed(event, given);
    return parsed({ kind: 'poissonSampled', relation, samplingProbability, event }, given);
  }
  if (sampling !== undefined)
    throw new UsageError('usage.options', '--sampling and --sample-size are two ways to draw: give one');
  checkGiven(given, ['sampleSize', 'datasetSize'], 'a sample of fixed size');
  return parsed({ kind: 'fixedSizeSampled', relation, sampleSize: size, datasetSize: all, event }, given);
}

/** Values by the fields that they are for. */
function givenFields(flags: EventFlags): ReadonlyMap<string, unknown> {
  const options = new Map<string, unknown>(Object.entries(flags));
  const values = optionsOfFields.map(([flag, field]) => [field, options.get(optionName(flag))] as const);
  return new Map(values.filter(([, value]) => value !== undefined));
}

function checkGiven(given: ReadonlyMap<string, unknown>, needs: readonly string[], what: string): void {
  const missing = needs.filter((need) => !given.has(need));
  const flags = optionsOfFields.filter(([, field]) => missing.includes(field)).map(([flag]) => flag);
  if (flags.length > 0) throw new UsageError('usage.options', `${what} needs ${flags.join(' and ')}`);
}

/** The event of plain data. An error of range names a field: which options the fields are is added. */
function parsed(event: unknown, given: ReadonlyMap<string, unknown>): PrivacyEvent {
  try {
    return parseEvent(event);
  } catch (error) {
    if (!(error instanceof UsageError) || error.code !== 'usage.range') throw error;
    const names = optionsOfFields.filter(([, field]) => given.has(field)).map(([flag, field]) => `${flag} is ${field}`);
    throw new UsageError(error.code, `${error.message} (${names.join(', ')})`, { cause: error });
  }
}

function defaultRelation({ mechanism, sampleSize }: EventFlags): Relation {
  if (mechanism === 'tree-restarts' || mechanism === 'single-tree') return 'replaceSpecial';
  return mechanism === 'randomized-response' || sampleSize !== undefined ? 'replaceOne' : 'addOrRemoveOne';
}

/** commander's name for an option: `--noise-multiplier <z>` is `noiseMultiplier`. */
function optionName(flag: string): string {
  return flag.slice(2, flag.indexOf(' ')).replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

async function readEvents(path: string): Promise<readonly CountedEvent[]> {
  let list: unknown;
  try {
    list = JSON.parse(Buffer.from(await readBytes(path)).toString('utf8'));
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    throw new UsageError('usage.file', `${path} must hold a JSON array of events`, { cause });
  }
  if (!Array.isArray(list) || list.length === 0)
    throw new UsageError('usage.file', `${path} must hold a JSON array of at least one event`);
  return list.map((item: unknown) => {
    if (typeof item !== 'object' || item === null || !('event' in item) || !('count' in item))
      return { event: parseEvent(item), count: 1 };
    if (!Number.isSafeInteger(item.count) || Number(item.count) < 0)
      throw new UsageError('usage.range', `${path}: count must be a whole number`);
    return { event: parseEvent(item.event), count: Number(item.count) };
  });
}

/** An account of nothing by the named accountant, for the relation of the releases. */
export function emptyAccount(name: (typeof accountants)[number], relation: Relation): Accountant<Relation> {
  switch (name) {
    case 'rdp':
      return new RdpAccountant({ relation });
    case 'zcdp':
      return new ZcdpAccountant({ relation });
    case 'pure':
      return new PureAccountant({ relation });
    default:
      return new PldAccountant({ relation });
  }
}

/** Asks the accountant that the options name. */
export function answer(
  flags: Pick<EventFlags, 'accountant'>,
  events: readonly CountedEvent[],
  question: { readonly delta: number } | { readonly epsilon: number },
): Bounds {
  const [first] = events;
  if (first === undefined) return { lower: 0, estimate: 0, upper: 0 };
  const relation = first.event.relation;
  if (flags.accountant === 'best')
    return 'delta' in question
      ? bestEpsilon({ relation, events, delta: question.delta })
      : bestDelta({ relation, events, epsilon: question.epsilon });
  if (flags.accountant === 'analytic' && events.some(({ event }) => event.kind !== 'gaussian'))
    throw new UsageError('dp.unsupported', 'the analytic accountant is for Gaussian noise without sampling: use pld');
  const account = events.reduce<Accountant<Relation>>(
    (sum, { event, count }) => sum.compose(event, count),
    emptyAccount(flags.accountant, relation),
  );
  return 'delta' in question ? account.epsilon(question.delta) : account.delta(question.epsilon);
}

/** Bounds for a JSON object; what is infinite has no JSON number and is text. */
export function plainBounds({ lower, estimate, upper }: Bounds): Readonly<Record<keyof Bounds, number | string>> {
  const plain = (value: number): number | string => (Number.isFinite(value) ? value : String(value));
  return { lower: plain(lower), estimate: plain(estimate), upper: plain(upper) };
}

/** Bounds on one line. */
export function boundsText(name: string, { lower, estimate, upper }: Bounds): string {
  return `${name} ${roundedUp(upper)} (lower ${roundedDown(lower)}, estimate ${estimate.toPrecision(6)})`;
}

/** Six digits, and never less than the value: it is a promise. */
function roundedUp(value: number): string {
  const text = value.toPrecision(6);
  if (!(Number(text) < value)) return text;
  return (value * (1 + 1e-5)).toPrecision(6);
}

/** Nor is a lower bound rounded up. */
function roundedDown(value: number): string {
  const text = value.toPrecision(6);
  if (!(Number(text) > value)) return text;
  return (value * (1 - 1e-5)).toPrecision(6);
}
