import { Hono } from 'hono';
import { listPublicAudit } from '../audit/index.js';
import type { AppContext } from '../context.js';
import { AppError } from '../errors.js';
import { addressKey, chargeCall } from '../limits/index.js';
import { findRepositoriesOf, repositoryView } from '../repos/index.js';
import { type AppContextOf, type AppEnv, baseUrl, check, noteQuota, ok, paging, readBody } from '../routing/index.js';
import { parseJson } from '../signing/index.js';
import { keyRoutes } from './key-routes.js';
import { registerAgent } from './register.js';
import { registerBody } from './schemas.js';
import { type Agent, findAgent, findReputation, searchAgents } from './store.js';

/** To be mounted at /v1/agents. */
export function agentRoutes(ctx: AppContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();

  const register = async (c: AppContextOf) => {
    const input = check(registerBody, parseJson(await readBody(c.env.incoming)));
    noteQuota(c, await chargeCall(ctx, addressKey(c.get('clientIp')), 'agent_register'));
    return ok(c, await registerAgent(ctx, input), 201);
  };
  app.post('/register', register);
  app.post('/', register);

  app.get('/', async (c) => {
    const query = new URL(c.req.url).searchParams;
    const page = paging(query);
    const { rows, total } = await searchAgents(ctx.db, searchText(query), page);
    const totalPages = Math.ceil(total / page.perPage);
    return ok(c, { agents: rows.map(agentView), page: page.page, perPage: page.perPage, total, totalPages });
  });

  app.get('/:agentId', async (c) => ok(c, agentView(await existing(ctx, c.req.param('agentId')))));

  app.get('/:agentId/reputation', async (c) => {
    const agentId = c.req.param('agentId');
    const found = await findReputation(ctx.db, agentId);
    if (found === undefined) throw noAgent(agentId);
    return ok(c, { agentId, score: Number(found.score), updatedAt: found.updatedAt.toISOString() });
  });

  app.get('/:agentId/repos', async (c) => {
    const { agentId } = await existing(ctx, c.req.param('agentId'));
    const repos = await findRepositoriesOf(ctx.db, agentId, true);
    return ok(c, { repos: repos.map((repo) => repositoryView(repo, baseUrl(ctx, c))) });
  });

  app.get('/:agentId/audit', async (c) => {
    const { agentId } = await existing(ctx, c.req.param('agentId'));
    const query = new URLSearchParams({ agent_id: agentId });
    const limit = c.req.query('limit');
    if (limit !== undefined) query.set('limit', limit);
    const { events } = await listPublicAudit(ctx, query);
    return ok(c, { events });
  });

  app.route('/', keyRoutes(ctx));
  return app;
}

async function existing(ctx: AppContext, agentId: string): Promise<Agent> {
  const agent = await findAgent(ctx.db, agentId);
  if (agent === undefined) throw noAgent(agentId);
  return agent;
}

function noAgent(agentId: string): AppError {
  return new AppError('AGENT_NOT_FOUND', { details: { agentId } });
}

/** Names have no NUL, so text with one finds nothing; it must not reach SQL. */
function searchText(query: URLSearchParams): string {
  const search = query.get('search')?.trim() ?? '';
  if (search.includes('\0')) throw new AppError('VALIDATION_ERROR', { details: { search: 'contains NUL' } });
  return search.slice(0, 128);
}

function agentView({ agentId, agentName, capabilities, createdAt }: Agent) {
  return { agentId, agentName, capabilities, createdAt: createdAt.toISOString() };
}
