/** isomorphic-git, which asks a callback for credentials after a 401. */
import fs from 'node:fs';
import git, { type PushResult } from 'isomorphic-git';
import http from 'isomorphic-git/http/node';
import type { GitSandbox } from '../support/git.js';
import { AUTHOR, type Failure, type Login, type Operation, type OtherClient } from './client.js';

export function isomorphicGit(_: GitSandbox): OtherClient {
  const remote = ({ dir, url, login }: Operation) => ({
    fs,
    http,
    dir,
    url,
    remote: 'origin',
    ...(login && { onAuth: () => basic(login()) }),
  });
  return {
    shallow: true,
    clone: ({ depth, ...operation }) => told(git.clone({ ...remote(operation), ...(depth && { depth }) })),
    fetch: (operation) => told(git.fetch({ ...remote(operation), tags: true })),
    commit: (dir, file, message) =>
      told(git.add({ fs, dir, filepath: file }).then(() => git.commit({ fs, dir, message, author: AUTHOR }))),
    tag: (dir, tag, message) => told(git.annotatedTag({ fs, dir, ref: tag, message, tagger: AUTHOR })),
    async push({ refspecs, force = false, ...operation }) {
      for (const refspec of refspecs) {
        const [source = '', target = ''] = refspec.split(':');
        // A deletion wants some local ref, too, whatever that is.
        const ref = source === '' ? { ref: 'HEAD', delete: true } : { ref: source };
        const failure = await told(git.push({ ...remote(operation), ...ref, remoteRef: target, force }));
        if (failure !== undefined) return failure;
      }
      return undefined;
    },
  };
}

const basic = ({ user, password }: Login) => ({ username: user, password });

async function told(work: Promise<unknown>): Promise<Failure> {
  try {
    const result = (await work) as Partial<PushResult> | undefined;
    return result?.ok === false ? (result.error ?? 'not done') : undefined;
  } catch (error) {
    return String(error);
  }
}
