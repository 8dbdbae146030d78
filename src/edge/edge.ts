import { join } from '../client/join.js';
import type { ClientRound, RoundOutcome } from '../client/round.js';
import { AbortError, PeerError, UsageError, type VeilsumError } from '../core/errors.js';
import { checkEdgePlans } from '../fl/edge-plans.js';
import { type EdgeContribution, edgeContribution } from '../fl/hierarchy.js';
import type { RoundResult } from '../server/round-result.js';
import { type Server, serve } from '../server/serve.js';
import { type CheckedEdge, checkEdge, type EdgeOptions } from './options.js';

/** How one of the root's rounds went for an edge. */
export interface EdgeRound {
  /** The root's number of it. */
  readonly round: number;
  /** What the edge's own clients came to; not there where they came to nothing. */
  readonly own?: RoundResult;
  /** As a client's, or why the edge contributed nothing. */
  readonly outcome: RoundOutcome | { readonly status: 'satOut'; readonly code: string; readonly reason: string };
}

/** A running edge aggregator. */
export interface Edge {
  /** Where its clients join: `ws://host:port`. */
  readonly url: string;
  readonly port: number;
  /** Connections of its clients at the moment. */
  readonly connections: () => number;
  /**
   * Takes part in the root's rounds, each when it is asked for and there are clients enough. Ends when the root has no
   * more, and when the edge is closed. However it ends, and when the loop is left, the edge closes: its clients are
   * told, and the port is free.
   *
   * @throws AbortError if the root can't be reached or is lost (`connection.…`), `ledger.…` where a privacy budget has
   *   no room for another round, `edge.rounds` after as many rounds as the edge's own plan allows
   * @throws PeerError for an offer of the root that the edge won't take part in, as from `join`
   * @throws UsageError if the root's plan doesn't fit the edge's, as from `checkEdgePlans`; `usage.order` if somebody
   *   else is iterating
   */
  readonly rounds: () => AsyncGenerator<EdgeRound, void, undefined>;
  /** Ends what is under way, upstream and downstream. Can be called at any time and more than once. */
  readonly close: () => Promise<void>;
}

/**
 * Starts an edge aggregator: a server to its own clients, a client to the root. In each of the root's rounds its
 * clients train on the root's model, under the edge's own plan, and their mean goes up with its weight and metrics.
 *
 *     const edge = await runEdge({ upstream: { url, identity, authority }, downstream: { authority, task } });
 *     for await (const { round, outcome } of edge.rounds()) console.log(round, outcome.status);
 *
 * An edge whose own round fails sits out, and the root goes on without it.
 *
 * @throws UsageError for an option that is missing, of a wrong type or out of range, or a port that can't be listened
 *   on; `edge.deadline` if the edge's own round may take longer than `deadline`
 */
export async function runEdge(options: EdgeOptions): Promise<Edge> {
  const checked = checkEdge(options);
  const server = await serve(checked.downstream);
  const closing = new AbortController();
  const close = async (): Promise<void> => {
    closing.abort(new AbortError('edge.closed', 'the edge was closed'));
    await server.close();
  };
  const { url, port, connections } = server;
  return {
    url,
    port,
    connections,
    rounds: iterate(new EdgeRounds(checked, server), checked, { closing, close }),
    close,
  };
}

function iterate(
  edge: EdgeRounds,
  { upstream }: CheckedEdge,
  { closing, close }: { readonly closing: AbortController; readonly close: () => Promise<void> },
): Edge['rounds'] {
  let iterating = false;
  return async function* rounds() {
    if (iterating) throw new UsageError('usage.order', 'the rounds are being iterated already');
    iterating = true;
    const { url, ...joining } = upstream;
    const offers = join(url, { ...joining, signal: closing.signal, ready: () => edge.enoughClients(closing.signal) });
    try {
      for await (const offer of offers) {
        const result = await edge.play(offer);
        if (closing.signal.aborted) return;
        yield result;
      }
    } catch (error) {
      if (!closing.signal.aborted) throw error;
    } finally {
      await close();
    }
  };
}

/** What came of an edge's own round, kept in case that the root tries its round again. */
interface Made {
  readonly round: number;
  readonly model: Float32Array;
  readonly own: RoundResult;
  readonly contribution: EdgeContribution;
}

/** Milliseconds between looks at how many clients there are. */
const pollInterval = 50;

/** Plays the root's rounds one by one. */
class EdgeRounds {
  readonly #edge: CheckedEdge;
  readonly #server: Server;
  #made: Made | undefined;

  constructor(edge: CheckedEdge, server: Server) {
    this.#edge = edge;
    this.#server = server;
  }

  /**
   * Waits until there may be clients enough for a round: the root isn't to wait for an edge that has none. Throws the
   * signal's reason.
   */
  async enoughClients(signal: AbortSignal): Promise<void> {
    const { cohorts, clients } = this.#edge.task;
    signal.throwIfAborted();
    while (this.#server.connections() < cohorts * clients.min) {
      await new Promise((resolve) => setTimeout(resolve, pollInterval));
      signal.throwIfAborted();
    }
  }

  async play(offer: ClientRound): Promise<EdgeRound> {
    const { task, unit } = this.#edge;
    checkEdgePlans(offer.plan, task.plan, { clients: task.cohorts * task.clients.max, unit });
    let made: Made | undefined;
    try {
      made = this.#again(offer) ?? (await this.#make(offer));
      const outcome = await offer.submit(made.contribution.update, this.#accompany(offer, made.contribution));
      // The root may have a sum of what it could tell: with other edges next time it would have the difference of two.
      const told = outcome.status !== 'aborted' || (outcome.sent && offer.plan.masking.kind !== 'none');
      this.#made = told ? undefined : made;
      return { round: offer.round, own: made.own, outcome };
    } catch (error) {
      if (!sitsOut(error)) throw error;
      const { code, message } = error;
      this.#edge.settings.log({
        level: 'warn',
        event: 'edge.satOut',
        message: `root's round ${offer.round}: ${code}: ${message}`,
      });
      return {
        round: offer.round,
        ...(made === undefined ? {} : { own: made.own }),
        outcome: { status: 'satOut', code, reason: message },
      };
    }
  }

  /** What was made of this very round on this very model, where the root tries it again and has seen nothing of it. */
  #again({ round, model }: ClientRound): Made | undefined {
    const made = this.#made;
    this.#made = undefined;
    return made?.round === round && made.model.every((value, i) => value === model[i]) ? made : undefined;
  }

  /** The edge's own round. */
  async #make({ round, model, signal }: ClientRound): Promise<Made> {
    const { deadline, unit } = this.#edge;
    const giveUp = new AbortController();
    const abort = (): void => giveUp.abort();
    signal.addEventListener('abort', abort);
    const timer = deadline === undefined ? undefined : setTimeout(abort, deadline);
    if (signal.aborted) abort();
    try {
      const rounds = this.#server.rounds(() => ({ model, signal: giveUp.signal }));
      const { value: own } = await rounds.next();
      await rounds.return();
      if (own === undefined)
        throw new AbortError('edge.rounds', "the edge has no more rounds, by its own plan's budget");
      return { round, model, own, contribution: edgeContribution(own, unit) };
    } catch (error) {
      if (!(error instanceof AbortError && error.code === 'round.cancelled')) throw error;
      throw signal.aborted
        ? new AbortError('edge.late', "the root's session ended before the edge's own round", { cause: error })
        : new AbortError('edge.late', `the edge's own round took longer than its deadline of ${deadline} ms`, {
            cause: error,
          });
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    }
  }

  /** Weight and metrics as far as the root's plan asks for them. */
  #accompany({ plan }: ClientRound, { weight, metrics }: EdgeContribution): Parameters<ClientRound['submit']>[1] {
    return {
      ...(plan.weight.kind === 'uniform' ? {} : { weight }),
      // All are there: the plans fit.
      metrics: Object.fromEntries(plan.metrics.map(({ name }) => [name, metrics[name] ?? 0])),
    };
  }
}

/** Faults of one round, after which the next may go well; what would come again in each is for the caller. */
function sitsOut(error: unknown): error is VeilsumError {
  if (error instanceof PeerError) return true;
  return error instanceof AbortError && error.code !== 'edge.rounds' && !error.code.startsWith('ledger.');
}
