import { randomUUID } from 'node:crypto';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  newAgent,
  newRepository,
  send,
  sign,
  startTestApp,
  type TestAgent,
  type TestApp,
} from '../../test/support/http.js';
import { appendAudit, placeEvents } from '../audit/index.js';
import { repoAccess } from '../db/index.js';
import { MAX_PER_CLIENT } from './hub.js';
import { endEventStreams } from './index.js';

let app: TestApp;
let owner: TestAgent;
let stranger: TestAgent;
beforeAll(async () => {
  app = await startTestApp();
  [owner, stranger] = [await newAgent(app), await newAgent(app)];
});
afterAll(() => app.close());

const open: ClientRequest[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.destroy();
});

interface Heard {
  id: number;
  event: string;
  data: { eventId: string; action: string; data: Record<string, unknown> };
}

class Listener {
  readonly events: Heard[] = [];
  ended = false;
  status = 0;
  #rest = '';

  constructor(incoming: IncomingMessage) {
    this.status = incoming.statusCode ?? 0;
    incoming.setEncoding('utf8');
    incoming.on('data', (text: string) => this.#take(text)).on('error', () => {});
    incoming.on('close', () => {
      this.ended = true;
    });
  }

  get numbers(): unknown[] {
    return this.events.map(({ data }) => data.data.n).filter((n) => n !== undefined);
  }

  #take(text: string): void {
    const blocks = (this.#rest + text).split('\n\n');
    this.#rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2)));
      if (fields.data) this.events.push({ id: Number(fields.id), event: fields.event, data: JSON.parse(fields.data) });
    }
  }
}

/** Follows a stream as a browser does, signed by headers when there is an agent. */
function follow(path: string, { agent, lastId }: { agent?: TestAgent; lastId?: number } = {}): Promise<Listener> {
  const signed = agent ? sign(agent, { action: 'repo_read', form: 'headers' }).headers : {};
  const headers = {
    accept: 'text/event-stream',
    ...signed,
    ...(lastId === undefined ? {} : { 'last-event-id': `${lastId}` }),
  };
  return new Promise((resolve, reject) => {
    const outgoing = request(app.url + path, { headers, agent: false }, (incoming) => resolve(new Listener(incoming)));
    outgoing.on('error', reject);
    open.push(outgoing);
    outgoing.end();
  });
}

const emit = (repoId: string, n: number, agentId = owner.agentId, action = 'push') =>
  app.ctx.db.transaction((tx) =>
    appendAudit(tx, {
      ...{ agentId, action, resourceType: 'repository', resourceId: repoId, signature: 's' },
      data: { repo_id: repoId, n },
    }),
  );
const heard = (listener: Listener) => expect.poll(() => listener.numbers, { timeout: 5_000, interval: 10 });

describe('the stream of a repository', () => {
  it('tells what was, then what comes, and goes on where a client stopped', async () => {
    const { repoId } = await newRepository(app, owner);
    await emit(repoId, 1);
    const listener = await follow(`/v1/repos/${repoId}/events?after=0`);
    await heard(listener).toEqual([1]);
    expect(listener.events.map(({ id, event }) => [id, event])).toEqual([
      [1, 'repo_create'],
      [2, 'push'],
    ]);
    const at = performance.now();
    await emit(repoId, 2);
    await heard(listener).toEqual([1, 2]);
    // Far below the time between looks: it was told.
    expect(performance.now() - at).toBeLessThan(1_500);
    const again = await follow(`/v1/events?after=0&repoId=${repoId}`, { lastId: 2 });
    await emit(repoId, 3);
    await heard(again).toEqual([2, 3]);
    const fromNow = await follow(`/v1/repos/${repoId}/events`);
    await emit(repoId, 4);
    await heard(fromNow).toEqual([4]);
  });

  it('of a private one is for its members, as long as they are members', async () => {
    const { repoId } = await newRepository(app, owner, { visibility: 'private' });
    const path = `/v1/repos/${repoId}/events?after=0`;
    expect((await follow(path)).status).toBe(404);
    expect((await follow(path, { agent: stranger })).status).toBe(404);
    expect((await follow(`/v1/repos/${randomUUID()}/events`)).status).toBe(404);
    await app.ctx.db.orm.insert(repoAccess).values({ repoId, agentId: stranger.agentId, role: 'read' });
    const listener = await follow(path, { agent: stranger });
    await emit(repoId, 1);
    await heard(listener).toEqual([1]);
    await app.ctx.db.sql`DELETE FROM repo_access WHERE repo_id = ${repoId} AND agent_id = ${stranger.agentId}`;
    await emit(repoId, 2);
    await expect.poll(() => listener.ended).toBe(true);
    expect(listener.numbers).toEqual([1]);
  });
});

describe('the stream of everything', () => {
  it('shows private events to members only, and can be narrowed to an agent', async () => {
    const open = (await newRepository(app, owner)).repoId;
    const hidden = (await newRepository(app, owner, { visibility: 'private' })).repoId;
    const [anybody, other, member, narrow] = await Promise.all([
      follow('/v1/events'),
      follow('/v1/events', { agent: stranger }),
      follow('/v1/events', { agent: owner }),
      follow(`/v1/events?agentId=${stranger.agentId}`),
    ]);
    await emit(hidden, 1);
    await emit(open, 2);
    await emit(open, 3, stranger.agentId);
    await emit(hidden, 4, stranger.agentId);
    await heard(member).toEqual([1, 2, 3, 4]);
    await heard(anybody).toEqual([2, 3]);
    await heard(other).toEqual([2, 3]);
    await heard(narrow).toEqual([3]);
  });

  it('misses nothing and repeats nothing while many transactions commit out of order', async () => {
    const { db } = app.ctx;
    await placeEvents(db);
    const repos = await Promise.all(Array.from({ length: 4 }, async () => (await newRepository(app, owner)).repoId));
    await placeEvents(db);
    const [end] = await db.sql<[{ place: number }]>`SELECT max(position) AS place FROM audit_positions`;
    let listener = await follow(`/v1/events?after=${end.place}`);
    const got: Heard[] = [];
    const writing = Promise.all(
      Array.from({ length: 60 }, (_, n) =>
        db.transaction(async (tx) => {
          const repoId = repos[n % 4]!;
          await appendAudit(tx, {
            ...{ agentId: 'a', action: 'push', resourceType: 'repository', resourceId: repoId, signature: 's' },
            data: { repo_id: repoId, n },
          });
          await tx.sql`SELECT pg_sleep(${(n * 7) % 5} / 100.0)`;
        }),
      ),
    );
    // The client is cut and comes back a few times in between.
    for (let turn = 0; turn < 4; turn++) {
      await expect.poll(() => listener.events.length, { timeout: 5_000 }).toBeGreaterThan(0);
      got.push(...listener.events);
      for (const each of open.splice(0)) each.destroy();
      listener = await follow('/v1/events', { lastId: got.at(-1)!.id });
      if (got.length > 50) break;
    }
    await writing;
    await expect.poll(() => got.length + listener.events.length, { timeout: 10_000 }).toBe(60);
    got.push(...listener.events);
    expect(got.map(({ data }) => data.data.n as number).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 60 }, (_, n) => n),
    );
    expect(got.map(({ id }) => id)).toEqual(got.map((_, index) => end.place + 1 + index));
    for (const repoId of repos) {
      const rows = await db.sql<{ seq: number }[]>`SELECT a.seq FROM audit_positions p JOIN audit_log a USING (event_id)
        WHERE a.chain_id = ${repoId} ORDER BY p.position`;
      expect(rows.map(({ seq }) => seq)).toEqual(rows.map((_, index) => index + 1));
    }
  });
});

describe('streams', () => {
  it('end by themselves for clients that do not accept one', async () => {
    const { repoId } = await newRepository(app, owner);
    await emit(repoId, 1);
    const answer = await send(app.url, `/v1/repos/${repoId}/events?after=1`);
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/event-stream; charset=utf-8']);
    expect(answer.text).toMatch(/^retry: \d+\n\nid: 2\nevent: push\ndata: \{.*\}\n\n$/);
    expect((await send(app.url, '/v1/events?follow=false', { headers: { accept: 'text/event-stream' } })).status).toBe(
      200,
    );
  });

  it.each(['after=-1', 'after=x', 'after=1e3', 'after=9999999999999999', 'follow=maybe', 'agentId=%00'])(
    'refuse ?%s',
    async (query) => {
      const answer = await send(app.url, `/v1/events?${query}`);
      expect([answer.status, answer.json.error.code]).toEqual([400, 'VALIDATION_ERROR']);
    },
  );

  it('are limited per client, give their seat back, and end with the node', async () => {
    const agent = await newAgent(app);
    const held = await Promise.all(Array.from({ length: MAX_PER_CLIENT }, () => follow('/v1/events', { agent })));
    expect(held.map(({ status }) => status)).toEqual(held.map(() => 200));
    expect((await follow('/v1/events', { agent })).status).toBe(429);
    for (const each of open.splice(0, 5)) each.destroy();
    for (let count = 0; count < 2 * MAX_PER_CLIENT; count++) {
      expect(
        (await send(app.url, '/v1/events', { method: 'HEAD', headers: { accept: 'text/event-stream' } })).status,
      ).toBe(200);
    }
    await expect.poll(async () => (await follow('/v1/events', { agent })).status, { timeout: 5_000 }).toBe(200);
    endEventStreams(app.ctx);
    await expect.poll(() => held.every(({ ended }) => ended), { timeout: 5_000 }).toBe(true);
    expect((await follow('/v1/events')).status).toBe(503);
  });
});
