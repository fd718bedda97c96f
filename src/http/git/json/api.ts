import { z } from 'zod';
import type { RouteDescription } from '../../../routing/index.js';
import { cloneAnswer, cloneBody, receivePackAnswer, receivePackBody, uploadPackBody } from './schemas.js';

const COMMON = { method: 'post', tag: 'Git as JSON', auth: 'signed', status: 200 } as const;

/** The addresses of smart HTTP; the type of the request says which form it has. */
const at = (service: string) => ({
  path: `/v1/repos/{repoId}/${service}`,
  aliases: [`/v1/repos/{repoId}/clone/${service}`, `/{owner}/{name}/${service}`],
});

export const jsonGitApi: readonly RouteDescription[] = [
  {
    ...COMMON,
    path: '/v1/repos/{repoId}/clone',
    operationId: 'cloneRepo',
    safe: true,
    summary: 'Refs and a pack with everything they reach, whole or some commits deep',
    actions: ['repo_clone'],
    role: 'read',
    body: cloneBody,
    data: cloneAnswer,
    errors: ['REPO_NOT_FOUND', 'ACCESS_DENIED', 'PAYLOAD_TOO_LARGE', 'RATE_LIMITED'],
  },
  {
    ...COMMON,
    ...at('git-upload-pack'),
    operationId: 'fetchPack',
    safe: true,
    summary: 'A pack with what the wants reach and the haves do not',
    actions: ['git-upload-pack'],
    role: 'read',
    body: uploadPackBody,
    data: z.string(),
    bare: true,
    contentType: 'application/x-git-upload-pack-result',
    errors: ['REPO_NOT_FOUND', 'ACCESS_DENIED', 'REF_NOT_FOUND', 'PAYLOAD_TOO_LARGE', 'SERVER_BUSY'],
  },
  {
    ...COMMON,
    ...at('git-receive-pack'),
    operationId: 'pushPack',
    summary: 'A push of one pack that moves all refs or none',
    actions: ['push', 'git-receive-pack', 'git_push'],
    role: 'write',
    body: receivePackBody,
    data: receivePackAnswer,
    bare: true,
    errors: [
      'REPO_NOT_FOUND',
      'ACCESS_DENIED',
      'REF_NOT_FOUND',
      'NON_FAST_FORWARD',
      'CONFLICT',
      'INVALID_PACKFILE',
      'INVALID_OBJECT',
      'PAYLOAD_TOO_LARGE',
      'SERVER_BUSY',
    ],
  },
];
