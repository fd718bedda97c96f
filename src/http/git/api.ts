/** Descriptions of git over smart HTTP (gitprotocol-http); bodies are pkt-lines and packs, not JSON. */
import { z } from 'zod';
import type { RouteDescription } from '../../routing/index.js';

const tag = 'Git';
const prefixes = ['/v1/repos/{repoId}', '/v1/repos/{repoId}/clone', '/{owner}/{name}'];
const [main, ...others] = prefixes as [string, ...string[]];
const at = (suffix: string) => ({
  path: `${main}/${suffix}`,
  aliases: others.map((prefix) => `${prefix}/${suffix}`),
});
const common = { tag, status: 200, data: z.string(), bare: true } as const;
const query = z.object({ service: z.enum(['git-upload-pack', 'git-receive-pack']) });

export const gitApi: readonly RouteDescription[] = [
  {
    ...common,
    ...at('info/refs'),
    contentType: 'application/x-git-*-advertisement',
    method: 'get',
    operationId: 'gitInfoRefs',
    summary: 'Ref advertisement.',
    auth: 'signed-optional',
    role: 'read',
    query,
    errors: ['REPO_NOT_FOUND', 'ACCESS_DENIED'],
  },
  {
    ...common,
    ...at('info/refs'),
    contentType: 'application/x-git-*-advertisement',
    method: 'post',
    operationId: 'gitInfoRefsByPost',
    summary: 'Ref advertisement, for clients that ask by POST.',
    auth: 'signed-optional',
    role: 'read',
    query,
    errors: ['REPO_NOT_FOUND', 'ACCESS_DENIED'],
  },
  {
    ...common,
    ...at('git-upload-pack'),
    requestType: 'application/x-git-upload-pack-request',
    contentType: 'application/x-git-upload-pack-result',
    method: 'post',
    operationId: 'gitUploadPack',
    summary: 'Fetch and clone.',
    auth: 'signed-optional',
    role: 'read',
    errors: ['REPO_NOT_FOUND', 'ACCESS_DENIED'],
  },
  {
    ...common,
    ...at('git-receive-pack'),
    requestType: 'application/x-git-receive-pack-request',
    contentType: 'application/x-git-receive-pack-result',
    method: 'post',
    operationId: 'gitReceivePack',
    summary: 'Push.',
    auth: 'signed',
    actions: ['git_auth', 'git-receive-pack'],
    role: 'write',
    errors: ['REPO_NOT_FOUND', 'ACCESS_DENIED'],
  },
];
