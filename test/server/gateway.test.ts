import { EventEmitter, once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { WebSocket } from 'ws';
import { PeerError } from '../../src/secagg/index.js';
import { messageTypes } from '../../src/secagg/messages/envelope.js';
import { encodeHello } from '../../src/secagg/messages/hello.js';
import { Connection } from '../../src/server/connection.js';
import { Gateway, type GatewayOptions } from '../../src/server/gateway.js';
import { ModelStore } from '../../src/server/models.js';
import type { LogEntry } from '../../src/server/options.js';
import { RawClient } from './raw-client.js';

const opened: Gateway[] = [];
afterEach(async () => {
  for (const gateway of opened.splice(0)) await gateway.close();
});

async function open(
  options: Partial<GatewayOptions> = {},
): Promise<{ gateway: Gateway; url: string; log: LogEntry[] }> {
  const log: LogEntry[] = [];
  const gateway = new Gateway({
    taskName: 'test',
    models: new ModelStore(),
    maxPayload: 1000,
    maxConnections: 10,
    maxStray: 100,
    log: (entry) => log.push(entry),
    ...options,
  });
  opened.push(gateway);
  return { gateway, url: `ws://127.0.0.1:${await gateway.listen(0, '127.0.0.1')}`, log };
}

describe('Gateway', () => {
  it('ends a connection that says nothing', async () => {
    const { url } = await open({ helloDeadline: 100 });
    const client = await RawClient.connect(url);
    expect(await client.closed).toMatchObject({ code: 1008, reason: expect.stringMatching(/^hello\.late/) });
  });

  it('leaves one alone that waits for a session', async () => {
    const { url, gateway } = await open({ helloDeadline: 100 });
    const client = await RawClient.connect(url);
    client.send(encodeHello({ task: 'test' }));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(gateway.size).toBe(1);
    client.socket.terminate();
    await vi.waitFor(() => expect(gateway.size).toBe(0));
  });

  it.each([
    [15, 'waits for the rest'],
    [17, 'ends the connection: each piece costs more memory than its bytes'],
  ])('of a message in %i pieces it %s', async (pieces) => {
    const { url, gateway } = await open();
    const client = await RawClient.connect(url);
    client.send(encodeHello({ task: 'test' }));
    for (let i = 0; i < pieces; i += 1) client.socket.send(new Uint8Array(1), { fin: false });
    if (pieces > 16) expect(await client.closed).toMatchObject({ code: 1008 });
    else {
      await vi.waitFor(() => expect(gateway.size).toBe(1));
      client.socket.send(new Uint8Array(1));
      expect(await client.closed).toMatchObject({ code: 1008, reason: expect.stringMatching(/^codec/) });
    }
  });

  it('ends a connection that fetches a model and reads none of it, and not one that reads', async () => {
    const models = new ModelStore();
    const { reference } = models.publish(new Float32Array(8 * 2 ** 20));
    const { url } = await open({ models, fetchStall: 400 });
    const { hostname, port } = new URL(url);
    const fetchModel = async (read: boolean): Promise<number> => {
      const socket = connectTcp({ host: hostname, port: Number(port) });
      let bytes = 0;
      socket.on('data', ({ length }) => {
        bytes += length;
      });
      if (!read) socket.pause();
      socket.on('error', () => undefined);
      socket.write(`GET /${reference} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\n\r\n`);
      // Whoever pauses isn't told; what the server still has to say to it shows when it reads on.
      if (!read) setTimeout(() => socket.resume(), 2500);
      await once(socket, 'close');
      return bytes;
    };
    const [unread, whole] = await Promise.all([fetchModel(false), fetchModel(true)]);
    expect(whole).toBeGreaterThan(2 ** 25);
    expect(unread).toBeLessThan(2 ** 25);
  });

  it('takes no further message of a client that leaves its answers unread', async () => {
    const offer = new Uint8Array(700_000);
    const { gateway, url } = await open();
    let invited = 0;
    gateway.invite(() => {
      invited += 1;
      return { version: 0, offer };
    });
    const client = await RawClient.connect(url);
    client.socket.pause();
    for (let i = 0; i < 60; i += 1) {
      client.send(encodeHello({ task: '' }));
      client.send(new Uint8Array([messageTypes.abort]));
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
    // What the system's buffers took, and a little more: not 42 MB.
    expect(invited).toBeLessThan(40);
    client.socket.terminate();
  });

  it('ends a connection that gives no sign of life', async () => {
    const { url, gateway } = await open({ probeInterval: 150 });
    const lively = await RawClient.connect(url);
    const silent = await RawClient.connect(url);
    for (const client of [lively, silent]) client.send(encodeHello({ task: '' }));
    await vi.waitFor(() => expect(gateway.size).toBe(2));
    // It reads no ping, so it answers none.
    silent.socket.pause();
    await vi.waitFor(() => expect(gateway.size).toBe(1), { timeout: 5000 });
    silent.socket.terminate();
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(gateway.size).toBe(1);
  });

  it('logs what it refuses, without what was sent', async () => {
    const { url, log } = await open();
    const client = await RawClient.connect(url);
    client.send(new Uint8Array([222, 173, 190, 239]));
    await client.closed;
    expect(log).toEqual([
      {
        level: 'warn',
        event: 'client.refused',
        message: expect.stringMatching(/^1@\S+: codec\.type: message type 222/),
      },
    ]);
  });
});

/** A socket that does what it is told and remembers it. */
class StubSocket extends EventEmitter {
  isPaused = false;
  bufferedAmount = 0;
  readonly calls: string[] = [];
  pause = (): void => {
    this.isPaused = true;
  };
  resume = (): void => {
    this.isPaused = false;
  };
  send = (): void => void this.calls.push('send');
  ping = (): void => void this.calls.push('ping');
  terminate = (): void => void this.calls.push('terminate');
  close = (code: number, reason: string): void => void this.calls.push(`close ${code} ${reason}`);
}

function connect(message: (message: Uint8Array) => Promise<void> = async () => undefined): {
  readonly socket: StubSocket;
  readonly connection: Connection;
} {
  const socket = new StubSocket();
  const connection = new Connection('1', socket as unknown as WebSocket, {
    message: (_connection, bytes) => message(bytes),
    closed: () => undefined,
  });
  return { socket, connection };
}

describe('Connection', () => {
  it('handles one message at a time, in order, and does not read meanwhile', async () => {
    const handled: number[] = [];
    const finish: (() => void)[] = [];
    const { socket } = connect((message) => {
      handled.push(message[0] ?? -1);
      return new Promise((resolve) => finish.push(resolve));
    });
    for (const byte of [1, 2, 3]) socket.emit('message', Buffer.from([byte]), true);
    expect(handled).toEqual([1]);
    expect(socket.isPaused).toBe(true);
    finish[0]?.();
    await vi.waitFor(() => expect(handled).toEqual([1, 2]));
    expect(socket.isPaused).toBe(true);
    finish[1]?.();
    await vi.waitFor(() => expect(handled).toEqual([1, 2, 3]));
    finish[2]?.();
    await vi.waitFor(() => expect(socket.isPaused).toBe(false));
  });

  it('hands out plain arrays, and text as an empty one', async () => {
    const got: Uint8Array[] = [];
    const { socket } = connect(async (message) => void got.push(message));
    socket.emit('message', Buffer.from('text'), false);
    socket.emit('message', Buffer.from([5]), true);
    await vi.waitFor(() => expect(got).toHaveLength(2));
    expect(got).toEqual([new Uint8Array(), new Uint8Array([5])]);
    expect(Object.getPrototypeOf(got[1])).toBe(Uint8Array.prototype);
  });

  it('drops what comes after a goodbye', async () => {
    const got: Uint8Array[] = [];
    const { socket, connection } = connect(async (message) => void got.push(message));
    connection.refuse(new PeerError('codec.type', `long ${'x'.repeat(300)}`));
    socket.emit('message', Buffer.from([1]), true);
    connection.send(new Uint8Array(1));
    connection.close(1000, 'again');
    expect(got).toEqual([]);
    expect(connection.open).toBe(false);
    expect(connection.buffered).toBe(0);
    expect(socket.calls).toHaveLength(1);
    // RFC 6455 section 5.5.1 has room for 123 bytes.
    expect(socket.calls[0]).toMatch(/^close 1008 codec\.type: long x+$/);
    expect(socket.calls[0]?.length).toBeLessThanOrEqual('close 1008 '.length + 123);
  });

  it('does not tell a client about faults of the server', () => {
    const { socket, connection } = connect();
    connection.refuse(new Error('a secret'));
    expect(socket.calls).toEqual(['close 1011 server.failed']);
  });

  it('gives a client up that reads nothing', () => {
    const { socket, connection } = connect();
    connection.send(new Uint8Array(1));
    socket.bufferedAmount = 65 * 2 ** 20;
    connection.send(new Uint8Array(1));
    expect(socket.calls).toEqual(['send', 'terminate']);
  });

  it('asks for a sign of life, but not of a client that it does not read', () => {
    const { socket, connection } = connect();
    connection.probe();
    socket.emit('pong');
    connection.probe();
    socket.isPaused = true;
    connection.probe();
    connection.probe();
    expect(socket.calls).toEqual(['ping', 'ping']);
    socket.isPaused = false;
    connection.probe();
    expect(socket.calls).toContain('terminate');
  });
});
