import { expect, it } from 'vitest';
import { Cohort, type CohortOptions } from '../../src/server/cohort.js';

/** A member of a cohort as far as delivering goes: it reads nothing, or everything at once. */
class Member {
  readonly id: string;
  readonly #reads: boolean;
  #waiting = 0;
  terminated = false;

  constructor(id: string, reads: boolean) {
    this.id = id;
    this.#reads = reads;
  }

  get buffered(): number {
    return this.terminated ? 0 : this.#waiting;
  }

  send({ length }: Uint8Array): void {
    if (!this.#reads) this.#waiting += length;
  }

  terminate(): void {
    this.terminated = true;
  }
}

const uploadStall = 500;

// One patience for each of them would let a dozen hold up everybody else for a dozen times as long, beyond any phase's
// deadline.
it('members that read nothing are cut off all at once', async () => {
  const members = Array.from({ length: 13 }, (_, i) => new Member(`${i}`, i === 12));
  const roster = new Uint8Array(60 * 2 ** 20);
  let phase = 0;
  const session = {
    missing: 0,
    leave: async () => undefined,
    abort: async () => new Uint8Array(1),
    close: async () => {
      phase += 1;
      return phase === 1 ? members.map(({ id }) => ({ to: id, message: roster })) : [];
    },
  };
  const options = {
    session,
    members,
    phases: ['advertise', 'share'],
    claim: () => undefined,
    offer: new Uint8Array(1),
    deadlines: { advertise: 50, share: 50, input: 50, confirm: 50, unmask: 50 },
    uploadStall,
    log: () => undefined,
    release: () => undefined,
  };
  const start = performance.now();
  // The cohort only looks at what stands here.
  await expect(new Cohort(options as unknown as CohortOptions).run()).rejects.toMatchObject({ code: 'session.empty' });
  expect(members.map(({ terminated }) => terminated)).toEqual([...Array(12).fill(true), false]);
  expect(performance.now() - start).toBeLessThan(6 * uploadStall);
});
