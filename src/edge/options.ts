import { availableParallelism } from 'node:os';
import { type JoinOptions, join } from '../client/join.js';
import { checkInteger, checkOptions, describe } from '../core/check.js';
import { UsageError } from '../core/errors.js';
import type { Plan } from '../fl/plan/fields.js';
import {
  checkSettings,
  checkTask,
  phasesOf,
  type ServeOptions,
  type Settings,
  type Task,
  type TaskOptions,
} from '../server/options.js';

/**
 * The edge's own task: as a server's, but the model comes from the root, and there are as many rounds as the root has.
 */
export type EdgeTaskOptions = Omit<TaskOptions, 'model' | 'rounds' | 'checkpoint'>;

/**
 * The server that the edge is. `retries` is 0 unless given: a round that fails is one to sit out, or the root would
 * wait for it.
 */
export interface DownstreamOptions extends Omit<ServeOptions, 'task'> {
  readonly task: EdgeTaskOptions;
}

/** The client that the edge is. Its policy is about edges: floors for cohorts of few. */
export interface UpstreamOptions extends Omit<JoinOptions, 'signal' | 'ready'> {
  /** The root's address. */
  readonly url: string | URL;
}

export interface EdgeOptions {
  readonly upstream: UpstreamOptions;
  readonly downstream: DownstreamOptions;
  /** What weights are counted in upstream, the same for all edges; 1 unless given. */
  readonly unit?: number;
  /**
   * Milliseconds from the root's offer on in which the edge's round has to be over: the root's deadline of *advertise*,
   * or without masking that of *advertise* and *input* together. The edge gives up what would be too late. Unless given
   * it goes on until the root ends the session.
   */
  readonly deadline?: number;
}

/** With nothing left out. */
export interface CheckedEdge {
  readonly upstream: UpstreamOptions;
  readonly downstream: ServeOptions;
  readonly task: Task;
  readonly settings: Settings;
  readonly unit: number;
  readonly deadline: number | undefined;
}

/**
 * Throws `UsageError` that names the first option that is missing, of a wrong type or out of range; `edge.deadline` as
 * `runEdge`.
 */
export function checkEdge(options: EdgeOptions): CheckedEdge {
  const { upstream, downstream, unit = 1, deadline } = checkOptions('options', options);
  const { url, ...joining } = checkOptions('upstream', upstream);
  // Only made, not begun.
  join(url, joining);
  const served: ServeOptions = {
    retries: 0,
    ...checkOptions('downstream', downstream),
    task: wholeTask(downstream.task),
  };
  const [task, settings] = [checkTask(served.task), checkSettings(served, availableParallelism())];
  checkInteger('unit', unit, 1, 2 ** 32);
  if (deadline !== undefined) checkDeadline(checkInteger('deadline', deadline, 1, 2 ** 31 - 1), task.plan, settings);
  return { upstream, downstream: served, task, settings, unit, deadline };
}

/**
 * Milliseconds that an edge's round may take, from when it has clients enough: what the root's deadline of *advertise*
 * has to be above. Throws `UsageError` for options that `runEdge` would refuse.
 */
export function edgeRoundTime(downstream: DownstreamOptions): number {
  const served: ServeOptions = {
    retries: 0,
    ...checkOptions('downstream', downstream),
    task: wholeTask(downstream.task),
  };
  return roundTime(checkTask(served.task).plan, checkSettings(served, 1));
}

function roundTime(plan: Plan, { deadlines, gather, retries }: Settings): number {
  const { phases, deadlines: each } = phasesOf(plan, deadlines);
  return (retries + 1) * phases.reduce((sum, phase) => sum + each[phase], gather);
}

function checkDeadline(deadline: number, plan: Plan, settings: Settings): void {
  const needed = roundTime(plan, settings);
  if (deadline < needed)
    throw new UsageError(
      'edge.deadline',
      `the root gives the edge ${deadline} ms, but a round of its own may take ${needed} ms by its gather, deadlines and retries: ` +
        "raise the root's deadline of advertise, or lower those",
    );
}

/**
 * What the edge's task has of the root's: a model that is never published, and room for all rounds that there may be.
 */
function wholeTask(task: EdgeTaskOptions): TaskOptions {
  const { plan } = checkOptions('downstream.task', task);
  if (typeof plan !== 'object' || plan === null || !Object.isFrozen(plan))
    throw new UsageError(
      'usage.plan',
      `downstream.task.plan must be a plan that definePlan made, got ${describe(plan)}`,
    );
  const rounds = plan.privacy.kind === 'none' ? 0xffffffff : plan.privacy.budget.rounds;
  return { ...task, model: new Float32Array(plan.vector.dimension), rounds };
}
