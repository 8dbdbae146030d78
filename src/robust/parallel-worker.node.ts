import { parentPort } from 'node:worker_threads';
import { type SharedTask, work } from './parallel-task.node.js';

/** What a thread of the pool runs. The task is from the pool, which is our own code. */
parentPort?.on('message', (shared: SharedTask) => work(shared));
parentPort?.postMessage('ready');
