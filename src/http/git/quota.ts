import type { GitCredential } from '../../auth/index.js';
import type { AppContext } from '../../context.js';
import { assertQuotaLeft, chargeCall } from '../../limits/index.js';
import type { PushQuota } from '../../push/index.js';
import { type AppContextOf, noteQuota } from '../../routing/index.js';

/** Counts the pushes of an agent over smart HTTP, whichever credential it uses, as one action. */
export function pushQuota(
  ctx: AppContext,
  c: AppContextOf,
  credential: Exclude<GitCredential, { kind: 'anonymous' }>,
): PushQuota {
  const { agentId } = credential.kind === 'token' ? credential.principal : credential.claimed;
  return {
    check: () => assertQuotaLeft(ctx, agentId, 'push'),
    async charge() {
      const quota = await chargeCall(ctx, agentId, 'push');
      if (!c.env.outgoing.headersSent) noteQuota(c, quota);
    },
  };
}
