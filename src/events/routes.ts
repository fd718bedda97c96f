/** Streams of events: of everything a reader may see, of one agent, of one repository. */
import { Hono } from 'hono';
import { effectiveRole } from '../access/index.js';
import { placeEvents, readChainEvents, readPlacedEvents, streamEnd } from '../audit/index.js';
import { optionalPrincipal } from '../auth/index.js';
import type { AppContext } from '../context.js';
import { AppError } from '../errors.js';
import { findRepositoryById } from '../repos/index.js';
import { type AppContextOf, type AppEnv, isStorable, noteAgent, readRequest } from '../routing/index.js';
import { hubOf } from './hub.js';
import { eventStream, type Source } from './stream.js';

/** Rows read at once. */
const PAGE = 200;
/** Rows of an answer that does not follow. */
const MAX_WITHOUT_FOLLOWING = 1_000;

/** To be mounted at /v1/events. */
export function eventRoutes(ctx: AppContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.get('/', (c) => {
    const repoId = c.req.query('repoId') || undefined;
    return repoId === undefined ? streamAll(c, ctx) : streamRepository(c, ctx, repoId);
  });
  return app;
}

/** To be mounted at /v1/repos, before the repos room. */
export function repoEventRoutes(ctx: AppContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.get('/:repoId/events', (c) => streamRepository(c, ctx, c.req.param('repoId')));
  return app;
}

/** Places are those of the repository's chain, which readers of its audit log know as `seq`. */
async function streamRepository(c: AppContextOf, ctx: AppContext, repoId: string): Promise<Response> {
  const { db } = ctx;
  const missing = new AppError('REPO_NOT_FOUND', { details: { repoId } });
  const found = await findRepositoryById(db, repoId);
  const principal = await optionalPrincipal(ctx, await readRequest(c), found);
  noteAgent(c, principal?.agentId);
  const agentId = principal?.agentId;
  // Asked again with every page: roles are taken away and repositories become private while a stream runs.
  const assertReadable = async () => {
    const repo = await findRepositoryById(db, repoId);
    if (repo === undefined || (await effectiveRole(db, repo, agentId)) === undefined) throw missing;
  };
  await assertReadable();
  const read: Source['read'] = async (after) => {
    const page = await readChainEvents(db, repoId, { after, limit: PAGE });
    if (page.events.length > 0) await assertReadable();
    return page;
  };
  return answer(c, ctx, { read }, { agentId, chainId: repoId });
}

/** Places are those in the order of all events. */
async function streamAll(c: AppContextOf, ctx: AppContext): Promise<Response> {
  const { db } = ctx;
  const principal = await optionalPrincipal(ctx, await readRequest(c));
  noteAgent(c, principal?.agentId);
  const viewerId = principal?.agentId;
  const agentId = c.req.query('agentId') || undefined;
  if (agentId !== undefined && !isStorable(agentId)) throw invalid('agentId', 'is no agent id');
  await placeEvents(db);
  const read: Source['read'] = (after) => readPlacedEvents(db, { after, limit: PAGE, agentId, viewerId });
  return answer(c, ctx, { read }, { agentId: viewerId, chainId: undefined });
}

async function answer(
  c: AppContextOf,
  ctx: AppContext,
  source: Source,
  { agentId, chainId }: { agentId: string | undefined; chainId: string | undefined },
): Promise<Response> {
  const follow = wantsToFollow(c);
  const after = startOf(c) ?? (await streamEnd(ctx.db, chainId));
  const hub = hubOf(ctx);
  const seat = hub.enter(agentId ?? c.get('clientIp'), chainId);
  // Also of an answer to HEAD, whose body nobody reads.
  c.env.outgoing.once('close', seat.leave);
  const failed = (error: unknown) => {
    if (error instanceof AppError && error.status < 500) return;
    ctx.log.warn({ requestId: c.get('requestId'), err: error }, 'an event stream broke off');
  };
  const stream = eventStream(follow ? source : limited(source), { after, follow, seat, pollMs: hub.pollMs, failed });
  return c.body(stream, 200, {
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-store',
    // nginx would hold events back.
    'X-Accel-Buffering': 'no',
  });
}

/** Browsers' EventSource and other readers of streams say that they accept one; everybody else gets an answer that ends. */
function wantsToFollow(c: AppContextOf): boolean {
  const said = c.req.query('follow');
  if (said === 'true' || said === '1') return true;
  if (said === 'false' || said === '0') return false;
  if (said !== undefined && said !== '') throw invalid('follow', 'is true or false');
  return /\btext\/event-stream\b/i.test(c.env.incoming.headers.accept ?? '');
}

/** `Last-Event-ID` of a client that comes back, else `after`; undefined = from now on. */
function startOf(c: AppContextOf): number | undefined {
  const header = c.env.incoming.headers['last-event-id'];
  const text = (Array.isArray(header) ? header[0] : header) || c.req.query('after');
  if (text === undefined || text === '') return undefined;
  if (!/^\d{1,15}$/.test(text)) throw invalid('after', 'is a whole number');
  return Number(text);
}

function limited(source: Source): Source {
  let left = MAX_WITHOUT_FOLLOWING;
  return {
    async read(after) {
      if (left <= 0) return { events: [], last: after, more: false };
      left -= PAGE;
      return source.read(after);
    },
  };
}

function invalid(field: string, message: string): AppError {
  return new AppError('VALIDATION_ERROR', { message: `${field} ${message}.`, details: { field } });
}
