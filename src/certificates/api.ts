import type { RouteDescription } from '../routing/index.js';
import { certificateObject } from './schemas.js';

export const certificatesApi: readonly RouteDescription[] = [
  {
    method: 'get',
    path: '/v1/repos/{repoId}/push-certificates/{eventId}',
    operationId: 'getPushCertificate',
    tag: 'Repositories',
    summary: 'The certificate of a signed push; its audit row has the id as `push_event_id`.',
    auth: 'signed-optional',
    role: 'read',
    status: 200,
    data: certificateObject,
    errors: ['REPO_NOT_FOUND', 'NOT_FOUND', 'VALIDATION_ERROR'],
  },
];
