import { Command } from 'commander';
import { probability } from './arguments.js';
import { type Axis, lineChart, type Series, stacked } from './chart.js';
import { answer, type EventFlags, eventsOf, withEventOptions } from './dp-event.js';
import { writePublic } from './files.js';

/** Points of a curve: enough for a smooth one, few enough for a slow accountant. */
const points = 40;

interface PlotFlags extends EventFlags {
  readonly delta: number;
  readonly out: string;
}

/** The bounds of a quantity at each place, as one curve, or two where something is proved from below. */
async function curves(
  places: readonly number[],
  boundsAt: (place: number) => Promise<{ readonly lower: number; readonly upper: number }>,
): Promise<readonly Series[]> {
  const upper: (readonly [number, number])[] = [];
  const lower: (readonly [number, number])[] = [];
  for (const place of places) {
    const bounds = await boundsAt(place);
    upper.push([place, bounds.upper]);
    lower.push([place, bounds.lower]);
  }
  const proved = lower.some(([, value]) => value > 0);
  return [{ name: 'upper bound', points: upper }, ...(proved ? [{ name: 'lower bound', points: lower }] : [])];
}

async function plot(flags: PlotFlags): Promise<void> {
  const { rounds, delta, out, accountant, mechanism, events } = flags;
  const what = `${events === undefined ? mechanism : 'the releases'}, ${accountant} accountant`;
  // Rounds are whole; a short task has as many points as rounds.
  const steps = [...new Set(Array.from({ length: points }, (_, i) => Math.round((rounds * (i + 1)) / points)))];
  const epsilon: Axis = { name: 'epsilon' };
  const spent = await curves(
    steps.filter((step) => step > 0),
    async (step) => answer(flags, await eventsOf({ ...flags, rounds: step }), { delta }),
  );
  const all = await eventsOf(flags);
  const total = answer(flags, all, { delta }).upper;
  const furthest = Number.isFinite(total) && total > 0 ? 1.5 * total : 10;
  const profile = await curves(
    Array.from({ length: points + 1 }, (_, i) => (furthest * i) / points),
    async (place) => answer(flags, all, { epsilon: place }),
  );
  const charts = [
    await lineChart({
      title: `Epsilon at delta ${delta}: ${what}`,
      x: { name: 'rounds' },
      y: epsilon,
      series: spent,
    }),
    await lineChart({
      title: `Privacy profile after ${rounds} rounds: ${what}`,
      x: epsilon,
      y: { name: 'delta', scale: 'log' },
      series: profile,
    }),
  ];
  await writePublic(out, stacked(charts));
  console.log(`${out}  epsilon against rounds, and delta against epsilon after ${rounds} rounds`);
}

/** `veilsum dp plot`. */
export function plotCommand(): Command {
  return withEventOptions(
    new Command('plot').description('draw epsilon against rounds and the privacy profile, as one SVG file'),
  )
    .requiredOption('--delta <delta>', 'for epsilon against rounds', probability)
    .requiredOption('--out <file>', 'the SVG file to write')
    .action(plot);
}
