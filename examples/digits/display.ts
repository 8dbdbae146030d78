/** What a person sees of the example. */
import { type Phase, phases } from 'veilsum/secagg';
import type { CohortReport } from 'veilsum/server';
import { countByDigit, type Digits } from './digits.js';
import { bufferSize, byzantineOf, delta, isRobust, type Settings, scenarioOf } from './settings.js';
import {
  type BufferSummary,
  clientCohorts,
  type EdgeSummary,
  edgeTraffic,
  type PlayedRound,
  type PrivacySummary,
  type RobustSummary,
  type Summary,
} from './summary.js';
import type { Terminal } from './terminal.js';

/** What the server doesn't know of a round. */
interface RoundNotes {
  /** Of the new model on the held-out images, 0 to 1. */
  readonly accuracy: number;
  /** Of a client on average, with what it fetched. */
  readonly bytes: { readonly bytesUp: number; readonly bytesDown: number };
  /** The phases in which clients left. */
  readonly left: readonly Phase[];
}

/** Told of everything that happens, as it happens. */
export interface Display {
  readonly dealing: () => void;
  readonly dealt: (hands: readonly Digits[]) => void;
  readonly joined: (url: string, backend: string) => void;
  readonly phase: (client: number, round: number, phase: Phase) => void;
  readonly left: (client: number, round: number) => void;
  readonly round: (result: PlayedRound, notes: RoundNotes) => void;
  readonly comparing: (round: number) => void;
  readonly summary: (summary: Summary) => void;
}

/** For a person. */
export function terminalDisplay(terminal: Terminal, settings: Settings): Display {
  const { rounds } = settings;
  const scenario = scenarioOf(settings);
  const columns = columnsFor(settings);
  const dim = (text: string): string => terminal.paint('dim', text);
  let session = new SessionBars(0, scenario.clients);
  return {
    dealing: () => {
      terminal.print('', ...title(terminal, settings), '');
      terminal.status(dim('  dealing out the digits ...'));
    },
    dealt: (hands) => {
      terminal.print(...handLines(hands, terminal), '');
      terminal.status(dim(`  starting ${inWords(scenario.clients)} clients ...`));
    },
    joined: (url, backend) => {
      terminal.status('');
      terminal.print(
        dim(
          `  ${url}, ${inWords(scenario.threads)} threads, ${scenario.dimension.toLocaleString('en-US')} weights, TensorFlow.js (${backend})`,
        ),
        '',
      );
      terminal.print(dim(columns.map(({ name, width, align }) => aligned(name, width, align)).join('')));
    },
    phase: (client, round, phase) => {
      if (session.reach(client, round, phase)) terminal.status(session.line(terminal));
    },
    left: (client, round) => {
      if (session.leave(client, round)) terminal.status(session.line(terminal));
    },
    round: (result, notes) => {
      terminal.status('');
      terminal.print(columns.map(({ width, align, cell }) => aligned(cell(result, notes), width, align)).join(''));
      session = new SessionBars(result.round + 1, scenario.clients);
      if (!settings.async && result.round + 1 < rounds) terminal.status(session.line(terminal));
    },
    comparing: (round) =>
      terminal.status(dim(`  the same rounds again without masking: ${round + 1} of ${rounds} ...`)),
    summary: (summary) => {
      terminal.status('');
      terminal.print('', ...summaryLines(summary, terminal), '');
    },
  };
}

/** For a program: nothing but the summary, one JSON object on one line. */
export function jsonDisplay(print: (line: string) => void): Display {
  const nothing = (): void => undefined;
  return {
    dealing: nothing,
    dealt: nothing,
    joined: nothing,
    phase: nothing,
    left: nothing,
    round: nothing,
    comparing: nothing,
    summary: (summary) => print(JSON.stringify(summary)),
  };
}

function inWords(clients: number): string {
  const words = { 8: 'eight', 10: 'ten', 24: 'twenty-four', 30: 'thirty', 90: 'ninety', 100: 'a hundred' };
  return Object.entries(words).find(([number]) => Number(number) === clients)?.[1] ?? String(clients);
}

function whoSees(settings: Settings): readonly string[] {
  if (settings.async)
    return [
      '  images of another, nor what it learned from them. Nobody waits for the slow:',
      `  whoever are the next ${bufferSize} to be ready are summed under masks, and an update of`,
      '  an older model counts less. Five clients vanish once, and come back.',
    ];
  return settings.masking === 'none'
    ? ['  images of another. Two clients vanish in every round.']
    : maskingTitle(settings);
}

function title(terminal: Terminal, settings: Settings): readonly string[] {
  return [
    `  ${terminal.paint('bold', 'veilsum')}: ${inWords(scenarioOf(settings).clients)} clients learn to read digits together. Nobody sees the`,
    ...whoSees(settings),
    ...privacyTitle(terminal, settings),
    ...robustTitle(terminal, settings),
    ...optimizerTitle(settings),
    '',
    '  Each has its own mixture of digits: a bar is how many it has of one.',
  ];
}

/** Who sees what. */
function maskingTitle({ edges }: Settings): readonly string[] {
  if (edges === 0)
    return [
      '  images of another, nor what it learned from them: the server gets masked',
      '  updates and unmasks nothing but their sum. Two clients vanish in every round.',
    ];
  return [
    `  images of another, nor what it learned from them: each of ${edges} edges unmasks but`,
    "  the sum of its own clients' updates, and the root but the sum of those sums.",
    '  Two clients vanish in every round.',
  ];
}

const levels = ' ▁▂▃▄▅▆▇█';

/** Who got what: a bar for each digit, two clients a line. */
function handLines(hands: readonly Digits[], terminal: Terminal): readonly string[] {
  const counts = hands.map(countByDigit);
  const most = Math.max(...counts.flat());
  const cells = hands.map(({ labels }, client) => {
    const bars = (counts[client] ?? []).map((count) => levels[Math.ceil((count / most) * (levels.length - 1))] ?? '');
    return `${String(client + 1).padStart(8)}${String(labels.length).padStart(8)}  ${bars.join(' ')}`;
  });
  const shown = cells.slice(0, 10);
  const half = Math.ceil(shown.length / 2);
  const heading = '  client  images  0 1 2 3 4 5 6 7 8 9';
  return [
    terminal.paint('dim', `${heading}  ${heading}`),
    ...shown.slice(0, half).map((cell, index) => `${cell}  ${shown[half + index] ?? ''}`.trimEnd()),
    ...(cells.length > shown.length ? [terminal.paint('dim', `  and ${cells.length - shown.length} more`)] : []),
  ];
}

interface Column {
  readonly name: string;
  /** With the space before it. */
  readonly width: number;
  readonly align?: 'left';
  readonly cell: (result: PlayedRound, notes: RoundNotes) => string;
}

const plainColumns: readonly Column[] = [
  { name: 'round', width: 7, cell: ({ round }) => String(round + 1) },
  { name: 'accuracy', width: 10, cell: (_, { accuracy }) => percent(accuracy) },
  { name: 'survivors', width: 11, cell: ({ cohorts }) => cohorts.map(survivorsOf).join(', ') },
  { name: 'left in', width: 19, align: 'left', cell: (_, { left }) => left.join(', ') },
  { name: 'up/client', width: 11, cell: (_, { bytes }) => kilobytes(bytes.bytesUp) },
  { name: 'down/client', width: 13, cell: (_, { bytes }) => kilobytes(bytes.bytesDown) },
  { name: 'seconds', width: 9, cell: ({ seconds }) => seconds.toFixed(2) },
];

/** What a round costs, and all so far. */
const privateColumns: readonly Column[] = plainColumns.flatMap((column) =>
  column.name === 'left in'
    ? [
        { name: 'epsilon', width: 9, cell: ({ privacy }) => (privacy?.roundEpsilon ?? 0).toFixed(2) },
        { name: 'so far', width: 8, cell: ({ privacy }) => (privacy?.epsilon ?? 0).toFixed(2) },
      ]
    : [column],
);

const edgeColumns: readonly Column[] = [
  ...plainColumns.slice(0, 2),
  {
    name: 'survivors',
    width: 11,
    cell: (result) => {
      const cohorts = clientCohorts(result);
      const count = (of: (cohort: CohortReport) => number): number => cohorts.reduce((sum, each) => sum + of(each), 0);
      return `${count(({ survivors }) => survivors)} of ${count(({ roster, dropouts }) => roster + dropouts.advertise)}`;
    },
  },
  ...plainColumns.slice(3, 5),
  {
    name: 'up/edge',
    width: 10,
    cell: (result) => kilobytes(edgeTraffic(result).bytesUp / result.atEdges.length),
  },
  { name: 'up to root', width: 12, cell: (result) => kilobytes(edgeTraffic(result).bytesUp) },
];

const robustColumns: readonly Column[] = [
  ...plainColumns.slice(0, 2),
  {
    name: 'survivors',
    width: 11,
    cell: ({ cohorts }) => String(cohorts.reduce((sum, { survivors }) => sum + survivors, 0)),
  },
  { name: 'cohorts', width: 9, cell: ({ cohorts }) => String(cohorts.length) },
  {
    name: 'rejected',
    width: 10,
    cell: ({ verdicts }) =>
      verdicts === undefined ? '-' : `${verdicts.filter(({ kept }) => !kept).length} of ${verdicts.length}`,
  },
  ...plainColumns.slice(4),
];

const bufferColumns: readonly Column[] = [
  { name: 'buffer', width: 8, cell: ({ round }) => String(round + 1) },
  ...plainColumns.slice(1, 3),
  {
    name: 'versions old',
    width: 20,
    cell: ({ cohorts }) =>
      agesOf(cohorts)
        .sort((a, b) => a - b)
        .join(' '),
  },
  { name: 'late', width: 6, cell: ({ cohorts, round }) => String(round - (cohorts[0]?.versions?.formed ?? round)) },
  { name: 'counts', width: 8, cell: ({ cohorts }) => (cohorts[0]?.versions?.weight ?? 1).toFixed(2) },
  ...plainColumns.slice(4),
];

/** How many versions the model had moved on from what each client trained when its buffer was formed. */
export function agesOf(cohorts: readonly CohortReport[]): number[] {
  return cohorts.flatMap(({ versions }) => versions?.trained.map((trained) => versions.formed - trained) ?? []);
}

function columnsFor(settings: Settings): readonly Column[] {
  if (settings.async) return bufferColumns;
  const { privacy } = settings;
  if (settings.edges > 0) return edgeColumns;
  if (isRobust(settings)) return robustColumns;
  return privacy === 'none' ? plainColumns : privateColumns;
}

function aligned(text: string, width: number, align: 'left' | undefined): string {
  return align === 'left' ? `  ${text}`.padEnd(width) : text.padStart(width);
}

function survivorsOf({ roster, survivors, dropouts }: CohortReport): string {
  return `${survivors} of ${roster + dropouts.advertise}`;
}

/** The round under way: a bar for each client, rising from phase to phase. */
class SessionBars {
  readonly #round: number;
  /** Phases reached, or -1 for one that left. */
  readonly #reached: number[];
  #phase: Phase | undefined;

  constructor(round: number, clients: number) {
    this.#round = round;
    this.#reached = new Array<number>(clients).fill(0);
  }

  /** False, here and in `leave`, if that was news of another round. */
  reach(client: number, round: number, phase: Phase): boolean {
    if (round !== this.#round) return false;
    this.#reached[client] = phases.indexOf(phase) + 1;
    this.#phase = phase;
    return true;
  }

  leave(client: number, round: number): boolean {
    if (round !== this.#round) return false;
    this.#reached[client] = -1;
    return true;
  }

  line(terminal: Terminal): string {
    // Of many clients those that a line has room for.
    const every = Math.ceil(this.#reached.length / 50);
    const shown = this.#reached.filter((_, client) => client % every === 0);
    const bars = shown.map((reached) => {
      if (reached < 0) return terminal.paint('yellow', '×');
      return terminal.paint('green', levels[Math.ceil((reached / phases.length) * (levels.length - 1))] ?? '');
    });
    return `${String(this.#round + 1).padStart(7)}   ${bars.join('')}  ${this.#phase ?? 'training'}`;
  }
}

function privacyTitle(terminal: Terminal, { privacy, epsilon, rounds }: Settings): readonly string[] {
  if (privacy === 'none') return [];
  const who =
    privacy === 'distributed'
      ? [
          '  Each client adds its part of the noise before masking, so that even the',
          '  sum says little about any of them:',
        ]
      : [
          terminal.paint('yellow', '  The server adds noise to the sum, which it sees without: it has to be trusted.'),
          '  What it publishes says little about any client:',
        ];
  return ['', ...who, `  epsilon ${epsilon} at delta ${delta} for all ${rounds} rounds, by each client's own account.`];
}

function summaryLines(summary: Summary, terminal: Terminal): readonly string[] {
  if (summary.privacy !== undefined) return privateLines(summary, summary.privacy, terminal);
  if (summary.robust !== undefined) return robustLines(summary, summary.robust, terminal);
  if (summary.buffers !== undefined) return bufferLines(summary, summary.buffers, terminal);
  const { rounds, accuracy, plainAccuracy, maxAbsDifference, quantizationStep, finalDrift, dropouts } = summary;
  const within = maxAbsDifference <= quantizationStep;
  const verdict = within ? terminal.paint('green', 'within that') : terminal.paint('red', 'more than that');
  const { edges } = summary;
  return [
    `  ${terminal.paint('bold', 'The same rounds with and without masking')}`,
    '',
    `  accuracy      ${percent(accuracy)} masked, ${percent(plainAccuracy)} without, after ${rounds} rounds`,
    `  difference    ${maxAbsDifference.toExponential(1)} at most, in any weight of any round. Rounding may`,
    `                cost ${quantizationStep.toExponential(1)}, masking nothing: ${verdict}`,
    `  dropouts      ${phases.map((phase) => `${phase} ${dropouts[phase]}`).join(', ')}`,
    ...costLines(summary),
    ...(edges === undefined ? [] : edgeLines(edges)),
    `  time          ${summary.seconds.toFixed(1)} s for all of it`,
    '',
    ...[
      'The difference is between the mean that came of masked updates and the mean of',
      'the same updates in the clear, round by round. The accuracy without masking is',
      'that of a second training, from the start and with the same clients leaving.',
      `Training magnifies every rounding: single weights of the two end ${finalDrift.toFixed(2)} apart.`,
    ].map((line) => terminal.paint('dim', `  ${line}`)),
  ];
}

function bufferLines(summary: Summary, { age, late }: BufferSummary, terminal: Terminal): readonly string[] {
  const { rounds, accuracy, plainAccuracy, maxAbsDifference, quantizationStep, dropouts } = summary;
  const within = maxAbsDifference <= quantizationStep;
  const verdict = within ? terminal.paint('green', 'within that') : terminal.paint('red', 'more than that');
  return [
    `  ${terminal.paint('bold', 'The same updates with and without masking')}`,
    '',
    `  accuracy      ${percent(accuracy)} masked, ${percent(plainAccuracy)} without, after ${rounds} buffers`,
    `  difference    ${maxAbsDifference.toExponential(1)} at most, in any weight of any version. Rounding may`,
    `                cost ${quantizationStep.toExponential(1)}, masking nothing: ${verdict}`,
    `  updates       were ${age.mean.toFixed(1)} versions old when they were joined, ${age.max} at most`,
    `  sums          were ${late.mean.toFixed(1)} versions late, ${late.max} at most: others were done before`,
    `  dropouts      ${phases.map((phase) => `${phase} ${dropouts[phase]}`).join(', ')}`,
    ...costLines(summary),
    `  time          ${summary.seconds.toFixed(1)} s for all of it`,
  ];
}

/** What the optimizer does, where it isn't the plain mean. */
function optimizerTitle({ optimizer }: Settings): readonly string[] {
  const says: Readonly<Record<Settings['optimizer'], readonly string[]>> = {
    fedavg: [],
    fedavgm: ['The server adds the mean to half of what the last round moved (FedAvgM).'],
    fedadam: ["The server's steps adapt to each weight (FedAdam)."],
    fedyogi: ["The server's steps adapt to each weight (FedYogi)."],
    fedadagrad: ["The server's steps adapt to each weight (FedAdagrad)."],
    fednova: [
      'Who has more images takes more steps, and FedNova makes up for that: the',
      'numbers of steps go through the masked sum with the updates.',
    ],
    scaffold: [
      'Control variates take out what is drift of a single client (SCAFFOLD): their',
      'changes go through the masked sum with the updates.',
    ],
  };
  return says[optimizer].length === 0 ? [] : ['', ...says[optimizer].map((line) => `  ${line}`)];
}

function edgeLines(edges: EdgeSummary): readonly string[] {
  const { bytesUpPerEdge, bytesDownPerEdge, bytesUpAtRoot, bytesUpWithoutEdges } = edges;
  return [
    `  edges         ${kilobytes(bytesUpPerEdge)} up, ${kilobytes(bytesDownPerEdge)} down an edge and round`,
    `  root          ${kilobytes(bytesUpAtRoot)} to take a round, without edges ${kilobytes(bytesUpWithoutEdges)}`,
  ];
}

/** Says above all when there is no masking. */
function robustTitle(terminal: Terminal, settings: Settings): readonly string[] {
  if (!isRobust(settings)) return [];
  const open =
    settings.masking === 'none'
      ? [terminal.paint('red', '  NO MASKING: here the server does see what each client learned.'), '']
      : ['  Ten masked cohorts of nine, drawn anew each round: the rule sees their means.'];
  const attackers = byzantineOf(settings);
  return [
    '',
    ...open,
    `  The rule is ${settings.aggregator}.`,
    ...(attackers === 0
      ? []
      : [`  Byzantine, knowing all that the others do: ${attackers} clients. They attack by ${settings.attack}.`]),
  ];
}

function robustLines(summary: Summary, robust: RobustSummary, terminal: Terminal): readonly string[] {
  const { rounds, accuracy, plainAccuracy, dropouts } = summary;
  const { spoiled, honest, ranks, aggregator } = robust;
  const good = accuracy > plainAccuracy - 0.03;
  return [
    `  ${terminal.paint('bold', 'The same rounds with and without the Byzantine clients')}`,
    '',
    `  accuracy      ${terminal.paint(good ? 'green' : 'red', percent(accuracy))} with ${aggregator}, ${percent(plainAccuracy)} without them, after ${rounds} rounds`,
    ...(spoiled.kept + spoiled.rejected + honest.kept + honest.rejected === 0
      ? []
      : [
          `  rejected      ${spoiled.rejected} of ${spoiled.kept + spoiled.rejected} ${robust.masking === 'none' ? 'updates' : 'cohort means'} with a Byzantine part, ${honest.rejected} of ${honest.kept + honest.rejected} others`,
        ]),
    ...(ranks.length === 0
      ? []
      : [`  suspicion     the Byzantine clients rank ${ranks.join(', ')} of ${summary.clients}, by verdicts alone`]),
    `  dropouts      ${phases.map((phase) => `${phase} ${dropouts[phase]}`).join(', ')}`,
    ...costLines(summary),
    `  time          ${summary.seconds.toFixed(1)} s for all of it`,
  ];
}

function privateLines(summary: Summary, privacy: PrivacySummary, terminal: Terminal): readonly string[] {
  const { rounds, accuracy, plainAccuracy, dropouts } = summary;
  const within = privacy.epsilon <= privacy.budget;
  return [
    `  ${terminal.paint('bold', 'The same rounds with and without noise')}`,
    '',
    `  accuracy      ${percent(accuracy)} with noise, ${percent(plainAccuracy)} without, after ${rounds} rounds`,
    `  epsilon       ${terminal.paint(within ? 'green' : 'red', privacy.epsilon.toFixed(3))} of ${privacy.budget} at delta ${privacy.delta}, from the survivors of each round`,
    `  noise         ${privacy.noiseDeviation.toExponential(1)} in a weight of a round's mean, one standard deviation`,
    `  server        ${privacy.trustsServer ? terminal.paint('yellow', 'is trusted: it saw the sums without noise') : 'is not trusted: no sum without noise was ever there'}`,
    `  dropouts      ${phases.map((phase) => `${phase} ${dropouts[phase]}`).join(', ')}`,
    ...costLines(summary),
    `  time          ${summary.seconds.toFixed(1)} s for all of it`,
  ];
}

/** What the plan was reckoned to cost before it ran, beside what was measured. */
function costLines({ cost: { reckoned, measured } }: Summary): readonly string[] {
  const row = (name: string, before: string, after: string, note: string): string =>
    `  ${name.padEnd(14)}${before.padStart(9)}  ${after.padStart(9)}  ${note}`.trimEnd();
  const milliseconds = (value: number): string => `${(1000 * value).toFixed(0)} ms`;
  return [
    row('cost', 'reckoned', 'measured', 'a client and round'),
    row('  up', kilobytes(reckoned.bytesUp), kilobytes(measured.bytesUp), 'who leaves early sends less'),
    row('  down', kilobytes(reckoned.bytesDown), kilobytes(measured.bytesDown), 'the model, and messages'),
    row('  CPU', milliseconds(reckoned.clientCpuSeconds), '', 'beside training'),
    row('  memory', megabytes(reckoned.clientMemoryBytes), '', 'beside training'),
    row('  server', milliseconds(reckoned.serverCpuSeconds), '', 'of its CPU, for all clients'),
  ];
}

function percent(part: number): string {
  return `${(100 * part).toFixed(1)} %`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`;
}
