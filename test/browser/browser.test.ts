import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '../../src/core/bytes.js';
import { nodeProvider } from '../../src/crypto/provider/provider.node.js';
import { encodeIdentity } from '../../src/secagg/index.js';
import { primitives } from '../crypto/provider/primitives.js';
import {
  allRounds,
  authority,
  distance,
  float32Tolerance,
  meanOf,
  newIdentity,
  planOf,
  policy,
  range,
  startServer,
  takePart,
  updateOf,
  weighted,
} from '../server/fixtures.js';
import { startBrowser, type TestBrowser } from './browser.js';
import type { BrowserClient, BrowserResult, PageApi } from './page.js';

let browser: TestBrowser;
let page: Page;

beforeAll(async () => {
  browser = await startBrowser();
  page = await browser.page();
  await page.waitForFunction(() => 'veilsum' in window);
});
afterAll(() => browser?.close());

/** `window.veilsum`, typed; runs in the page. */
type PageWindow = { readonly veilsum: PageApi };

async function clientOf(url: string, i: number, vanishAt?: string): Promise<BrowserClient> {
  return {
    url,
    identity: toHex(encodeIdentity(await newIdentity())),
    authority: toHex(authority.publicKey),
    policy,
    update: [...updateOf(i)],
    weight: i + 1,
    ...(vanishAt === undefined ? {} : { vanishAt }),
  };
}

function takePartInBrowser(client: BrowserClient): Promise<BrowserResult> {
  return page.evaluate((options) => (window as unknown as PageWindow).veilsum.takePart(options), client);
}

describe('providers in Chromium', () => {
  it('whose WebCrypto has both curves', async () => {
    expect(await page.evaluate(() => (window as unknown as PageWindow).veilsum.curves())).toBe(true);
  });

  it.each(['noble', 'web'] as const)('%s computes the same bytes as node, for every primitive', async (name) => {
    const inBrowser = await page.evaluate((which) => (window as unknown as PageWindow).veilsum.primitives(which), name);
    expect(inBrowser).toEqual(await primitives(nodeProvider));
  });
});

describe('clients in Chromium', () => {
  it.each([1, 2] as const)('are summed exactly with clients in Node, suite %i', async (suite) => {
    const server = await startServer({ gather: 10_000, task: { suite, rounds: 2, clients: { min: 6, max: 6 } } });
    const inBrowser = range(2).map(async (i) => takePartInBrowser(await clientOf(server.url, i)));
    const inNode = range(4).map((i) => takePart(server.url, { i: i + 2 }));
    const [first, second] = await allRounds(server);
    const mean = meanOf(weighted(...range(6)));
    expect(distance(first?.model ?? new Float32Array(), mean)).toBeLessThan(float32Tolerance);
    expect(
      distance(
        second?.model ?? new Float32Array(),
        mean.map((value) => 2 * value),
      ),
    ).toBeLessThan(4 * float32Tolerance);
    const summed = { status: 'summed', survivors: 6 };
    for (const { outcomes, error } of await Promise.all(inBrowser)) {
      expect(error).toBe('');
      expect(outcomes).toEqual([summed, summed]);
    }
    for (const { outcomes } of await Promise.all(inNode)) expect(outcomes).toEqual([summed, summed]);
  });

  it.each(['share', 'input', 'unmask'])('one that vanishes before %s leaves the others a sum', async (phase) => {
    const server = await startServer({ gather: 10_000, task: { clients: { min: 6, max: 6 } } });
    const gone = clientOf(server.url, 5, phase).then(takePartInBrowser);
    const stays = clientOf(server.url, 4).then(takePartInBrowser);
    const inNode = range(4).map((i) => takePart(server.url, { i }));
    const [result] = await allRounds(server);
    await Promise.all(inNode);
    const survivors = phase === 'unmask' ? 6 : 5;
    expect(distance(result?.model ?? new Float32Array(), meanOf(weighted(...range(survivors))))).toBeLessThan(
      float32Tolerance,
    );
    expect(await gone).toMatchObject({ outcomes: [], error: 'Error: gone' });
    expect(await stays).toMatchObject({ outcomes: [{ status: 'summed', survivors }], error: '' });
  });

  it('upload a large model without freezing the page', async () => {
    const dimension = 1_000_000;
    const plan = planOf({ vector: { dimension } });
    const server = await startServer({
      gather: 10_000,
      task: { plan, model: new Float32Array(dimension), clients: { min: 4, max: 4 } },
    });
    const inBrowser = clientOf(server.url, 0).then((client) => takePartInBrowser({ ...client, update: 0.5 }));
    const update = new Float32Array(dimension).fill(0.5);
    const inNode = range(3).map((i) => takePart(server.url, { i, update }));
    const [result] = await allRounds(server);
    await Promise.all(inNode);
    const { outcomes, longestPause } = await inBrowser;
    expect(outcomes).toEqual([{ status: 'summed', survivors: 4 }]);
    expect(result?.model.every((value) => value === 0.5)).toBe(true);
    // Milliseconds; a tenth of it on a quiet machine.
    expect(longestPause).toBeLessThan(1500);
  });
});
