import type { MessageName } from '../../secagg/messages/envelope.js';
import { type Check, type Finding, fail, pass, refusedWith, ruleOf } from '../check.js';
import type { ClientAnswer, ClientUnderTest } from '../party.js';
import { makeWorld, type World, type WorldOptions } from '../world.js';
import { ClientStage, namesOf, type ServerMessage, type Vanishing } from './stage.js';

/** A message of a server that breaks one rule. */
export interface Lie {
  /** The rule that makes a client refuse it, and what tells it apart: `roster-8/stranger`. */
  readonly name: string;
  readonly rules?: readonly string[];
  /** What the server does. */
  readonly title: string;
  /** The message that is lied about. */
  readonly at: ServerMessage;
  /** Codes of the text for it. */
  readonly codes: readonly string[];
  readonly world?: WorldOptions;
  readonly vanishing?: Vanishing;
  readonly tell: (stage: ClientStage, honest: Uint8Array) => Uint8Array | Promise<Uint8Array>;
}

/** Makes the cohort that a check is played in. */
export type Worlds = (options?: WorldOptions) => Promise<World>;

/** Tells the lie; the client must refuse it, and send nothing more even when the true message comes after all. */
export function lieCheck(lie: Lie, worlds: Worlds = makeWorld): Check<ClientUnderTest> {
  return {
    id: `client/${lie.name}`,
    rules: [ruleOf(lie.name), ...(lie.rules ?? [])],
    title: lie.title,
    run: async (party) => {
      const stage = await ClientStage.open(await worlds(lie.world), party, lie.vanishing);
      const honest = await stage.until(lie.at);
      const before = honestFault(stage);
      if (before !== undefined) return before;
      const forged = await lie.tell(stage, honest);
      return judge(stage, namesOf(await stage.give(forged)), honest, lie.codes);
    },
  };
}

/** The client must have refused, in silence but for one `abort`, and stay so. */
export async function judge(
  stage: ClientStage,
  answered: readonly MessageName[],
  honest: Uint8Array,
  codes: readonly string[],
): Promise<Finding> {
  const went = answered.filter((name) => name !== 'abort');
  if (went.length > 0) return fail(`it went on and sent ${[...new Set(went)].join(', ')}`);
  if (stage.end?.kind !== 'refused') return fail(`it did not refuse (its session is ${stage.end?.kind ?? 'open'})`);
  const { code } = stage.end;
  const later = namesOf(await stage.give(honest));
  if (later.length > 0) return fail(`after it had refused it sent ${later.join(', ')} (order-3)`);
  return refusedWith(code, codes);
}

/** A fault before anything was wrong. */
export function honestFault(stage: ClientStage): Finding | undefined {
  if (stage.end !== undefined)
    return fail(
      `its session ended (${stage.end.kind}, ${stage.end.code ?? 'without a code'}) before anything was wrong`,
    );
  return stage.refused === undefined ? undefined : fail(`its message was refused: ${stage.refused}`);
}

export interface OfferLie {
  readonly name: string;
  readonly title: string;
  readonly codes: readonly string[];
  readonly world?: WorldOptions;
  /** The context that is offered, as bytes. */
  readonly offer: (world: World) => Uint8Array | Promise<Uint8Array>;
}

/** A context that a client must refuse before it says anything. */
export function offerCheck(lie: OfferLie, worlds: Worlds = makeWorld): Check<ClientUnderTest> {
  return {
    id: `client/${lie.name}`,
    rules: [ruleOf(lie.name)],
    title: lie.title,
    run: async (party) => {
      const world = await worlds(lie.world);
      return judgeOffer(await party.start({ ...world.subject.init, context: await lie.offer(world) }), lie.codes);
    },
  };
}

/** The client must have refused before it said anything of the session. */
export function judgeOffer({ send, end }: ClientAnswer, codes: readonly string[]): Finding {
  const went = namesOf(send).filter((name) => name !== 'abort');
  if (went.length > 0) return fail(`it took part and sent ${went.join(', ')}`);
  if (end?.kind !== 'refused') return fail('it did not refuse');
  // Before there is a session a client may just leave.
  return end.code === undefined ? pass : refusedWith(end.code, codes);
}
