/** Ten clients send updates in few bits: rotated, rounded to 4 bits, and masked sums of them decoded by the server. */
import { type CompressionContext, compressionFrom, seededNumbers, wireBytes } from 'veilsum/fl';

const dimension = 1000;
const stages = [{ kind: 'rotate' }, { kind: 'quantize', bits: 4, range: 0.4 }] as const;
const compression = compressionFrom(stages, dimension);
// Anybody may know the seed; what rounding is drawn from stays with a client (here it is made up).
const drawn = seededNumbers(1, 'rounding');
const rounding = (count: number): Uint32Array => Uint32Array.from({ length: count }, () => drawn() * 2 ** 32);
const context: CompressionContext = { seed: new Uint8Array(32), round: 0, rounding };

const updates = Array.from({ length: 10 }, (_, client) =>
  Float32Array.from({ length: dimension }, (_, i) => (i % 50 === 0 ? 1 : 0.01 * Math.sin(client + i))),
);
const sum = new Float64Array(compression.length);
for (const update of updates) {
  const sent = compression.client(update, context);
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + (sent[i] ?? 0);
}
const mean = compression.server(sum, context).map((value) => value / updates.length);
const off = mean.map((value, i) =>
  Math.abs(value - updates.reduce((total, update) => total + (update[i] ?? 0), 0) / 10),
);
console.log(
  `${4 * dimension} bytes as float32, ${wireBytes(stages, dimension, 8)} as sent; off by ${Math.max(...off).toFixed(2)} at most`,
);
