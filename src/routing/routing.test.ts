import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newAgent, newRepository, send, startTestApp, type TestApp } from '../../test/support/http.js';
import { check, isStorable, paging, text, wholeNumber } from './index.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({}, { ALLOWED_HOSTS: 'git.example.org' });
});
afterAll(() => app.close());

describe('baseUrl', () => {
  it('echoes loopback and allowed hosts, and no others', async () => {
    const repo = await newRepository(app, await newAgent(app));
    const { port } = new URL(app.url);
    const shown = async (host: string) => {
      const answer = await send(app.url, `/v1/repos/${repo.repoId}`, { headers: { host } });
      return new URL(answer.json.data.cloneUrl).origin;
    };
    expect(await shown(`localhost:${port}`)).toBe(`http://localhost:${port}`);
    expect(await shown('[::1]:99')).toBe('http://[::1]:99');
    expect(await shown('git.example.org')).toBe('http://git.example.org');
    for (const host of ['evil.example', `localhost.evil.example:${port}`, 'git.example.org:1']) {
      expect(await shown(host)).toBe(app.url);
    }
  });

  it('is PUBLIC_URL when that is set', async () => {
    const other = await startTestApp({}, { PUBLIC_URL: 'https://git.example.org/base/' });
    const owner = await newAgent(other);
    const repo = await newRepository(other, owner);
    expect(repo.cloneUrl).toBe(`https://git.example.org/base/${owner.agentName}/${repo.name}.git`);
    await other.close();
  });
});

it('survives clients that go away in the middle of a body', async () => {
  const { hostname, port } = new URL(app.url);
  const before = app.logs.length;
  const socket = connect(Number(port), hostname);
  socket.write('POST /v1/agents HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"agentName"');
  await once(socket, 'connect');
  setTimeout(() => socket.destroy(), 50);
  await expect.poll(() => app.logs.slice(before)).toMatchObject([{ route: '/v1/agents', cut: true }]);
  expect((await send(app.url, '/health')).status).toBe(200);
});

describe('input', () => {
  it('clamps paging and refuses what is not a whole number', () => {
    expect(paging(new URLSearchParams('page=3&perPage=50'))).toEqual({ page: 3, perPage: 50, offset: 100 });
    expect(paging(new URLSearchParams('page=&perPage=1000'), { max: 30 })).toEqual({ page: 1, perPage: 30, offset: 0 });
    expect(paging(new URLSearchParams('page=-1'), { perPage: 7 })).toEqual({ page: 1, perPage: 7, offset: 0 });
    for (const bad of ['x', '1.5', '0x1', ' ', 'NaN', '1e9']) {
      const query = new URLSearchParams({ limit: bad });
      expect(() => wholeNumber(query, 'limit', { fallback: 1, min: 1, max: 9 })).toThrowError(
        expect.objectContaining({ code: 'INVALID_PAGINATION' }),
      );
    }
  });

  it('refuses text that Postgres cannot hold and names the field', () => {
    expect(check(text, 'größe 🦀')).toBe('größe 🦀');
    for (const bad of ['a\0b', '\ud83e', 'x\udd80']) {
      expect(() => check(text, bad)).toThrowError(
        expect.objectContaining({
          code: 'VALIDATION_ERROR',
          details: { issues: [expect.objectContaining({ path: '' })] },
        }),
      );
    }
    expect([isStorable(''), isStorable('a'), isStorable('\0'), isStorable('a'.repeat(65))]).toEqual([
      false,
      true,
      false,
      false,
    ]);
  });
});
