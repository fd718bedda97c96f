import { z } from 'zod';
import type { RouteDescription } from '../routing/index.js';

const tag = 'Events';
const how =
  'A client that accepts `text/event-stream` is followed until it leaves (`follow=false` to end after what is there); ' +
  'others get at most 1000 events. It goes on behind `Last-Event-ID` or `after`; without both, from now on.';
const query = z.object({ after: z.string().optional(), follow: z.enum(['true', 'false']).optional() });
const shared = {
  method: 'get',
  tag,
  auth: 'signed-optional',
  status: 200,
  data: z.string(),
  bare: true,
  contentType: 'text/event-stream',
} as const;

export const eventsApi: readonly RouteDescription[] = [
  {
    ...shared,
    path: '/v1/events',
    operationId: 'streamEvents',
    summary:
      'The audit log as server-sent events: all that is public, and with a signature what private repositories of the ' +
      `signer hold. The id is the place in the order of all events. ${how}`,
    query: query.extend({ repoId: z.string().optional(), agentId: z.string().optional() }),
    errors: ['REPO_NOT_FOUND', 'RATE_LIMITED', 'SERVER_BUSY'],
  },
  {
    ...shared,
    path: '/v1/repos/{repoId}/events',
    operationId: 'streamRepoEvents',
    summary: `The audit log of a repository as server-sent events. The id is the place in its chain. ${how}`,
    role: 'read',
    query,
    errors: ['REPO_NOT_FOUND', 'RATE_LIMITED', 'SERVER_BUSY'],
  },
];
