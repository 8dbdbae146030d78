/**
 * `npm run bench [-- NAME...] [-- --json]`: what the cryptography costs. Each ratio is taken against a limit or a peer
 * that is measured in the same run, so that it means the same on another machine. A NAME is a group's, or begins a
 * figure's: `server/n100` runs the loads of the server with 100 clients only.
 */
import { parseArgs } from 'node:util';
import { Choice } from './choice.js';
import { compressionBenches } from './compression.js';
import { dpBenches } from './dp.js';
import { dpSamplerBenches } from './dp-samplers.js';
import { maskBenches } from './mask.js';
import type { Measurement } from './measurement.js';
import { robustBenches } from './robust.js';
import { sessionBenches } from './session.js';
import { shamirBenches } from './shamir.js';
import { threadBenches } from './threads.js';

const groups: readonly {
  readonly names: readonly string[];
  readonly run: (choice: Choice) => Promise<Iterable<Measurement>> | AsyncIterable<Measurement>;
}[] = [
  { names: ['mask'], run: maskBenches },
  { names: ['shamir'], run: () => shamirBenches() },
  { names: ['dp'], run: dpBenches },
  { names: ['dp-samplers'], run: dpSamplerBenches },
  { names: ['server'], run: threadBenches },
  { names: ['compression'], run: compressionBenches },
  { names: ['robust'], run: robustBenches },
  { names: ['client', 'server', 'wire', 'rss'], run: sessionBenches },
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false } },
});

const known = [...new Set(groups.flatMap(({ names }) => names))];
const unknown = positionals.filter((name) => !known.includes(name.split('/')[0] ?? ''));
if (unknown.length > 0) {
  console.error(`no such bench: ${unknown.join(', ')}; there are ${known.join(', ')}`);
  process.exit(2);
}

function line({ name, value, unit, ratio, against }: Measurement): string {
  const digits = Math.abs(value) >= 100 ? 0 : 3;
  const compared = ratio === undefined ? '' : `${ratio.toFixed(2).padStart(9)} x ${against ?? ''}`;
  return `${name.padEnd(44)}${value.toFixed(digits).padStart(12)} ${unit.padEnd(8)}${compared}`;
}

const choice = new Choice(positionals);
for (const { names, run } of groups) {
  if (!names.some((name) => choice.hasGroup(name))) continue;
  for await (const measurement of await run(choice))
    if (choice.has(measurement.name)) console.log(values.json ? JSON.stringify(measurement) : line(measurement));
}
