/**
 * `npm run bench:learning`: how fast a federation learns on uneven data, with each server optimizer, and how well with
 * each compression. Writes tables and plots to bench/results/. What was run already is taken from node_modules/.cache,
 * so it can be broken off and goes on.
 *
 *     --part optimizers|compression   one of the two
 *     --data digits|fashion-mnist     one of the two
 *     --quick                         few rounds, one seed, digits unless told; writes nothing
 *     --threads N                     2 unless told
 *     --fashion FOLDER                where Fashion-MNIST is, or VEILSUM_FASHION_MNIST; Debian's package puts it where
 *                                     it is looked for
 *     --fresh                         run all again
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { loadLearningData } from './learning/data.js';
import { Pool } from './learning/pool.js';
import { compressionPart, optimizerPart, type PartSetting, type Report } from './learning/report.js';

const { values } = parseArgs({
  options: {
    part: { type: 'string' },
    data: { type: 'string' },
    quick: { type: 'boolean', default: false },
    threads: { type: 'string', default: '2' },
    fashion: { type: 'string' },
    fresh: { type: 'boolean', default: false },
  },
});

const parts: Readonly<Record<string, (pool: Pool, setting: PartSetting) => Promise<Report>>> = {
  optimizers: optimizerPart,
  compression: compressionPart,
};
const names = ['digits', 'fashion-mnist'];
const threads = Number(values.threads);
refuseUnless(values.part === undefined || values.part in parts, `--part must be ${Object.keys(parts).join(' or ')}`);
refuseUnless(values.data === undefined || names.includes(values.data), `--data must be ${names.join(' or ')}`);
refuseUnless(Number.isInteger(threads) && threads >= 1 && threads <= 64, '--threads must be an integer from 1 to 64');

const fashion = values.fashion ?? process.env.VEILSUM_FASHION_MNIST;
const there = (await loadLearningData(fashion)).map(({ name }) => name);
if (there.length === 1)
  console.log(
    'Fashion-MNIST is not here (Debian: dataset-fashion-mnist; another folder: VEILSUM_FASHION_MNIST): digits only',
  );
const wanted = values.data ?? (values.quick ? 'digits' : undefined);
const chosen = there.filter((name) => wanted === undefined || name === wanted);
refuseUnless(chosen.length > 0, `${wanted} is not here`);

const pool = new Pool({ threads, fashion, fresh: values.fresh });
const folder = new URL('../../bench/results/', import.meta.url);
await mkdir(folder, { recursive: true });
for (const data of chosen)
  for (const [name, part] of Object.entries(parts)) {
    if (values.part !== undefined && values.part !== name) continue;
    const { markdown, pictures } = await part(pool, {
      data,
      alphas: [0.1, 0.5],
      rounds: values.quick ? 10 : 40,
      seeds: values.quick ? [1] : [1, 2, 3],
      choiceSeed: 100,
    });
    console.log(markdown);
    if (values.quick) continue;
    await writeFile(new URL(`learning-${name}-${data}.md`, folder), markdown);
    for (const [file, svg] of pictures) await writeFile(new URL(file, folder), svg);
  }
const { user, system } = process.cpuUsage();
console.log(`${((user + system) / 1e6).toFixed(0)} CPU-s in all, without what was kept from before`);
await pool.close();

function refuseUnless(condition: boolean, message: string): void {
  if (condition) return;
  console.error(message);
  process.exit(2);
}
