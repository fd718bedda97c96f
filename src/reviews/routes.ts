import { Hono } from 'hono';
import { z } from 'zod';
import { findAgent } from '../agents/index.js';
import type { AppContext } from '../context.js';
import { AppError } from '../errors.js';
import { findRepositoryById, visibleRepository } from '../repos/index.js';
import {
  type AppEnv,
  check,
  cursorPage,
  cutPage,
  microseconds,
  ok,
  signedWrite,
  text,
  wholeNumber,
} from '../routing/index.js';
import type { JsonObject } from '../signing/index.js';
import { createReview } from './create.js';
import { reviewBody } from './schemas.js';
import { isPullOf, selectPublicReviewsBy, selectReviews } from './store.js';
import { showReview } from './view.js';

/** A pull request has a handful of reviews; the cap keeps one answer from growing without end. */
const MAX_REVIEWS = 1000;

const PATH = '/:repoId/pulls/:prId/reviews';

/** To be mounted at /v1/repos. */
export function reviewRoutes(ctx: AppContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();

  app.post(PATH, (c) => {
    const ids = c.req.param();
    const rule = {
      actions: ['pr_review', 'review_create'],
      ids,
      flatBody: ({ verdict, body }: JsonObject) => ({ ...ids, verdict: verdict ?? null, body: body ?? null }),
    };
    return signedWrite(c, ctx, rule, (call) => {
      const input = check(reviewBody, call.body);
      return (tx) => createReview(tx, call, { ...ids, ...input });
    });
  });

  app.get(PATH, async (c) => {
    const { repoId, prId } = c.req.param();
    await visibleRepository(ctx, c, await findRepositoryById(ctx.db, repoId), { repoId });
    const { limit = MAX_REVIEWS, after } = cursorPage(new URL(c.req.url).searchParams, CURSOR_KEY, {
      fallback: MAX_REVIEWS,
      max: MAX_REVIEWS,
    });
    if (!(await isPullOf(ctx.db, repoId, prId))) throw new AppError('PR_NOT_FOUND', { details: { prId } });
    const { rows, nextCursor } = cutPage(await selectReviews(ctx.db, prId, limit + 1, after), limit, ({ key }) => key);
    return ok(c, { reviews: rows.map(({ review }) => showReview(review)), nextCursor });
  });

  return app;
}

const CURSOR_KEY = z.tuple([microseconds, text.max(64)]);

/** To be mounted at /v1/agents. */
export function agentReviewRoutes(ctx: AppContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.get('/:agentId/reviews', async (c) => {
    const agentId = c.req.param('agentId');
    if ((await findAgent(ctx.db, agentId)) === undefined) {
      throw new AppError('AGENT_NOT_FOUND', { details: { agentId } });
    }
    const query = new URL(c.req.url).searchParams;
    const limit = wholeNumber(query, 'limit', { fallback: MAX_REVIEWS, min: 1, max: MAX_REVIEWS });
    const reviews = await selectPublicReviewsBy(ctx.db, agentId, limit);
    return ok(c, { reviews: reviews.map(showReview) });
  });
  return app;
}
