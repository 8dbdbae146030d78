/** One figure, as `npm run bench -- --json` prints it. */
export interface Measurement {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** `value` (or its inverse, where less is better) over what it is compared with, measured in the same run. */
  readonly ratio?: number;
  /** What `ratio` is against. */
  readonly against?: string;
}

/** The middle of the sorted values; the mean of both for an even number. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
}

/** Seconds of CPU, all threads of this process, that `task` takes. */
export async function cpuSeconds(task: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await task();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

/**
 * Seconds by the clock that two tasks take, in turns: the quickest run of each, since other programs only ever slow
 * runs down, and slow two threads down more than one.
 */
export async function quickest(
  repeats: number,
  one: () => unknown,
  two: () => unknown,
): Promise<{ readonly one: number; readonly two: number }> {
  const times = { one: Number.POSITIVE_INFINITY, two: Number.POSITIVE_INFINITY };
  for (let i = 0; i < repeats; i += 1) {
    times.one = Math.min(times.one, await seconds(one));
    times.two = Math.min(times.two, await seconds(two));
  }
  return times;
}

async function seconds(task: () => unknown): Promise<number> {
  const started = performance.now();
  await task();
  return (performance.now() - started) / 1000;
}
