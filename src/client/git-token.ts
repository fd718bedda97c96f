/** The signed token that git carries as a password: who (envelope), for which host, repository and service. */
import type { KeyObject } from 'node:crypto';
import { randomUUID } from 'node:crypto';
import { signEnvelope } from '../signing/sign.js';
import { encodeToken, TOKEN_ACTION } from '../signing/token.js';

export type GitService = 'git-upload-pack' | 'git-receive-pack';

export interface GitTokenInput {
  agentId: string;
  privateKey: KeyObject;
  /** host[:port] as the client dials it. */
  audience: string;
  /** Repository id, or `owner/name`. */
  repoId: string;
  /** A token for `git-receive-pack` also reads. */
  service: GitService;
  /** Default: this machine's clock. */
  now?: Date;
}

/** Signs a `gct1.` token (envelope action `git_auth`, body `{aud, repoId, service}`); it lives for five minutes. */
export function signGitToken(input: GitTokenInput): string {
  const body = { aud: input.audience, repoId: input.repoId, service: input.service };
  const envelope = {
    agentId: input.agentId,
    action: TOKEN_ACTION,
    timestamp: wholeSeconds(input.now ?? new Date()),
    nonce: randomUUID(),
    body,
  };
  const { canonical, signature } = signEnvelope(envelope, input.privateKey);
  return encodeToken(canonical, signature);
}

/**
 * The repository that the path of a clone URL names: `owner/name`, or the id for `v1/repos/{id}`.
 * @param path of the URL, with or without leading slash, `.git` and `/clone`
 * @returns undefined when it is no repository's path
 */
export function repositoryOfPath(path: string): string | undefined {
  const parts = path.split('/').filter((part) => part !== '');
  if (parts[0] === 'v1' && parts[1] === 'repos') {
    if (parts.length === 4 && parts[3] !== 'clone') return undefined;
    return parts.length === 3 || parts.length === 4 ? stripGit(parts[2]) : undefined;
  }
  const name = stripGit(parts[1]);
  return parts.length === 2 && name !== undefined ? `${parts[0]}/${name}` : undefined;
}

/** RFC 3339 in UTC without a fraction, the form every client of this API signs. */
export function wholeSeconds(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}

function stripGit(name: string | undefined): string | undefined {
  const bare = name?.replace(/\.git$/, '');
  return bare === '' ? undefined : bare;
}
