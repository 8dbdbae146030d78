/**
 * `npm run bench:learning [-- --rounds 100] [-- --seed 1] [-- --fashion FOLDER]`: how fast a federation learns, on uneven data, with each
 * server optimizer. Writes tables and plots to bench/results/.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { prepareWasm } from 'veilsum/training';
import { loadLearningData } from './learning/data.js';
import { clients, perRound } from './learning/federation.js';
import { choiceOfRates, compareOptimizers, comparisonTable } from './learning/optimizers.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    fashion: { type: 'string' },
  },
});
const [rounds, seed] = [Number(values.rounds), Number(values.seed)];
if (!(Number.isInteger(rounds) && rounds > 0 && Number.isInteger(seed) && seed >= 0)) {
  console.error('--rounds must be an integer from 1, --seed one from 0');
  process.exit(2);
}

tf.enableProdMode();
await tf.setBackend('wasm');
prepareWasm();
const folder = new URL('../../bench/results/', import.meta.url);
await mkdir(folder, { recursive: true });

const report = [
  '# Learning',
  '',
  `${perRound} of ${clients} clients a round, one pass over their own examples, ${rounds} rounds, seed ${seed}; made by \`npm run bench:learning\`.`,
  '',
  choiceOfRates,
  '',
];
const sets = await loadLearningData(values.fashion);
if (sets.length === 1) console.log('Fashion-MNIST is not installed (Debian: dataset-fashion-mnist): digits only');
for (const data of sets) {
  for (const alpha of [0.1, 0.5]) {
    const comparison = await compareOptimizers({ data, alpha, rounds, seed });
    const picture = `learning-${data.name}-${alpha}.svg`;
    const table = comparisonTable(comparison);
    console.log(table);
    report.push(table, `![accuracy by round](${picture})`, '');
    await writeFile(new URL(picture, folder), comparison.svg);
    // After each, so that a run that is cut short leaves what it has.
    await writeFile(new URL('learning.md', folder), report.join('\n'));
  }
}
