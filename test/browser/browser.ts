import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Page } from 'playwright-core';
import { createServer } from 'vite';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface TestBrowser {
  /** A new page, `test/browser/page.html` unless told, whose modules are this repository's. */
  readonly page: (path?: string) => Promise<Page>;
  readonly close: () => Promise<void>;
}

/**
 * Chromium, and a server that gives it the sources as a bundler with browser conditions would. `bundled` are packages
 * that have to be made ES modules first.
 */
export async function startBrowser({
  bundled = [],
}: {
  readonly bundled?: readonly string[];
} = {}): Promise<TestBrowser> {
  const cacheDir = await mkdtemp(join(tmpdir(), 'veilsum-vite-'));
  const vite = await createServer({
    root,
    cacheDir,
    configFile: false,
    logLevel: 'error',
    appType: 'mpa',
    // Other dependencies are ES modules already.
    optimizeDeps: { noDiscovery: true, include: [...bundled] },
    server: { host: '127.0.0.1', port: 0, strictPort: false, hmr: false, ws: false, watch: null },
    resolve: {
      alias: {
        '#provider': join(root, 'src/crypto/provider/default.ts'),
        '#hash': join(root, 'src/crypto/hash.ts'),
        '#socket': join(root, 'src/client/socket.ts'),
      },
    },
  });
  await vite.listen();
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
  const [base] = vite.resolvedUrls?.local ?? [];
  if (base === undefined) throw new Error('vite has no address');
  return {
    page: async (path = 'test/browser/page.html') => {
      const page = await browser.newPage();
      page.on('pageerror', (error) => console.error('in the browser:', error));
      await page.goto(new URL(path, base).href);
      return page;
    },
    close: async () => {
      await browser.close();
      await vite.close();
      await rm(cacheDir, { recursive: true, force: true });
    },
  };
}
