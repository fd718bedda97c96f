/** The consumer of the outbox topic `ci_run`: every head that waits for a run gets one. */
import { loadSnapshot } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import type { Tx } from '../db/index.js';
import type { OutboxEvent, TopicHandler } from '../outbox/index.js';
import { lockPull, positionOf, setCiStatus } from '../pulls/index.js';
import { holdRepository } from '../refs/index.js';
import { createRun, SYSTEM } from './create-run.js';
import { type LoadedConfig, loadConfig } from './load-config.js';
import { findRunless, lockActiveRun, type RunlessPull } from './store.js';

/**
 * Makes the handler. An event says only that heads moved in its repository; which ones still need a run is read from the
 * pull requests, so an event that comes late, twice or together with others creates no run too many.
 */
export function ciRunHandler(ctx: AppContext): TopicHandler {
  return async (event) => {
    const repoId = repositoryOf(event);
    const runless = await findRunless(ctx.db, repoId);
    if (runless.length === 0) return undefined;
    const snapshot = await loadSnapshot(ctx, repoId);
    const prepared: [RunlessPull, LoadedConfig][] = [];
    for (const pull of runless) {
      prepared.push([pull, await loadConfig(ctx, snapshot, positionOf(snapshot, pull.headOid))]);
    }
    return async (tx) => {
      // All locks before the first audit event: from there on the chain is locked until commit.
      if ((await holdRepository(tx, repoId)) === undefined) return;
      const due: typeof prepared = [];
      for (const each of prepared) if (await isDue(tx, repoId, each[0])) due.push(each);
      for (const [{ prId, headOid }, loaded] of due) {
        if (loaded.kind === 'none') await setCiStatus(tx, prId, headOid, 'passed');
        else {
          const request = { prId, repoId, commitSha: headOid, headOid, loaded };
          await createRun(tx, { ...request, trigger: event.action, proof: SYSTEM });
        }
      }
    };
  };
}

/** Locks the pull request. A head that moved on brought an event of its own. */
async function isDue(tx: Tx, repoId: string, { prId, headOid }: RunlessPull): Promise<boolean> {
  const pull = await lockPull(tx, repoId, prId);
  if (pull?.status !== 'open' || pull.headOid !== headOid || pull.ciStatus !== 'pending') return false;
  return (await lockActiveRun(tx, prId))?.headOid !== headOid;
}

function repositoryOf({ resourceType, resourceId, data }: OutboxEvent): string {
  if (resourceType === 'repository') return resourceId;
  if (typeof data.repo_id === 'string') return data.repo_id;
  throw new Error('the event names no repository');
}
