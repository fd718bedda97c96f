import { Hono } from 'hono';
import { auditKey, listAudit, parseAuditQuery } from '../audit/index.js';
import type { AppContext } from '../context.js';
import { type AppEnv, baseUrl, check, ok, readCursor, signedWrite, writeCursor } from '../routing/index.js';
import type { JsonObject } from '../signing/index.js';
import { checkRepositoryName, createRepository } from './create.js';
import { deleteForOwner, forgetRepository } from './delete.js';
import { listForCaller } from './list.js';
import { createBody, updateBody } from './schemas.js';
import { findRepositoryById, findRepositoryByName } from './store.js';
import { changeRepository } from './update.js';
import { repositoryView } from './view.js';
import { visibleRepository } from './visible.js';

/** First segments below /v1/repos that are addresses of their own, not owners. */
const RESERVED_OWNERS = new Set(['trending']);
/** Second segments that are parts of a repository, not names of one. */
const RESERVED_NAMES = new Set(
  'access audit branches ci clone collaborators commits contents events fork info protection pulls push-certificates star stars tree webhooks'.split(
    ' ',
  ),
);

const UPDATE_FIELDS = ['name', 'description', 'visibility', 'defaultBranch', 'pushCertPolicy'];

/** To be mounted at /v1/repos, after every other room that has routes there. */
export function repoRoutes(ctx: AppContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();

  app.post('/', (c) => {
    const base = baseUrl(ctx, c);
    return signedWrite(c, ctx, CREATE_RULE, (call) => {
      const input = check(createBody, call.body);
      checkRepositoryName(input.name);
      return (tx) => createRepository(tx, call, input, base);
    });
  });

  app.get('/', async (c) => {
    const { rows, nextCursor } = await listForCaller(ctx, c);
    return ok(c, { repos: rows.map((repo) => repositoryView(repo, baseUrl(ctx, c))), nextCursor });
  });

  app.get('/:repoId', async (c) => {
    const repoId = c.req.param('repoId');
    if (RESERVED_OWNERS.has(repoId)) return c.notFound();
    const repo = await visibleRepository(ctx, c, await findRepositoryById(ctx.db, repoId), { repoId });
    return ok(c, repositoryView(repo, baseUrl(ctx, c)));
  });

  app.patch('/:repoId', (c) => {
    const repoId = c.req.param('repoId');
    const base = baseUrl(ctx, c);
    const rule = { actions: ['repo_update'], ids: { repoId }, flatBody: updateFlatBody(repoId) };
    return signedWrite(c, ctx, rule, (call) => {
      const changes = check(updateBody, call.body);
      if (changes.name !== undefined) checkRepositoryName(changes.name);
      return (tx) => changeRepository(tx, call, { repoId, changes }, base);
    });
  });

  app.delete('/:repoId', async (c) => {
    const repoId = c.req.param('repoId');
    const rule = { actions: ['repo_delete'], ids: { repoId }, flatBody: () => ({ repoId }) };
    const answer = await signedWrite(c, ctx, rule, (call) => (tx) => deleteForOwner(tx, call, repoId));
    await ctx.faultPoint('delete.after-commit');
    await forgetRepository(ctx, repoId).catch((error: unknown) => {
      ctx.log.warn({ repoId, err: error }, 'caches of a deleted repository could not be emptied');
    });
    return answer;
  });

  app.get('/:repoId/audit', async (c) => {
    const repoId = c.req.param('repoId');
    await visibleRepository(ctx, c, await findRepositoryById(ctx.db, repoId), { repoId });
    const query = new URL(c.req.url).searchParams;
    const { limit, offset } = parseAuditQuery(query);
    const after = readCursor(query, auditKey);
    const { events, next } = await listAudit(ctx.db, { repoId, limit, offset, after }, 'member');
    return ok(c, { events, nextCursor: next && writeCursor(next) });
  });

  app.get('/:owner/:name', async (c) => {
    const { owner, name } = c.req.param();
    if (RESERVED_OWNERS.has(owner) || RESERVED_NAMES.has(name)) return c.notFound();
    const repo = await visibleRepository(ctx, c, await findRepositoryByName(ctx.db, owner, name), { owner, name });
    return ok(c, repositoryView(repo, baseUrl(ctx, c)));
  });

  return app;
}

const CREATE_RULE = {
  actions: ['repo_create'],
  ids: {},
  flatBody: ({ name, description, visibility }: JsonObject) => ({
    name: name ?? null,
    description: description ?? null,
    visibility: visibility ?? 'public',
  }),
};

/** What is not sent stays as it is, so only what is sent was signed. */
function updateFlatBody(repoId: string) {
  return (fields: JsonObject): JsonObject => {
    const sent = UPDATE_FIELDS.filter((name) => fields[name] !== undefined).map((name) => [name, fields[name] ?? null]);
    return { repoId, ...Object.fromEntries(sent) };
  };
}
