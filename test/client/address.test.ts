import { expect, it } from 'vitest';
import { addressesOf } from '../../src/client/address.js';

it.each([
  ['ws://example.org', 'ws://example.org/', 'http://example.org/'],
  ['http://example.org:8080', 'ws://example.org:8080/', 'http://example.org:8080/'],
  ['wss://example.org', 'wss://example.org/', 'https://example.org/'],
  ['https://example.org/tasks/a/', 'wss://example.org/tasks/a/', 'https://example.org/tasks/a/'],
  ['wss://[::1]:5/?query#part', 'wss://[::1]:5/', 'https://[::1]:5/'],
  ['WSS://user:word@EXAMPLE.org', 'wss://example.org/', 'https://example.org/'],
])('%s', (url, socket, base) => {
  expect(addressesOf(url)).toEqual({ socket, base: new URL(base) });
  expect(addressesOf(new URL(url))).toEqual({ socket, base: new URL(base) });
});

it.each(['', 'example.org', '//example.org', 'ws:', 'ftp://example.org', 'javascript:alert(1)', 5, undefined, {}])(
  'refuses %s',
  (url) => {
    expect(() => addressesOf(url as string)).toThrow(
      expect.objectContaining({ name: 'UsageError', code: 'usage.url' }),
    );
  },
);
