/** A thread that runs federations, one after the other. */
import { parentPort, workerData } from 'node:worker_threads';
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { prepareWasm } from 'veilsum/training';
import { loadLearningData } from './data.js';
import { runFederation } from './federation.js';
import type { RunResult, RunSpec } from './run.js';

export type Answer = { readonly result: RunResult } | { readonly error: string };

if (parentPort === null) throw new Error('this file is for a worker thread');
const port = parentPort;
tf.enableProdMode();
await tf.setBackend('wasm');
prepareWasm();
const { fashion } = workerData as { readonly fashion: string | undefined };
const sets = await loadLearningData(fashion);

port.on('message', (spec: RunSpec) => {
  void answer(spec).then((value) => port.postMessage(value));
});

async function answer(spec: RunSpec): Promise<Answer> {
  const data = sets.find(({ name }) => name === spec.data);
  if (data === undefined) return { error: `there is no data set ${spec.data}` };
  try {
    return { result: await runFederation(spec, data) };
  } catch (error) {
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}
