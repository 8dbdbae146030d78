import { Command, Option } from 'commander';
import { UsageError } from '../core/errors.js';
import { type Bounds, type CountedEvent, calibrate, type Relation, selfComposed } from '../dp/index.js';
import { number, probability } from './arguments.js';
import {
  answer,
  boundsText,
  type EventFlags,
  emptyAccount,
  eventOf,
  eventsOf,
  plainBounds,
  withEventOptions,
} from './dp-event.js';
import { ledgerCommand } from './dp-ledger.js';
import { plotCommand } from './dp-plot.js';
import { exitCodes } from './report.js';

interface CalibrateFlags extends EventFlags {
  readonly for: 'noise' | 'rounds' | 'sampling' | 'clip';
  readonly epsilon: number;
  readonly delta: number;
  readonly sigma?: number;
}

async function epsilon(flags: EventFlags & { readonly delta: number }): Promise<void> {
  print('epsilon', answer(flags, await eventsOf(flags), flags), flags);
}

async function delta(flags: EventFlags & { readonly epsilon: number }): Promise<void> {
  print('delta', answer(flags, await eventsOf(flags), { epsilon: flags.epsilon }), flags);
}

function print(name: string, bounds: Bounds, { json }: EventFlags): void {
  console.log(json ? JSON.stringify(plainBounds(bounds)) : boundsText(name, bounds));
}

/** What is searched for: where, and the releases that a value of it stands for. */
interface Parameter {
  readonly least: number;
  readonly most: number;
  readonly costs: 'more' | 'less';
  readonly whole?: boolean;
  readonly release: (value: number) => CountedEvent;
}

/** The field that is a mechanism's noise. */
const noiseFields: { readonly [mechanism in EventFlags['mechanism']]?: string } = {
  gaussian: 'noiseMultiplier',
  laplace: 'noiseMultiplier',
  'tree-restarts': 'noiseMultiplier',
  'single-tree': 'noiseMultiplier',
  'discrete-gaussian': 'sigmaSquared',
  'discrete-laplace': 'scale',
  skellam: 'variance',
};

function parameterOf(flags: CalibrateFlags): Parameter {
  const { rounds, mechanism, sigma } = flags;
  const noise = noiseFields[mechanism];
  const withField = (name: string, value: number): CountedEvent => ({
    event: eventOf({ ...flags, [name]: value }),
    count: rounds,
  });
  switch (flags.for) {
    case 'noise':
      if (noise === undefined)
        throw new UsageError('usage.options', `${mechanism} has no noise to search for: give it and search for rounds`);
      return { least: 1e-3, most: 1e12, costs: 'less', release: (value) => withField(noise, value) };
    case 'clip':
      if (noise !== 'noiseMultiplier' || sigma === undefined)
        throw new UsageError('usage.options', 'the largest clip norm needs --sigma, and gaussian or laplace noise');
      return {
        least: sigma * 1e-9,
        most: sigma * 1e3,
        costs: 'more',
        release: (value) => withField(noise, sigma / value),
      };
    case 'sampling':
      return { least: 1e-12, most: 1, costs: 'more', release: (value) => withField('sampling', value) };
    case 'rounds': {
      const event = eventOf(flags);
      return { least: 1, most: 1e9, costs: 'more', whole: true, release: (count) => ({ event, count }) };
    }
  }
}

function calibration(flags: CalibrateFlags): void {
  if (flags.events !== undefined)
    throw new UsageError('usage.options', '--events has no single parameter to search for: describe one --mechanism');
  const { release, ...range } = parameterOf(flags);
  const { relation } = release(range.most).event;
  const search = (accountant: EventFlags['accountant']): number =>
    calibrate<Relation>({
      ...range,
      accountant: emptyAccount(accountant, relation),
      target: { epsilon: flags.epsilon, delta: flags.delta },
      event: (value) => {
        const { event, count } = release(value);
        return selfComposed(event, count);
      },
    });
  let value: number;
  try {
    value = search(flags.accountant);
  } catch (error) {
    // Moments bound some mechanisms that privacy losses aren't known of.
    const isUnknown = error instanceof UsageError && error.code === 'dp.unsupported';
    if (flags.accountant !== 'best' || !isUnknown) throw error;
    value = search('rdp');
  }
  const spent = answer(flags, [release(value)], { delta: flags.delta });
  if (flags.json) console.log(JSON.stringify({ [flags.for]: value, epsilon: plainBounds(spent) }));
  else console.log(`${flags.for} ${value}: ${boundsText('epsilon', spent)}`);
}

/** `veilsum dp`: what releases cost, how much noise they need, and what a ledger holds. */
export function dpCommand(): Command {
  const dp = new Command('dp').description('account for differential privacy, calibrate noise, read ledgers, plot');
  withEventOptions(dp.command('epsilon').description('the epsilon of releases, from below and above'))
    .requiredOption('--delta <delta>', 'at this delta', probability)
    .action(epsilon);
  withEventOptions(dp.command('delta').description('the delta of releases, from below and above'))
    .requiredOption('--epsilon <epsilon>', 'at this epsilon', number)
    .action(delta);
  withEventOptions(
    dp.command('calibrate').description('the least noise, or the most rounds, sampling or clip norm, within a budget'),
  )
    .addOption(
      new Option('--for <what>', 'what to search for')
        .choices(['noise', 'rounds', 'sampling', 'clip'])
        .default('noise'),
    )
    .requiredOption('--epsilon <epsilon>', 'the budget', number)
    .requiredOption('--delta <delta>', 'at this delta', probability)
    .option('--sigma <sigma>', "the noise's standard deviation (Laplace: scale), for --for clip", number)
    .action(calibration);
  dp.addCommand(ledgerCommand());
  dp.addCommand(plotCommand());
  for (const command of dp.commands) command.addHelpText('after', exitCodes);
  return dp;
}
