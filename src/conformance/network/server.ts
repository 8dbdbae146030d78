import { concatBytes } from '../../core/bytes.js';
import { encodeHello } from '../../secagg/messages/hello.js';
import type { Phase } from '../../secagg/phase.js';
import { type Check, type Finding, fail, pass, refusedWith, ruleOf } from '../check.js';
import { advertiseFaults } from '../server/advertise.js';
import { changed, firstBy, type ServerCase } from '../server/case.js';
import { laterFaults } from '../server/later.js';
import { type ServerAddress, withCohort } from './cohort.js';
import { Line, type Refusal } from './line.js';
import { type Conduct, playSession } from './player.js';

const second = 'client 1';

function conductCheck(id: string, rules: readonly string[], title: string, conduct: Conduct): Check<ServerAddress> {
  return {
    id: `server/${id}`,
    rules,
    title,
    run: (address) => withCohort(address, (gathered) => playSession(gathered, conduct)),
  };
}

function hangingUp(id: string, title: string, phase: Phase): Check<ServerAddress> {
  return conductCheck(id, ['order-4'], title, { hangUp: new Map([[second, phase]]) });
}

/** All but one client hang up, whatever threshold the server has chosen. */
function alone(id: string, title: string, { phase, abort }: { readonly phase: Phase; readonly abort: string }) {
  const run = (address: ServerAddress): Promise<Finding> => {
    const others = Array.from({ length: address.clients - 1 }, (_, i) => [`client ${i + 1}`, phase] as const);
    return withCohort(address, (gathered) => playSession(gathered, { hangUp: new Map(others), abort: [abort] }));
  };
  return { id: `server/${id}`, rules: [ruleOf(id)], title, run };
}

/** One connection that says something before it has an offer. */
function strangerCheck(
  id: string,
  title: string,
  { say, codes }: { readonly say: (line: Line) => void; readonly codes: readonly string[] },
): Check<ServerAddress> {
  return {
    id: `server/${id}`,
    rules: [ruleOf(id)],
    title,
    run: async ({ url, patience }) => {
      const line = await Line.open('a stranger', url, patience);
      try {
        say(line);
        const refusal = await line.refusal();
        if (refusal === undefined) return fail(`it did not refuse (${codes.join(' or ')})`);
        return refusal.code === '' ? fail('it hung up without a code') : refusedWith(refusal.code, codes);
      } finally {
        line.close();
      }
    },
  };
}

/** Milliseconds for a server to close a connection, or to show that it doesn't. */
const closing = 2000;

async function closes(line: Line, { code, told }: Refusal): Promise<Finding> {
  if (!told) return fail('it closed the connection without an abort');
  const end = await line.goodbye(closing);
  if (end === undefined) return fail('it did not close the connection after its abort');
  const fits = end.code === 1008 && end.reason.split(':')[0] === code;
  return fits ? pass : fail(`it closed with ${end.code}, "${end.reason}", not with 1008 and ${code}`);
}

async function staysOpen(line: Line, { told }: Refusal): Promise<Finding> {
  if (!told) return fail('it closed the connection without an abort');
  const end = await line.goodbye(closing);
  return end === undefined ? pass : fail(`it closed the connection: ${end.code}, "${end.reason}"`);
}

/** Cases of one client and one connection, whose session ends with a sum of the rest. */
function overOneConnection({ world, abort, cheaters, vanishing, up, elsewhere }: ServerCase): boolean {
  return [world, abort, cheaters, vanishing, elsewhere].every((field) => field === undefined) && up !== undefined;
}

const faults: readonly Check<ServerAddress>[] = [...advertiseFaults, ...laterFaults]
  .filter(overOneConnection)
  .map(({ name, rules = [], title, up }) =>
    conductCheck(name, [ruleOf(name), ...rules], title, up === undefined ? {} : { up }),
  );

/** Sessions that can't come to a sum. They stand apart: a server may give up after several in a row. */
const few: readonly Check<ServerAddress>[] = [
  alone('share-4/few', 'all but one hang up before they share', { phase: 'share', abort: 'share.few' }),
  alone('input-6/few', 'all but one hang up before their input', { phase: 'input', abort: 'input.few' }),
  alone('confirm-7/few', 'all but one hang up before they confirm', { phase: 'confirm', abort: 'confirm.few' }),
  alone('unmask-6/few', 'all but one hang up before they reveal', { phase: 'unmask', abort: 'unmask.few' }),
];

/**
 * A server is asked by what clients can see of it: refusals, who is in the sum, and what they are told when there is
 * none.
 */
export const networkServerChecks: readonly Check<ServerAddress>[] = [
  conductCheck('adv-7/session', ['adv-7', 'graph-1', 'input-4'], 'a session in which nobody drops out', {}),
  hangingUp('order-4/share', 'a client that hangs up before it shares', 'share'),
  hangingUp('order-4/input', 'a client that hangs up before its input', 'input'),
  hangingUp('order-4/confirm', 'a client that hangs up before it confirms: its input is in the sum', 'confirm'),
  conductCheck('order-4/silent', ['order-4'], 'a client that stays and says nothing any more', {
    silent: new Map([[second, 'share']]),
  }),
  strangerCheck('ws-1/text', 'a text message', { say: (line) => line.send('hello'), codes: ['codec.type'] }),
  strangerCheck('ws-2/first', 'a first message that is no hello', {
    say: (line) => line.send(Uint8Array.of(10, ...new Uint8Array(80))),
    codes: ['order.unexpected', 'codec.type'],
  }),
  strangerCheck('ws-5/task', 'a hello for a task that there is not', {
    say: (line) => line.send(encodeHello({ task: 'no such task' })),
    codes: ['hello.task'],
  }),
  strangerCheck('wire-7/version', 'a hello of another version', {
    say: (line) => line.send(Uint8Array.of(1, 0, 9, 0, 0)),
    codes: ['context.version'],
  }),
  conductCheck(
    'ws-3/refusal',
    ['ws-3', 'wire-1'],
    'a message that is refused: an abort, then the end of the connection',
    {
      up: firstBy(
        second,
        'share',
        ['codec.type'],
        changed(0, () => 99),
      ),
      aftermath: closes,
    },
  ),
  conductCheck('ws-3/late', ['ws-3', 'order-2'], 'a message that came too soon: an abort, and the connection stays', {
    up: firstBy(second, 'share', ['order.unexpected'], ({ message }) =>
      concatBytes(Uint8Array.of(10), message.subarray(1, 17), new Uint8Array(64)),
    ),
    aftermath: staysOpen,
  }),
  ...spread(faults, few),
];

/** Puts each of `among` between as many of `many`. */
function spread<T>(many: readonly T[], among: readonly T[]): readonly T[] {
  const run = Math.ceil(many.length / (among.length + 1));
  return [
    ...among.flatMap((one, i) => [...many.slice(i * run, (i + 1) * run), one]),
    ...many.slice(among.length * run),
  ];
}
