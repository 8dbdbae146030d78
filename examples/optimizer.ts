/**
 * A server optimizer outside of rounds: FedYogi walks down a valley that is a hundred times steeper one way than the
 * other.
 */
import { type OptimizerInput, optimizerFrom } from 'veilsum/fl';

const steepness = [100, 1];
const settings: readonly OptimizerInput[] = [
  { kind: 'fedavg', learningRate: 0.01 },
  { kind: 'fedyogi', learningRate: 0.1 },
];
for (const setting of settings) {
  const optimizer = optimizerFrom(setting, 2);
  let [model, state] = [Float64Array.of(1, 1), optimizer.initialState()];
  for (let round = 0; round < 100; round++) {
    // What clients would send: a step down the slope.
    const mean = model.map((value, i) => -value * (steepness[i] ?? 0));
    ({ model, state } = optimizer.step({ model, mean, survivors: 10, state }));
    // A restart is allowed at any time: the state comes back bit for bit.
    state = optimizer.decodeState(optimizer.encodeState(state));
  }
  console.log(`${setting.kind}: ${Math.hypot(...model).toFixed(3)} from the minimum`);
}
