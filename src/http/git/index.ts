/** Git smart HTTP under every URL prefix a repository has (gitprotocol-http). */
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Hono } from 'hono';
import type { GitService } from '../../auth/index.js';
import type { AppContext } from '../../context.js';
import { AppError } from '../../errors.js';
import { inForeground } from '../../foreground.js';
import { type AppContextOf, type AppEnv, baseUrl, noteGit } from '../../routing/index.js';
import { advertise } from './advertise.js';
import { ClientGone } from './answer.js';
import { drainBody } from './body.js';
import { challenging } from './challenge.js';
import { jsonClone, jsonReceivePack, jsonUploadPack } from './json/index.js';
import { pushQuota } from './quota.js';
import { receivePack } from './receive-pack.js';
import { openForPush, openRepository, type RepositoryNames } from './target.js';
import { uploadPack } from './upload-pack.js';

export { jsonGitApi } from './json/index.js';

/** Where git appends its three sub-paths; all of them must work with a stock client. */
const PREFIXES = ['/v1/repos/:repo', '/v1/repos/:repo/clone', '/:owner/:name'];

export function mountGit(app: Hono<AppEnv>, ctx: AppContext): void {
  app.post('/v1/repos/:repo/clone', (c) => guarded(ctx, c, () => jsonClone(ctx, c, c.req.param('repo'))));
  for (const prefix of PREFIXES) {
    app.on(['GET', 'POST'], `${prefix}/info/refs`, (c) => infoRefs(ctx, c));
    app.post(`${prefix}/git-upload-pack`, (c) => inForeground(ctx, () => serve(ctx, c, 'git-upload-pack')));
    app.post(`${prefix}/git-receive-pack`, (c) => inForeground(ctx, () => serve(ctx, c, 'git-receive-pack')));
  }
}

async function infoRefs(ctx: AppContext, c: AppContextOf): Promise<Response> {
  const service = c.req.query('service');
  if (service !== 'git-upload-pack' && service !== 'git-receive-pack') {
    throw new AppError('VALIDATION_ERROR', {
      message: 'service must be git-upload-pack or git-receive-pack; the dumb protocol is not served',
    });
  }
  noteGit(c, { operation: 'advertise' });
  const names = repositoryNames(c);
  const access = await challenging(ctx, c, names, service, () => openRepository(ctx, c, names, service));
  const body = await advertise(ctx, access.repo, service, protocolVersion(c));
  return c.body(new Uint8Array(body), 200, {
    'Content-Type': `application/x-${service}-advertisement`,
    'Cache-Control': 'no-cache, max-age=0, must-revalidate',
  });
}

function serve(ctx: AppContext, c: AppContextOf, service: GitService): Promise<Response> {
  const { incoming, outgoing } = c.env;
  return guarded(ctx, c, async () => {
    const type = incoming.headers['content-type']?.split(';')[0]?.trim();
    const isWrite = service === 'git-receive-pack';
    noteGit(c, { operation: isWrite ? 'push' : 'negotiate' });
    if (type === 'application/json') {
      return (isWrite ? jsonReceivePack : jsonUploadPack)(ctx, c, repositoryNames(c));
    }
    if (type !== `application/x-${service}-request`) {
      throw new AppError('VALIDATION_ERROR', { message: `Content-Type must be application/x-${service}-request` });
    }
    const names = repositoryNames(c);
    await challenging(ctx, c, names, service, async () => {
      if (isWrite) {
        const access = await openForPush(ctx, c, names);
        await receivePack(ctx, incoming, outgoing, access, pushQuota(ctx, c, access.credential), baseUrl(ctx, c));
      } else {
        const access = await openRepository(ctx, c, names, service);
        await uploadPack(ctx, incoming, outgoing, access, protocolVersion(c));
      }
    });
    return RESPONSE_ALREADY_SENT;
  });
}

/** Sees to it that the client gets the answer of a failure, or none at all if half of another one is out. */
async function guarded(ctx: AppContext, c: AppContextOf, work: () => Promise<Response>): Promise<Response> {
  const { incoming, outgoing } = c.env;
  try {
    return await work();
  } catch (error) {
    // A request that was read to its end is destroyed too; its client still waits for the answer.
    if (error instanceof ClientGone || outgoing.destroyed || (incoming.destroyed && !incoming.complete)) {
      outgoing.destroy();
      return RESPONSE_ALREADY_SENT;
    }
    if (outgoing.headersSent) {
      // The answer is cut off, which git reports; a proper end would make a broken answer look whole.
      ctx.log.error({ err: error }, 'a git answer failed half-way');
      outgoing.destroy();
      return RESPONSE_ALREADY_SENT;
    }
    await drainBody(incoming);
    throw error;
  }
}

function repositoryNames(c: AppContextOf): RepositoryNames {
  const { repo, owner, name } = c.req.param() as Record<string, string | undefined>;
  if (repo !== undefined) return { repoId: withoutSuffix(repo) };
  return { owner: owner ?? '', name: withoutSuffix(name ?? '') };
}

function withoutSuffix(name: string): string {
  return name.endsWith('.git') ? name.slice(0, -4) : name;
}

/** The highest version the client names (gitprotocol-v2, "HTTP Transport"); 0 when it names none. */
function protocolVersion(c: AppContextOf): 0 | 1 | 2 {
  const header = c.env.incoming.headers['git-protocol'];
  const versions = (typeof header === 'string' ? header.split(':') : []).map(
    (part) => /^version=([012])$/.exec(part)?.[1] ?? '0',
  );
  return Math.max(0, ...versions.map(Number)) as 0 | 1 | 2;
}
