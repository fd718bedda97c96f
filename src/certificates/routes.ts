import { Hono } from 'hono';
import { z } from 'zod';
import type { AppContext } from '../context.js';
import { AppError } from '../errors.js';
import { findRepositoryById, visibleRepository } from '../repos/index.js';
import { type AppEnv, check, ok } from '../routing/index.js';
import { findCertificate } from './store.js';

/** To be mounted at /v1/repos. */
export function certificateRoutes(ctx: AppContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();

  app.get('/:repoId/push-certificates/:eventId', async (c) => {
    const { repoId, eventId } = c.req.param();
    await visibleRepository(ctx, c, await findRepositoryById(ctx.db, repoId), { repoId });
    check(z.object({ eventId: z.uuid() }), { eventId });
    const kept = await findCertificate(ctx.db, repoId, eventId);
    if (kept === undefined) {
      throw new AppError('NOT_FOUND', { message: 'This push brought no certificate.', details: { eventId } });
    }
    return ok(c, { ...kept, createdAt: kept.createdAt.toISOString() });
  });

  return app;
}
