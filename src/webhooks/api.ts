import { z } from 'zod';
import { nextCursor, type RouteDescription } from '../routing/index.js';
import { READ_WEBHOOKS } from './routes.js';
import { createBody, deliveryObject, updateBody, webhookObject, webhookWithSecret } from './schemas.js';

const tag = 'Webhooks';
const base = '/v1/repos/{repoId}/webhooks';
const one = `${base}/{webhookId}`;
const paged = z.object({ cursor: z.string().optional(), limit: z.string().optional(), perPage: z.string().optional() });
const none = z.object({});

type Own = Omit<RouteDescription, 'tag' | 'auth' | 'role'>;
const managed = (route: Own): RouteDescription => ({
  ...route,
  tag,
  auth: 'signed',
  role: 'admin',
  errors: [
    'REPO_NOT_FOUND',
    'ADMIN_REQUIRED',
    ...(route.path === base ? [] : (['NOT_FOUND'] as const)),
    ...(route.errors ?? []),
  ],
});

export const webhooksApi: readonly RouteDescription[] = [
  managed({
    ...{ method: 'post', path: base, operationId: 'createWebhook', actions: ['webhook_create'] },
    summary: 'Subscribes to events of a repository. The secret that signs deliveries is shown in this answer only.',
    body: createBody,
    status: 201,
    data: webhookWithSecret.extend({ secret: z.string() }),
    errors: ['CONFLICT'],
  }),
  managed({
    ...{ method: 'get', path: base, operationId: 'listWebhooks', actions: READ_WEBHOOKS },
    summary: 'The webhooks of a repository, oldest first.',
    query: paged,
    body: none,
    status: 200,
    data: z.object({ repoId: z.string(), webhooks: z.array(webhookObject), nextCursor }),
    errors: ['INVALID_PAGINATION'],
  }),
  managed({
    ...{ method: 'get', path: one, operationId: 'getWebhook', actions: READ_WEBHOOKS },
    summary: 'One webhook.',
    body: none,
    status: 200,
    data: webhookObject,
  }),
  managed({
    ...{ method: 'patch', path: one, operationId: 'updateWebhook', actions: ['webhook_update'] },
    summary: 'Changes a webhook; `rotateSecret` gives it a new secret, which is null in the answer otherwise.',
    body: updateBody,
    status: 200,
    data: webhookWithSecret,
  }),
  managed({
    ...{ method: 'delete', path: one, operationId: 'deleteWebhook', actions: ['webhook_delete'] },
    summary: 'Removes a webhook with its deliveries.',
    body: none,
    status: 200,
    data: z.object({ repoId: z.string(), webhookId: z.string(), action: z.literal('deleted') }),
  }),
  managed({
    ...{ method: 'get', path: `${one}/deliveries`, operationId: 'listDeliveries', actions: READ_WEBHOOKS },
    summary: 'Deliveries of the last seven days with the answers they got, newest first.',
    query: paged,
    body: none,
    status: 200,
    data: z.object({
      repoId: z.string(),
      webhookId: z.string(),
      deliveries: z.array(deliveryObject),
      nextCursor,
    }),
    errors: ['INVALID_PAGINATION'],
  }),
  managed({
    ...{ method: 'post', path: `${one}/deliveries/{deliveryId}/redeliver`, operationId: 'redeliver' },
    actions: ['webhook_redeliver'],
    summary: 'Sends an event once more, as a delivery of its own.',
    body: none,
    status: 202,
    data: deliveryObject,
  }),
];
