import * as v from 'valibot';
import { checkNumber, checkOptions } from '../../core/check.js';
import { integer, kindSchema, magnitude, parseFields } from '../spec.js';
import { checkFloatVector, type FloatVector, vectorLike } from '../vectors.js';
import { type OptimizerKind, slotOf } from './kind.js';

/**
 * Control variates against client drift (Karimireddy et al. 2020, algorithm 1, option II). The server keeps c, each
 * client its own c_i, and c is the mean of all c_i. A client steps along gradient - c_i + c, and contributes its update
 * and, after it, the change of its c_i times controlScale: both through the one masked sum, so nobody learns what a
 * single client's data is like.
 *
 * A contribution is twice as long as the model. A client keeps its new c_i only if it is among the survivors
 * (`scaffoldSettle`), else c would no longer be the mean.
 */
export interface ScaffoldSpec {
  readonly kind: 'scaffold';
  /** The paper's global step size; 1 if not given. */
  readonly learningRate: number;
  /** N, all clients of the task, whether or not they take part in a round. */
  readonly clients: number;
  /**
   * What changes of control variates are multiplied with so that they fit the range of the quantizer with the update.
   * Local steps times local learning rate brings both to one scale. 1 if not given.
   */
  readonly controlScale: number;
}

export const scaffold: OptimizerKind<ScaffoldSpec> = {
  schema: kindSchema('scaffold', {
    learningRate: v.optional(magnitude(), 1),
    clients: integer(1, 2 ** 32),
    controlScale: v.optional(magnitude(), 1),
  }),
  slots: () => [0],
  contributionLength: (dimension) => 2 * dimension,
  uniform: true,
  step: ({ learningRate, clients, controlScale }, input) => {
    const { mean, survivors } = input;
    const dimension = mean.length / 2;
    const share = survivors / clients / controlScale;
    return {
      change: mean.subarray(0, dimension).map((value) => learningRate * value),
      slots: [slotOf(input, 0).map((value, i) => value + share * (mean[dimension + i] as number))],
    };
  },
};

/** Client: what is added to every gradient, c - c_i. Throws `UsageError` (`usage.floats`, `usage.vector`). */
export function scaffoldCorrection<V extends FloatVector>(control: V, clientControl: V): V {
  checkFloatVector('control', control);
  checkFloatVector('clientControl', clientControl, control.length);
  return vectorLike(control, control.length, (i) => (control[i] as number) - (clientControl[i] as number));
}

/**
 * Client: by how much its c_i changes, -c - update / rates. `rates` is the sum of the learning rates of its local steps
 * (K * eta if they are equal), which have to be plain SGD. `train` of `veilsum/training` gives the same as
 * `scaffold.update`. Throws `UsageError` (`usage.options`, `usage.floats`, `usage.vector`, `usage.range`).
 */
export function scaffoldControlUpdate<V extends FloatVector>(local: {
  /** Trained model minus the global one. */
  readonly update: V;
  /** c, as the server sent it. */
  readonly control: V;
  readonly rates: number;
}): V {
  const { update, control, rates } = checkOptions('local', local);
  const { length } = checkFloatVector('local.update', update);
  checkFloatVector('local.control', control, length);
  checkNumber('local.rates', rates, 2 ** -64, 2 ** 64);
  return vectorLike(update, length, (i) => -(control[i] as number) - (update[i] as number) / rates);
}

/**
 * Client: what goes into the sum, twice as long as the update. Throws `UsageError` (`optimizer.schema`, `usage.floats`,
 * `usage.vector`).
 */
export function scaffoldContribution<V extends FloatVector>(spec: ScaffoldSpec, update: V, controlUpdate: V): V {
  const { controlScale } = parseFields('optimizer.schema', 'optimizer scaffold', scaffold.schema, spec);
  const { length } = checkFloatVector('update', update);
  checkFloatVector('controlUpdate', controlUpdate, length);
  return vectorLike(update, 2 * length, (i) =>
    i < length ? (update[i] as number) : controlScale * (controlUpdate[i - length] as number),
  );
}

/**
 * Client: its c_i for its next round, if its contribution was in the sum or not. Throws `UsageError` (`usage.floats`,
 * `usage.vector`).
 */
export function scaffoldSettle<V extends FloatVector>(clientControl: V, controlUpdate: V, survived: boolean): V {
  checkFloatVector('clientControl', clientControl);
  checkFloatVector('controlUpdate', controlUpdate, clientControl.length);
  if (!survived) return clientControl;
  return vectorLike(
    clientControl,
    clientControl.length,
    (i) => (clientControl[i] as number) + (controlUpdate[i] as number),
  );
}
