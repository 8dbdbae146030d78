/** Sessions of five clients, of which one sends what it should not, and what is right about their sum. */
import type { MessageName } from '../../src/secagg/messages/envelope.js';
import { complete, type Hand, makeWorld, type Outcome, plainSum, sumOf, type World } from './session.js';

export const five = (options: Parameters<typeof makeWorld>[0] = {}): Promise<World> =>
  makeWorld({ n: 5, parameters: complete(3), ...options });

/** Changes one message of one client. */
export const only =
  (peer: string, name: MessageName, change: Hand): Hand =>
  (message, at) =>
    at.peer === peer && at.name === name ? change(message, at) : message;

/** Whether the sum is that of the survivors' inputs. */
export const right = (world: World, outcome: Outcome): boolean =>
  outcome.aborted === undefined &&
  JSON.stringify(sumOf(outcome)) === JSON.stringify(plainSum(world, outcome.result?.survivors ?? []));
