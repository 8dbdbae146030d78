/** Local training in Chromium, on the WebAssembly backend with our filter gradient, held to the same in Node. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startBrowser, type TestBrowser } from './browser.js';
import { type StripeOptions, type TrainedInBackend, trainStripes } from './tiny-training.js';

let browser: TestBrowser;
let page: Page;

beforeAll(async () => {
  browser = await startBrowser({
    // These, or what they import, are CommonJS.
    bundled: ['@tensorflow/tfjs-core', '@tensorflow/tfjs-layers', '@tensorflow/tfjs-backend-wasm'],
  });
  page = await browser.page('test/browser/training.html');
  await page.waitForFunction(() => 'trainStripes' in window);
});
afterAll(() => browser?.close());

type PageWindow = { readonly trainStripes: typeof trainStripes };

function trainInPage(options: StripeOptions): Promise<TrainedInBackend> {
  return page.evaluate((given) => (window as unknown as PageWindow).trainStripes(given), options);
}

it('cannot train a convolutional network by itself', async () => {
  await expect(trainInPage({ prepared: false, steady: false })).rejects.toThrow(
    "'Conv2DBackpropFilter' not registered",
  );
});

it('trains a convolutional network to the weights that Node gets, and keeps its memory', async () => {
  const inPage = await trainInPage({ prepared: true, steady: true });
  const inNode = await trainStripes({ prepared: true, steady: false });

  expect(inPage.backend).toBe('wasm');
  expect(inPage.weights).toHaveLength(inNode.weights.length);
  const apart = inPage.weights.map((weight, i) => Math.abs(weight - (inNode.weights[i] ?? Number.NaN)));
  // Both run the same WebAssembly; exp and the like are the engine's.
  expect(Math.max(...apart)).toBeLessThan(1e-4);
  expect(Math.max(...inPage.weights.map(Math.abs))).toBeGreaterThan(0.1);
  inPage.losses.forEach((loss, pass) => {
    expect(loss).toBeCloseTo(inNode.losses[pass] ?? Number.NaN, 4);
  });
  expect(inPage.accuracy).toBe(inNode.accuracy);
  expect(inPage.accuracy).toBeGreaterThan(0.9);

  const [before, after] = inPage.memory;
  expect(after).toEqual(before);
});
