/**
 * Robust rules on n = 20 and n = 50 vectors of 10^6 float32 values, as multiples of one pass over the same memory:
 * every vector read once, copied in pieces of 64 KiB to one block in the cache. Extra memory is the growth of a fresh
 * process.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { sharedVector, ThreadPool } from 'veilsum/robust/threads';
import { addSquaredDistances } from '#veilsum/kernels/distances.js';
import { mixRows } from '#veilsum/kernels/mix.js';
import { cpuSeconds, type Measurement, median, quickest } from './measurement.js';
import { type RuleName, ruleNames, rules, vectorsOf } from './robust-rules.js';

const dimension = 1_000_000;
const repeats = 7;
const threadRepeats = 15;
const pieceLength = 16_384;
const against = 'one pass over memory';

interface Task {
  readonly name: string;
  readonly run: () => unknown;
}

/** One pass over the vectors. */
function passOver(vectors: readonly Float32Array[]): () => void {
  const piece = new Float32Array(pieceLength);
  return () => {
    for (const vector of vectors)
      for (let from = 0; from < vector.length; from += pieceLength)
        piece.set(vector.subarray(from, from + pieceLength));
  };
}

/** Milliseconds of CPU of tasks in turns with the pass, and the median of their ratios. */
async function* measure(tasks: readonly Task[], pass: () => void, suffix: string): AsyncGenerator<Measurement> {
  for (const { name, run } of tasks) {
    run();
    const pairs: { readonly task: number; readonly pass: number }[] = [];
    for (let i = 0; i < repeats; i += 1)
      pairs.push({ task: 1000 * (await cpuSeconds(run)), pass: 1000 * (await cpuSeconds(pass)) });
    const value = median(pairs.map((pair) => pair.task));
    const ratio = median(pairs.map((pair) => pair.task / pair.pass));
    yield { name: `${name} ${suffix}`, value, unit: 'ms', ratio, against };
  }
}

function kernels(vectors: readonly Float32Array[]): readonly Task[] {
  const n = vectors.length;
  const taken = n - Math.floor(n / 5);
  const neighbors = Float64Array.from({ length: n * n }, (_, k) =>
    ((k % n) - Math.floor(k / n) + n) % n < taken ? 1 / taken : 0,
  );
  const block = Array.from({ length: n }, () => new Float32Array(4096));
  return [
    { name: 'robust/kernel distances', run: () => addSquaredDistances(vectors, 0, dimension, new Float64Array(n * n)) },
    {
      name: 'robust/kernel neighbor mixing',
      run: () => {
        for (let from = 0; from < dimension; from += 4096) {
          const local = vectors.map((vector) => vector.subarray(from, from + 4096));
          mixRows(local, neighbors, 0, local[0]?.length ?? 0, block);
        }
      },
    },
  ];
}

/** Bytes by which a fresh process grows while it runs a rule, over the bytes of the vectors. */
async function memoryOf(rule: RuleName, n: number): Promise<Measurement> {
  const script = fileURLToPath(new URL('./robust-memory.js', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script, rule, String(n), String(dimension)]);
  const value = Number(stdout) / 2 ** 20;
  const ratio = (value * 2 ** 20) / (4 * n * dimension);
  return { name: `robust/${rule} n=${n}, extra memory`, value, unit: 'MiB', ratio, against: 'the vectors' };
}

/** Two threads against one, by the clock. */
async function* threads(vectors: readonly Float32Array[]): AsyncGenerator<Measurement> {
  const pool = new ThreadPool(2);
  try {
    await pool.start();
    for (const name of ruleNames) {
      const rule = rules(vectors.length)[name];
      const { one, two } = await quickest(
        threadRepeats,
        () => rule.aggregate(vectors),
        () => rule.aggregate(vectors, { executor: pool }),
      );
      const [value, ratio] = [1000 * two, one / two];
      yield { name: `robust/${name} n=${vectors.length}, threads2`, value, unit: 'ms', ratio, against: 'one thread' };
    }
  } finally {
    await pool.close();
  }
}

export async function* robustBenches(): AsyncGenerator<Measurement> {
  for (const n of [20, 50]) {
    const vectors = vectorsOf(n, dimension, sharedVector);
    const own = vectors.map((vector) => Float32Array.from(vector));
    const pass = passOver(own);
    const passes: number[] = [];
    for (let i = 0; i < repeats; i += 1) passes.push(1000 * (await cpuSeconds(pass)));
    yield { name: `robust/one pass n=${n}`, value: median(passes), unit: 'ms' };
    yield* measure(kernels(own), pass, `n=${n}`);
    const named = rules(n);
    const tasks = ruleNames.map((name) => ({ name: `robust/${name}`, run: () => named[name].aggregate(own) }));
    yield* measure(tasks, pass, `n=${n}`);
    for (const name of ruleNames) yield await memoryOf(name, n);
    yield* threads(vectors);
  }
}
