import * as v from 'valibot';
import { fromHex, toHex } from '../core/bytes.js';
import { PeerError, UsageError } from '../core/errors.js';
import type { ClientAnswer, ClientUnderTest, PartyEnd, ServerAnswer, ServerResult, ServerUnderTest } from './party.js';
import { Program } from './program.js';

/** A program that speaks JSON lines, as `protocol-spec/driver.md` says. */

const hex = v.pipe(v.string(), v.regex(/^([0-9a-f]{2})*$/), v.transform(fromHex));
const end = v.pipe(
  v.nullish(
    v.object({
      kind: v.picklist(['refused', 'aborted', 'finished', 'done']),
      code: v.optional(v.string()),
      survived: v.optional(v.boolean()),
      survivors: v.optional(v.number()),
    }),
  ),
  v.transform((value): PartyEnd | undefined => value ?? undefined),
);
const clientAnswer = v.object({ send: v.array(hex), end });
const serverAnswer = v.object({
  send: v.array(v.object({ to: v.string(), message: hex })),
  refused: v.nullish(v.object({ code: v.string() })),
  end,
});
const serverResult = v.object({
  sum: v.array(v.number()),
  survivors: v.array(v.number()),
  roster: v.array(v.string()),
  cheaters: v.array(v.string()),
});

/** Milliseconds that a program may take for one line, unless told otherwise. */
const defaultPatience = 60_000;

interface Line {
  readonly op: string;
  readonly [field: string]: unknown;
}

/** Programs in a row that never gave a good answer, or late answers in all, after which no more is asked. */
const strikes = 3;

/** Drives a program; one that has died, or whose answer was late or none, is started anew by the next `init`. */
export class Driver {
  readonly #command: readonly string[];
  readonly #environment: Readonly<Record<string, string>>;
  readonly #patience: number;
  #program: Program | undefined;
  /** The program has given a good answer since it was started. */
  #spoke = false;
  #mute = 0;
  #late = 0;

  /**
   * `environment` is added to this process's own; `patience` is in milliseconds a line. Throws `UsageError`
   * (`usage.command`) if `command` is empty; if it can't be started, the first call of a party does.
   */
  constructor(
    command: readonly string[],
    environment: Readonly<Record<string, string>> = {},
    patience: number = defaultPatience,
  ) {
    if (command.length === 0)
      throw new UsageError('usage.command', 'name the program to test after --, such as -- python3 driver.py');
    this.#command = command;
    this.#environment = environment;
    this.#patience = patience;
  }

  readonly client: ClientUnderTest = {
    start: (init) =>
      this.#client({
        op: 'init',
        role: 'client',
        context: toHex(init.context),
        identityKey: toHex(init.identityKey),
        certificate: toHex(init.certificate),
        rand: toHex(init.rand),
        time: init.time,
        authority: toHex(init.authority),
        policy: init.policy,
        input: init.input,
      }),
    receive: (message) => this.#client({ op: 'receive', message: toHex(message) }),
  };

  readonly server: ServerUnderTest = {
    start: async (init) => {
      await this.#server({
        op: 'init',
        role: 'server',
        ...init,
        context: toHex(init.context),
        serverKey: toHex(init.serverKey),
      });
    },
    receive: (from, message) => this.#server({ op: 'receive', from, message: toHex(message) }),
    leave: async (from) => {
      await this.#server({ op: 'leave', from });
    },
    deadline: () => this.#server({ op: 'deadline' }),
    result: async (): Promise<ServerResult> => this.#ask({ op: 'result' }, serverResult),
  };

  async close(): Promise<void> {
    const program = this.#program;
    this.#program = undefined;
    await program?.end();
  }

  #client(line: Line): Promise<ClientAnswer> {
    return this.#ask(line, clientAnswer);
  }

  async #server(line: Line): Promise<ServerAnswer> {
    const { send, refused, end: how } = await this.#ask(line, serverAnswer);
    return { send, refused: refused?.code, end: how };
  }

  async #ask<Schema extends v.GenericSchema>(line: Line, schema: Schema): Promise<v.InferOutput<Schema>> {
    const program = await this.#running(line.op === 'init');
    try {
      const answer = await program.ask(JSON.stringify(line), this.#patience);
      if (answer === undefined) this.#late += 1;
      const value = answer ?? (await program.fault(`gave no answer to ${line.op} in ${this.#patience / 1000} s`));
      const parsed = v.safeParse(schema, parse(value));
      if (!parsed.success) return await program.fault(`answered ${value.slice(0, 200)}: ${parsed.issues[0].message}`);
      this.#spoke = true;
      this.#mute = 0;
      return parsed.output;
    } catch (error) {
      if (!this.#spoke) this.#mute += 1;
      await this.close();
      throw error;
    }
  }

  async #running(anew: boolean): Promise<Program> {
    if (this.#program !== undefined) return this.#program;
    if (!anew) throw new PeerError('driver.answer', 'the program under test has ended');
    if (this.#mute >= strikes || this.#late >= strikes)
      throw new PeerError(
        'driver.answer',
        `not asked: the program under test failed to answer ${strikes} times before`,
      );
    this.#program = await Program.start(this.#command, this.#environment);
    this.#spoke = false;
    return this.#program;
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
