import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signHeaders } from '../../../test/support/auth.js';
import { type Answer, newAgent, newRepository, send, type TestAgent } from '../../../test/support/http.js';
import { JsonPusher, MAIN, type Update, ZERO } from '../../../test/support/json-push.js';

const FLUSH = '0000';
const TYPE = { 'content-type': 'application/x-git-receive-pack-request' };
const line = (text: string) => `${(Buffer.byteLength(text) + 4).toString(16).padStart(4, '0')}${text}`;

let pusher: JsonPusher;
let writer: TestAgent;
let reader: TestAgent;
let stranger: TestAgent;
let base: string;
let next: string;
let rewritten: string;
/** Where a push could go: the id of a private repository of the owner, a public one, or none. */
const places: Record<'private' | 'public' | 'unknown', string> = { private: '', public: '', unknown: randomUUID() };

beforeAll(async () => {
  pusher = await JsonPusher.start();
  [writer, reader, stranger] = [await newAgent(pusher.app), await newAgent(pusher.app), await newAgent(pusher.app)];
  await pusher.newRepository('private');
  places.private = pusher.repo.repoId;
  places.public = (await newRepository(pusher.app, pusher.owner, { visibility: 'public' })).repoId;
  for (const repoId of [places.private, places.public]) {
    await pusher.app.ctx.db.sql`INSERT INTO repo_access (repo_id, agent_id, role) VALUES
      (${repoId}, ${writer.agentId}, 'write'), (${repoId}, ${reader.agentId}, 'read')`;
  }
  base = await pusher.commit('base\n');
  next = await pusher.commit('next\n');
  rewritten = await pusher.commit('rewritten\n', '--amend', '--reset-author');
});
afterAll(() => pusher.stop());

interface Push {
  repoId: string;
  updates: Update[];
  pack: Buffer;
  /** Default: a report, without side-bands. */
  capabilities?: string;
}

const requestOf = ({ updates, pack, capabilities = 'report-status' }: Push) => {
  const commands = updates.map(({ refName, oldOid, newOid }, index) =>
    line(`${oldOid} ${newOid} ${refName}${index === 0 ? `\0${capabilities}` : ''}`),
  );
  return Buffer.concat([Buffer.from(commands.join('') + FLUSH), pack]);
};

/** The four headers with a signature over this push. */
function signed(agent: TestAgent, { repoId, updates, pack }: Push, action = 'git-receive-pack') {
  const packfileHash = createHash('sha256').update(pack).digest('hex');
  const refUpdates = updates.map(({ refName, oldOid, newOid, force = false }) => ({ refName, oldOid, newOid, force }));
  return signHeaders(agent, { action, body: { repoId, packfileHash, refUpdates } });
}

const post = (repoId: string, body: Buffer | string, headers: object = {}): Promise<Answer> =>
  send(pusher.app.url, `/v1/repos/${repoId}/git-receive-pack`, {
    method: 'POST',
    body,
    headers: { ...TYPE, ...headers },
  });
const push = (agent: TestAgent, parts: Push) => post(parts.repoId, requestOf(parts), signed(agent, parts));

/** Everything that an asker sees, but for what differs in every answer and the address asked for. */
function seen({ status, headers, text, json }: Answer, repoId: string): unknown {
  const challenge = String(headers['www-authenticate'])
    .replace(repoId, 'ID')
    .replace(/nonce="[^"]*"/, '');
  const names = Object.keys(headers).sort();
  return { status, names, challenge, text: json?.error === undefined ? text : JSON.stringify(json.error) };
}

describe('an agent that is only claimed', () => {
  const claims = () => [writer, reader, stranger, pusher.owner];

  /** What each claim sees at each place. */
  async function asked(ask: (claimed: TestAgent, repoId: string) => Promise<Answer>): Promise<unknown[]> {
    const answers: unknown[] = [];
    for (const claimed of claims()) {
      for (const repoId of Object.values(places)) answers.push(seen(await ask(claimed, repoId), repoId));
    }
    return answers;
  }
  const falsely = (claimed: TestAgent, body: object = {}) =>
    signHeaders(
      { ...claimed, privateKey: stranger === claimed ? writer.privateKey : stranger.privateKey },
      {
        action: 'git-receive-pack',
        body: { ...body },
      },
    );

  it('learns nothing from a flush: role and repository do not show', async () => {
    const answers = await asked((claimed, repoId) => post(repoId, FLUSH, falsely(claimed)));
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(answers[0]).toMatchObject({
      status: 401,
      challenge: expect.stringMatching(/^GitClaw realm="GitClaw", repo="ID", .*Basic realm="GitClaw"$/),
      text: expect.stringContaining('"INVALID_SIGNATURE"'),
    });
  });

  it('nor from pushes of any kind, whole, broken or none', async () => {
    const pack = await pusher.packOf(base);
    const create = [{ refName: 'refs/heads/x', oldOid: ZERO, newOid: base }];
    const kinds: Record<string, Omit<Push, 'repoId'>> = {
      'a good pack': { updates: create, pack },
      'a good pack, reported in bands': { updates: create, pack, capabilities: 'report-status side-band-64k' },
      'a broken pack': { updates: create, pack: pack.subarray(0, pack.length - 25) },
      'no pack': { updates: create, pack: Buffer.alloc(0) },
      'a rewrite': { updates: [{ refName: MAIN, oldOid: base, newOid: next }], pack },
      'a deletion': { updates: [{ refName: MAIN, oldOid: base, newOid: ZERO }], pack: Buffer.alloc(0) },
      'a ref that nobody may write': { updates: [{ ...create[0]!, refName: 'refs/pull/1/head' }], pack },
    };
    for (const [kind, parts] of Object.entries(kinds)) {
      const answers = await asked((claimed, repoId) => post(repoId, requestOf({ ...parts, repoId }), falsely(claimed)));
      expect(answers[0], kind).toMatchObject({ status: 401, text: expect.stringContaining('signature_mismatch') });
      for (const answer of answers) expect(answer, kind).toEqual(answers[0]);
    }
  });

  it('nor from a list that is no list', async () => {
    for (const body of ['zzzz', line('gibberish') + FLUSH, '']) {
      const answers = await asked((claimed, repoId) => post(repoId, body, falsely(claimed)));
      for (const answer of answers) expect(answer, body).toEqual(answers[0]);
    }
  });

  it('is challenged by the name it asked for, never by another one', async () => {
    for (const repoId of Object.values(places)) {
      for (const [path, method] of [
        [`/v1/repos/${repoId}/info/refs?service=git-receive-pack`, 'GET'],
        [`/v1/repos/${repoId}/git-receive-pack`, 'POST'],
      ] as const) {
        const answer = await send(pusher.app.url, path, { method, headers: TYPE });
        expect(answer.status).toBe(401);
        expect(answer.headers['www-authenticate']).toContain(`repo="${repoId}"`);
      }
    }
  });
});

describe('an agent that proves itself with the push', () => {
  const create = (refName = 'refs/heads/x'): Update[] => [{ refName, oldOid: ZERO, newOid: base }];

  it('hears why it may not push', async () => {
    const pack = await pusher.packOf(base);
    for (const [agent, place, status, code] of [
      [reader, 'private', 403, 'ACCESS_DENIED'],
      [stranger, 'private', 403, 'ACCESS_DENIED'],
      [stranger, 'public', 403, 'ACCESS_DENIED'],
      [writer, 'unknown', 404, 'REPO_NOT_FOUND'],
    ] as const) {
      const repoId = places[place];
      const answer = await push(agent, { repoId, updates: create(), pack });
      expect([place, answer.status, answer.json?.error?.code]).toEqual([place, status, code]);
      const forced = [{ refName: MAIN, oldOid: base, newOid: next, force: true }];
      expect((await push(agent, { repoId, updates: forced, pack })).status).toBe(status);
      const gone = [{ refName: MAIN, oldOid: base, newOid: ZERO }];
      expect((await push(agent, { repoId, updates: gone, pack: Buffer.alloc(0) })).status).toBe(status);
    }
  });

  it('pushes, rewrites with the force that it signed, and deletes', async () => {
    const repoId = places.private;
    const first = await push(writer, { repoId, updates: create(MAIN), pack: await pusher.packOf(next) });
    expect([first.status, first.text]).toEqual([200, expect.stringContaining(`ok ${MAIN}`)]);
    const side = [{ refName: 'refs/heads/side', oldOid: ZERO, newOid: next }];
    expect((await push(writer, { repoId, updates: side, pack: await pusher.packOf(next) })).text).toContain('ok refs');
    const rewrite = [{ refName: 'refs/heads/side', oldOid: next, newOid: rewritten, force: true }];
    const pack = await pusher.packOf(rewritten, `^${base}`);
    const unsaid = await push(writer, { repoId, updates: [{ ...rewrite[0]!, force: false }], pack });
    expect([unsaid.status, unsaid.json?.error?.code]).toEqual([401, 'INVALID_SIGNATURE']);
    expect((await push(writer, { repoId, updates: rewrite, pack })).text).toContain('ok refs/heads/side');
    const gone = [{ refName: 'refs/heads/side', oldOid: rewritten, newOid: ZERO }];
    expect((await push(writer, { repoId, updates: gone, pack: Buffer.alloc(0) })).text).toContain('ok refs/heads/side');
  });

  it('gets the report of a pack that cannot be used, and of refs that nobody may write', async () => {
    const repoId = places.private;
    const pack = await pusher.packOf(base);
    const broken = await push(writer, { repoId, updates: create(), pack: pack.subarray(0, pack.length - 25) });
    expect([broken.status, broken.text]).toEqual([200, expect.stringMatching(/unpack (?!ok)[\s\S]*ng refs\/heads\/x/)]);
    const own = await push(writer, { repoId, updates: create('refs/pull/1/head'), pack });
    expect([own.status, own.text]).toEqual([200, expect.stringContaining('ng refs/pull/1/head')]);
  });

  it('proves itself to a flush with a token in the headers', async () => {
    const body = { repoId: places.private, service: 'git-receive-pack' };
    const headers = () => signHeaders(writer, { action: 'git_auth', body });
    const answer = await post(places.private, FLUSH, headers());
    expect([answer.status, answer.text]).toEqual([200, '']);
    const refused = await post(places.private, FLUSH, signHeaders(stranger, { action: 'git_auth', body }));
    expect([refused.status, refused.json.error.code]).toEqual([403, 'ACCESS_DENIED']);
  });
});
