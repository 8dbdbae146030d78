/** Every single-bit flip in every message to and from one client, one session each. */
import { VeilsumError } from '../../src/core/errors.js';
import type { MessageName } from '../../src/secagg/messages/envelope.js';
import {
  codeOf,
  complete,
  type Hand,
  type Hands,
  makeWorld,
  type Outcome,
  plainSum,
  play,
  sparse,
  sumOf,
} from './session.js';

export interface FlipScene {
  readonly name: string;
  readonly world: () => ReturnType<typeof makeWorld>;
  /** Never shares its seeds. */
  readonly silent: string;
}

/** Shares, but never uploads, in either scene. */
export const idle = 'client 4';

/** The client whose messages are flipped. */
const target = 'client 1';
const small = { vectorLength: 3, ringBits: 5, releaseAt: [2] };
const inputs = (client: number): readonly number[] => [client, 2, 1];

/**
 * In both, one client never shares and one shares and never uploads, so that every kind of reveal and every gap in a
 * list occurs; three values of five bits leave a padding bit.
 */
export const scenes: readonly FlipScene[] = [
  {
    name: 'complete graph, n = 6',
    world: () => makeWorld({ n: 6, parameters: complete(2), context: small, inputs, seed: 'flips' }),
    silent: 'client 0',
  },
  {
    name: 'sparse graph, n = 9, k = 4',
    world: () => makeWorld({ n: 9, parameters: sparse(4, 2), context: small, inputs, seed: 'flips 2' }),
    silent: 'client 5',
  },
];

export interface Flippable {
  readonly way: 'up' | 'down';
  readonly name: MessageName;
  /** Bits. */
  readonly length: number;
}

/** What the network does anyway. */
function isLost({ silent }: FlipScene, peer: string, name: MessageName): boolean {
  return (peer === silent && name === 'share') || (peer === idle && (name === 'input' || name === 'inputEnd'));
}

function handsFor(scene: FlipScene, change?: { at: Flippable; bit: number }, seen?: Flippable[]): Hands {
  const hand =
    (way: 'up' | 'down'): Hand =>
    (message, { peer, name }) => {
      if (way === 'up' && isLost(scene, peer, name)) return undefined;
      if (peer !== target) return message;
      seen?.push({ way, name, length: message.length * 8 });
      if (change === undefined || change.at.way !== way || change.at.name !== name) return message;
      const flipped = message.slice();
      const byte = change.bit >>> 3;
      flipped[byte] = (flipped[byte] ?? 0) ^ (1 << (change.bit & 7));
      return flipped;
    };
  return { up: hand('up'), down: hand('down') };
}

/** The messages to and from the target in an undisturbed session. */
export async function flippable(
  scene: FlipScene,
): Promise<{ readonly messages: readonly Flippable[]; readonly outcome: Outcome }> {
  const seen: Flippable[] = [];
  const outcome = await play(await scene.world(), handsFor(scene, undefined, seen));
  return { messages: seen, outcome };
}

export interface Flipped {
  /** Empty, or what is wrong with how the session went. */
  readonly fault: string;
  /** What noticed it; empty if it had no effect. */
  readonly noticed: readonly string[];
  readonly errors: readonly unknown[];
}

/** Runs the session with one bit flipped, and judges it. */
export async function flipped(scene: FlipScene, at: Flippable, bit: number): Promise<Flipped> {
  const world = await scene.world();
  let outcome: Outcome;
  try {
    outcome = await play(world, handsFor(scene, { at, bit }));
  } catch (error) {
    return { fault: `crashed: ${codeOf(error)}`, noticed: [], errors: [error] };
  }
  const errors = [
    ...outcome.refusals.map(({ error }) => error),
    ...(outcome.aborted === undefined ? [] : [outcome.aborted]),
  ];
  const noticed = errors.map(codeOf);
  const untyped = errors.find((error) => !(error instanceof VeilsumError));
  if (untyped !== undefined) return { fault: `untyped: ${String(untyped)}`, noticed, errors };
  if (outcome.aborted === undefined) {
    const survivors = outcome.result?.survivors ?? [];
    if (survivors.length < 2) return { fault: 'a sum of fewer than two', noticed, errors };
    if (JSON.stringify(sumOf(outcome)) !== JSON.stringify(plainSum(world, survivors)))
      return { fault: 'a wrong sum', noticed, errors };
  }
  return { fault: '', noticed, errors };
}

/**
 * Flips every `stride`-th bit of every message; a stride that 8 doesn't share a factor with meets every bit of a byte.
 */
export async function flipAll(
  scene: FlipScene,
  stride: number,
): Promise<{ readonly faults: readonly string[]; readonly tally: ReadonlyMap<string, number>; readonly runs: number }> {
  const { messages } = await flippable(scene);
  const faults: string[] = [];
  const tally = new Map<string, number>();
  let runs = 0;
  for (const [i, at] of messages.entries())
    for (let bit = i % stride; bit < at.length; bit += stride) {
      const { fault, noticed } = await flipped(scene, at, bit);
      if (fault !== '') faults.push(`${at.way} ${at.name} bit ${bit}: ${fault}`);
      const key = `${at.name}: ${noticed.join(', ') || 'no effect'}`;
      tally.set(key, (tally.get(key) ?? 0) + 1);
      runs += 1;
    }
  return { faults, tally, runs };
}
