import { z } from 'zod';
import type { RouteDescription } from '../../../routing/index.js';
import { cloneAnswer, cloneBody, receivePackAnswer, receivePackBody, uploadPackBody } from './schemas.js';

const COMMON = { method: 'post', tag: 'Git as JSON', auth: 'signed', status: 200 } as const;

/** Where else git finds its sub-paths. */
const prefixes = (service: string) => [
  `/v1/repos/{repoId}.git/${service}`,
  `/v1/repos/{repoId}/clone/${service}`,
  `/{owner}/{name}.git/${service}`,
  `/{owner}/{name}/${service}`,
];

export const jsonGitApi: RouteDescription[] = [
  {
    ...COMMON,
    path: '/v1/repos/{repoId}/clone',
    operationId: 'cloneRepository',
    summary: 'Refs and a pack with everything they reach, whole or some commits deep',
    actions: ['repo_clone'],
    role: 'read',
    body: cloneBody,
    data: cloneAnswer,
    errors: ['REPO_NOT_FOUND', 'ACCESS_DENIED', 'PAYLOAD_TOO_LARGE'],
  },
  {
    ...COMMON,
    path: '/v1/repos/{repoId}/git-upload-pack',
    aliases: prefixes('git-upload-pack'),
    operationId: 'fetchPack',
    summary: 'A pack with what the wants reach and the haves do not',
    actions: ['git-upload-pack'],
    role: 'read',
    body: uploadPackBody,
    data: z.file().mime('application/x-git-upload-pack-result'),
    bare: true,
    errors: ['REPO_NOT_FOUND', 'ACCESS_DENIED', 'REF_NOT_FOUND', 'PAYLOAD_TOO_LARGE', 'SERVER_BUSY'],
  },
  {
    ...COMMON,
    path: '/v1/repos/{repoId}/git-receive-pack',
    aliases: prefixes('git-receive-pack'),
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
