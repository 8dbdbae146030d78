/** A thread of one client or several, each with its own images, its own keys and its own connection to the server. */
import { parentPort, workerData } from 'node:worker_threads';
import { type ClientRound, type JoinOptions, join } from 'veilsum/client';
import { memoryStorage } from 'veilsum/dp';
import { scaffoldControlUpdate, scaffoldCorrection, scaffoldSettle, seededNumbers } from 'veilsum/fl';
import { AbortError, type ClientPolicy, createKeyPair, type Identity, type Phase } from 'veilsum/secagg';
import type { Addressed, ClientData, FromClient, ThreadData, ToClient, Update } from './messages.js';
import { createNetwork, type Network } from './model.js';
import { extraOf } from './optimizers.js';
import { reconnecting } from './patience.js';
import { byzantineOf, delta, scenarioOf, slowness } from './settings.js';
import { startTensorFlow } from './tensorflow.js';

if (parentPort === null) throw new Error('a client runs in a worker thread: start main.js');
const port = parentPort;
const { settings, everyone }: ThreadData = workerData;
const scenario = scenarioOf(settings);

/** Nine to a cohort, one or two of whom may leave; or eight to a buffer. */
const smallCohorts: Partial<ClientPolicy> = { minClients: 5, minDegree: 4 };

/** The main thread's messages to one client, in order. */
class Inbox {
  readonly #messages: ToClient[] = [];
  #wake: () => void = () => undefined;

  put(message: ToClient): void {
    this.#messages.push(message);
    this.#wake();
  }

  /** The next message, which has to be of that kind. */
  async next<Kind extends ToClient['kind']>(kind: Kind): Promise<Extract<ToClient, { kind: Kind }>> {
    while (this.#messages.length === 0)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    const message = this.#messages.shift();
    if (message === undefined || !isOf(kind, message)) throw new Error(`expected ${kind}, got ${message?.kind}`);
    return message;
  }
}

const inboxes = new Map(everyone.map(({ client }) => [client, new Inbox()]));
port.on('message', ({ client, message }: Addressed<ToClient>) => inboxes.get(client)?.put(message));
const loaded = startTensorFlow();
await Promise.all(everyone.map((data) => live(data, inboxes.get(data.client) ?? new Inbox())));

/** One client's whole life. */
async function live({ client, leaves }: ClientData, inbox: Inbox): Promise<void> {
  const send = (message: FromClient): void => port.postMessage({ client, message } satisfies Addressed<FromClient>);
  const [{ publicKey, privateKey }] = await Promise.all([createKeyPair(), loaded]);
  // The private key stays in this thread; the enrolment authority certifies the public one.
  send({ kind: 'key', publicKey });
  const { digits } = await inbox.next('digits');
  const network = createNetwork(digits, scenario);
  send({ kind: 'ready', backend: network.backend });
  const isByzantine = client >= scenario.clients - byzantineOf(settings);
  const learner = isByzantine ? plotter(inbox, send) : learnerOf(client, network);

  const { url, authority, certificate } = await inbox.next('join');
  const options = {
    identity: { certificate, privateKey } satisfies Identity,
    authority,
    allowUnmasked: settings.masking === 'none',
    ...(scenario.cohorts === 1 && !settings.async ? {} : { policy: smallCohorts }),
    ...budget(),
  };
  if (settings.async) await takePartAnytime({ url, options, leaves, inbox, learner: slowed(client, learner), send });
  else await takePart({ url, options, leaves, inbox, learner, send });
  // The comparison begins anew, without what was learned under masks.
  const plain = learnerOf(client, network);
  for (;;) {
    const task = await inbox.next('train');
    const update = await plain.train(task);
    plain.settle(update.extra.controlUpdate);
    send({ kind: 'trained', round: task.round, update });
  }
}

/** A Byzantine client doesn't train: it hears what the honest ones have, and sends what is to do the most harm. */
function plotter(inbox: Inbox, send: (message: FromClient) => void): Learner {
  let last: { readonly round: number; readonly update: Update } | undefined;
  return {
    settle: () => undefined,
    train: async ({ round }) => {
      // A round that is tried again.
      if (last?.round === round) return last.update;
      send({ kind: 'plotting', round });
      const { values } = await inbox.next('craft');
      last = { round, update: { values, weight: 1, extra: {} } };
      return last.update;
    },
  };
}

/**
 * Where there is noise, each client keeps an account of its own, and takes part in nothing that would pass its budget.
 */
function budget(): Pick<JoinOptions, 'budget'> {
  const { privacy, epsilon } = settings;
  if (privacy === 'none') return {};
  return { budget: { epsilon, delta, storage: memoryStorage(), trustServer: privacy === 'central' } };
}

interface Part {
  readonly url: string;
  readonly options: JoinOptions;
  readonly leaves: ReadonlyMap<number, Phase>;
  readonly inbox: Inbox;
  readonly learner: Learner;
  readonly send: (message: FromClient) => void;
}

/** Trains and submits in every round that the server offers, vanishing and coming back as `leaves` says. */
async function takePart(part: Part): Promise<void> {
  const leavesYet = new Map(part.leaves);
  for (;;) {
    const vanished = await reconnecting(() => stay(part, leavesYet), { attempts: 10, pause: 1000 });
    if (!vanished) return;
    const { last } = await part.inbox.next('roundOver');
    if (last) return;
  }
}

/**
 * Trains whatever the model is by then, again and again; `leaves` says before which message of which update to vanish,
 * and come back at once.
 */
async function takePartAnytime({ url, options, leaves, learner, send }: Part): Promise<void> {
  let turn = 0;
  for (;;) {
    const connection = new AbortController();
    const onPhase = (phase: Phase, { round }: ClientRound): void => {
      if (leaves.get(turn) !== phase) return;
      connection.abort();
      send({ kind: 'left', round, phase });
    };
    try {
      for await (const offer of join(url, { ...options, onPhase, signal: connection.signal })) {
        const update = await learner.train(offer);
        send({ kind: 'submitted', round: offer.round, update });
        await offer.submit(update.values, { weight: update.weight });
        turn += 1;
      }
    } catch (error) {
      // Whoever was gone when the last buffer was full finds nobody there.
      if (!connection.signal.aborted && !(error instanceof AbortError && error.code.startsWith('connection.')))
        throw error;
    }
    if (!connection.signal.aborted) return;
    turn += 1;
  }
}

/** As on a slower device. */
function slowed(client: number, learner: Learner): Learner {
  return {
    ...learner,
    train: async (offer) => {
      await new Promise((resolve) => setTimeout(resolve, slowness(client)));
      return learner.train(offer);
    },
  };
}

/** Trains, or waits for what to send instead. */
interface Learner {
  readonly train: (offer: {
    readonly round: number;
    readonly model: Float32Array;
    readonly control?: Float32Array | undefined;
  }) => Promise<Update>;
  /** Takes the change of its control variate, under SCAFFOLD, that came into the sum. */
  readonly settle: (controlUpdate: Float32Array | undefined) => void;
}

/** Takes part over one connection; whether this client vanished, as it was to, before the server had no more rounds. */
async function stay({ url, options, learner, send }: Part, leavesYet: Map<number, Phase>): Promise<boolean> {
  const connection = new AbortController();
  let update: Update | undefined;
  let left: Phase | undefined;
  const onPhase = (phase: Phase, { round }: ClientRound): void => {
    send({ kind: 'phase', round, phase });
    if (leavesYet.get(round) !== phase) return;
    leavesYet.delete(round);
    // As if the device had lost its network: the message of this phase is never sent, and the server isn't told why.
    connection.abort();
    left = phase;
    send({ kind: 'left', round, phase });
  };
  try {
    for await (const offer of join(url, { ...options, onPhase, signal: connection.signal })) {
      update = await learner.train(offer);
      send({ kind: 'submitted', round: offer.round, update });
      const outcome = await offer.submit(update.values, { weight: update.weight, ...update.extra });
      if (outcome.status === 'summed') learner.settle(outcome.controlUpdate);
    }
  } catch (error) {
    if (!connection.signal.aborted) throw error;
  }
  // Whoever left after sending its input doesn't hear how the round ended: most likely with it in the sum.
  if (left === 'confirm' || left === 'unmask') learner.settle(update?.extra.controlUpdate);
  return connection.signal.aborted;
}

/** The same model and round give the same update, bit by bit. */
function learnerOf(client: number, network: Network): Learner {
  let own: Float32Array = new Float32Array(scenario.dimension);
  return {
    settle: (controlUpdate) => {
      if (controlUpdate !== undefined) own = scaffoldSettle(own, controlUpdate, true);
    },
    train: async ({ round, model, control }) => {
      const random = seededNumbers(settings.seed, `client ${client}, round ${round}`);
      const correction = control === undefined ? {} : { correction: scaffoldCorrection(control, own) };
      const { update, steps, rates } = await network.train({ model, ...correction }, round, random);
      const controlUpdate =
        control === undefined ? {} : { controlUpdate: scaffoldControlUpdate({ update, control, rates }) };
      const extra = extraOf(settings, { steps, ...controlUpdate });
      return { values: update, weight: scenario.weighted ? network.images : 1, extra };
    },
  };
}

function isOf<Kind extends ToClient['kind']>(
  kind: Kind,
  message: ToClient,
): message is Extract<ToClient, { kind: Kind }> {
  return message.kind === kind;
}
