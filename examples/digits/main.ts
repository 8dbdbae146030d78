/** `npm run demo`: federated learning of handwritten digits, masked. `npm run demo -- --help` says what can be set. */
import { parseArgs } from 'node:util';
import { attackNames, ruleOf } from './attack.js';
import { jsonDisplay, terminalDisplay } from './display.js';
import { optimizerNames } from './optimizers.js';
import { bufferSize, defaultBuffers, defaults, isRobust, type Settings } from './settings.js';
import { Terminal } from './terminal.js';

/** Of fewer than three edges the root could tell the sums apart. Each has ten clients or more. */
const edgeCounts = { min: 3, max: 6 } as const;

const help = `Usage: npm run demo -- [options]

  --json        print one JSON object at the end, and nothing else (npm run --silent demo -- --json)
  --rounds N    rounds to train, ${defaults.rounds} unless given; from 3 on, clients leave in each of the five phases
  --privacy P   noise that hides each client: distributed (each adds a part before masking), central (the server adds
                it, and is trusted) or none, the default; with noise there are 100 clients
  --epsilon X   what all rounds may cost, ${defaults.epsilon} unless given; with --privacy
  --attack A    what Byzantine clients send: ${attackNames.join(', ')}
  --byzantine N how many of them, and how many the rule is to stand; ${defaults.byzantine} unless given
  --aggregator R  mean, or a robust rule such as median, krum, nnm+trimmed-mean; it judges the means of ten masked cohorts
  --masking M   pairwise, or none: then the server, and the rule, see each update
  --optimizer O   what the server does with the mean: ${optimizerNames.slice(0, 4).join(', ')},
                ${optimizerNames.slice(4).join(', ')}
  --edges N     edge aggregators, ${edgeCounts.min} to ${edgeCounts.max}: servers to clients of their own, and clients of a root, which
                sums their sums
  --clients N   of all edges together, ${defaults.edgeClients} unless given; with --edges
  --async       no rounds: clients train when they like, and the first ${bufferSize} that are ready are summed, ${defaultBuffers} times
                unless --rounds says; some are slow, and their updates count less
  --seed N      another split of the digits, other clients leaving; ${defaults.seed} unless given
  --help        this text`;

interface Arguments {
  readonly help: boolean;
  readonly json: boolean;
  readonly settings: Settings;
}

function readArguments(): Arguments {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      async: { type: 'boolean', default: false },
      seed: { type: 'string', default: String(defaults.seed) },
      privacy: { type: 'string', default: defaults.privacy },
      epsilon: { type: 'string' },
      attack: { type: 'string', default: defaults.attack },
      byzantine: { type: 'string', default: String(defaults.byzantine) },
      aggregator: { type: 'string', default: defaults.aggregator },
      masking: { type: 'string', default: defaults.masking },
      optimizer: { type: 'string', default: defaults.optimizer },
      edges: { type: 'string', default: String(defaults.edges) },
      clients: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const edges = integer('--edges', values.edges, 0, edgeCounts.max);
  if (edges > 0 && edges < edgeCounts.min)
    throw new Error(`--edges must be at least ${edgeCounts.min}: fewer can't hide their sums among each other`);
  if (edges === 0 && values.clients !== undefined) throw new Error('--clients is for --edges');
  const settings: Settings = {
    rounds: integer('--rounds', values.rounds ?? String(values.async ? defaultBuffers : defaults.rounds), 1, 1000),
    seed: integer('--seed', values.seed, 0, 2 ** 31),
    privacy: choice('--privacy', values.privacy, ['none', 'central', 'distributed']),
    epsilon: number('--epsilon', values.epsilon ?? String(defaults.epsilon), 0.01, 10_000),
    attack: choice('--attack', values.attack, attackNames),
    byzantine: integer('--byzantine', values.byzantine, 1, 4),
    aggregator: values.aggregator,
    masking: choice('--masking', values.masking, ['pairwise', 'none']),
    optimizer: choice('--optimizer', values.optimizer, optimizerNames),
    edges,
    edgeClients:
      edges === 0
        ? defaults.edgeClients
        : integer('--clients', values.clients ?? String(defaults.edgeClients), 10 * edges, 60),
    async: values.async,
  };
  if (settings.privacy === 'none' && values.epsilon !== undefined)
    throw new Error('--epsilon goes with --privacy distributed or central: without noise nothing bounds what is told');
  refuseSeveral(settings);
  try {
    ruleOf(settings.aggregator, settings.byzantine);
  } catch (error) {
    throw new Error(`--aggregator ${settings.aggregator}: ${error instanceof Error ? error.message : ''}`, {
      cause: error,
    });
  }
  return { help: values.help, json: values.json, settings };
}

/** The example shows each of these by itself, so that what is seen has one cause. */
function refuseSeveral(settings: Settings): void {
  const shown = [
    settings.privacy === 'none' ? [] : ['--privacy'],
    isRobust(settings) ? ['--attack, --aggregator or --masking'] : [],
    settings.optimizer === 'fedavg' ? [] : ['--optimizer'],
    settings.edges === 0 ? [] : ['--edges'],
    settings.async ? ['--async'] : [],
  ].flat();
  if (shown.length > 1) throw new Error(`${shown.join(' and ')} are shown one at a time`);
}

function integer(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < min || value > max)
    throw new Error(`${name} must be an integer from ${min} to ${max}, got ${text}`);
  return value;
}

function number(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= min && value <= max))
    throw new Error(`${name} must be a number from ${min} to ${max}, got ${text}`);
  return value;
}

function choice<T extends string>(name: string, text: string, choices: readonly T[]): T {
  const found = choices.find((each) => each === text);
  if (found === undefined) throw new Error(`${name} must be one of ${choices.join(', ')}, got ${text}`);
  return found;
}

const terminal = new Terminal(process.stdout);
try {
  const { help: helpWanted, json, settings } = readArguments();
  if (helpWanted) terminal.print(help);
  else {
    const display = json ? jsonDisplay((line) => terminal.print(line)) : terminalDisplay(terminal, settings);
    display.dealing();
    // Only now, so that there is something to read while TensorFlow.js loads.
    const { run } = settings.async ? await import('./async.js') : await import('./run.js');
    await run(settings, display);
  }
} catch (error) {
  terminal.status('');
  console.error(error instanceof Error ? `demo: ${error.message}` : error);
  process.exitCode = 1;
}
