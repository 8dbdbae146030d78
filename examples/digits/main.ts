/** `npm run demo`: federated learning of handwritten digits, masked. `npm run demo -- --help` says what can be set. */
import { parseArgs } from 'node:util';
import { jsonDisplay, terminalDisplay } from './display.js';
import { defaults, type Settings } from './settings.js';
import { Terminal } from './terminal.js';

const help = `Usage: npm run demo -- [options]

  --json        print one JSON object at the end, and nothing else (npm run --silent demo -- --json)
  --rounds N    rounds to train, ${defaults.rounds} unless given; from 3 on, clients leave in each of the five phases
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
      rounds: { type: 'string', default: String(defaults.rounds) },
      seed: { type: 'string', default: String(defaults.seed) },
      help: { type: 'boolean', default: false },
    },
  });
  const settings = {
    rounds: integer('--rounds', values.rounds, 1, 1000),
    seed: integer('--seed', values.seed, 0, 2 ** 31),
  };
  return { help: values.help, json: values.json, settings };
}

function integer(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < min || value > max)
    throw new Error(`${name} must be an integer from ${min} to ${max}, got ${text}`);
  return value;
}

const terminal = new Terminal(process.stdout);
process.once('SIGINT', () => {
  terminal.status('');
  process.exit(130);
});
try {
  const { help: helpWanted, json, settings } = readArguments();
  if (helpWanted) terminal.print(help);
  else {
    const display = json ? jsonDisplay((line) => terminal.print(line)) : terminalDisplay(terminal, settings.rounds);
    display.dealing();
    // Only now, so that there is something to read while TensorFlow.js loads.
    const { run } = await import('./run.js');
    await run(settings, display);
  }
} catch (error) {
  terminal.status('');
  console.error(error instanceof Error ? `demo: ${error.message}` : error);
  process.exitCode = 1;
}
