import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addKey, createAgent, type TestAgent } from '../../../test/support/auth.js';
import { makeCertificate, type TestCertificate } from '../../../test/support/certificate.js';
import { createTestDatabase, type TestDatabase } from '../../../test/support/postgres.js';
import { Random } from '../../../test/support/random.js';
import { ZERO_OID } from '../../git/oid.js';
import { canonicalize, generateKey, signEnvelope } from '../../signing/index.js';
import { appendAudit, GLOBAL_CHAIN } from '../append.js';
import { readCheckpoints, writeCheckpoint } from '../checkpoint.js';
import { loadServerKey } from '../server-key.js';
import { signedText } from './format.js';
import { verifyExport } from './verify.js';
import { type ExportOptions, exportAudit } from './write.js';

let test: TestDatabase;
let ada: TestAgent;
let bob: TestAgent;
const repos = [randomUUID(), randomUUID(), randomUUID()] as const;
const [open, hidden] = repos;

beforeAll(async () => {
  test = await createTestDatabase();
  [ada, bob] = [await createAgent(test.db), await createAgent(test.db, 'ecdsa')];
  for (const repoId of [open, hidden]) {
    await test.db.sql`INSERT INTO repositories (repo_id, owner_id, name, visibility)
      VALUES (${repoId}, ${ada.agentId}, ${repoId}, ${repoId === open ? 'public' : 'private'}::visibility)`;
  }
  for (let n = 0; n < 60; n++) {
    const repoId = repos[n % 3]!;
    await append(n % 4 === 0 ? bob : ada, n % 7 === 0 ? 'pr_create' : 'push', repoId, { n, text: `é😀 "${n}"` });
    if (n === 20) await writeCheckpoint(test.db);
  }
  for (let n = 0; n < 4; n++) await signedPush(n % 2 === 0 ? ada : bob, repos[n % 3]!);
  await append(ada, 'star', open, { reason: 'between us', reason_public: false });
  await append(ada, 'webhook_create', open, { origin: 'https://example.com' });
  await unsigned('agent_register');
  await writeCheckpoint(test.db);
  await append(ada, 'push', open, { last: true });
});
afterAll(() => test.drop());

async function append(
  agent: Pick<TestAgent, 'agentId' | 'keyId' | 'privateKey'>,
  action: string,
  repoId: string,
  data: Record<string, unknown>,
  timestamp?: Date,
): Promise<string> {
  const body = { repoId, ...data } as Record<string, string>;
  const envelope = { agentId: agent.agentId, action, timestamp: '2026-01-01T00:00:00Z', nonce: randomUUID(), body };
  const { canonical, signature } = signEnvelope(envelope, agent.privateKey);
  const { eventId } = await test.db.transaction((tx) =>
    appendAudit(tx, {
      ...{ agentId: agent.agentId, action, resourceType: 'repository', resourceId: repoId, signature, timestamp },
      ...{ data: { repo_id: repoId, ...data }, keyId: agent.keyId, envelope: canonical },
    }),
  );
  return eventId;
}

/** An event of a signed push and its certificate, after changes to what is kept of it. */
async function signedPush(
  agent: Pick<TestAgent, 'agentId' | 'keyId' | 'privateKey'>,
  repoId: string,
  { kept, data }: { kept?: Partial<TestCertificate>; data?: Record<string, unknown> } = {},
): Promise<string> {
  const push = { refName: 'refs/heads/main', oldOid: ZERO_OID, newOid: randomBytes(20).toString('hex') };
  const made = { ...makeCertificate(agent, repoId, [push], ['ci.skip']), ...kept };
  await test.db.sql`
    INSERT INTO push_certificates (event_id, repo_id, agent_id, key_id, nonce, certificate, certificate_hash)
    VALUES (${made.eventId}::uuid, ${repoId}, ${made.agentId}, ${made.keyId}, ${made.nonce}, ${made.certificate}, '')`;
  return append(agent, 'push', repoId, {
    ...{ ref_updates: [{ ...push, force: false }], push_options: ['ci.skip'], push_event_id: made.eventId },
    ...{ certificate_hash: createHash('sha256').update(made.certificate).digest('hex'), ...data },
  });
}

function unsigned(action: string) {
  const event = { agentId: 'system', action, resourceType: 'agent', resourceId: 'x', data: {}, signature: 'system' };
  return test.db.transaction((tx) => appendAudit(tx, event));
}

async function exported(options: Partial<ExportOptions> = {}): Promise<string[]> {
  const lines: string[] = [];
  const all = { admin: true, hideAfter: new Date(0), writeCursor: JSON.stringify, ...options };
  for await (const line of exportAudit(test.db, all)) lines.push(line.slice(0, -1));
  return lines;
}

const verify = (lines: readonly (string | Buffer)[], serverKey?: string) =>
  verifyExport(
    lines.map((line) => Buffer.from(line)),
    { serverKey },
  );
const parsed = (lines: readonly string[]) => lines.map((line) => JSON.parse(line));

describe('an export', () => {
  it('of everything holds every event and proves itself', async () => {
    const lines = await exported();
    const { publicKey } = await loadServerKey(test.db);
    const report = await verify(lines, publicKey);
    const [count] = await test.db.sql<[{ events: number; signed: number; chains: number }]>`
      SELECT count(*) AS events, count(envelope) AS signed, count(DISTINCT chain_id) AS chains FROM audit_log`;
    expect(report).toMatchObject({
      ...{ ok: true, problems: [], serverKey: publicKey, lines: lines.length, events: count.events, hidden: 0 },
      ...{ signatures: count.signed, chains: count.chains, unsigned: { agent_register: 1 }, certificates: 4 },
      ...{ checkpoints: 2, checkpointedChains: 4 },
    });
  });

  it('for the public has public chains only, and hashes in place of what is secret', async () => {
    const hideAfter = new Date(Date.now() + 60_000);
    const lines = await exported({ admin: false, hideAfter });
    expect(await verify(lines)).toMatchObject({ ok: true, hidden: 2, chains: 2 });
    const chains = parsed(lines).flatMap((line) => (line.type === 'chain' ? [line.chainId] : []));
    expect(chains.sort()).toEqual([open, GLOBAL_CHAIN].sort());
    expect(lines.join('\n')).not.toMatch(/between us|example\.com/);
    expect(lines.join('\n')).not.toContain(hidden);
    // With the envelope of a request that is younger, its answer could be had once more.
    const fresh = await exported({ admin: false, hideAfter: new Date(Date.now() - 3_600_000) });
    expect(await verify(fresh)).toMatchObject({ ok: true, signatures: 0, events: 1 });
  });

  it('of one repository, and in pages, is verified as one', async () => {
    expect(await verify(await exported({ chainId: hidden }))).toMatchObject({
      ...{ ok: true, chains: 1, events: 21, certificates: 1 },
    });
    const pages: string[] = [];
    let after: ExportOptions['after'];
    for (let next: string | null = ''; next !== null; ) {
      const page = await exported({ limit: 7, after });
      pages.push(...page);
      next = JSON.parse(page.at(-1)!).next;
      after = next === null ? undefined : JSON.parse(next);
    }
    const whole = await verify(await exported());
    const { lines: _, ...report } = await verify(pages);
    expect(report).toEqual({ ...whole, lines: undefined });
    const second = pages.findIndex((line, at) => at > 0 && JSON.parse(line).type === 'header');
    expect((await verify(pages.slice(second))).problems[0]).toMatchObject({ problem: 'row_missing' });
  });
});

/** What can be done to a file: each gives the new lines and the lines (from 1) at which the damage must be found. */
const DAMAGE: Record<
  string,
  (lines: string[], at: number, random: Random) => { lines: (string | Buffer)[]; near: number[] }
> = {
  'a byte has another value': (lines, at, random) => {
    const bytes = Buffer.from(lines[at]!);
    const place = random.below(bytes.length);
    bytes[place] = (bytes[place]! + 1 + random.below(254)) % 256;
    return { lines: lines.with(at, bytes as never), near: [at + 1] };
  },
  'a byte is gone': (lines, at, random) => {
    const bytes = Buffer.from(lines[at]!);
    const place = random.below(bytes.length);
    return {
      lines: lines.with(at, Buffer.concat([bytes.subarray(0, place), bytes.subarray(place + 1)]) as never),
      near: [at + 1],
    };
  },
  'a byte more': (lines, at, random) => {
    const bytes = Buffer.from(lines[at]!);
    const place = random.below(bytes.length + 1);
    const more = Buffer.from([random.pick([32, 48, 65, 97, 34])]);
    return {
      lines: lines.with(at, Buffer.concat([bytes.subarray(0, place), more, bytes.subarray(place)]) as never),
      near: [at + 1],
    };
  },
  'a field has another value': (lines, at, random) => {
    const line = JSON.parse(lines[at]!);
    const name = random.pick(Object.keys(line));
    line[name] =
      typeof line[name] === 'string' ? `${line[name]}x` : typeof line[name] === 'number' ? line[name] + 1 : 'x';
    return { lines: lines.with(at, canonicalize(line)), near: [at + 1] };
  },
  'the line is gone': (lines, at) => ({ lines: lines.toSpliced(at, 1), near: [at, at + 1, at + 2] }),
  'the line stands there twice': (lines, at) => ({
    lines: lines.toSpliced(at, 0, lines[at]!),
    near: [at + 1, at + 2, at + 3],
  }),
  'the line has changed places with the next': (lines, at) => {
    const first = Math.min(at, lines.length - 2);
    const swapped = lines.with(first, lines[first + 1]!).with(first + 1, lines[first]!);
    return { lines: swapped, near: [first, first + 1, first + 2, first + 3] };
  },
  'the file ends there': (lines, at) => ({ lines: lines.slice(0, at), near: [at, at - 1, 0] }),
};

describe('damage', () => {
  it('is found and located, 1000 times', async () => {
    const lines = await exported();
    const random = new Random(20_260_601);
    const missed: string[] = [];
    for (let turn = 0; turn < 1_000; turn++) {
      const at = random.below(lines.length);
      const what = random.pick(Object.keys(DAMAGE));
      const done = DAMAGE[what]!(lines, at, random);
      const report = await verify(done.lines);
      const found = report.problems.map(({ line }) => line);
      const { type } = JSON.parse(lines[at]!);
      // A key that is gone or late is missed where it is used, a line without meaning of its own by the count at the end.
      const near =
        type === 'key' || type === 'checkpoint' ? [...done.near, ...usesOf(lines, at), done.lines.length] : done.near;
      if (report.ok || !found.some((line) => near.includes(line))) {
        missed.push(`${what} at ${at + 1} (${type}): found ${JSON.stringify(report.problems.slice(0, 3))}`);
      }
    }
    expect(missed).toEqual([]);
  });

  function usesOf(lines: string[], at: number): number[] {
    const { keyId } = JSON.parse(lines[at]!);
    return parsed(lines).flatMap((line, index) =>
      line.type === 'event' && line.keyId === keyId ? [index, index + 1] : [],
    );
  }

  it('by whoever can recompute all hashes is found by the signatures', async () => {
    const lines = await exported();
    const other = await createTestDatabase();
    const forged = await (async () => {
      const out: string[] = [];
      for await (const line of exportAudit(other.db, {
        ...{ admin: true, hideAfter: new Date(0), writeCursor: JSON.stringify },
      }))
        out.push(line.slice(0, -1));
      return out;
    })();
    await other.drop();
    const { publicKey } = await loadServerKey(test.db);
    expect(await verify(forged)).toMatchObject({ ok: true });
    expect((await verify(forged, publicKey)).problems[0]).toMatchObject({ line: 1, problem: 'wrong_server_key' });
    expect((await verify([...lines, ...forged])).problems[0]).toMatchObject({
      ...{ line: lines.length + 1, problem: 'wrong_server_key' },
    });
    expect((await verify([])).problems).toMatchObject([{ problem: 'incomplete' }]);
    expect((await verify(['{}', 'x', ''])).ok).toBe(false);
  });

  it('to a database whose chains were written anew is found by the checkpoints', async () => {
    const old = await createTestDatabase();
    const { db } = old;
    const event = { agentId: 'a', action: 'push', resourceType: 'repository', resourceId: 'r', signature: '' };
    for (const n of [1, 2]) await db.transaction((tx) => appendAudit(tx, { ...event, data: { n } }));
    await writeCheckpoint(db);
    await db.sql`ALTER TABLE audit_log DISABLE TRIGGER USER`;
    await db.sql`DELETE FROM event_outbox`;
    await db.sql`DELETE FROM audit_log`;
    await db.sql`DELETE FROM audit_chains`;
    for (const n of [1, 3]) await db.transaction((tx) => appendAudit(tx, { ...event, data: { n } }));
    const lines: Buffer[] = [];
    for await (const line of exportAudit(db, { admin: true, hideAfter: new Date(0), writeCursor: JSON.stringify }))
      lines.push(Buffer.from(line.slice(0, -1)));
    expect((await verifyExport(lines)).problems).toMatchObject([{ line: 2, problem: 'checkpoint_unmatched' }]);
    await old.drop();
  });
});

describe('proofs', () => {
  const problemOf = async (chainId: string) => {
    const { problems } = await verify(await exported({ chainId }));
    return problems.map(({ problem, eventId }) => [problem, eventId]);
  };

  it('need a key that was valid then, of the agent, with a signature that covers what it says', async () => {
    const chain = randomUUID();
    const second = { agentId: ada.agentId, ...(await addKey(test.db, ada.agentId)) };
    const revoked = { agentId: ada.agentId, ...(await addKey(test.db, ada.agentId)) };
    await test.db
      .sql`UPDATE agent_keys SET created_at = now() - interval '2 days', revoked_at = now() - interval '1 day'
      WHERE key_id = ${revoked.keyId}`;
    const day = 86_400_000;
    await append(second, 'push', chain, {});
    await append(revoked, 'push', chain, {}, new Date(Date.now() - 1.5 * day));
    const late = await append(revoked, 'push', chain, {});
    const early = await append(second, 'push', chain, {}, new Date(Date.now() - day));
    const foreign = await append({ ...bob, keyId: ada.keyId }, 'push', chain, {});
    const missing = await append({ ...ada, keyId: randomUUID() }, 'push', chain, {});
    const wrong = await append({ ...ada, keyId: second.keyId }, 'push', chain, {});
    expect(await problemOf(chain)).toEqual([
      ['key_not_valid', late],
      ['key_not_valid', early],
      ['key_foreign', foreign],
      ['key_missing', missing],
      ['signature_wrong', wrong],
    ]);
  });

  it('may be of the other kind of key, and of keys that no longer can be read', async () => {
    const chain = randomUUID();
    await append(bob, 'push', chain, {});
    expect(await problemOf(chain)).toEqual([]);
    const odd = await createAgent(test.db);
    await test.db.sql`UPDATE agent_keys SET public_key = 'nothing' WHERE key_id = ${odd.keyId}`;
    const eventId = await append(odd, 'push', chain, {});
    expect(await problemOf(chain)).toEqual([['key_missing', eventId]]);
    expect(generateKey().publicKey).not.toBe('nothing');
  });
});

describe('certificates of signed pushes', () => {
  const problemOf = async (chainId: string) => {
    const { problems } = await verify(await exported({ chainId }));
    return problems.map(({ problem, eventId }) => [problem, eventId]);
  };
  const push = { refName: 'refs/heads/main', oldOid: ZERO_OID, newOid: 'b'.repeat(40) };

  it('are believed only with the key, nonce, ref updates and options that the event goes with', async () => {
    const chain = randomUUID();
    const other = { ...ada, ...(await addKey(test.db, ada.agentId)) };
    const revoked = { ...ada, ...(await addKey(test.db, ada.agentId)) };
    await test.db.sql`UPDATE agent_keys SET created_at = now() - interval '2 days',
      revoked_at = now() - interval '1 day' WHERE key_id = ${revoked.keyId}`;
    await signedPush(ada, chain);
    await signedPush(bob, chain);
    const cases: [string, Parameters<typeof signedPush>[2]][] = [
      ['key_missing', { kept: { keyId: randomUUID() } }],
      ['key_foreign', { kept: { keyId: bob.keyId } }],
      ['key_not_valid', { kept: { keyId: revoked.keyId } }],
      ['certificate_signature_wrong', { kept: { keyId: other.keyId } }],
      ['certificate_signature_wrong', { kept: { certificate: 'certificate version 0.1\n' } }],
      ['certificate_changed', { kept: { agentId: bob.agentId } }],
      ['certificate_changed', { data: { certificate_hash: '0'.repeat(64) } }],
      ['certificate_nonce_wrong', { kept: makeCertificate(ada, chain, [push], [], { nonce: 'mine' }) }],
      ['certificate_nonce_wrong', { kept: makeCertificate(ada, chain, [push], [], { ageSecs: -3600 }) }],
      ['certificate_nonce_wrong', { kept: makeCertificate(ada, chain, [push], [], { ageSecs: 90_000 }) }],
      ['certificate_differs', { kept: makeCertificate(ada, chain, [push], ['ci.skip']) }],
      ['certificate_differs', { data: { push_options: [] } }],
      ['certificate_differs', { data: { ref_updates: [] } }],
      ['certificate_missing', { data: { push_event_id: randomUUID() } }],
      ['certificate_missing', { data: { push_event_id: 'none' } }],
    ];
    const expected: [string, string][] = [];
    for (const [problem, change] of cases) expected.push([problem, await signedPush(ada, chain, change)]);
    expect(await problemOf(chain)).toEqual(expected);
  });

  it('may ask for more than was done, and for pull requests', async () => {
    const chain = randomUUID();
    const second = { ...push, refName: 'refs/heads/second' };
    const more = makeCertificate(ada, chain, [second, push], []);
    await signedPush(ada, chain, { kept: more, data: { ref_updates: [push], push_options: [] } });
    const proposal = makeCertificate(ada, chain, [{ ...push, refName: 'refs/for/main' }], []);
    const source = { ...push, refName: 'refs/heads/for/ada/bbbbbbbbbb', oldOid: 'c'.repeat(40) };
    await signedPush(ada, chain, { kept: proposal, data: { ref_updates: [source], push_options: [] } });
    expect(await problemOf(chain)).toEqual([]);
    const stolen = makeCertificate(ada, chain, [{ ...push, refName: 'refs/for/main' }], []);
    const eventId = await signedPush(ada, chain, {
      kept: stolen,
      data: { ref_updates: [{ ...push, refName: 'refs/heads/main' }], push_options: [] },
    });
    expect(await problemOf(chain)).toEqual([['certificate_differs', eventId]]);
  });

  it('that were changed are found even when the server signs the line again, 100 times', async () => {
    const lines = await exported();
    const key = await loadServerKey(test.db);
    const { exportId } = JSON.parse(lines[0]!);
    const places = lines.flatMap((line, at) => (JSON.parse(line).type === 'certificate' ? [at] : []));
    const random = new Random(11);
    const missed: string[] = [];
    for (let turn = 0; turn < 100; turn++) {
      const at = random.pick(places);
      const { signature: _, ...content } = JSON.parse(lines[at]!);
      const name = random.pick(['eventId', 'repoId', 'agentId', 'keyId', 'nonce', 'certificate']);
      const text = content[name] as string;
      const place = random.below(text.length);
      const letter = text[place] === 'a' ? 'b' : 'a';
      content[name] = text.slice(0, place) + letter + text.slice(place + 1);
      const forged = canonicalize({ ...content, signature: key.sign(signedText(exportId, content)) });
      const { problems } = await verify(lines.with(at, forged));
      // The last line counts what stands in front of it, so it tells too; this is about the certificate alone.
      if (!problems.some(({ line, problem }) => (line === at + 1 || line === at + 2) && problem !== 'lines_changed'))
        missed.push(`${name} at ${at + 1}: ${JSON.stringify(problems)}`);
    }
    expect(missed).toEqual([]);
  });
});

describe('checkpoints', () => {
  it('are written when something changed, once however many nodes try, each on top of the last', async () => {
    await writeCheckpoint(test.db);
    expect(await writeCheckpoint(test.db)).toBe(0);
    const before = await readCheckpoints(test.db, 0, 100);
    await append(ada, 'push', open, {});
    const written = await Promise.all(Array.from({ length: 5 }, () => writeCheckpoint(test.db)));
    expect(written.filter((chains) => chains > 0)).toEqual([1]);
    const after = await readCheckpoints(test.db, 0, 100);
    expect(after.map(({ number }) => number)).toEqual(after.map((_, index) => index + 1));
    expect(after.length).toBe(before.length + 1);
    expect(JSON.parse(after.at(-1)!.payload)).toMatchObject({ checkpoint: after.length, leaves: [expect.any(String)] });
  });
});
