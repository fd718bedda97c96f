import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { api } from '../../src/http/index.js';
import { errorsOf, isSignedWrite } from '../../src/http/openapi/index.js';
import type { RouteDescription } from '../../src/routing/index.js';
import { ADMIN_ENV } from '../support/admin.js';
import { signToken } from '../support/auth.js';
import { startGitApp } from '../support/git-app.js';
import { type Answer, send, sign, type TestAgent, type TestApp } from '../support/http.js';
import { CALLS, callOf } from './calls.js';
import { impostor, KINDS, type Kind, MEMBERS, type Member, openScene, type Scene } from './scene.js';

/** Ways to ask; a member asks with a good signature, the others as the owner whose proof is not good. */
const WAYS = ['no credentials', 'wrong key', 'expired', 'future', 'replayed', 'suspended', ...MEMBERS] as const;
type Way = (typeof WAYS)[number];

let app: TestApp;
let scene: Scene;
beforeAll(async () => {
  app = await startGitApp({}, { RATE_LIMIT_ENABLED: 'false', ...ADMIN_ENV });
  scene = await openScene(app);
});
afterAll(() => app.close());

const RANKS = ['read', 'write', 'admin', 'owner'];
const HELD: Record<Member, string> = { reader: 'read', writer: 'write', admin: 'admin', owner: 'owner' };

/** Rooms that hide a private repository from signers without a role; the others say ACCESS_DENIED (contract G53). */
const HIDING = ['starRepo', 'unstarRepo'];

/** The one open read that answers a signer as its signed twin `/access` does. */
const SPEAKING = 'listCollaborators';

function isMember(way: Way): way is Member {
  return (MEMBERS as readonly string[]).includes(way);
}

/** `undefined` = may, otherwise the refusal. */
function refusal(route: RouteDescription, way: Way, kind: Kind): string | undefined {
  const isGit = route.operationId.startsWith('git');
  if (route.auth === 'open') return undefined;
  if (route.auth === 'admin') return '401 INVALID_TOKEN';
  if (way === 'no credentials') {
    if (route.auth === 'signed' || (isGit && kind !== 'public')) return '401 INVALID_SIGNATURE';
    return kind === 'public' ? undefined : '404 REPO_NOT_FOUND';
  }
  if (way === 'wrong key') return '401 INVALID_SIGNATURE';
  if (way === 'expired' || way === 'future') return '401 SIGNATURE_EXPIRED';
  if (way === 'suspended') return '403 SUSPENDED_AGENT';
  // Nonces of reads are not used up, and git tokens may repeat until they expire.
  const replayed = way === 'replayed' && isSignedWrite(route) && !isGit;
  // A JSON push looks its stored report up where all pushes do, which is after the role.
  if (replayed && !(route.operationId === 'pushPack' && kind === 'foreign')) return '401 REPLAY_ATTACK';
  if (route.role === undefined) return undefined;
  const held = kind === 'foreign' ? undefined : isMember(way) ? HELD[way] : 'owner';
  const required = route.role === 'author' ? 'write' : route.role;
  if (kind === 'public' && required === 'read') return undefined;
  if (held !== undefined && RANKS.indexOf(held) >= RANKS.indexOf(required)) return undefined;
  const isRead = route.auth === 'signed-optional' && !isGit && route.operationId !== SPEAKING;
  if (held === undefined && kind !== 'public' && (isRead || HIDING.includes(route.operationId)))
    return '404 REPO_NOT_FOUND';
  return route.errors?.includes('ADMIN_REQUIRED') ? '403 ADMIN_REQUIRED' : '403 ACCESS_DENIED';
}

const at = (seconds: number) => `${new Date(Date.now() + seconds * 1000).toISOString().slice(0, 19)}Z`;

/** A nonce that the agent has used up for something else. */
async function usedNonce(agent: TestAgent): Promise<string> {
  const nonce = randomUUID();
  const body = { name: `r-${nonce}`, description: null, visibility: 'private' };
  const { query: _query, ...used } = sign(agent, { action: 'repo_create', nonce, body });
  expect((await send(app.url, '/v1/repos', { method: 'POST', ...used })).status).toBe(201);
  return nonce;
}

async function ask(route: RouteDescription, way: Way, kind: Kind): Promise<{ answer: Answer; outcome: string }> {
  const place = await scene.place(kind);
  const agent = way === 'suspended' ? scene.cast.suspended : isMember(way) ? scene.cast[way] : scene.cast.owner;
  const { path, query, body, ids, outcome } = callOf(route, scene, place, agent);
  const method = route.method.toUpperCase();
  const git = route.requestType !== undefined || route.operationId.startsWith('git');
  const headers: Record<string, string> = git ? { 'content-type': route.requestType ?? 'text/plain' } : {};
  const unsigned = git ? { headers, ...(method === 'POST' ? { body: '0000' } : {}) } : { headers };
  if (way === 'no credentials' || route.auth === 'open') {
    const sent = route.body !== undefined && !git ? { ...unsigned, body } : unsigned;
    return { answer: await send(app.url, path + query, { method, ...sent }), outcome };
  }
  const signer = way === 'wrong key' ? impostor(agent) : agent;
  const proof = {
    ...(way === 'expired' ? { timestamp: at(-3600) } : way === 'future' ? { timestamp: at(3600) } : {}),
    ...(way === 'replayed' ? { nonce: await usedNonce(agent) } : {}),
  };
  if (git) {
    const service = route.operationId === 'gitReceivePack' ? 'git-receive-pack' : 'git-upload-pack';
    const token = signToken(signer, { aud: new URL(app.url).host, repoId: place.repoId, service }, proof);
    const authorization = `GitClaw ${token}`;
    return {
      answer: await send(app.url, path + query, { method, ...unsigned, headers: { ...headers, authorization } }),
      outcome,
    };
  }
  const action =
    route.auth === 'signed'
      ? { action: route.actions?.[0] ?? '', body: { ...ids, ...body } }
      : { action: 'repo_read', body: {} };
  const signed = sign(signer, { ...action, ...proof });
  const sent = { headers, ...(signed.body === undefined ? {} : { body: signed.body }) };
  return { answer: await send(app.url, path + query, { method, ...sent }), outcome };
}

function shown({ status, json }: Answer): string {
  return json?.error === undefined ? String(status) : `${status} ${json.error.code}`;
}

describe('who may call what', () => {
  it('the table has every route, and no route that is gone', () => {
    expect(Object.keys(CALLS).sort()).toEqual(api.map(({ operationId }) => operationId).sort());
  });

  it.each(api.map((route) => [`${route.method.toUpperCase()} ${route.path}`, route] as const))(
    '%s',
    async (_, route) => {
      const kinds = /\{repoId\}|\{owner\}/.test(route.path) && route.auth !== 'open' ? KINDS : (['public'] as const);
      const got: Record<string, string> = {};
      const wanted: Record<string, string> = {};
      for (const kind of kinds) {
        for (const way of WAYS) {
          const cell = `${kind}, ${way}`;
          const { answer, outcome } = await ask(route, way, kind);
          got[cell] = shown(answer);
          wanted[cell] = refusal(route, way, kind) ?? outcome;
          if (route.method !== 'get' && answer.status < 300) scene.spoil(kind);
        }
      }
      expect(got).toEqual(wanted);
    },
  );

  it('every refusal of the table is a code that the route declares', () => {
    for (const route of api) {
      const declared = errorsOf(route) as string[];
      for (const kind of KINDS) {
        for (const way of WAYS) {
          const code = refusal(route, way, kind)?.split(' ')[1];
          if (code !== undefined) expect(declared, `${route.operationId}, ${kind}, ${way}`).toContain(code);
        }
      }
    }
  });
});
