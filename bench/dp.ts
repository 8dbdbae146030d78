/**
 * Accountants. A 2^20 Fourier transform and its inverse, in the same run, is the yardstick: ratios to it survive
 * another machine. The medians of dp_accounting's CPU times on the machine that this was built on, where the yardstick
 * takes 40 to 50 ms (50 is used, which favours them), are 28 ms for RDP epsilon, 670 ms for PLD epsilon, 1,582 ms for
 * PLD calibration and 426 ms for RDP calibration.
 */
import {
  type Accountant,
  calibrate,
  gaussian,
  PldAccountant,
  type PrivacyEvent,
  poissonSampled,
  RdpAccountant,
  selfComposed,
} from '#veilsum/dp/index.js';
import { forwardReal, inverseReal } from '#veilsum/dp/numeric/fft.js';
import { cpuSeconds, type Measurement, median } from './measurement.js';

type Default = 'addOrRemoveOne';
const rounds = 9;
/** What dp_accounting takes over what the yardstick takes. */
const peer = { 'rdp-epsilon': 28 / 50, 'pld-epsilon': 670 / 50, 'pld-calibrate': 1582 / 50, 'rdp-calibrate': 426 / 50 };

/** q = 0.01, 10^4 steps, delta = 1e-5; epsilon at sigma = 1, and sigma for epsilon = 2. Medians of CPU milliseconds. */
export async function dpBenches(): Promise<readonly Measurement[]> {
  const values = Float64Array.from({ length: 2 ** 20 }, (_, i) => Math.sin(i * i));
  const yardstick = (): unknown => inverseReal(forwardReal(values));
  const tasks: Readonly<Record<keyof typeof peer, () => unknown>> = {
    'rdp-epsilon': () => new RdpAccountant().compose(run(1)).epsilon(1e-5),
    'pld-epsilon': () => new PldAccountant().compose(run(1)).epsilon(1e-5),
    'pld-calibrate': () => noiseFor(new PldAccountant()),
    'rdp-calibrate': () => noiseFor(new RdpAccountant()),
  };
  const times: Record<string, number[]> = { fft: [] };
  for (let round = -2; round < rounds; round += 1)
    for (const [name, task] of [['fft', yardstick] as const, ...Object.entries(tasks)]) {
      const taken = 1000 * (await cpuSeconds(task));
      // The first rounds warm up.
      if (round >= 0) times[name] = [...(times[name] ?? []), taken];
    }
  const fft = median(times.fft ?? []);
  const lines: Measurement[] = [{ name: 'dp/fft-2^20', value: fft, unit: 'ms' }];
  for (const [name, theirs] of Object.entries(peer)) {
    const value = median(times[name] ?? []);
    lines.push({
      name: `dp/${name}`,
      value,
      unit: 'ms',
      ratio: theirs / (value / fft),
      against: "faster than dp_accounting: its stored median, scaled by this run's FFT",
    });
  }
  return lines;
}

function run(noiseMultiplier: number): PrivacyEvent<Default> {
  return selfComposed(poissonSampled({ samplingProbability: 0.01, event: gaussian({ noiseMultiplier }) }), 10_000);
}

function noiseFor(accountant: Accountant<Default>): number {
  return calibrate({
    accountant,
    target: { epsilon: 2, delta: 1e-5 },
    event: run,
    least: 0.01,
    most: 1e6,
    costs: 'less',
  });
}
