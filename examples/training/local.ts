/**
 * A client's local training: augmented digits, momentum, a learning rate that warms up and decays, and an early stop.
 */
import { augment, cosineDecay, evaluate, shiftImage, train, trainingData, warmUp } from 'veilsum/training';
import { batches, network, percent, test } from './start.js';

const model = network();
const loss = 'softmaxCrossEntropy';
const { update, steps, stopped } = await train(model, batches(), {
  loss,
  epochs: 4,
  optimizer: { kind: 'sgd', momentum: 0.9 },
  learningRate: warmUp({ steps: 20, rate: cosineDecay({ rate: 0.05, steps: 600 }) }),
  clipNorm: 5,
  earlyStop: { patience: 2, validation: test },
  onProgress: ({ step, loss }) => step % 150 === 0 && console.log(`step ${step}: loss ${loss.toFixed(2)}`),
});
const { accuracy } = await evaluate(model, test, { loss });
console.log(`${steps} steps (${stopped}), an update of ${update.length} values, accuracy ${percent(accuracy)}`);

// Augmentation is a step of the data: here a picture of 2 x 2 pixels, moved at random.
const moving = augment(shiftImage({ height: 2, width: 2, by: 1 }));
const [moved] = trainingData([{ features: [1, 0, 0, 0], label: 0 }], { steps: [moving], seed: 3 }).batches(0);
console.log('moved:', moved?.features.join(' '));
