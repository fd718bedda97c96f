import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { AppError } from '../errors.js';
import { together } from '../parallel.js';
import { agents, auditChains, idempotencyResults, isUniqueViolation, openDatabase, type Tx } from './index.js';

let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.drop());

describe('database', () => {
  it('runs drizzle and SQL in one transaction and sees one clock', async () => {
    const before = Date.now();
    const times = await test.db.transaction(async (tx) => {
      await tx.orm.insert(auditChains).values({ chainId: 'a', seq: 1, head: 'h' });
      const [row] = await tx.sql<[{ seq: number }]>`SELECT seq FROM audit_chains WHERE chain_id = 'a'`;
      expect(row.seq).toBe(1);
      const [{ backend }] = await tx.sql<[{ backend: number }]>`SELECT txid_current_if_assigned()::int8 AS backend`;
      expect(backend).toBeGreaterThan(0);
      return [await tx.now(), await tx.now()];
    });
    expect(times[0]).toEqual(times[1]);
    expect(Math.abs(times[0]!.getTime() - before)).toBeLessThan(5000);
    expect(Math.abs((await test.db.now()).getTime() - before)).toBeLessThan(5000);
  });

  it('rolls back when the work rejects, and passes its error on', async () => {
    const own = new AppError('CONFLICT');
    const failed = test.db.transaction(async (tx) => {
      await tx.sql`INSERT INTO audit_chains VALUES ('b', 1, 'h')`;
      throw own;
    });
    await expect(failed).rejects.toBe(own);
    expect(await test.db.sql`SELECT 1 FROM audit_chains WHERE chain_id = 'b'`).toHaveLength(0);
  });

  it('runs statements that are sent together in the order of their calls, new and prepared ones', async () => {
    const write = (tx: Tx, chain: string, seq: number, fresh: boolean) =>
      fresh
        ? tx.sql.unsafe(`INSERT INTO audit_chains (chain_id, seq, head) VALUES ($1, $2, '${seq}')`, [chain, seq])
        : tx.sql`INSERT INTO audit_chains (chain_id, seq, head) VALUES (${chain}, ${seq}, 'h')`;
    const order = await test.db.transaction(async (tx) => {
      await together(...Array.from({ length: 150 }, (_, i) => write(tx, `order-${i}`, i, i % 7 === 3)));
      const rows = await tx.sql<
        { seq: number }[]
      >`SELECT seq FROM audit_chains WHERE chain_id LIKE 'order-%' ORDER BY ctid`;
      return rows.map(({ seq }) => seq);
    });
    expect(order).toEqual(Array.from({ length: 150 }, (_, i) => i));
  });

  it('writes nothing after a rollback when one of the statements sent together fails', async () => {
    const failed = test.db.transaction((tx) =>
      together(
        tx.sql`INSERT INTO audit_chains VALUES ('together-1', 1, 'h')`,
        tx.sql`INSERT INTO audit_chains VALUES ('together-1', 1, 'h')`,
        tx.sql`INSERT INTO audit_chains VALUES ('together-2', 1, 'h')`,
      ),
    );
    await expect(failed).rejects.toMatchObject({ code: 'DATABASE_ERROR', cause: { code: '23505' } });
    expect(await test.db.sql`SELECT 1 FROM audit_chains WHERE chain_id LIKE 'together-%'`).toHaveLength(0);
  });

  it('tells listeners of what was committed and of nothing else', async () => {
    const heard: string[] = [];
    const unlisten = await new Promise<() => void>((connected) => {
      const end = test.db.listen(
        'gitclaw_test',
        (payload) => heard.push(payload),
        () => connected(end),
      );
    });
    await test.db
      .transaction(async (tx) => {
        tx.notify('gitclaw_test', 'rolled back');
        throw new Error('no');
      })
      .catch(() => {});
    await test.db.transaction(async (tx) => {
      tx.notify('gitclaw_test', 'one');
      tx.notify('gitclaw_test', 'two');
    });
    await vi.waitFor(() => expect(heard).toEqual(['one', 'two']), { timeout: 10_000 });
    unlisten();
  });

  it('keeps a transaction to itself when more queries wait than the driver sends down one connection', async () => {
    const db = openDatabase({ url: test.url, maxConnections: 2 });
    await together(...[0, 1].map(() => db.sql`SELECT pg_sleep(0.1)`));
    // The driver sends 100 at most after the one that is being answered: 198 leave each of two connections room for one.
    for (let queries = 194; queries <= 202; queries++) {
      const outcomes = await Promise.allSettled([
        ...[0, 1].map(() => db.sql`SELECT pg_sleep(0.05)`.execute()),
        ...Array.from({ length: queries }, () => db.sql`SELECT 1`.execute()),
        ...[0, 1, 2].map(() => db.transaction((tx) => tx.sql`SELECT 1`)),
      ]);
      expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual([]);
      const open = await db.sql`SELECT pid FROM pg_stat_activity
        WHERE datname = current_database() AND state LIKE 'idle in transaction%'`;
      expect(open).toHaveLength(0);
    }
    await db.close();
  });

  it('hides what Postgres says and still tells which constraint', async () => {
    const insert = (id: string) =>
      test.db.transaction((tx) => tx.orm.insert(agents).values({ agentId: id, agentName: 'same', publicKey: 'k' }));
    await insert('1');
    const error = await insert('2').then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ code: 'DATABASE_ERROR', message: 'The database could not answer.' });
    expect(isUniqueViolation(error)).toBe(true);
    expect(isUniqueViolation(error, 'agents_agent_name_key')).toBe(true);
    expect(isUniqueViolation(error, 'other')).toBe(false);
    expect(isUniqueViolation(new Error('no'))).toBe(false);
  });

  it('keeps every kind of value the same through drizzle and through SQL', async () => {
    const at = new Date('2026-01-02T03:04:05.678Z');
    const values = [{ a: [1, 'x', null] }, '123', '"q"', 7, true, null, ['é\u2028']];
    for (const [index, value] of values.entries()) {
      const row = { nonceHash: `n${index}`, agentId: 'a', action: 'x', statusCode: 200, expiresAt: at };
      if (value !== null) await test.db.orm.insert(idempotencyResults).values({ ...row, responseJson: value });
      else await test.db.sql`INSERT INTO idempotency_results VALUES ('n5', 'a', 'x', 200, 'null', now(), ${at}, null)`;
    }
    const viaOrm = await test.db.orm.select().from(idempotencyResults).orderBy(idempotencyResults.nonceHash);
    expect(viaOrm.map((row) => row.responseJson)).toEqual(values);
    expect(viaOrm.every((row) => row.expiresAt.getTime() === at.getTime())).toBe(true);
    const viaSql = await test.db.sql<{ response_json: unknown; expires_at: Date }[]>`
      SELECT response_json, expires_at FROM idempotency_results WHERE expires_at = ${at} ORDER BY nonce_hash`;
    expect(viaSql.map((row) => row.response_json)).toEqual(values);
    expect(viaSql.every((row) => row.expires_at.getTime() === at.getTime())).toBe(true);
    const json = test.db.sql.json({ b: 1 });
    const [echo] = await test.db.sql<
      [{ v: unknown; n: number }]
    >`SELECT ${json}::jsonb AS v, count(*) AS n FROM agents`;
    expect(echo).toEqual({ v: { b: 1 }, n: 1 });
  });

  it('reports a server that is not there as DATABASE_ERROR', async () => {
    const db = openDatabase({ url: 'postgres://u:secret@127.0.0.1:1/x', maxConnections: 2 });
    await expect(db.check()).rejects.toMatchObject({ code: 'DATABASE_ERROR' });
    await expect(db.transaction((tx) => tx.now())).rejects.toMatchObject({ code: 'DATABASE_ERROR' });
    await db.close();
  });
});
