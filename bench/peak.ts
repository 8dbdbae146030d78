import { readFileSync } from 'node:fs';

/**
 * The largest memory of this process so far, in bytes; NaN off Linux. (`maxRSS` would begin with the peak of whoever
 * started it.)
 */
export function peakMemory(): number {
  if (process.platform !== 'linux') return Number.NaN;
  return 1024 * Number(/VmHWM:\s*(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? Number.NaN);
}
