/** Tells of drift: a log line and a count each time, an audit row once a day; and puts right what may be put right. */
import { appendAudit } from '../audit/index.js';
import type { AppContext } from '../context.js';
import { type Check, type Drift, driftJson } from './contract.js';
import { wasReported } from './store.js';

const SYSTEM = { agentId: 'system', signature: 'system-reconciliation' };

/** @returns whether the drift was put right */
export async function reportDrift(ctx: AppContext, check: Check, drift: Drift, fix: boolean): Promise<boolean> {
  const json = driftJson(drift);
  // Operators search their logs for these words.
  ctx.log.warn({ check: check.type, drift: json }, 'drift detected');
  ctx.metrics.drifts.inc({ kind: drift.kind });
  return ctx.db.transaction(async (tx) => {
    const event = { ...SYSTEM, resourceType: drift.resource.type, resourceId: drift.resource.id };
    const chainId = drift.detail.repo_id;
    const fixed = fix && check.fix !== undefined && (await check.fix(tx, drift));
    if (!(await wasReported(tx, drift))) {
      const data = { type: 'drift_detected', drift: json };
      await appendAudit(tx, { ...event, chainId, action: 'drift_detected', data });
    }
    if (fixed) {
      const data = { type: 'drift_fixed', drift: json };
      await appendAudit(tx, { ...event, chainId, action: 'drift_fixed', data });
    }
    return fixed;
  });
}
