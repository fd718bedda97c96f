/**
 * Makes a node what it is most of its life, a server that has been at work and not one that compiles itself: by work that
 * is not measured, on repositories of its own.
 */
import { settle } from '../support/process-tree.js';
import { exchange, lsRefs, type PushedPack, rawFetch, rawPush } from '../support/raw-client.js';
import type { Target } from '../support/target.js';
import { push } from './raw-writes.js';
import type { Repository } from './repositories.js';

/** V8 goes on compiling what a push or a clone needs until about here. */
export const ROUNDS_AT_WORK = 3000;

/** The same for first pushes, which bring some thousand objects each. */
const FIRST_PUSHES = 30;

/** First pushes. @param repo a small one */
export async function receiveRepositories(node: Target, repo: Repository): Promise<void> {
  for (let i = 0; i < FIRST_PUSHES; i++) {
    const url = await node.empty(`at-work-${i}`);
    await rawPush(url, 'refs/heads/main', repo.head, repo.pack, node.pushHeaders(url));
  }
  await settle(node.pid);
}

/** Clones: advertisement, ls-refs and fetch. @param repo a small one */
export async function serveClones(node: Target, repo: Repository): Promise<void> {
  const url = await node.host('cloned-at-work', repo.dir);
  const headers = { 'git-protocol': 'version=2' };
  for (let i = 0; i < ROUNDS_AT_WORK; i++) {
    await exchange(`${url}/info/refs?service=git-upload-pack`, { headers });
    await lsRefs(url);
    await rawFetch(url, repo.tips);
  }
  await settle(node.pid);
}

/** Pushes of one commit. @param repo a small one @param packs what each brings on top of it */
export async function receivePushes(node: Target, repo: Repository, packs: readonly PushedPack[]): Promise<void> {
  const url = await node.host('pushed-at-work', repo.dir);
  for (const each of packs) await push(url, node.pushHeaders(url), 'refs/heads/raw', each);
  await settle(node.pid);
}
