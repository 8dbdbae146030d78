import { createCipheriv } from 'node:crypto';
import { expect, test } from 'vitest';
import { release } from '../../../src/crypto/prg/prg.node.js';

test("a cipher's output is freed at once", () => {
  const output = createCipheriv('aes-128-ctr', new Uint8Array(16), new Uint8Array(16)).update(new Uint8Array(65_536));
  expect(output.buffer.byteLength).toBe(65_536);
  release(output);
  expect(output.buffer.byteLength).toBe(0);
});

test('a slice of a pool stays', () => {
  const pooled = Buffer.from('not to be detached');
  expect(pooled.buffer.byteLength).toBeGreaterThan(pooled.length);
  release(pooled);
  expect(pooled.toString()).toBe('not to be detached');
  const first = new Uint8Array(new ArrayBuffer(16), 0, 8);
  release(first);
  expect(first.buffer.byteLength).toBe(16);
});

test('shared memory stays', () => {
  const shared = new Uint8Array(new SharedArrayBuffer(8));
  release(shared);
  expect(shared.length).toBe(8);
});

test('many outputs take no memory', () => {
  const cipher = createCipheriv('aes-128-ctr', new Uint8Array(16), new Uint8Array(16));
  const input = new Uint8Array(65_536);
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 200; i++) release(cipher.update(input));
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1e6);
});
