import { permutation, type Random } from 'veilsum/fl';
import { type Phase, phases } from 'veilsum/secagg';

/** Who leaves in a round, and before which of their messages: clients, counted from 0, with their phase. */
export type Leaving = ReadonlyMap<number, Phase>;

/** Two clients leave in every round, in two different phases: each phase loses somebody within three rounds. */
export function scheduleLeaving(
  rounds: number,
  clients: number,
  random: Random,
  possible: readonly Phase[] = phases,
): readonly Leaving[] {
  return Array.from({ length: rounds }, (_, round) => {
    const phasesHit = [round, round + 2].map((offset) => possible[offset % possible.length]);
    const chosen = permutation(clients, random);
    return new Map(
      phasesHit.flatMap((phase, index) => {
        const client = chosen[index];
        return phase === undefined || client === undefined ? [] : [[client, phase] as const];
      }),
    );
  });
}

/** In which phase one client leaves, by round. */
export function leavesOf(client: number, schedule: readonly Leaving[]): ReadonlyMap<number, Phase> {
  return new Map(
    schedule.flatMap((leaving, round) => {
      const phase = leaving.get(client);
      return phase === undefined ? [] : [[round, phase] as const];
    }),
  );
}

/** The clients whose masked input is in a round's sum: those that leave after sending it are, too. */
export function clientsInSum(clients: number, leaving: Leaving): readonly number[] {
  const everyone = Array.from({ length: clients }, (_, client) => client);
  return everyone.filter((client) => {
    const phase = leaving.get(client);
    return phase === undefined || phase === 'confirm' || phase === 'unmask';
  });
}
