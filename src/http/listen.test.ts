import { Agent, get } from 'node:http';
import { connect } from 'node:net';
import { Hono } from 'hono';
import { afterEach, describe, expect, it } from 'vitest';
import { send } from '../../test/support/http.js';
import { readConfig } from '../config.js';
import type { AppContext } from '../context.js';
import type { AppEnv } from '../routing/index.js';
import { type Listening, listen } from './listen.js';

let server: Listening;
let release: () => void;
let started: Promise<void>;
afterEach(() => server.close(0));

/** A server whose /slow answers when released. */
async function start(): Promise<void> {
  const app = new Hono<AppEnv>();
  let arrived = () => {};
  started = new Promise((resolve) => {
    arrived = resolve;
  });
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  app.get('/fast', (c) => c.text('fast'));
  app.get('/slow', async (c) => {
    arrived();
    await gate;
    return c.text('slow');
  });
  server = await listen({ config: readConfig({ PORT: '0' }) } as AppContext, app);
}

describe('closing', () => {
  it('lets requests in flight finish and takes no new connections', async () => {
    await start();
    const slow = send(server.url, '/slow');
    await started;
    let closed = false;
    const closing = server.close(10_000).then(() => {
      closed = true;
    });
    await expect(send(server.url, '/fast')).rejects.toThrow(/ECONNREFUSED/);
    expect(closed).toBe(false);
    release();
    const answer = await slow;
    expect([answer.status, answer.text, answer.headers.connection]).toEqual([200, 'slow', 'close']);
    await closing;
  });

  it('cuts what is not done after the grace time', async () => {
    await start();
    const slow = send(server.url, '/slow');
    await started;
    const before = Date.now();
    const [result] = await Promise.allSettled([slow, server.close(200)]);
    expect(result.status).toBe('rejected');
    expect(Date.now() - before).toBeLessThan(3000);
  });

  it('answers 503 to a request on a kept connection while it drains', async () => {
    await start();
    const { hostname, port } = new URL(server.url);
    let text = '';
    const socket = connect(Number(port), hostname);
    socket.on('data', (chunk) => {
      text += chunk.toString();
    });
    const ended = new Promise((resolve) => socket.on('close', resolve));
    // A request whose last byte is still missing keeps its connection from counting as idle.
    socket.write('GET /fast HTTP/1.1\r\nHost: x\r\n');
    const slow = send(server.url, '/slow');
    await started;
    const closing = server.close(10_000);
    socket.write('\r\n');
    await ended;
    expect(text).toMatch(/^HTTP\/1\.1 503 /);
    expect(text).toMatch(/\r\nconnection: close\r\n/i);
    expect(text).toMatch(/\r\nretry-after: 1\r\n/i);
    expect(text).toContain('"code":"SERVER_BUSY"');
    release();
    expect((await slow).text).toBe('slow');
    await closing;
  });

  it('does not wait for idle connections', async () => {
    await start();
    const agent = new Agent({ keepAlive: true });
    await new Promise<void>((resolve, reject) => {
      get(`${server.url}/fast`, { agent }, (incoming) => incoming.resume().on('end', resolve)).on('error', reject);
    });
    const before = Date.now();
    await server.close(10_000);
    expect(Date.now() - before).toBeLessThan(2000);
    agent.destroy();
  });
});

it('fails with a line for the operator when the address cannot be used', async () => {
  await start();
  const at = (change: Record<string, string>) =>
    listen({ config: readConfig({ PORT: String(server.port), ...change }) } as AppContext, new Hono<AppEnv>());
  await expect(at({})).rejects.toMatchObject({
    name: 'ConfigError',
    message: `PORT ${server.port} on 127.0.0.1 is in use by another program`,
  });
  await expect(at({ HOST: '192.0.2.1' })).rejects.toMatchObject({
    name: 'ConfigError',
    message: `HOST 192.0.2.1 and PORT ${server.port} cannot be listened on (EADDRNOTAVAIL)`,
  });
});
