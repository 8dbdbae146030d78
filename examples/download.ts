/**
 * Downloads in few bits: a model of 8 bits a value, and then what changed, of 4 bits, for who holds the last version.
 */
import { decodeDownload, encodeDownload } from 'veilsum/fl';

const dimension = 1000;
const first = Float32Array.from({ length: dimension }, (_, i) => Math.sin(i));
const model = { kind: 'quantized-model', bits: 8 } as const;
const whole = encodeDownload(model, first);
const held = decodeDownload(model, dimension, whole.bytes);

const next = first.map((value, i) => value + 0.01 * Math.cos(i));
const delta = { kind: 'delta', bits: 4 } as const;
const change = encodeDownload(delta, next, held);
const now = decodeDownload(delta, dimension, change.bytes, held);
const off = now.map((value, i) => Math.abs(value - (next[i] ?? 0)));
console.log(`${4 * dimension} bytes as float32, ${whole.bytes.length} the model, ${change.bytes.length} the change`);
console.log(
  `off by ${Math.max(...off).toFixed(4)} at most; server and client hold the same: ${change.model.every((value, i) => value === now[i])}`,
);
