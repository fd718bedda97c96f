import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ok, refuse, SigningServer } from '../../test/support/signing-server.js';
import { generateKey } from '../signing/index.js';
import {
  AuthenticationError,
  AuthorizationError,
  ConflictError,
  GitClawClient,
  type GitClawClientOptions,
  IdentityRequiredError,
  NetworkError,
  NotFoundError,
  RateLimitedError,
  ServerError,
  ValidationError,
} from './index.js';

let server: SigningServer;
let pauses: number[];

beforeEach(async () => {
  server = await new SigningServer().start();
  pauses = [];
});
afterEach(() => server.stop());

function client(options: Partial<GitClawClientOptions> = {}): GitClawClient {
  return new GitClawClient({ baseUrl: server.url, sleep: async (ms) => void pauses.push(ms), ...options });
}

async function agent(type: 'ed25519' | 'ecdsa' = 'ed25519', options: Partial<GitClawClientOptions> = {}) {
  const { privateKeyPem, publicKey } = generateKey(type);
  const { agentId } = await client().register({ agentName: 'ada', publicKey });
  return { agentId, signed: client({ agentId, privateKey: privateKeyPem, ...options }) };
}

describe('signed calls', () => {
  it.each(['ed25519', 'ecdsa'] as const)(
    'are accepted for %s keys, GET and DELETE with a body included',
    async (type) => {
      const { agentId, signed } = await agent(type);
      const repo = await signed.createRepo({ name: 'demo', visibility: 'private' });
      expect(repo).toMatchObject({ name: 'demo', description: null, visibility: 'private', ownerId: agentId });
      expect(await signed.listRepos()).toEqual([repo]);
      expect(await signed.repo('ada/demo')).toEqual(repo);
      expect(await signed.grantAccess('r', 'other', 'write')).toMatchObject({
        action: 'access_grant',
        repoId: 'r',
        targetAgentId: 'other',
        role: 'write',
      });
      expect(await signed.revokeAccess('r', 'other')).toMatchObject({
        action: 'access_revoke',
        targetAgentId: 'other',
      });
      expect(await signed.listAccess('r')).toEqual([]);
      expect(await signed.addKey('ed25519:x')).toMatchObject({ action: 'key_add', agentId, publicKey: 'ed25519:x' });
      expect(await signed.revokeKey('k1')).toMatchObject({ action: 'key_revoke', agentId, keyId: 'k1' });
      const calls = server.seen.map(({ method, url }) => `${method} ${url}`);
      expect(calls).toContain('GET /v1/repos');
      expect(calls).toContain('DELETE /v1/repos/r/access/other');
      expect(calls).toContain(`DELETE /v1/agents/${agentId}/keys/k1`);
    },
  );

  it('refuse to go out unsigned', async () => {
    await expect(client().createRepo({ name: 'demo' })).rejects.toBeInstanceOf(IdentityRequiredError);
    expect(server.seen).toEqual([]);
  });

  it('of another key are the server’s to refuse', async () => {
    const { agentId } = await agent();
    const stranger = client({ agentId, privateKey: generateKey().privateKeyPem });
    await expect(stranger.listRepos()).rejects.toMatchObject({ status: 401, code: 'INVALID_SIGNATURE' });
  });

  it('escape what they put into the path', async () => {
    await expect(client().agent('../x?y')).rejects.toBeInstanceOf(NotFoundError);
    expect(server.seen[0]?.url).toBe('/v1/agents/..%2Fx%3Fy');
  });
});

describe('retries', () => {
  it('repeat a change with the same nonce after lost answers and 5xx, so that the server acts once', async () => {
    const { signed } = await agent();
    server.seen.length = 0;
    server.script.push('hang up', refuse(503, 'SERVER_BUSY', { 'retry-after': '7' }), refuse(500, 'INTERNAL_ERROR'));
    await signed.createRepo({ name: 'demo' });
    expect(server.seen).toHaveLength(4);
    expect(new Set(server.seen.map(({ body }) => body.nonce)).size).toBe(1);
    expect(pauses[0]).toBeGreaterThanOrEqual(900);
    expect(pauses[0]).toBeLessThanOrEqual(1100);
    expect(pauses[1]).toBe(7000);
    expect(pauses[2]).toBeGreaterThanOrEqual(3600);
    expect(pauses[2]).toBeLessThanOrEqual(4400);
  });

  it('use a new nonce for the next call', async () => {
    const { signed } = await agent();
    await signed.listRepos();
    await signed.listRepos();
    expect(new Set(server.seen.map(({ body }) => body.nonce)).size).toBe(3);
  });

  it('end after three, and never start for a refusal or a pause that is too long', async () => {
    server.script.push(...Array.from({ length: 5 }, () => refuse(502, 'OBJECT_STORAGE_ERROR')));
    await expect(client().agent('a')).rejects.toBeInstanceOf(ServerError);
    expect(server.seen).toHaveLength(4);
    server.script.length = 0;
    server.script.push(refuse(429, 'RATE_LIMITED', { 'retry-after': '3600' }));
    await expect(client().agent('a')).rejects.toMatchObject({ retryAfter: 3600 });
    server.script.push(refuse(501, 'X'), refuse(409, 'CONFLICT'));
    await expect(client().agent('a')).rejects.toBeInstanceOf(ServerError);
    await expect(client().agent('a')).rejects.toBeInstanceOf(ConflictError);
    expect(server.seen).toHaveLength(7);
  });
});

describe('errors', () => {
  it.each([
    [400, ValidationError],
    [413, ValidationError],
    [401, AuthenticationError],
    [403, AuthorizationError],
    [404, NotFoundError],
    [409, ConflictError],
    [429, RateLimitedError],
    [504, ServerError],
    [302, ServerError],
  ])('of status %i have a class, the code and the request id', async (status, type) => {
    server.script.push(refuse(status, 'SOME_CODE'));
    const error = await client({ retries: 0 })
      .agent('a')
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(type);
    expect(error).toMatchObject({
      status,
      code: 'SOME_CODE',
      requestId: 'request-1',
      message: 'refused with SOME_CODE',
    });
  });

  it('tell a page that is no API answer apart', async () => {
    server.script.push(
      { status: 200, body: '<html>' },
      { status: 404, body: '<html>', headers: { 'x-request-id': 'h' } },
    );
    await expect(client().agent('a')).rejects.toThrow('not JSON');
    await expect(client().agent('a')).rejects.toMatchObject({ code: 'UNKNOWN_ERROR', status: 404, requestId: 'h' });
  });

  it('name the address that nothing listens on', async () => {
    const gone = client({ retries: 1 });
    await server.stop();
    const error = await gone.agent('a').catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(NetworkError);
    expect(error).toMatchObject({ code: 'ECONNREFUSED', message: `nothing listens on ${new URL(server.url).host}` });
    expect(pauses).toHaveLength(1);
    server = await new SigningServer().start();
  });

  it('report silence', async () => {
    const { createServer } = await import('node:net');
    const mute = createServer(() => {});
    await new Promise<void>((done) => mute.listen(0, '127.0.0.1', done));
    const { port } = mute.address() as { port: number };
    const patient = client({ baseUrl: `http://127.0.0.1:${port}`, retries: 0, timeoutMs: 50 });
    await expect(patient.agent('a')).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    mute.close();
  });

  it('refuse an address of another scheme and a key of another kind', () => {
    expect(() => client({ baseUrl: 'ftp://x' })).toThrow(TypeError);
    expect(() => client({ agentId: 'a', privateKey: 'no key' })).toThrow();
  });
});

describe('gitToken', () => {
  it('binds host, repository and service', async () => {
    const { agentId, signed } = await agent();
    const { host } = new URL(server.url);
    const write = signed.gitToken({ url: `${server.url}/ada/demo.git`, service: 'git-receive-pack' });
    expect(server.openToken(write)).toMatchObject({
      agentId,
      action: 'git_auth',
      body: { aud: host, repoId: 'ada/demo', service: 'git-receive-pack' },
    });
    const read = signed.gitToken({ repoId: 'id-1', service: 'git-upload-pack', aud: 'git.example.com' });
    expect(server.openToken(read)?.body).toEqual({
      aud: 'git.example.com',
      repoId: 'id-1',
      service: 'git-upload-pack',
    });
    expect(() => signed.gitToken({ url: server.url, service: 'git-upload-pack' })).toThrow(TypeError);
  });

  it('travels beside a base path', async () => {
    server.script.push(ok({ agentId: 'a' }));
    await client({ baseUrl: `${server.url}/below/` }).agent('a');
    expect(server.seen[0]?.url).toBe('/below/v1/agents/a');
  });
});
