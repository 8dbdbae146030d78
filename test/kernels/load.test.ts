import { afterEach, describe, expect, test, vi } from 'vitest';
import { wasm as chacha20 } from '../../src/kernels/chacha20.wasm.js';
import { wasm as lanes } from '../../src/kernels/lanes.wasm.js';
import { hasSimd, instantiate } from '../../src/kernels/load.js';

const base64 = (...bytes: readonly number[]) => btoa(String.fromCharCode(...bytes));
const magic = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  vi.resetModules();
});

describe('instantiate', () => {
  test('starts kernels, each with a memory of its own', () => {
    expect(hasSimd()).toBe(true);
    const [first, second] = [instantiate(lanes), instantiate(lanes)];
    expect(first?.memory).toBeInstanceOf(WebAssembly.Memory);
    expect(second?.memory).toBeInstanceOf(WebAssembly.Memory);
    expect(first?.memory).not.toBe(second?.memory);
  });

  test('gives the imports to the module, and throws where one is missing', () => {
    // (module (import "a" "b" (func)))
    const importing = base64(...magic, 1, 4, 1, 0x60, 0, 0, 2, 7, 1, 1, 0x61, 1, 0x62, 0, 0);
    expect(instantiate(importing, { a: { b: () => {} } })).toEqual({});
    expect(() => instantiate(importing, { a: {} })).toThrow(WebAssembly.LinkError);
  });

  test.each(['not base64!', '', base64(1, 2, 3), base64(...magic, 0xff)])('has no kernel of %j', (text) => {
    expect(instantiate(text)).toBeUndefined();
  });

  test.each([
    ['WebAssembly', () => vi.stubGlobal('WebAssembly', undefined)],
    ['SIMD', () => vi.spyOn(WebAssembly, 'validate').mockReturnValue(false)],
    [
      'leave to compile',
      () =>
        vi.stubGlobal('WebAssembly', {
          validate: () => {
            throw new EvalError('refused by the content security policy');
          },
        }),
    ],
  ])('without %s there are twins', async (_, remove) => {
    remove();
    const { hasSimd, instantiate } = await import('../../src/kernels/load.js');
    expect(hasSimd()).toBe(false);
    expect(instantiate(lanes)).toBeUndefined();
    const { chacha20Block } = await import('../../src/kernels/chacha20.js');
    expect(chacha20Block().parallel).toBe(false);
    const { laneBlock } = await import('../../src/kernels/lanes.js');
    expect(laneBlock().slots).toHaveLength(4);
  });

  test("kernels fit what Chromium's main thread compiles synchronously", () => {
    for (const text of [lanes, chacha20]) expect(atob(text).length).toBeLessThan(4096);
  });
});
