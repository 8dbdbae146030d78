/** One client: a worker thread with its own images, its own keys and its own connection to the server. */
import { on } from 'node:events';
import { parentPort, workerData } from 'node:worker_threads';
import { type ClientRound, join } from 'veilsum/client';
import { createKeyPair, type Identity, type Phase } from 'veilsum/secagg';
import type { ClientData, FromClient, ToClient, Update } from './messages.js';
import { createNetwork, type Network } from './model.js';
import { seededRandom } from './random.js';
import { training } from './settings.js';
import { startTensorFlow } from './tensorflow.js';

if (parentPort === null) throw new Error('a client runs in a worker thread: start main.js');
const port = parentPort;
const { client, seed, leaves }: ClientData = workerData;
const messages = on(port, 'message');

const [{ publicKey, privateKey }] = await Promise.all([createKeyPair(), startTensorFlow()]);
// The private key stays in this thread; the enrolment authority certifies the public one.
send({ kind: 'key', publicKey });
const { digits } = await next('digits');
const network = createNetwork(digits, training);
send({ kind: 'ready', backend: network.backend });

const { url, authority, certificate } = await next('join');
await takePart(url, authority, { certificate, privateKey });
for (;;) {
  const { round, model } = await next('train');
  send({ kind: 'trained', round, update: await train(network, model, round) });
}

/** Trains and submits in every round that the server offers, vanishing and coming back as `leaves` says. */
async function takePart(url: string, authority: Uint8Array, identity: Identity): Promise<void> {
  const leavesYet = new Map(leaves);
  for (;;) {
    const connection = new AbortController();
    const onPhase = (phase: Phase, { round }: ClientRound): void => {
      send({ kind: 'phase', round, phase });
      if (leavesYet.get(round) !== phase) return;
      leavesYet.delete(round);
      // As if the device had lost its network: the message of this phase is never sent, and the server isn't told why.
      connection.abort();
      send({ kind: 'left', round, phase });
    };
    try {
      for await (const offer of join(url, { identity, authority, onPhase, signal: connection.signal })) {
        const update = await train(network, offer.model, offer.round);
        send({ kind: 'submitted', round: offer.round, update });
        await offer.submit(update.values, { weight: update.weight });
      }
    } catch (error) {
      if (!connection.signal.aborted) throw error;
    }
    if (!connection.signal.aborted) return;
    const { last } = await next('roundOver');
    if (last) return;
  }
}

/** The same model and round give the same update, bit by bit. */
async function train(network: Network, model: Float32Array, round: number): Promise<Update> {
  const values = await network.train(model, round, seededRandom(seed, `client ${client}, round ${round}`));
  return { values, weight: network.images };
}

function send(message: FromClient): void {
  port.postMessage(message);
}

/** The main thread's next message, which has to be of that kind. */
async function next<Kind extends ToClient['kind']>(kind: Kind): Promise<Extract<ToClient, { kind: Kind }>> {
  const { value } = await messages.next();
  const [message]: readonly (ToClient | undefined)[] = value;
  if (message === undefined || !isOf(kind, message)) throw new Error(`expected ${kind}, got ${message?.kind}`);
  return message;
}

function isOf<Kind extends ToClient['kind']>(
  kind: Kind,
  message: ToClient,
): message is Extract<ToClient, { kind: Kind }> {
  return message.kind === kind;
}
