import { createHmac, randomUUID } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  newAgent,
  newRepository,
  type Signing,
  signedRequest,
  startTestApp,
  type TestAgent,
  type TestApp,
} from '../../test/support/http.js';
import { appendAudit } from '../audit/index.js';
import { repoAccess } from '../db/index.js';
import { startOutbox } from '../outbox/index.js';
import { removeOldDeliveries, sendDeliveries, webhookEvents, webhookHandler } from './index.js';

interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

let app: TestApp;
let owner: TestAgent;
let writer: TestAgent;
let repoId: string;
let received: Received[] = [];
let answer: (response: ServerResponse) => void;
const receiver = createServer(async (incoming, outgoing) => {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  received.push({ path: incoming.url ?? '', headers: incoming.headers, body: Buffer.concat(chunks).toString() });
  answer(outgoing);
});
let target: string;

beforeAll(async () => {
  app = await startTestApp({}, { WEBHOOK_ALLOW_PRIVATE: 'true', RATE_LIMIT_ENABLED: 'false' });
  [owner, writer] = [await newAgent(app), await newAgent(app)];
  await new Promise<void>((done) => receiver.listen(0, '127.0.0.1', done));
  target = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook?k=1`;
});
afterAll(async () => {
  receiver.closeAllConnections();
  await new Promise((done) => receiver.close(done));
  await app.close();
});
beforeEach(async () => {
  // One test's subscriptions must not get another's deliveries.
  await app.ctx.db.sql`DELETE FROM webhooks`;
  repoId = (await newRepository(app, owner)).repoId;
  await app.ctx.db.orm.insert(repoAccess).values({ repoId, agentId: writer.agentId, role: 'write' });
  received = [];
  answer = (response) => response.end('thanks');
});

const base = () => `/v1/repos/${repoId}/webhooks`;
const call = (method: string, path: string, action: string, signing: Partial<Signing> = {}, agent = owner) =>
  signedRequest(app, agent, method, `${base()}${path}`, { action, ...signing });
const create = (body = {}, agent = owner) =>
  call('POST', '', 'webhook_create', { body: { url: target, events: ['push', 'star'], ...body } }, agent);
const deliveries = async (webhookId: string) =>
  (await call('GET', `/${webhookId}/deliveries`, 'webhook_list')).json.data.deliveries;
const code = (said: { status: number; json: { error?: { code: string } } }) => [said.status, said.json.error?.code];
const send = () => sendDeliveries(app.ctx, new AbortController().signal);

const emit = (action: string, data = {}) =>
  app.ctx.db.transaction((tx) =>
    appendAudit(tx, {
      ...{ agentId: owner.agentId, action, resourceType: 'repository', resourceId: repoId, signature: 's' },
      data: { repo_id: repoId, ...data },
      topics: ['webhook'],
    }),
  );

/** Consumes the outbox until nothing of it is left. */
async function fanOut(): Promise<void> {
  const outbox = startOutbox(app.ctx, {
    pollMs: 20,
    handlers: { webhook: webhookHandler },
    wanted: { webhook: webhookEvents },
  });
  const open = async () =>
    (await app.ctx.db.sql`SELECT 1 FROM event_outbox WHERE topic = 'webhook' AND status <> 'processed'`).length;
  await expect.poll(open, { timeout: 10_000, interval: 20 }).toBe(0);
  await outbox.stop();
}

const dueNow = () => app.ctx.db.sql`UPDATE webhook_deliveries SET available_at = now() WHERE status = 'pending'`;

describe('subscriptions', () => {
  it('are made, shown without their secret, changed and deleted', async () => {
    const made = (await create({ events: ['star', 'push', 'push'] })).json.data;
    expect(made).toMatchObject({
      repoId,
      url: target,
      events: ['push', 'star'],
      active: true,
      createdBy: owner.agentId,
    });
    expect(made.secret).toMatch(/^whsec_[A-Za-z0-9_-]{43}$/);
    const { secret, ...shown } = made;
    const one = await call('GET', `/${made.webhookId}`, 'webhook_get', {
      form: 'headers',
      body: { repoId },
      fields: {},
    });
    expect(one.json.data).toEqual(shown);
    expect((await call('GET', '', 'webhook_list')).json.data).toEqual({ repoId, webhooks: [shown], nextCursor: null });

    const change = { events: ['pr_merged'], active: false };
    const changed = (await call('PATCH', `/${made.webhookId}`, 'webhook_update', { body: change })).json.data;
    expect(changed).toMatchObject({ url: target, ...change, secret: null });
    const rotated = await call('PATCH', `/${made.webhookId}`, 'webhook_update', { body: { rotateSecret: true } });
    expect(rotated.json.data).toMatchObject({ events: ['pr_merged'], secret: expect.stringMatching(/^whsec_/) });
    expect(rotated.json.data.secret).not.toBe(secret);

    expect((await call('DELETE', `/${made.webhookId}`, 'webhook_delete')).json.data).toMatchObject({
      action: 'deleted',
    });
    expect(code(await call('GET', `/${made.webhookId}`, 'webhook_get'))).toEqual([404, 'NOT_FOUND']);
    const log = await app.ctx.db.sql<{ action: string; data: Record<string, unknown> }[]>`
      SELECT action, data FROM audit_log WHERE chain_id = ${repoId} AND action LIKE 'webhook%' ORDER BY seq`;
    expect(log.map(({ action }) => action)).toEqual([
      'webhook_create',
      'webhook_update',
      'webhook_update',
      'webhook_delete',
    ]);
    // The path of a hook's URL is often its password, and audit rows of public repositories are public.
    expect(JSON.stringify(log)).not.toMatch(/hook\?k|whsec/);
    expect(log[2]?.data).toMatchObject({ secret_rotated: true, previous: { active: false } });
  });

  it.each([
    { url: 'ftp://example.com/' },
    { url: 'http://user:x@example.com/' },
    { url: 7 },
    { url: '' },
    { events: [] },
    { events: ['everything'] },
    { events: 'push' },
    { active: 'yes' },
  ])('%j is refused', async (body) => {
    expect(code(await create(body))).toEqual([400, 'VALIDATION_ERROR']);
    const { webhookId } = (await create()).json.data;
    expect(code(await call('PATCH', `/${webhookId}`, 'webhook_update', { body }))).toEqual([400, 'VALIDATION_ERROR']);
  });

  it('are for admins, of their own repository, and not without end', async () => {
    const { webhookId } = (await create()).json.data;
    for (const [method, path, action] of [
      ['POST', '', 'webhook_create'],
      ['GET', '', 'webhook_list'],
      ['GET', `/${webhookId}`, 'webhook_get'],
      ['PATCH', `/${webhookId}`, 'webhook_update'],
      ['DELETE', `/${webhookId}`, 'webhook_delete'],
      ['GET', `/${webhookId}/deliveries`, 'webhook_list'],
      ['POST', `/${webhookId}/deliveries/${randomUUID()}/redeliver`, 'webhook_redeliver'],
    ] as const) {
      const body = action === 'webhook_create' ? { url: target, events: ['push'] } : {};
      expect(code(await call(method, path, action, { body }, writer))).toEqual([403, 'ADMIN_REQUIRED']);
    }
    for (let count = 1; count < 20; count++) await create();
    expect(code(await create())).toEqual([409, 'CONFLICT']);
    repoId = (await newRepository(app, owner)).repoId;
    expect(code(await call('GET', `/${webhookId}`, 'webhook_get'))).toEqual([404, 'NOT_FOUND']);
    repoId = randomUUID();
    expect(code(await create())).toEqual([404, 'REPO_NOT_FOUND']);
  });

  it('must be public unless the server is for development', async () => {
    const strict = await startTestApp({ db: app.ctx.db });
    const signing = (url: string) => ({ action: 'webhook_create', body: { url, events: ['push'] } });
    const ask = (url: string) => signedRequest(strict, owner, 'POST', base(), signing(url));
    expect(code(await ask(target))).toEqual([400, 'VALIDATION_ERROR']);
    expect((await ask('https://example.com/')).status).toBe(201);
    await strict.close();
  });
});

describe('deliveries', () => {
  it('go once to every active subscription that wants the event, signed', async () => {
    const [wants, other] = [(await create()).json.data, (await create({ events: ['pr_merged'] })).json.data];
    await create({ active: false });
    const { eventId } = await emit('star', { reason: 'secret thoughts', reason_public: false, star_count: 1 });
    await emit('repo_update');
    await fanOut();
    await app.ctx.db.sql`UPDATE event_outbox SET status = 'pending' WHERE topic = 'webhook'`;
    await fanOut();
    expect(await send()).toBe(1);
    expect(await send()).toBe(0);
    expect(received).toHaveLength(1);
    const [{ headers, body, path }] = received as [Received];
    expect(path).toBe('/hook?k=1');
    const [delivery] = await deliveries(wants.webhookId);
    expect(delivery).toMatchObject({
      ...{ event: 'star', eventId, status: 'delivered', attempts: 1, responseStatus: 200, responseBody: 'thanks' },
      ...{ error: null, nextAttemptAt: null, redeliveryOf: null, deliveredAt: expect.any(String) },
    });
    expect(await deliveries(other.webhookId)).toEqual([]);
    expect(headers).toMatchObject({ 'x-gitclaw-event': 'star', 'x-gitclaw-delivery': delivery.deliveryId });
    const [, t, v1] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['x-gitclaw-signature-256'])) ?? [];
    expect(createHmac('sha256', wants.secret).update(`${t}.${body}`).digest('hex')).toBe(v1);
    expect(Math.abs(Number(t) - Date.now() / 1000)).toBeLessThan(60);
    expect(JSON.parse(body)).toMatchObject({
      ...{ event: 'star', deliveryId: delivery.deliveryId, repoId, eventId, action: 'star' },
      data: { star_count: 1 },
    });
    expect(body).not.toContain('secret thoughts');
  });

  it('are tried five times with growing pauses, end as visible dead letters, and can be sent again', async () => {
    const { webhookId } = (await create()).json.data;
    answer = (response) => response.writeHead(500).end('x'.repeat(5000));
    await emit('push');
    await fanOut();
    const pauses: number[] = [];
    for (let attempt = 1; attempt <= 5; attempt++) {
      expect(await send()).toBe(1);
      expect(await send()).toBe(0);
      const [row] = await app.ctx.db.sql<[{ pause: number }]>`
        SELECT extract(epoch FROM available_at - now())::float8 AS pause FROM webhook_deliveries`;
      pauses.push(Math.round(row.pause / 10) * 10);
      await dueNow();
    }
    expect(pauses.slice(0, 4)).toEqual([10, 20, 40, 80]);
    const [dead] = await deliveries(webhookId);
    expect(dead).toMatchObject({ status: 'dead_letter', attempts: 5, responseStatus: 500, error: 'status 500' });
    expect(dead.responseBody).toBe('x'.repeat(1024));
    answer = (response) => response.end();
    const again = await call('POST', `/${webhookId}/deliveries/${dead.deliveryId}/redeliver`, 'webhook_redeliver');
    expect(again).toMatchObject({ status: 202 });
    expect(again.json.data).toMatchObject({ status: 'pending', redeliveryOf: dead.deliveryId, eventId: dead.eventId });
    await send();
    expect((await deliveries(webhookId)).map((one: { status: string }) => one.status)).toEqual([
      'delivered',
      'dead_letter',
    ]);
    const missing = call('POST', `/${webhookId}/deliveries/${randomUUID()}/redeliver`, 'webhook_redeliver');
    expect(code(await missing)).toEqual([404, 'NOT_FOUND']);
  });

  it('follow no redirect, and survive receivers that break off or say too much', async () => {
    const { webhookId } = (await create()).json.data;
    const tell = async (how: typeof answer) => {
      answer = how;
      await emit('push');
      await fanOut();
      await send();
      return (await deliveries(webhookId))[0];
    };
    expect(await tell((response) => response.writeHead(302, { Location: target }).end())).toMatchObject({
      ...{ status: 'pending', responseStatus: 302, error: 'redirects are not followed' },
    });
    expect(await tell((response) => response.destroy())).toMatchObject({ status: 'pending', responseStatus: null });
    expect(await tell((response) => response.end(Buffer.alloc(5_000_000, 0)))).toMatchObject({ status: 'delivered' });
    expect(received).toHaveLength(3);
  });

  it('never reach what is not public, whatever a name resolves to by then', async () => {
    const strict = await startTestApp({ db: app.ctx.db });
    const { webhookId } = (await create({ url: 'http://hooks.example.com/' })).json.data;
    await emit('push');
    await fanOut();
    const resolve = async () => ['127.0.0.1'];
    await sendDeliveries(strict.ctx, new AbortController().signal, resolve);
    expect((await deliveries(webhookId))[0]).toMatchObject({
      ...{ status: 'pending', error: 'points to an address that is not public', responseStatus: null },
    });
    await strict.close();
  });

  it('are shared by nodes, taken over from dead ones, and removed after a week', async () => {
    const { webhookId } = (await create()).json.data;
    for (let count = 0; count < 12; count++) await emit('push');
    await fanOut();
    const made = await Promise.all([send(), send(), send()]);
    expect(made.reduce((sum, one) => sum + one, 0)).toBe(12);
    expect(new Set(received.map(({ headers }) => headers['x-gitclaw-delivery'])).size).toBe(12);
    await app.ctx.db.sql`UPDATE webhook_deliveries SET status = 'sending', locked_at = now() - interval '301 seconds'
      WHERE delivery_id = (SELECT delivery_id FROM webhook_deliveries LIMIT 1)`;
    expect(await send()).toBe(1);
    const first = (await call('GET', `/${webhookId}/deliveries?limit=7`, 'webhook_list')).json.data;
    const second = await call('GET', `/${webhookId}/deliveries?cursor=${first.nextCursor}`, 'webhook_list');
    expect([first.deliveries.length, second.json.data.deliveries.length]).toEqual([7, 5]);
    await app.ctx.db.sql`UPDATE webhook_deliveries SET created_at = now() - interval '8 days'
      WHERE delivery_id <> ${first.deliveries[0].deliveryId}::uuid`;
    expect(await removeOldDeliveries(app.ctx, new AbortController().signal)).toBe(11);
    expect(await deliveries(webhookId)).toHaveLength(1);
  });
});
