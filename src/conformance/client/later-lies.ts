import { defaultProvider } from '#provider';
import { concatBytes } from '../../core/bytes.js';
import { encodeAbort } from '../../secagg/messages/abort.js';
import type { Confirmation } from '../../secagg/messages/confirmations.js';
import { decodeConfirmations, encodeConfirmations } from '../../secagg/messages/confirmations.js';
import { decodeDelivery, encodeDelivery, type SealedShares } from '../../secagg/messages/delivery.js';
import { decodeOutcome, encodeOutcome } from '../../secagg/messages/outcome.js';
import { encodeRoster } from '../../secagg/messages/roster.js';
import { encodeSurvivors } from '../../secagg/messages/survivors.js';
import { confirmInput, Survivors } from '../../secagg/survivors.js';
import { swapped } from '../forge.js';
import type { Lie } from './lies.js';
import type { ClientStage } from './stage.js';

function delivered(change: (deliveries: readonly SealedShares[]) => readonly SealedShares[]): Lie['tell'] {
  return ({ world: { tag } }, honest) => encodeDelivery(tag, change(decodeDelivery(tag, honest, 0)));
}

/** Survivors by roster index: all but those left out. */
function survivorsWithout(stage: ClientStage, ...left: readonly number[]): Survivors {
  const { n } = stage.roster.parameters;
  return Survivors.of(
    n,
    Array.from({ length: n }, (_, i) => i).filter((i) => !left.includes(i)),
  );
}

function announced(survivors: (stage: ClientStage) => Survivors): Lie['tell'] {
  return (stage) => encodeSurvivors(stage.world.tag, survivors(stage).bitmap);
}

function confirmed(
  change: (
    confirmations: readonly Confirmation[],
    stage: ClientStage,
  ) => readonly Confirmation[] | Promise<readonly Confirmation[]>,
): Lie['tell'] {
  return async (stage, honest) => {
    const { tag } = stage.world;
    return encodeConfirmations(tag, await change(decodeConfirmations(tag, honest), stage));
  };
}

const patient = {
  policy: { minSurvivors: 5 },
} as const;

export const laterLies: readonly Lie[] = [
  {
    name: 'deliver-1/order',
    title: 'deliveries out of order',
    at: 'delivery',
    codes: ['delivery.order'],
    tell: delivered(swapped),
  },
  {
    name: 'deliver-1/twice',
    title: 'a delivery of one neighbor twice',
    at: 'delivery',
    codes: ['delivery.order'],
    tell: delivered(([first, ...rest]) => (first === undefined ? [] : [first, first, ...rest])),
  },
  {
    name: 'deliver-1/stranger',
    title: 'a delivery from itself: what it sealed, sent back',
    rules: ['share-2'],
    at: 'delivery',
    codes: ['delivery.order'],
    tell: (stage, honest) => {
      const { tag } = stage.world;
      const deliveries = decodeDelivery(tag, honest, 0);
      const [first] = deliveries;
      const reflected = first === undefined ? [] : [{ ...first, sender: stage.own }];
      return encodeDelivery(
        tag,
        [...deliveries, ...reflected].sort((a, b) => a.sender - b.sender),
      );
    },
  },
  {
    name: 'deliver-1/few',
    title: 'deliveries of fewer neighbors than the threshold',
    at: 'delivery',
    codes: ['delivery.few'],
    tell: (stage, honest) => {
      const { tag } = stage.world;
      return encodeDelivery(tag, decodeDelivery(tag, honest, 0).slice(0, stage.roster.parameters.threshold - 1));
    },
  },
  {
    name: 'confirm-1/short',
    title: 'a bitmap of survivors that is too short',
    at: 'survivors',
    codes: ['survivors.form'],
    tell: (stage) => encodeSurvivors(stage.world.tag, new Uint8Array(0)),
  },
  {
    name: 'confirm-1/beyond',
    title: 'survivors beyond the roster',
    at: 'survivors',
    codes: ['survivors.form'],
    world: { clients: 9 },
    tell: (stage, honest) => {
      const { bitmap } = survivorsWithout(stage);
      bitmap[1] = 0xff;
      return honest.length === 0 ? honest : encodeSurvivors(stage.world.tag, bitmap);
    },
  },
  {
    name: 'confirm-2/self',
    title: 'survivors without the client, whose input was sent',
    at: 'survivors',
    codes: ['survivors.self'],
    tell: announced((stage) => survivorsWithout(stage, stage.own)),
  },
  {
    name: 'confirm-3/few',
    title: 'fewer survivors than the policy wants',
    at: 'survivors',
    codes: ['survivors.few'],
    world: { policy: { minSurvivors: 7 } },
    tell: announced((stage) => survivorsWithout(stage, ...stage.neighbors.slice(0, 2))),
  },
  {
    name: 'confirm-4/unknown',
    title: 'a survivor that never shared its seeds',
    at: 'survivors',
    codes: ['survivors.unknown'],
    vanishing: new Map([['client 3', 'share']]),
    tell: announced((stage) => survivorsWithout(stage)),
  },
  {
    name: 'confirm-5/neighbors',
    title: 'fewer surviving neighbors than the threshold',
    at: 'survivors',
    codes: ['survivors.neighbors'],
    world: { policy: { minSurvivors: 2 } },
    tell: announced((stage) =>
      survivorsWithout(stage, ...stage.neighbors.slice(0, 8 - stage.roster.parameters.threshold)),
    ),
  },
  {
    name: 'unmask-1/order',
    title: 'confirmations out of order',
    at: 'confirmations',
    codes: ['confirmations.order'],
    tell: confirmed(swapped),
  },
  {
    name: 'unmask-1/twice',
    title: 'the same signature over and over',
    at: 'confirmations',
    codes: ['confirmations.order'],
    tell: confirmed(([first], stage) =>
      first === undefined ? [] : Array<Confirmation>(stage.roster.parameters.threshold).fill(first),
    ),
  },
  {
    name: 'unmask-1/dropout',
    title: 'a confirmation of a neighbor that is not among the survivors',
    at: 'confirmations',
    codes: ['confirmations.order'],
    world: patient,
    vanishing: new Map([['client 3', 'input']]),
    tell: confirmed(async (confirmations, stage) => {
      const { n } = stage.roster.parameters;
      const survivors = new Set(confirmations.map(({ index }) => index));
      const dropout = stage.neighbors.find((index) => !survivors.has(index)) ?? n;
      const message = confirmInput(stage.frozenHash, survivorsWithout(stage, dropout));
      const signature = await defaultProvider.sign(stage.seatAt(dropout).identity.privateKey, message);
      return [...confirmations, { index: dropout, signature }].sort((a, b) => a.index - b.index);
    }),
  },
  {
    name: 'unmask-2/few',
    title: 'fewer confirmations than the threshold',
    at: 'confirmations',
    codes: ['confirmations.few'],
    tell: confirmed((confirmations, stage) => confirmations.slice(0, stage.roster.parameters.threshold - 1)),
  },
  {
    name: 'unmask-2/other-survivors',
    title: 'signatures over other survivors: some were told something else',
    at: 'confirmations',
    codes: ['confirmations.few'],
    tell: confirmed((confirmations, stage) => {
      const other = confirmInput(stage.frozenHash, survivorsWithout(stage, stage.own));
      return Promise.all(
        confirmations.map(async ({ index }, i) => ({
          index,
          signature:
            i < 3
              ? await defaultProvider.sign(stage.seatAt(index).identity.privateKey, other)
              : (confirmations[i]?.signature ?? new Uint8Array(64)),
        })),
      );
    }),
  },
  {
    name: 'unmask-2/forged',
    title: 'signatures that nobody made',
    rules: ['sig-3'],
    at: 'confirmations',
    codes: ['confirmations.few'],
    tell: confirmed((confirmations) => confirmations.map(({ index }) => ({ index, signature: new Uint8Array(64) }))),
  },
  {
    name: 'sig-3/malleable',
    title: 'signatures whose S is not reduced',
    at: 'confirmations',
    codes: ['confirmations.few'],
    tell: confirmed((confirmations) =>
      confirmations.map(({ index, signature }) => ({ index, signature: unreduced(signature) })),
    ),
  },
  {
    name: 'unmask-10/too-soon',
    title: 'an outcome with an input that was never sent',
    at: 'roster',
    codes: ['outcome.survived'],
    tell: ({ world: { tag } }) => encodeOutcome(tag, { survived: true, survivors: 8 }),
  },
  {
    name: 'unmask-10/denied',
    title: 'an outcome without its input, which it confirmed to be in the sum',
    at: 'outcome',
    codes: ['outcome.survived'],
    tell: ({ world: { tag } }, honest) => encodeOutcome(tag, { ...decodeOutcome(tag, honest), survived: false }),
  },
  {
    name: 'unmask-10/miscounted',
    title: 'an outcome of another number of survivors than it confirmed',
    at: 'outcome',
    codes: ['outcome.survived'],
    tell: ({ world: { tag } }, honest) => {
      const { survived, survivors } = decodeOutcome(tag, honest);
      return encodeOutcome(tag, { survived, survivors: survivors + 1 });
    },
  },
  {
    name: 'order-1/survivors-first',
    title: 'survivors before anybody has shared',
    at: 'roster',
    codes: ['order.unexpected'],
    tell: ({ world: { tag } }) => encodeSurvivors(tag, new Uint8Array([0xff])),
  },
  {
    name: 'order-1/roster-again',
    title: 'a second roster',
    at: 'delivery',
    codes: ['order.unexpected'],
    tell: (stage) => encodeRoster(stage.world.tag, stage.roster),
  },
  {
    name: 'wire-1/unknown',
    title: 'a message of an unknown type',
    at: 'roster',
    codes: ['codec.type'],
    tell: (_, honest) => Uint8Array.from(honest, (byte, i) => (i === 0 ? 99 : byte)),
  },
  {
    name: 'wire-1/empty',
    title: 'an empty message',
    at: 'roster',
    codes: ['codec.type', 'codec.malformed'],
    tell: () => new Uint8Array(0),
  },
  {
    name: 'wire-2/left-over',
    title: 'a message with a byte left over',
    at: 'delivery',
    codes: ['codec.malformed'],
    tell: (_, honest) => concatBytes(honest, new Uint8Array(1)),
  },
  {
    name: 'wire-2/cut',
    title: 'a message that ends too soon',
    at: 'delivery',
    codes: ['codec.malformed'],
    tell: (_, honest) => honest.subarray(0, honest.length - 1),
  },
  {
    name: 'wire-2/count',
    title: 'a count of elements that are not there',
    at: 'delivery',
    codes: ['codec.malformed'],
    tell: (_, honest) => Uint8Array.from(honest, (byte, i) => (i === 18 ? 0x0f : byte)),
  },
  {
    name: 'wire-3/other-session',
    title: 'a message of another session',
    at: 'survivors',
    codes: ['session.mismatch'],
    tell: (_, honest) => Uint8Array.from(honest, (byte, i) => (i === 1 ? byte ^ 1 : byte)),
  },
  {
    name: 'wire-5/text',
    title: 'an abort whose reason is not UTF-8',
    at: 'roster',
    codes: ['codec.malformed'],
    tell: ({ world: { tag } }) => {
      const message = encodeAbort(tag, { code: 'session.cancelled', reason: 'x' });
      return Uint8Array.from(message, (byte, i) => (i === message.length - 1 ? 0xff : byte));
    },
  },
  {
    name: 'wire-6/survived',
    title: 'an outcome that neither survived nor did not',
    at: 'roster', // later a client knows what its outcome must be, whatever it makes of a 2
    codes: ['codec.malformed'],
    tell: ({ world: { tag } }) =>
      Uint8Array.from(encodeOutcome(tag, { survived: false, survivors: 8 }), (byte, i) => (i === 17 ? 2 : byte)),
  },
];

/** S plus the order of the group: the same signature by the equation, other bytes. */
function unreduced(signature: Uint8Array): Uint8Array {
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const bytes = signature.slice();
  let s = order;
  for (let i = 0; i < 32; i += 1) s += BigInt(bytes[32 + i] ?? 0) << BigInt(8 * i);
  for (let i = 0; i < 32; i += 1) bytes[32 + i] = Number((s >> BigInt(8 * i)) & 0xffn);
  return bytes;
}
