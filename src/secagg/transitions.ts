import { PeerError, UsageError } from '../core/errors.js';
import type { MessageName } from './messages/envelope.js';
import type { Phase } from './phase.js';

/** `new` to `revealed` follow the phases; `finished` and `aborted` are the ends. */
export type ClientState =
  | 'new'
  | 'advertised'
  | 'shared'
  | 'ready'
  | 'submitted'
  | 'confirmed'
  | 'revealed'
  | 'finished'
  | 'aborted';

/** Messages from the server, and what the application does. */
export type ClientEvent =
  | 'start'
  | 'roster'
  | 'delivery'
  | 'submit'
  | 'survivors'
  | 'confirmations'
  | 'outcome'
  | 'abort';

export type ServerState = Phase | 'done' | 'aborted';

/** Messages from clients, and the end of a phase: its deadline, or that everybody has answered. */
export type ServerEvent = 'advertise' | 'share' | 'input' | 'inputEnd' | 'confirm' | 'unmask' | 'abort' | 'close';

export interface Transition<State, Event> {
  readonly state: State;
  readonly event: Event;
  readonly next: State;
  /** The state instead of `next` if the event's checks fail. */
  readonly otherwise?: State;
  readonly sends?: readonly MessageName[];
}

/**
 * The protocol's state machines, whole. Sessions look every event up here first, and a test walks each pair of state
 * and event. A client that gets a message without a row is `aborted`, unless it is `finished`; a server stays as it is
 * and refuses the sender.
 */
export const transitions: {
  readonly client: readonly Transition<ClientState, ClientEvent>[];
  readonly server: readonly Transition<ServerState, ServerEvent>[];
} = {
  client: [
    { state: 'new', event: 'start', next: 'advertised', sends: ['advertise'] },
    { state: 'advertised', event: 'roster', next: 'shared', otherwise: 'aborted', sends: ['share'] },
    { state: 'shared', event: 'delivery', next: 'ready', otherwise: 'aborted' },
    { state: 'ready', event: 'submit', next: 'submitted', otherwise: 'aborted', sends: ['input', 'inputEnd'] },
    { state: 'submitted', event: 'survivors', next: 'confirmed', otherwise: 'aborted', sends: ['confirm'] },
    { state: 'confirmed', event: 'confirmations', next: 'revealed', otherwise: 'aborted', sends: ['unmask'] },
    { state: 'advertised', event: 'outcome', next: 'finished', otherwise: 'aborted' },
    { state: 'shared', event: 'outcome', next: 'finished', otherwise: 'aborted' },
    { state: 'ready', event: 'outcome', next: 'finished', otherwise: 'aborted' },
    { state: 'submitted', event: 'outcome', next: 'finished', otherwise: 'aborted' },
    { state: 'confirmed', event: 'outcome', next: 'finished', otherwise: 'aborted' },
    { state: 'revealed', event: 'outcome', next: 'finished', otherwise: 'aborted' },
    { state: 'new', event: 'abort', next: 'aborted' },
    { state: 'advertised', event: 'abort', next: 'aborted' },
    { state: 'shared', event: 'abort', next: 'aborted' },
    { state: 'ready', event: 'abort', next: 'aborted' },
    { state: 'submitted', event: 'abort', next: 'aborted' },
    { state: 'confirmed', event: 'abort', next: 'aborted' },
    { state: 'revealed', event: 'abort', next: 'aborted' },
  ],
  server: [
    { state: 'advertise', event: 'advertise', next: 'advertise' },
    { state: 'advertise', event: 'close', next: 'share', otherwise: 'aborted', sends: ['roster'] },
    { state: 'share', event: 'share', next: 'share' },
    { state: 'share', event: 'close', next: 'input', otherwise: 'aborted', sends: ['delivery'] },
    { state: 'input', event: 'input', next: 'input' },
    { state: 'input', event: 'inputEnd', next: 'input' },
    { state: 'input', event: 'close', next: 'confirm', otherwise: 'aborted', sends: ['survivors'] },
    { state: 'confirm', event: 'confirm', next: 'confirm' },
    { state: 'confirm', event: 'close', next: 'unmask', otherwise: 'aborted', sends: ['confirmations'] },
    { state: 'unmask', event: 'unmask', next: 'unmask' },
    { state: 'unmask', event: 'close', next: 'done', otherwise: 'aborted', sends: ['outcome'] },
    { state: 'advertise', event: 'abort', next: 'advertise' },
    { state: 'share', event: 'abort', next: 'share' },
    { state: 'input', event: 'abort', next: 'input' },
    { state: 'confirm', event: 'abort', next: 'confirm' },
    { state: 'unmask', event: 'abort', next: 'unmask' },
  ],
};

function find<State, Event>(
  table: readonly Transition<State, Event>[],
  state: State,
  event: Event,
): Transition<State, Event> | undefined {
  return table.find((transition) => transition.state === state && transition.event === event);
}

/** Events that the application causes; the rest come from the server. */
const applicationEvents: readonly ClientEvent[] = ['start', 'submit'];

/**
 * The client's transition. Throws where there is none: `UsageError` (`usage.order`) for what the application did,
 * `PeerError` (`order.unexpected`) for what the server sent.
 */
export function clientTransition(state: ClientState, event: ClientEvent): Transition<ClientState, ClientEvent> {
  const transition = find(transitions.client, state, event);
  if (transition !== undefined) return transition;
  if (applicationEvents.includes(event))
    throw new UsageError('usage.order', `${event} is not possible in a session that is ${state}`);
  throw new PeerError('order.unexpected', `the server sent ${event} in a session that is ${state}`);
}

/** The server's transition; throws `PeerError` (`order.unexpected`), or `UsageError` (`usage.order`) for `close`. */
export function serverTransition(state: ServerState, event: ServerEvent): Transition<ServerState, ServerEvent> {
  const transition = find(transitions.server, state, event);
  if (transition !== undefined) return transition;
  if (event === 'close') throw new UsageError('usage.order', `the session is ${state} and has no phase to close`);
  throw new PeerError(
    'order.unexpected',
    `${event} came while the session is in ${state}: it is late, early or repeated`,
  );
}
