import { afterAll, beforeAll, expect, it } from 'vitest';
import { api } from '../../src/http/index.js';
import type { RouteDescription } from '../../src/routing/index.js';
import type { JsonObject } from '../../src/signing/index.js';
import { ADMIN_ENV } from '../support/admin.js';
import { startGitApp } from '../support/git-app.js';
import { send, sign, type TestApp } from '../support/http.js';
import { Random } from '../support/random.js';
import { callOf } from './calls.js';
import { digest } from './digest.js';
import { MUTATIONS, oddPath, oddQuery } from './mutations.js';
import { openScene, type Place, type Scene } from './scene.js';

/** Far above any honest answer of this size, far below the patience of a client. */
const HANG_MS = 10_000;
const SEED = 20_260_115;
const CASES = 6000;
const REACHED = [
  '400 VALIDATION_ERROR',
  '401 INVALID_SIGNATURE',
  '403 ACCESS_DENIED',
  '404 AGENT_NOT_FOUND',
  '404 REPO_NOT_FOUND',
];
/** Requests under way at once. */
const LANES = 8;

let app: TestApp;
let scene: Scene;
let place: Place;
beforeAll(async () => {
  app = await startGitApp({}, { RATE_LIMIT_ENABLED: 'false', ...ADMIN_ENV });
  scene = await openScene(app);
  place = await scene.place('private');
});
afterAll(() => app.close());

interface Case {
  what: string;
  path: string;
  method: string;
  headers?: Record<string, string>;
  body?: object | string | Buffer;
  /** Whether only a refusal is right. */
  refused: boolean;
}

/** A good request of the owner, damaged after it was signed. */
function damaged(route: RouteDescription, random: Random): Case {
  const { owner } = scene.cast;
  const call = callOf(route, scene, place, owner);
  const { body: envelope } = sign(owner, {
    action: route.actions?.[0] ?? 'repo_read',
    body: { ...call.ids, ...call.body },
  });
  const what = random.pick(Object.keys(MUTATIONS));
  const bad = MUTATIONS[what]!(envelope as JsonObject, call.path, random);
  return { what, method: route.method, ...bad, refused: route.auth === 'signed' };
}

/** A stranger signs anything, well, for a repository it has no role in; or nobody asks for it. */
function strange(route: RouteDescription, random: Random): Case {
  const { bystander } = scene;
  const call = callOf(route, scene, place, bystander);
  const path = random.chance(0.5) ? oddPath(call.path, random) : call.path + oddQuery(random);
  const method = route.method;
  if (route.auth === 'open' || !route.path.includes('{repoId}') || random.chance(0.3)) {
    const body = random.chance(0.5) ? { body: random.bytes(random.below(200)) } : {};
    return { what: 'unsigned', path, method, ...body, refused: false };
  }
  const odd = {
    [random.words(1)]: random.words(3),
    ...(random.chance(0.5) ? { role: 'owner', name: null, verdict: 7 } : {}),
  };
  const body = { ...(random.chance(0.5) ? call.ids : {}), ...call.body, ...odd };
  const { query: _query, ...signed } = sign(bystander, { action: route.actions?.[0] ?? 'repo_read', body });
  return { what: 'a stranger', path, method, ...signed, refused: route.auth === 'signed' };
}

/** How often each status and code was answered. */
const answers = new Map<string, number>();

async function run({ what, path, method, headers, body, refused }: Case): Promise<string | undefined> {
  const sent = { method: method.toUpperCase(), ...(headers && { headers }), ...(body !== undefined && { body }) };
  const label = `${sent.method} ${path.slice(0, 200)}: ${what}`;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer')), HANG_MS);
  });
  try {
    const { status, text, json } = await Promise.race([send(app.url, path, sent), late]);
    const answer = `${status} ${json?.error?.code ?? ''}`;
    answers.set(answer, (answers.get(answer) ?? 0) + 1);
    if (status >= 500) return `${label} answered ${status} ${text.slice(0, 300)}`;
    return refused && status < 400 ? `${label} was accepted: ${status} ${text.slice(0, 300)}` : undefined;
  } catch (error) {
    return `${label}: ${error instanceof Error ? error.message : String(error)}`;
  } finally {
    clearTimeout(timer);
  }
}

it('damaged and strange requests to every route are refused, without a fault, a hang or an effect', async () => {
  // What git speaks has its own hostile tests; here its routes get JSON and noise.
  const random = new Random(SEED);
  const cases = Array.from({ length: CASES }, (_, index) => {
    const route = api[index % api.length]!;
    return random.chance(0.65) && route.auth !== 'open' ? damaged(route, random) : strange(route, random);
  });
  // Keys of the server are made, and events put in order, when a read first needs them.
  for (const path of ['/v1/audit/export', '/v1/audit/checkpoints', '/v1/events']) {
    expect((await send(app.url, path)).status).toBe(200);
  }
  const before = await digest(app.ctx.db);
  expect(Object.keys(before).length).toBeGreaterThan(20);
  const problems: string[] = [];
  const lane = async () => {
    for (let each = cases.shift(); each !== undefined; each = cases.shift()) {
      const problem = await run(each);
      if (problem !== undefined) problems.push(problem);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  // Damage of each depth was met: the envelope, its proof, the signer, the role, the body.
  for (const answer of REACHED) expect(answers.get(answer) ?? 0, answer).toBeGreaterThan(20);
  expect(problems.slice(0, 20)).toEqual([]);
  expect(problems).toHaveLength(0);
  expect(await digest(app.ctx.db)).toEqual(before);
}, 240_000);
