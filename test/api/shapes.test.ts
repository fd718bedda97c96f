import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { api } from '../../src/http/index.js';
import type { RouteDescription } from '../../src/routing/index.js';
import type { JsonObject } from '../../src/signing/index.js';
import { startGitApp } from '../support/git-app.js';
import { type Answer, type Signing, signedRequest, type TestApp } from '../support/http.js';
import { callOf } from './calls.js';
import { openScene, type Place, type Scene } from './scene.js';
import { SHAPES } from './shapes.js';

/** Signed JSON routes; what git itself signs is tested with git. */
const signed = api.filter(({ auth, requestType }) => auth === 'signed' && requestType === undefined);

let app: TestApp;
let scene: Scene;
beforeAll(async () => {
  app = await startGitApp({}, { RATE_LIMIT_ENABLED: 'false' });
  scene = await openScene(app);
});
afterAll(() => app.close());

type Parts = ReturnType<typeof callOf>;

/** Sends one call to a place of its own; the call is made for that place. */
async function ask(
  route: RouteDescription,
  signing: (parts: Parts) => Signing & { path?: string },
): Promise<[string, string]> {
  const place: Place = await scene.place('private');
  const parts = callOf(route, scene, place, scene.cast.owner);
  const { path = parts.path, ...rest } = signing(parts);
  const answer = await signedRequest(app, scene.cast.owner, route.method.toUpperCase(), path, rest);
  if (route.method !== 'get') scene.spoil('private');
  return [shown(answer), parts.outcome];
}

function shown({ status, json }: Answer): string {
  return json?.error === undefined ? String(status) : `${status} ${json.error.code}`;
}

/** Fields as a flat client may leave them out: nulls are. */
const withoutNulls = (fields: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));

describe('request shapes', () => {
  it('are listed for every signed route', () => {
    expect(Object.keys(SHAPES).sort()).toEqual(signed.map(({ operationId }) => operationId).sort());
  });

  it.each(signed.map((route) => [route.operationId, route] as const))(
    '%s, as every SDK sends it',
    async (id, route) => {
      const action = route.actions?.[0] ?? '';
      const { ids, body: fields } = callOf(route, scene, await scene.place('private'), scene.cast.owner);
      const senders = SHAPES[id]?.({ action, ids, fields }).map(({ by }) => by) ?? [];
      expect(senders.length).toBeGreaterThan(0);
      for (const by of senders) {
        const [got, wanted] = await ask(route, (parts) => {
          const shape = SHAPES[id]?.({ action, ids: parts.ids, fields: parts.body }).find((each) => each.by === by);
          if (shape === undefined) throw new Error(`${id} has no shape by ${by}`);
          return { action: shape.action, body: shape.body, path: shape.path?.(parts.path) ?? parts.path };
        });
        expect([by, got]).toEqual([by, wanted]);
      }
    },
  );

  it.each(signed.map((route) => [route.operationId, route] as const))(
    '%s, flat, in headers and in the query',
    async (_, route) => {
      for (const action of route.actions ?? []) {
        for (const form of ['flat', 'headers', 'query'] as const) {
          if (form === 'query' && !['get', 'delete'].includes(route.method)) continue;
          for (const fill of [(fields: JsonObject) => fields, withoutNulls]) {
            const [got, wanted] = await ask(route, (parts) => {
              const { agentId: _signer, ...ids } = parts.ids;
              // A flat body cannot say which agent it is about: there, agentId is the signer.
              const body = { ...parts.ids, ...parts.body };
              const fields = form === 'flat' ? fill({ ...ids, ...parts.body }) : fill(parts.body);
              return { action, form, body, fields };
            });
            expect([action, form, fill.name, got]).toEqual([action, form, fill.name, wanted]);
          }
        }
      }
    },
  );

  it.each(signed.map((route) => [route.operationId, route] as const))(
    '%s refuses ids of another address',
    async (_, route) => {
      const { ids } = callOf(route, scene, await scene.place('private'), scene.cast.owner);
      for (const id of Object.keys(ids)) {
        const [got] = await ask(route, (parts) => ({
          action: route.actions?.[0] ?? '',
          body: { ...parts.ids, ...parts.body, [id]: '00000000-0000-4000-8000-000000000001' },
        }));
        expect([id, got]).toEqual([id, '400 VALIDATION_ERROR']);
      }
      const [other] = await ask(route, (parts) => ({
        action: 'something_else',
        body: { ...parts.ids, ...parts.body },
      }));
      expect(other).toBe('400 VALIDATION_ERROR');
    },
  );
});
