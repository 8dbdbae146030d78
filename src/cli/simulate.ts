import { Command, InvalidArgumentError, Option } from 'commander';
import { defaultProvider } from '#provider';
import type { SuiteId } from '../crypto/suite.js';
import type { Threat } from '../secagg/parameters.js';
import { type Phase, phases } from '../secagg/phase.js';
import { type DropoutRates, memoizingProvider, type SimulationReport, simulate } from '../simulation/index.js';
import { fraction, integer } from './arguments.js';
import { exitCodes } from './report.js';

interface SimulateFlags {
  readonly clients: number;
  readonly dimension: number;
  readonly dropout?: DropoutRates;
  readonly seed: string;
  readonly suite: SuiteId;
  readonly threat: Threat;
  readonly bits: number;
  readonly degree?: number;
  readonly threshold?: number;
  readonly corrupt?: number;
  readonly json: boolean;
}

/** `veilsum simulate`: one session of many clients in this process, over a virtual network. */
export function simulateCommand(): Command {
  return new Command('simulate')
    .addHelpText('after', exitCodes)
    .description('run one session in this process over a virtual network, and report exactness, time and bytes')
    .option('--clients <n>', 'clients that want to take part', integer, 100)
    .option('--dimension <d>', 'values in each input', integer, 10_000)
    .option('--dropout <rates>', "fractions that vanish by phase, such as 'share:0.1,input:0.2'", dropoutRates)
    .option('--seed <seed>', 'everything random comes from it', '1')
    .addOption(
      new Option('--suite <id>', '1 ChaCha20, 2 AES-128-CTR')
        .choices(['1', '2'])
        .default(1 as SuiteId, '1')
        .argParser(suite),
    )
    .addOption(
      new Option('--threat <mode>', 'what the server is feared to do')
        .choices(['semi-honest', 'malicious'])
        .default('malicious'),
    )
    .option('--bits <b>', 'bits of a ring element', integer, 32)
    .option('--degree <k>', 'neighbors of each client; chosen unless given', integer)
    .option('--threshold <t>', 'seed shares needed to reconstruct; goes with --degree', integer)
    .option(
      '--corrupt <fraction>',
      'clients that may collude with the server, for choosing k and t (default: 0.1)',
      fraction,
    )
    .option('--json', 'print one JSON object', false)
    .action(run);
}

async function run(flags: SimulateFlags): Promise<void> {
  const { clients, dimension, dropout = {}, seed, suite, threat, bits, degree, threshold, corrupt } = flags;
  const report = await simulate({
    clients,
    dimension,
    dropout,
    seed,
    suite,
    threat,
    ringBits: bits,
    ...(degree === undefined ? {} : { degree }),
    ...(threshold === undefined ? {} : { threshold }),
    ...(corrupt === undefined ? {} : { assumptions: { corrupt } }),
    provider: memoizingProvider(defaultProvider),
    cpuClock,
  });
  console.log(flags.json ? JSON.stringify(asJson(report)) : table(report, { clients, dimension, bits }));
  if (report.exact === false) process.exitCode = 1;
  else if (report.outcome.kind === 'aborted') process.exitCode = 4;
}

function cpuClock(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function asJson(report: SimulationReport): unknown {
  return { ...report, survivors: report.survivors.length, refusals: Object.fromEntries(report.refusals) };
}

function table(
  report: SimulationReport,
  { clients, dimension, bits }: { readonly clients: number; readonly dimension: number; readonly bits: number },
): string {
  const { parameters, perClient } = report;
  const lines = [
    `${clients} clients, ${dimension} values of ${bits} bits${parameters === undefined ? '' : `, n = ${parameters.n}, k = ${parameters.degree}, t = ${parameters.threshold}`}`,
    verdict(report),
    '',
    row('phase', ['vanished', 'virtual s', 'client CPU s', 'server CPU s', 'up', 'down']),
    ...phases.map((phase) => phaseRow(report, phase)),
    '',
    row('per client', ['', '', '', '', 'up', 'down']),
    ...(['least', 'mean', 'most'] as const).map((which) =>
      row(which, ['', '', '', '', size(perClient.bytesUp[which]), size(perClient.bytesDown[which])]),
    ),
    '',
    `uploads held at most: ${size(report.stagedBytes)}; transcript ${report.transcript.slice(0, 16)}`,
  ];
  const refused = [...report.refusals].map(([code, count]) => `${code} (${count})`);
  if (refused.length > 0) lines.push(`refused: ${refused.join(', ')}`);
  return lines.join('\n');
}

function verdict({ outcome, exact, survivors, revealed }: SimulationReport): string {
  if (outcome.kind === 'done')
    return `${exact === true ? 'exact' : 'WRONG'}: the sum of ${survivors.length} survivors' inputs`;
  const shown = revealed === 0 ? 'nothing was revealed' : `${revealed} clients had revealed seed shares`;
  return `aborted in ${outcome.phase} (${outcome.code}): ${outcome.reason}; ${shown}`;
}

function phaseRow({ phases: reports, dropouts }: SimulationReport, phase: Phase): string {
  const { seconds, clientCpu, serverCpu, bytesUp, bytesDown } = reports[phase];
  const figures = [seconds.toFixed(2), clientCpu.toFixed(3), serverCpu.toFixed(3), size(bytesUp), size(bytesDown)];
  return row(phase, [`${dropouts[phase]}`, ...figures]);
}

function row(name: string, cells: readonly string[]): string {
  return `${name.padEnd(12)}${cells.map((cell) => cell.padStart(14)).join('')}`.trimEnd();
}

function size(bytes: number): string {
  if (bytes < 1000) return `${bytes.toFixed(0)} B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

function suite(text: string): SuiteId {
  if (text !== '1' && text !== '2') throw new InvalidArgumentError('It must be 1 or 2.');
  return text === '1' ? 1 : 2;
}

/** `phase:fraction`, separated by commas. */
function dropoutRates(text: string): DropoutRates {
  const rates = new Map<Phase, number>();
  for (const item of text.split(',')) {
    const [name, share, ...more] = item.split(':').map((part) => part.trim());
    const phase = phases.find((known) => known === name);
    if (phase === undefined || share === undefined || more.length > 0)
      throw new InvalidArgumentError(`Write it as phase:fraction,..., with the phases ${phases.join(', ')}.`);
    if (rates.has(phase)) throw new InvalidArgumentError(`It names ${phase} twice.`);
    rates.set(phase, fraction(share));
  }
  return Object.fromEntries(rates);
}
