import type { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { authContext } from '../../test/support/auth.js';
import { GitClawClient } from '../client/index.js';
import type { Database } from '../db/index.js';
import type { AppEnv } from '../routing/index.js';
import { api, createApp } from './index.js';

/** Never asked: nothing here sends a request. */
const app: Hono<AppEnv> = createApp(authContext({} as Database));

/** Answers of which git itself, a browser or Prometheus is the client, and routes that the client has in another form. */
const NO_METHOD = [
  'adminLogin',
  'docs',
  'fetchPack',
  'gitInfoRefs',
  'gitInfoRefsByPost',
  'gitReceivePack',
  'gitUploadPack',
  'health',
  'healthLive',
  'healthReady',
  'listCollaborators',
  'metrics',
  'openApi',
  'pushPack',
  'streamEvents',
  'streamRepoEvents',
  'exportAudit',
];

/** Methods that are older than the descriptions and keep their shorter names. */
const SHORT_NAMES: Record<string, string> = {
  getAgent: 'agent',
  getRepo: 'repo',
  getRepoByName: 'repo',
  listAgents: 'searchAgents',
  listAudit: 'audit',
  registerAgent: 'register',
};

/** Handlers of an address, without the middleware around them. */
function handlersOf(method: string, path: string): string[] {
  const [handlers] = app.router.match(method, path);
  return handlers.flatMap(([[, route]]) => (route.method === 'ALL' ? [] : [`${route.method} ${route.path}`]));
}

const asked = api.flatMap((route) =>
  [route.path, ...(route.aliases ?? [])].map((path) => ({
    method: route.method.toUpperCase(),
    type: route.requestType ?? 'application/json',
    path: path.replace(/\{(\w+)\}/g, 'x-$1'),
  })),
);

describe('descriptions and routes', () => {
  it('every description is a route', () => {
    expect(asked.filter(({ method, path }) => handlersOf(method, path).length === 0)).toEqual([]);
  });

  it('every route has a description', () => {
    // What answers is the handler that stands first.
    const described = new Set(asked.map(({ method, path }) => handlersOf(method, path)[0]));
    const routes = app.routes.filter(({ method }) => method !== 'ALL').map(({ method, path }) => `${method} ${path}`);
    expect(routes.length).toBeGreaterThan(30);
    expect([...new Set(routes)].filter((route) => !described.has(route))).toEqual([]);
  });

  it('no two descriptions are of one address and one type of request', () => {
    const keys = asked.map(({ method, path, type }) => `${method} ${path} ${type}`);
    expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([]);
  });

  it('signed routes name their actions, and routes with a role their repository', () => {
    for (const route of api) {
      expect([route.operationId, (route.actions ?? []).length > 0]).toEqual([
        route.operationId,
        route.auth === 'signed',
      ]);
      if (route.role === undefined) continue;
      expect(route.path, route.operationId).toMatch(/\{repoId\}|\{owner\}\/\{name\}/);
      expect(['signed', 'signed-optional']).toContain(route.auth);
    }
  });

  it('every operation is a method of the client', () => {
    const missing = api
      .filter(({ operationId, auth }) => !NO_METHOD.includes(operationId) && auth !== 'admin')
      .map(({ operationId }) => SHORT_NAMES[operationId] ?? operationId)
      .filter((name) => !(name in GitClawClient.prototype));
    expect(missing).toEqual([]);
    expect(NO_METHOD.filter((id) => !api.some(({ operationId }) => operationId === id))).toEqual([]);
  });
});
