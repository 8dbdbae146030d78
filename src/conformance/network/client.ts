import { utf8 } from '../../core/bytes.js';
import { quantizationLimit } from '../../ring/quantize.js';
import { encodeContext } from '../../secagg/context.js';
import { type Check, type Finding, fail, pass, ruleOf } from '../check.js';
import { laterLies } from '../client/later-lies.js';
import { honestFault, judgeOffer, lieCheck, offerCheck } from '../client/lies.js';
import { offerLies } from '../client/offer-lies.js';
import { rosterLies } from '../client/roster-lies.js';
import { ClientStage, type Vanishing } from '../client/stage.js';
import { plainSum, type World } from '../world.js';
import { inputBits, type JoiningClient, networkWorld, type Offered, plan, sha256 } from './joining.js';

interface Play {
  readonly name: string;
  readonly rules: readonly string[];
  readonly title: string;
  readonly vanishing?: Vanishing;
}

const plays: readonly Play[] = [
  {
    name: 'unmask-3/session',
    rules: ['unmask-3', 'input-1', 'input-2', 'graph-1', 'pack-1', 'enc-1'],
    title: 'a session in which nobody drops out',
  },
  {
    name: 'unmask-3/dropouts',
    rules: ['unmask-3', 'input-1'],
    title: 'a session in which neighbors drop out before they share, and before their input',
    vanishing: new Map([
      ['client 3', 'share'],
      ['client 5', 'input'],
    ]),
  },
];

/** Sessions with an honest server. */
const honest: readonly Check<JoiningClient>[] = plays.map(({ name, rules, title, vanishing }) => ({
  id: `client/${name}`,
  rules,
  title,
  run: async (party) => {
    const stage = await ClientStage.open(await networkWorld(), party, vanishing);
    const before = honestFault(stage);
    if (before !== undefined) return before;
    await stage.finish();
    if (stage.refused !== undefined) return fail(`its message was refused: ${stage.refused}`);
    const { result } = stage.server;
    if (result?.survivors.includes(stage.world.subject.name) !== true) return fail('its input is in no sum');
    const fault = inputFault(stage.world, result.survivors, result.sum.lanes);
    if (fault !== undefined) return fault;
    return stage.end?.kind === 'finished' ? pass : fail('it did not take the outcome');
  },
}));

/**
 * What the client's input is, the runner doesn't know. But what it adds to the sum of the others must be one that the
 * plan allows: a mask that stays in the sum makes it any ring elements.
 */
function inputFault(world: World, survivors: readonly string[], sum: ArrayLike<number>): Finding | undefined {
  const { ringBits } = world.context;
  const others = plainSum(
    world,
    survivors.filter((name) => name !== world.subject.name),
  );
  const own = others.map((value, i) => ((sum[i] ?? 0) - value + 2 ** ringBits) % 2 ** ringBits);
  const limit = quantizationLimit(inputBits);
  const values = own.slice(0, -1);
  const inside = values.every((value) => value <= limit || value >= 2 ** ringBits - limit);
  if (inside && own.at(-1) === 1) return undefined;
  return fail(`what it adds to the sum is no input of the plan: ${own.join(', ')} mod 2^${ringBits}`);
}

interface ServedLie {
  readonly name: string;
  readonly title: string;
  readonly codes: readonly string[];
  readonly context?: Partial<World['context']>;
  readonly offered: Offered;
}

const otherPlan = utf8(JSON.stringify({ ...plan, cohort: { maxClients: 17 } }));
const spacedPlan = utf8(JSON.stringify(plan, undefined, 1));

/** What a server says beside the context, or serves, where it isn't what the context has the hash of. */
const servedLies: readonly ServedLie[] = [
  {
    name: 'offer-2/other-plan',
    title: "a plan whose hash isn't the context's",
    codes: ['offer.plan'],
    offered: { plan: otherPlan },
  },
  {
    name: 'offer-2/spaced-plan',
    title: 'a plan that is not canonical',
    codes: ['plan.canonical'],
    context: { planHash: sha256(spacedPlan) },
    offered: { plan: spacedPlan },
  },
  {
    name: 'offer-3/ring',
    title: 'ring elements of fewer bits than the plan gives: the sum would wrap',
    codes: ['offer.shape'],
    context: { ringBits: 13 },
    offered: {},
  },
  {
    name: 'offer-3/clients',
    title: 'room for more clients than the plan has',
    codes: ['offer.shape'],
    context: { maxClients: 1000 },
    offered: {},
  },
  {
    name: 'offer-4/origin',
    title: 'a model on another host',
    codes: ['offer.model'],
    offered: { reference: 'http://127.0.0.1:9/models/other' },
  },
  {
    name: 'model-1/hash',
    title: "a model whose hash isn't the context's",
    codes: ['model.hash'],
    offered: { model: new Uint8Array(16).fill(1) },
  },
  {
    name: 'model-1/length',
    title: 'a model that is too long',
    codes: ['model.length'],
    offered: { model: new Uint8Array(20) },
  },
];

const served: readonly Check<JoiningClient>[] = servedLies.map(({ name, title, codes, context, offered }) => ({
  id: `client/${name}`,
  rules: [ruleOf(name)],
  title,
  run: async (party) => {
    const world = await networkWorld(context);
    return judgeOffer(await party.offer(encodeContext(world.context), offered), codes);
  },
}));

/** What needs no cohort or policy of its own: the client has the default policy, or a stricter one. */
export const networkClientChecks: readonly Check<JoiningClient>[] = [
  ...honest,
  ...offerLies.filter(({ world }) => world === undefined).map((lie) => offerCheck(lie, () => networkWorld())),
  ...served,
  ...[...rosterLies, ...laterLies]
    .filter(({ world }) => world === undefined)
    .map((lie) => lieCheck(lie, () => networkWorld())),
];
