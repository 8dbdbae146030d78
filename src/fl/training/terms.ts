/** What is added to a gradient on its way to the optimizer, on tensors. The caller tidies up. */
import * as tf from '@tensorflow/tfjs-core';
import { checkNumber, checkOptions } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';
import { scaffoldControlUpdate, scaffoldSettle } from '../optimizers/scaffold.js';
import type { OptimizerOptions } from './optimizers.js';
import { checkFlat, type WeightSlot } from './weights.js';

/** FedProx: mu/2 |w - center|^2 is added to the loss (Li et al., MLSys 2020, equation 2). */
export interface ProximalOptions {
  /** Above 0 pulls towards the center. 0 to 10^6. */
  readonly mu: number;
  /** The weights where training starts, if not given: the global model, in a round. */
  readonly center?: Float32Array;
}

/** SCAFFOLD's control variates (Karimireddy et al., ICML 2020): vectors as long as the model. */
export interface ScaffoldOptions {
  /** c, the same for all clients. */
  readonly server: Float32Array;
  /** c_i, this client's own, which it keeps from round to round; zeros at first. */
  readonly client: Float32Array;
}

/** What SCAFFOLD hands on after training. */
export interface ScaffoldResult {
  /** c_i+, for this client's next round. */
  readonly client: Float32Array;
  /** c_i+ minus c_i, to be summed for the server's. */
  readonly update: Float32Array;
}

/** Scales all gradients down together if their global norm is above `norm` (Pascanu et al., 2013). */
export function clipByGlobalNorm(gradients: readonly tf.Tensor[], norm: number): tf.Tensor[] {
  const own = tf.sqrt(tf.addN(gradients.map((gradient) => tf.sum(tf.square(gradient)))));
  const scale = tf.div(norm, tf.maximum(own, norm));
  return gradients.map((gradient) => tf.mul(gradient, scale));
}

/** The gradient of FedProx's term, mu (w - center), added. */
export function addProximal(
  gradients: readonly tf.Tensor[],
  variables: readonly tf.Tensor[],
  center: readonly tf.Tensor[],
  mu: number,
): tf.Tensor[] {
  return gradients.map((gradient, index) => {
    const variable = variables[index];
    const anchor = center[index];
    if (variable === undefined || anchor === undefined) return gradient;
    return tf.add(gradient, tf.mul(tf.sub(variable, anchor), mu));
  });
}

/** Returns it if it is FedProx's; throws `UsageError` (`usage.*`, `training.weights`) otherwise. */
export function checkProximal(proximal: ProximalOptions, length: number): ProximalOptions {
  checkOptions('proximal', proximal);
  checkNumber('proximal.mu', proximal.mu, 0, 1e6);
  if (proximal.center !== undefined) checkFlat('proximal.center', proximal.center, length);
  return proximal;
}

/**
 * Throws `UsageError` (`training.weights`; `training.scaffold` for anything but plain SGD: the new control variate is
 * the mean gradient, worked out from how far the weights went, which momentum and decay change).
 */
export function checkScaffold(scaffold: ScaffoldOptions, optimizer: OptimizerOptions, length: number): ScaffoldOptions {
  checkOptions('scaffold', scaffold);
  checkFlat('scaffold.server', scaffold.server, length);
  checkFlat('scaffold.client', scaffold.client, length);
  if (optimizer.kind !== 'sgd' || (optimizer.momentum ?? 0) !== 0 || (optimizer.weightDecay ?? 0) !== 0)
    throw new UsageError(
      'training.scaffold',
      "scaffold needs plain SGD: { kind: 'sgd' } without momentum and weightDecay",
    );
  return scaffold;
}

/**
 * Option II, where K eta is the sum of the learning rates if they change; 0 for what isn't trainable, and as it was
 * where no step moved anything.
 */
export function nextControl(
  { server, client }: ScaffoldOptions,
  moved: { readonly update: Float32Array; readonly rates: number; readonly layout: readonly WeightSlot[] },
): ScaffoldResult {
  const { update, rates, layout } = moved;
  if (rates === 0) return { client: client.slice(), update: new Float32Array(client.length) };
  const change = scaffoldControlUpdate({ update, control: server, rates });
  for (const { offset, size, trainable } of layout)
    if (!trainable) for (let i = offset; i < offset + size; i++) change[i] = -(client[i] ?? 0);
  return { client: scaffoldSettle(client, change, true), update: change };
}
