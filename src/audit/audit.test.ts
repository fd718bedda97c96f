import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { appendAudit, type NewAuditEvent, readChain, readChainHeads, verifyChain } from './index.js';

let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase({ maxConnections: 20 });
});
afterAll(() => test.drop());

const event = (fields: Partial<NewAuditEvent> = {}): NewAuditEvent => ({
  agentId: 'agent',
  action: 'push',
  resourceType: 'repository',
  resourceId: 'repo',
  data: {},
  signature: 'sig',
  ...fields,
});
const append = (fields: Partial<NewAuditEvent> = {}) => test.db.transaction((tx) => appendAudit(tx, event(fields)));

describe('appendAudit', () => {
  it('chains 50 concurrent appends without a gap', async () => {
    const chainId = randomUUID();
    const ids = await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        append({ chainId, data: { n }, keyId: n % 2 ? 'k' : null, envelope: `{"n":${n}}` }),
      ),
    );
    const rows = await readChain(test.db, chainId, 0, 100);
    expect(rows.map((row) => row.seq)).toEqual(Array.from({ length: 50 }, (_, n) => n + 1));
    expect(new Set(rows.map((row) => row.eventId))).toEqual(new Set(ids.map((id) => id.eventId)));
    const head = (await readChainHeads(test.db)).find((chain) => chain.chainId === chainId)!;
    expect(verifyChain(rows, { head })).toEqual({ ok: true, events: 50, head: head.head });
    expect(verifyChain(rows.slice(20), { after: { seq: 20, head: rows[19]!.chainHash }, head })).toMatchObject({
      ok: true,
    });
  });

  it('hashes what is stored, whatever the data holds', async () => {
    const chainId = randomUUID();
    const values = [
      { number: 1e21, tiny: 5e-324, big: 1.7976931348623157e308, third: 1 / 3, minus: -0, whole: 1.0, max: 2 ** 53 },
      { text: '123', quoted: '"x"', nul: 'a\0b', lone: '\ud800x\udc00', pair: '😀', lines: '\u2028\n\t\\' },
      {
        '': 1,
        b: 1,
        a: 2,
        é: 3,
        '😀': 4,
        '\uffee': 5,
        'n\0': 6,
        undefined: undefined,
        nested: [[], {}, [null, { z: 1, y: 2 }]],
      },
      JSON.parse('{"__proto__": {"x": 1}, "constructor": 2}') as Record<string, unknown>,
      { when: new Date('2026-01-01T00:00:00.120Z') },
      {},
    ];
    for (const data of values) await append({ chainId, data, envelope: 'é\0\ud800' });
    const rows = await readChain(test.db, chainId, 0, 100);
    expect(rows).toHaveLength(values.length);
    expect(verifyChain(rows)).toMatchObject({ ok: true, events: values.length });
    expect(rows[1]!.data).toMatchObject({ nul: 'a\ufffdb', lone: '\ufffdx\ufffd', pair: '😀', text: '123' });
    expect(rows[4]!.data).toEqual({ when: '2026-01-01T00:00:00.120Z' });
  });

  it('chooses the chain of the repository', async () => {
    const chain = async (fields: Partial<NewAuditEvent>) => {
      const { eventId } = await append(fields);
      const [row] = await test.db.sql<
        [{ chain_id: string }]
      >`SELECT chain_id FROM audit_log WHERE event_id = ${eventId}`;
      return row.chain_id;
    };
    expect(await chain({ resourceId: 'r1' })).toBe('r1');
    expect(await chain({ resourceType: 'pull_request', resourceId: 'p', data: { repo_id: 'r2' } })).toBe('r2');
    expect(await chain({ resourceType: 'agent', resourceId: 'a' })).toBe('global');
    expect(await chain({ chainId: 'own' })).toBe('own');
  });

  it('takes its time from the transaction, and writes outbox rows for its topics', async () => {
    const at = new Date('2026-03-01T00:00:00.007Z');
    const { eventId } = await append({ topics: ['webhook', 'analytics'], timestamp: at });
    const outbox = await test.db.sql<{ topic: string; status: string }[]>`
      SELECT topic, status FROM event_outbox WHERE audit_event_id = ${eventId} ORDER BY topic`;
    expect([...outbox]).toEqual([
      { topic: 'analytics', status: 'pending' },
      { topic: 'webhook', status: 'pending' },
    ]);
    const [row] = await test.db.sql<[{ timestamp: Date }]>`SELECT timestamp FROM audit_log WHERE event_id = ${eventId}`;
    expect(row.timestamp).toEqual(at);
    const [now, other] = await test.db.transaction(async (tx) => [await tx.now(), await appendAudit(tx, event())]);
    const [stored] = await test.db.sql<[{ timestamp: Date }]>`
      SELECT timestamp FROM audit_log WHERE event_id = ${(other as { eventId: string }).eventId}`;
    expect(stored.timestamp).toEqual(now);
  });

  it('answers a failed insert with AUDIT_ERROR and leaves the chain alone', async () => {
    const chainId = randomUUID();
    await append({ chainId });
    const failed = test.db.transaction(async (tx) => {
      await tx.sql`INSERT INTO server_secrets VALUES ('kept', 'no')`;
      await appendAudit(tx, event({ chainId, signature: 'x'.repeat(257) }));
    });
    await expect(failed).rejects.toMatchObject({ code: 'AUDIT_ERROR', message: 'The audit log could not be written.' });
    expect(await readChain(test.db, chainId, 0, 10)).toHaveLength(1);
    expect(await test.db.sql`SELECT 1 FROM server_secrets WHERE name = 'kept'`).toHaveLength(0);
  });
});

describe('audit_log', () => {
  it('refuses UPDATE, DELETE and TRUNCATE', async () => {
    const { eventId } = await append();
    const { sql } = test.db;
    await expect(sql`UPDATE audit_log SET action = 'x' WHERE event_id = ${eventId}`).rejects.toThrow(
      /append-only: UPDATE/,
    );
    await expect(sql`DELETE FROM audit_log WHERE event_id = ${eventId}`).rejects.toThrow(/append-only: DELETE/);
    await expect(sql`TRUNCATE audit_log CASCADE`).rejects.toThrow(/append-only: TRUNCATE/);
    expect(await sql`SELECT 1 FROM audit_log WHERE event_id = ${eventId}`).toHaveLength(1);
  });
});

describe('verifyChain', () => {
  it('finds and locates every change, gap, swap, insertion and cut', async () => {
    const chainId = randomUUID();
    for (let n = 1; n <= 12; n++) await append({ chainId, data: { n, text: 'x' }, keyId: 'k', envelope: 'e' });
    const rows = await readChain(test.db, chainId, 0, 100);
    const head = { seq: 12, head: rows[11]!.chainHash };
    const tamper = (change: (copy: typeof rows) => void) => {
      const copy = structuredClone([...rows]) as typeof rows;
      change(copy);
      return verifyChain(copy, { head });
    };
    for (const field of [
      'eventId',
      'agentId',
      'action',
      'resourceType',
      'resourceId',
      'signature',
      'keyId',
      'envelope',
    ] as const) {
      for (let at = 0; at < 12; at++) {
        const verdict = tamper((copy) => Object.assign(copy[at]!, { [field]: `${copy[at]![field]}.` }));
        expect(verdict).toMatchObject({ ok: false, problem: 'event_changed', seq: at + 1 });
      }
    }
    for (let at = 0; at < 12; at++) {
      expect(tamper((copy) => Object.assign(copy[at]!.data, { n: 0 }))).toMatchObject({
        problem: 'event_changed',
        seq: at + 1,
      });
      const later = (copy: typeof rows) => copy[at]!.timestamp.setTime(copy[at]!.timestamp.getTime() + 1);
      expect(tamper(later)).toMatchObject({ problem: 'event_changed', seq: at + 1 });
      const hashes = { eventHash: 'f'.repeat(64) };
      expect(tamper((copy) => Object.assign(copy[at]!, hashes))).toMatchObject({ ok: false, seq: at + 1 });
      expect(tamper((copy) => Object.assign(copy[at]!, { chainHash: 'f'.repeat(64) }))).toMatchObject({
        ok: false,
        seq: at + 1,
      });
      expect(tamper((copy) => copy.splice(at, 1))).toMatchObject({ problem: 'row_missing' });
      expect(tamper((copy) => copy.splice(at, 0, copy[at]!))).toMatchObject({ ok: false, problem: 'link_broken' });
      expect(tamper((copy) => copy.splice(at))).toMatchObject({ problem: 'row_missing', seq: at + 1 });
    }
    expect(tamper((copy) => copy.reverse())).toMatchObject({ ok: false });
    expect(tamper((copy) => Object.assign(copy[3]!, { chainId: 'other' }))).toMatchObject({
      problem: 'wrong_chain',
      seq: 4,
    });
    expect(verifyChain(rows, { head: { seq: 12, head: 'f'.repeat(64) } })).toMatchObject({
      ok: false,
      problem: 'link_broken',
    });
    expect(tamper(() => {})).toEqual({ ok: true, events: 12, head: head.head });
  });
});
