import { equalBytes } from '../../core/bytes.js';
import { decodeConfirmations, encodeConfirmations } from '../../secagg/messages/confirmations.js';
import { decodeDelivery, encodeDelivery } from '../../secagg/messages/delivery.js';
import { decodeUnmask } from '../../secagg/messages/unmask.js';
import { type Check, type Finding, fail, pass } from '../check.js';
import type { ClientUnderTest } from '../party.js';
import { makeWorld, plainSum, sessionOf, sparseWorld, type World, type WorldOptions } from '../world.js';
import { honestFault, judge } from './lies.js';
import { ClientStage, namesOf, type Vanishing } from './stage.js';

interface Play {
  readonly name: string;
  readonly rules: readonly string[];
  readonly title: string;
  readonly world?: WorldOptions;
  readonly vanishing?: Vanishing;
}

/** Whole sessions that must come to the exact sum, with the bytes that this implementation would send. */
const plays: readonly Play[] = [
  {
    name: 'conv-1/session',
    rules: ['conv-1', 'rand-1', 'share-1', 'share-2', 'input-1', 'input-2', 'pack-1', 'unmask-3'],
    title: 'a session in which nobody drops out',
  },
  {
    name: 'conv-1/suite-2',
    rules: ['conv-1', 'input-1'],
    title: 'the same with suite 2 and 7-bit ring elements',
    world: { context: { suite: 2, ringBits: 7 } },
  },
  {
    name: 'conv-1/32-bits',
    rules: ['input-1', 'pack-1'],
    title: 'ring elements of 32 bits, and more than one chunk of upload',
    world: { context: { ringBits: 32, vectorLength: 20_000 } },
  },
  {
    name: 'graph-1/sparse',
    rules: ['graph-1', 'roster-5', 'roster-8'],
    title: 'a sparse graph, of which the client sees its neighbors only',
    world: sparseWorld,
  },
  {
    name: 'unmask-3/dropout-share',
    rules: ['unmask-3', 'input-1'],
    title: 'a neighbor that drops out before it shares: nothing of it is revealed, and it is not masked with',
    vanishing: new Map([['client 3', 'share']]),
  },
  {
    name: 'unmask-3/dropout-input',
    rules: ['unmask-3', 'rand-1'],
    title: 'a neighbor that drops out before its input: the share of its mask seed is revealed',
    vanishing: new Map([
      ['client 3', 'input'],
      ['client 5', 'confirm'],
    ]),
  },
  {
    name: 'unmask-3/application-seeds',
    rules: ['unmask-3', 'share-1'],
    title: 'application seeds: those released and no others',
    world: { context: { releaseAt: [8, 6, 9] } },
    vanishing: new Map([['client 3', 'input']]),
  },
];

async function play(party: ClientUnderTest, { world: options, vanishing }: Play): Promise<Finding> {
  const world = await makeWorld(options);
  const stage = await ClientStage.open(world, party, vanishing);
  const twin = await twinOf(world);
  while (stage.server.state !== 'done' && stage.server.state !== 'aborted') {
    const message = await stage.next();
    if (message === undefined) break;
    await stage.give(message);
    await twin.receive(message);
    const fault = stage.refused === undefined ? undefined : fail(`its message was refused: ${stage.refused}`);
    if (fault !== undefined) return fault;
    if (stage.end !== undefined && stage.end.kind !== 'finished')
      return fail(`it ended an honest session: ${stage.end.kind} ${stage.end.code ?? ''}`);
  }
  return compare(stage, world, twin.sent);
}

function compare(stage: ClientStage, world: World, expected: readonly Uint8Array[]): Finding {
  const { result } = stage.server;
  if (result === undefined) return fail('the session came to no sum');
  const sum = plainSum(world, result.survivors);
  if (!sum.every((value, i) => value === result.sum.lanes[i])) return fail('the sum is wrong');
  const names = namesOf(stage.sent);
  const differs = expected.findIndex((message, i) => !equalBytes(message, stage.sent[i] ?? new Uint8Array()));
  if (differs >= 0) return fail(`the bytes of ${names[differs] ?? 'a message'} are not those that its rand gives`);
  if (stage.sent.length !== expected.length) return fail(`it sent ${names.slice(expected.length).join(', ')} as well`);
  return stage.end?.kind === 'finished' && stage.end.survived === true ? pass : fail('it did not take the outcome');
}

/** This implementation with the same randomness. */
async function twinOf(world: World): Promise<{ sent: Uint8Array[]; receive: (message: Uint8Array) => Promise<void> }> {
  const session = sessionOf(world.subject, world.context);
  const sent = [await session.start()];
  return {
    sent,
    receive: async (message) => {
      const step = await session.receive(message);
      if (step.kind === 'send') sent.push(step.message);
      if (step.kind === 'submit') sent.push(...(await session.submit(world.subject.input)));
    },
  };
}

const unopened: Check<ClientUnderTest> = {
  id: 'client/unmask-3/unopened',
  rules: ['unmask-3', 'share-2'],
  title: 'a delivery that does not open: the client goes on, and later reveals nothing of its sender',
  run: async (party) => {
    const stage = await ClientStage.open(await makeWorld(), party);
    const { tag } = stage.world;
    const honest = await stage.until('delivery');
    const before = honestFault(stage);
    if (before !== undefined) return before;
    const deliveries = decodeDelivery(tag, honest, 0).map(({ sender, sealed }, i) =>
      i === 0 ? { sender, sealed: sealed.map((byte) => byte ^ 1) } : { sender, sealed },
    );
    if ((await stage.give(encodeDelivery(tag, deliveries))).length === 0)
      return fail('it did not go on, though one share that does not open is no fault');
    const answered = await stage.give(await stage.until('confirmations'));
    const unmask = answered.find((message) => namesOf([message])[0] === 'unmask');
    if (unmask === undefined) return fail('it revealed nothing at all');
    const [first] = decodeUnmask(tag, unmask);
    await stage.finish();
    return first?.kind === 'nothing'
      ? pass
      : fail(`it revealed a ${first?.kind ?? 'missing'} share that it does not have`);
  },
};

const oneInvalid: Check<ClientUnderTest> = {
  id: 'client/unmask-2/one-invalid',
  rules: ['unmask-2'],
  title: 'a signature that does not fit beside t that do: it counts as missing, and the client goes on',
  run: async (party) => {
    const stage = await ClientStage.open(await makeWorld(), party);
    const { tag } = stage.world;
    const honest = await stage.until('confirmations');
    const before = honestFault(stage);
    if (before !== undefined) return before;
    const confirmations = decodeConfirmations(tag, honest).map(({ index, signature }, i) =>
      i === 0 ? { index, signature: new Uint8Array(64) } : { index, signature },
    );
    const answered = namesOf(await stage.give(encodeConfirmations(tag, confirmations)));
    return answered.includes('unmask') ? pass : fail('it did not go on, though t valid signatures are there');
  },
};

const onlyOnce: Check<ClientUnderTest> = {
  id: 'client/unmask-4/again',
  rules: ['unmask-4', 'order-1'],
  title: 'a second request to unmask',
  run: async (party) => {
    const stage = await ClientStage.open(await makeWorld(), party);
    const honest = await stage.until('confirmations');
    const before = honestFault(stage);
    if (before !== undefined) return before;
    if (decodeConfirmations(stage.world.tag, honest).length === 0) return fail('nobody confirmed');
    if (!namesOf(await stage.give(honest)).includes('unmask')) return fail('it revealed nothing at all');
    return judge(stage, namesOf(await stage.give(honest)), honest, ['order.unexpected']);
  },
};

export const honestChecks: readonly Check<ClientUnderTest>[] = [
  ...plays.map((one) => ({
    id: `client/${one.name}`,
    rules: one.rules,
    title: one.title,
    run: (party: ClientUnderTest) => play(party, one),
  })),
  unopened,
  oneInvalid,
  onlyOnce,
];
