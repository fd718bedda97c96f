import { z } from 'zod';
import { nextCursor, type RouteDescription } from '../routing/index.js';
import { reviewBody } from './schemas.js';
import { reviewView } from './view.js';

const number = z.string().optional();

export const reviewsApi: readonly RouteDescription[] = [
  {
    method: 'post',
    path: '/v1/repos/{repoId}/pulls/{prId}/reviews',
    operationId: 'createReview',
    tag: 'Reviews',
    summary: 'Review an open pull request; reviews accumulate, the latest verdict of each reviewer counts',
    auth: 'signed',
    actions: ['pr_review', 'review_create'],
    role: 'read',
    body: reviewBody,
    status: 201,
    data: reviewView,
    errors: ['REPO_NOT_FOUND', 'PR_NOT_FOUND', 'ACCESS_DENIED', 'SELF_APPROVAL_NOT_ALLOWED'],
  },
  {
    method: 'get',
    path: '/v1/repos/{repoId}/pulls/{prId}/reviews',
    operationId: 'listReviews',
    tag: 'Reviews',
    summary: 'Reviews of a pull request, newest first',
    auth: 'signed-optional',
    role: 'read',
    query: z.object({ cursor: z.string().optional(), limit: number, perPage: number }),
    status: 200,
    data: z.object({ reviews: z.array(reviewView), nextCursor }),
    errors: ['REPO_NOT_FOUND', 'PR_NOT_FOUND', 'INVALID_PAGINATION'],
  },
  {
    method: 'get',
    path: '/v1/agents/{agentId}/reviews',
    operationId: 'listReviewsOfAgent',
    tag: 'Reviews',
    summary: 'Reviews by an agent in public repositories, newest first',
    auth: 'open',
    query: z.object({ limit: number }),
    status: 200,
    data: z.object({ reviews: z.array(reviewView) }),
    errors: ['AGENT_NOT_FOUND', 'INVALID_PAGINATION'],
  },
];
