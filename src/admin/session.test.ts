import { createHash, randomUUID, scryptSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ADMIN_ENV, AdminNodes, promised } from '../../test/support/admin.js';
import { send, startTestApp } from '../../test/support/http.js';
import { ConfigError, readConfig } from '../config.js';
import { adminApi } from './api.js';
import { verifyPassword } from './password.js';

let nodes: AdminNodes;

beforeAll(async () => {
  nodes = await AdminNodes.start();
});

afterAll(() => nodes?.stop());

describe('sessions', () => {
  test('a login opens a session on every node, for 24 hours, under both paths', async () => {
    const answer = await nodes.login();
    expect(answer.status).toBe(200);
    promised('/login', 'post', answer.json.data);
    const { token: fresh, expiresAt } = answer.json.data;
    expect(fresh).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(Math.abs(new Date(expiresAt).getTime() - Date.now() - 24 * 3_600_000)).toBeLessThan(60_000);
    for (const { url } of nodes.apps) {
      for (const path of ['/admin/stats', '/api/admin/stats']) {
        const stats = await send(url, path, { headers: { authorization: `bearer ${fresh}` } });
        expect([stats.status, stats.headers['cache-control']]).toEqual([200, 'no-store']);
      }
    }
  });

  test('only the hash of a token is stored', async () => {
    const { token: fresh } = (await nodes.login()).json.data;
    const rows = await nodes.database.db.sql`SELECT token_hash FROM admin_sessions`;
    const hashes = rows.map((row) => row.token_hash);
    expect(hashes).toContain(createHash('sha256').update(fresh).digest('hex'));
    expect(hashes).not.toContain(fresh);
  });

  test('logging out ends the session on every node; login and logout are in the audit log', async () => {
    const { token: fresh } = (await nodes.login()).json.data;
    const headers = { authorization: `Bearer ${fresh}` };
    const out = await send(nodes.apps[0]!.url, '/admin/logout', { method: 'POST', headers });
    promised('/logout', 'post', out.json.data);
    const after = await send(nodes.apps[1]!.url, '/admin/stats', { headers });
    expect([after.status, after.json.error.code]).toEqual([401, 'INVALID_TOKEN']);
    const [entered, left] = [await nodes.lastEvent('admin_login'), await nodes.lastEvent('admin_logout')];
    expect(left).toMatchObject({ agentId: 'root', resourceType: 'admin_session', signature: '', data: {} });
    expect(left.resourceId).toBe(entered.resourceId);
  });

  test('missing, unknown and expired tokens are told apart', async () => {
    const ask = (headers: Record<string, string>) => send(nodes.apps[0]!.url, '/admin/stats', { headers });
    for (const headers of [{}, { authorization: 'Basic cm9vdDp4' }, { authorization: `Bearer ${randomUUID()}` }]) {
      const answer = await ask(headers as Record<string, string>);
      expect([answer.status, answer.json.error.code]).toEqual([401, 'INVALID_TOKEN']);
      expect(answer.headers['www-authenticate']).toBeUndefined();
    }
    const { token: old } = (await nodes.login()).json.data;
    await nodes.database.db.sql`UPDATE admin_sessions SET expires_at = now() - interval '1 second'
      WHERE token_hash = ${createHash('sha256').update(old).digest('hex')}`;
    const expired = await ask({ authorization: `Bearer ${old}` });
    expect([expired.status, expired.json.error.code]).toEqual([401, 'SESSION_EXPIRED']);
  });

  test('every route but the login wants a session', async () => {
    for (const { method, path, auth } of adminApi) {
      const address = path.replaceAll(/\{\w+\}/g, randomUUID());
      const answer = await send(nodes.apps[0]!.url, address, { method: method.toUpperCase() });
      expect([path, answer.status], path).toEqual([path, auth === 'admin' ? 401 : 400]);
    }
  });

  test('a session of an operator who was replaced is none', async () => {
    const other = await startTestApp({ db: nodes.database.db }, { ...ADMIN_ENV, ADMIN_USERNAME: 'somebody-else' });
    try {
      const answer = await send(other.url, '/admin/stats', { headers: { authorization: `Bearer ${nodes.token}` } });
      expect(answer.json.error.code).toBe('INVALID_TOKEN');
    } finally {
      await other.close();
    }
  });

  test('without configuration there is no way in', async () => {
    const closed = await startTestApp({ db: nodes.database.db }, { ADMIN_USERNAME: 'root' });
    try {
      const body = { username: 'root', password: '' };
      const tried = await send(closed.url, '/admin/login', { method: 'POST', body });
      expect([tried.status, tried.json.error.code]).toEqual([503, 'ADMIN_NOT_CONFIGURED']);
      const stats = await send(closed.url, '/admin/stats', { headers: { authorization: `Bearer ${nodes.token}` } });
      expect(stats.status).toBe(503);
    } finally {
      await closed.close();
    }
  });
});

describe('guessing passwords', () => {
  test('wrong name and wrong password look the same', async () => {
    const answers = [await nodes.login({ username: 'toor' }), await nodes.login({ password: 'x' })];
    expect(answers.map(({ status, json }) => [status, json.error.code, json.error.message])).toEqual(
      Array(2).fill([401, 'INVALID_CREDENTIALS', 'User name or password is wrong.']),
    );
  });

  test('five wrong ones cost nothing, then the pause doubles, and binds the right one too', async () => {
    const from = nodes.address();
    const guesses = await Promise.all(
      Array.from({ length: 5 }, (_, i) => nodes.login({ from, password: `${i}` }, i % 2)),
    );
    expect(guesses.map((answer) => answer.json.error.code)).toEqual(Array(5).fill('INVALID_CREDENTIALS'));
    const failures = (count: number) =>
      nodes.database.db.sql`
        UPDATE admin_login_failures SET failures = ${count}, last_at = now() WHERE client_ip = ${from}`;
    for (const [count, pause] of [
      [9, 16],
      [10, 32],
      [1000, 900],
    ] as const) {
      await failures(count);
      const right = await nodes.login({ from }, 1);
      expect([right.status, right.json.error.code]).toEqual([429, 'RATE_LIMITED']);
      const wait = Number(right.headers['retry-after']);
      expect(wait).toBeLessThanOrEqual(pause);
      expect(wait).toBeGreaterThan(pause - 10);
    }
    expect((await nodes.login()).status, 'another address').toBe(200);
    await nodes.database.db.sql`
      UPDATE admin_login_failures SET last_at = now() - interval '16 minutes' WHERE client_ip = ${from}`;
    expect((await nodes.login({ from })).status).toBe(200);
    const left = await nodes.database.db.sql`SELECT FROM admin_login_failures WHERE client_ip = ${from}`;
    expect(left).toHaveLength(0);
  });

  test('of 60 guesses at once on two nodes one is looked at when the pause is over', async () => {
    const from = nodes.address();
    await nodes.database.db.sql`
      INSERT INTO admin_login_failures (client_ip, failures, last_at) VALUES (${from}, 14, now() - interval '1 hour')`;
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, i) => nodes.login({ from, password: `${i}` }, i % 2)),
    );
    const codes = answers.map((answer) => answer.json.error.code).sort();
    expect(codes).toEqual(['INVALID_CREDENTIALS', ...Array(59).fill('RATE_LIMITED')]);
  });

  test.each([{}, { username: 'root' }, { username: 1, password: 'x' }, { username: 'r\0', password: 'x' }])(
    '%j is no login',
    async (body) => {
      const answer = await send(nodes.apps[0]!.url, '/admin/login', { method: 'POST', body });
      expect([answer.status, answer.json.error.code]).toEqual([400, 'VALIDATION_ERROR']);
    },
  );
});

describe('password hashes', () => {
  const salt = Buffer.from('0123456789abcdef');
  const b64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64').replace(/=+$/, '');
  const scryptHash = `$scrypt$ln=14,r=8,p=1$${b64(salt)}$${b64(scryptSync('secret', salt, 32, { N: 2 ** 14, r: 8, p: 1 }))}`;
  /** Made with the reference program: `echo -n password | argon2 somesalt -t 2 -m 16 -p 1 -id -e`. */
  const argonHash = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';

  test('scrypt', async () => {
    expect(readConfig({ ADMIN_PASSWORD_HASH: scryptHash }).ADMIN_PASSWORD_HASH).toBe(scryptHash);
    expect(await verifyPassword(scryptHash, 'secret')).toBe(true);
    expect(await verifyPassword(scryptHash, 'Secret')).toBe(false);
  });

  test('argon2id', async () => {
    expect(readConfig({ ADMIN_PASSWORD_HASH: argonHash }).ADMIN_PASSWORD_HASH).toBe(argonHash);
    expect(await verifyPassword(argonHash, 'password')).toBe(true);
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
    }, 5);
    expect(await verifyPassword(argonHash, 'passwort')).toBe(false);
    clearInterval(timer);
    expect(turns, 'the event loop goes on meanwhile').toBeGreaterThan(3);
  });

  test.each([
    'secret',
    'A'.repeat(64),
    `$scrypt$ln=31,r=8,p=1$${b64(salt)}$${b64(salt)}`,
    `$scrypt$ln=14,r=8,p=1$$${b64(salt)}`,
    '$argon2id$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm',
    '$2b$12$EXRkfkdmXn2gzds2SSitu.MW9.gAVqa9eLS1//RYtYCmB1eLHg.9q',
  ])('%s stops the start', (hash) => {
    expect(() => readConfig({ ADMIN_PASSWORD_HASH: hash })).toThrow(ConfigError);
    expect(() => readConfig({ ADMIN_PASSWORD_HASH: hash })).toThrow(/^ADMIN_PASSWORD_HASH must be /);
  });

  test('a user name that no audit row can hold stops the start', () => {
    expect(() => readConfig({ ADMIN_USERNAME: 'x'.repeat(65) })).toThrow(/^ADMIN_USERNAME must be /);
  });
});
