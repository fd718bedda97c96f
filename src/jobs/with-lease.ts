/** Keeps a claimed repository claimed while slow work on its packs goes on. */
import { MAINTENANCE_LEASE_SECS, renewMaintenance } from '../catalog/index.js';
import type { AppContext } from '../context.js';

/** Runs `work`, renewing the lease several times in its life. A failed renewal costs at most work that is done twice. */
export async function withLease<T>(ctx: AppContext, repoId: string, work: () => Promise<T>): Promise<T> {
  const timer = setInterval(() => {
    renewMaintenance(ctx.db, repoId).catch((error: unknown) =>
      ctx.log.warn({ repoId, err: error }, 'lease not renewed'),
    );
  }, MAINTENANCE_LEASE_SECS * 300);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
