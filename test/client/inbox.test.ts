import { expect, it } from 'vitest';
import { Inbox } from '../../src/client/inbox.js';

const message = (byte: number): Uint8Array => new Uint8Array([byte]);

it('gives messages in order, waiting where there is none', async () => {
  const inbox = new Inbox();
  inbox.push(message(1));
  inbox.push(message(2));
  expect(inbox.size).toBe(2);
  expect(await inbox.next()).toEqual(message(1));
  expect(await inbox.next()).toEqual(message(2));
  const waiting = inbox.next();
  inbox.push(message(3));
  expect(await waiting).toEqual(message(3));
  expect(inbox.size).toBe(0);
});

it('gives what came before its end, then the first reason, and takes nothing more', async () => {
  const inbox = new Inbox();
  inbox.push(message(1));
  inbox.end(new Error('first'));
  inbox.end(new Error('second'));
  inbox.push(message(2));
  expect(await inbox.next()).toEqual(message(1));
  await expect(inbox.next()).rejects.toThrow('first');
  await expect(inbox.next()).rejects.toThrow('first');
});

it('ends whoever waits', async () => {
  const inbox = new Inbox();
  const waiting = inbox.next();
  inbox.end(undefined);
  await expect(waiting).rejects.toBeUndefined();
});
