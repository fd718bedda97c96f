import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AdminNodes, promised } from '../../test/support/admin.js';
import { newAgent, newRepository, send, sign, signedRequest, type TestAgent } from '../../test/support/http.js';
import { verifyExport, writeCheckpoint } from '../audit/index.js';

let nodes: AdminNodes;
let url: string;
let owner: TestAgent;
let open: string;
let hidden: string;
beforeAll(async () => {
  nodes = await AdminNodes.start();
  url = nodes.apps[0]!.url;
  owner = await newAgent({ url });
  open = (await newRepository({ url }, owner)).repoId;
  hidden = (await newRepository({ url }, owner, { visibility: 'private' })).repoId;
  const signing = { action: 'star', body: { repoId: open, reason: 'between us', reasonPublic: false } };
  await signedRequest({ url }, owner, 'POST', `/v1/repos/${open}/stars/star`, signing);
  await writeCheckpoint(nodes.database.db);
});
afterAll(() => nodes.stop());

const get = (query = '', headers = {}) => send(url, `/v1/audit/export${query}`, { headers });
const verify = (text: string) =>
  verifyExport(
    text
      .trimEnd()
      .split('\n')
      .map((line) => Buffer.from(line)),
  );

it('everybody gets what is public, without what could be used again', async () => {
  const answer = await get();
  expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/x-ndjson; charset=utf-8']);
  // What agents signed just now is there as hashes; what nobody signed is there.
  expect(await verify(answer.text)).toMatchObject({ ok: true, chains: 2, hidden: 2, signatures: 0, checkpoints: 1 });
  expect(answer.text).not.toMatch(/between us|"envelope":"/);
  expect(answer.text).not.toContain(hidden);
});

it('members get their private repository, and others nothing of it', async () => {
  const { headers } = sign(owner, { action: 'repo_read', body: { repoId: hidden }, form: 'headers', fields: {} });
  const answer = await get(`?repoId=${hidden}`, headers);
  expect(await verify(answer.text)).toMatchObject({ ok: true, chains: 1, hidden: 1 });
  expect((await get(`?repoId=${hidden}`)).status).toBe(404);
  expect((await get(`?repoId=${randomUUID()}`)).status).toBe(404);
});

it('an operator gets everything, in pages', async () => {
  const headers = { authorization: `Bearer ${nodes.token}` };
  const whole = await get('', headers);
  const report = await verify(whole.text);
  expect(report).toMatchObject({ ok: true, hidden: 0, signatures: 3 });
  expect(whole.text).toContain('between us');
  let text = '';
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page = await get(`?limit=2&cursor=${cursor}`, headers);
    text += page.text;
    cursor = JSON.parse(page.text.trimEnd().split('\n').at(-1)!).next;
  }
  expect(await verify(text)).toMatchObject({ ok: true, events: report.events });
  const wrong = await get('', { authorization: `Bearer ${randomUUID()}` });
  expect([wrong.status, wrong.json.error.code]).toEqual([401, 'INVALID_TOKEN']);
  for (const query of ['?limit=x', '?cursor=%20', '?cursor=WyJhIl0']) expect((await get(query)).status).toBe(400);
});

it('checkpoints are public', async () => {
  const { data } = (await send(url, '/v1/audit/checkpoints')).json;
  expect(data).toMatchObject({ publicKey: expect.stringMatching(/^ed25519:/), nextCursor: null });
  expect(data.checkpoints).toMatchObject([{ number: 1 }]);
  expect(JSON.parse(data.checkpoints[0].payload).leaves).toHaveLength(3);
});

it('operators see the outbox and put dead letters back', async () => {
  const { sql } = nodes.database.db;
  await sql`UPDATE event_outbox SET status = 'dead_letter', attempts = 5, last_error = 'why' WHERE topic = 'webhook'`;
  const list = (await nodes.admin('GET', '/outbox')).json.data;
  promised('/outbox', 'get', list);
  expect(list.items).toMatchObject([{ topic: 'webhook', action: 'star', resourceId: open, lastError: 'why' }]);
  const { outboxId } = list.items[0];
  const retried = await nodes.admin('POST', `/outbox/${outboxId}/retry`);
  promised('/outbox/{outboxId}/retry', 'post', retried.json.data);
  expect(await nodes.lastEvent('admin_outbox_retry')).toMatchObject({ resourceId: outboxId, agentId: 'root' });
  expect((await nodes.admin('GET', '/outbox?status=pending&topic=webhook')).json.data.total).toBe(1);
  for (const id of [outboxId, randomUUID(), 'x'])
    expect((await nodes.admin('POST', `/outbox/${id}/retry`)).status).toBe(404);
  for (const query of ['status=gone', 'topic=%00'])
    expect((await nodes.admin('GET', `/outbox?${query}`)).status).toBe(400);
  expect((await send(url, '/admin/outbox')).status).toBe(401);
});
