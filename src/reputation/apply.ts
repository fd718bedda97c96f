/** The consumer of the outbox topic `reputation`. */
import { appendAudit } from '../audit/index.js';
import type { AppContext } from '../context.js';
import type { Tx } from '../db/index.js';
import type { OutboxEvent, TopicHandler } from '../outbox/index.js';
import { findReverts, recordReverts } from './reverts.js';
import { type Change, changesOf, move } from './rules.js';
import { alreadyChangedBy, lockScores, updateScore } from './store.js';

/**
 * Makes the handler. Scores, their audit events and the outbox row change in one transaction, so a crash applies an
 * event wholly or not at all; each `reputation_update` names its source event, so a second row for the same event, or
 * one that an operator put back, changes nothing.
 */
export function reputationHandler(ctx: AppContext): TopicHandler {
  return async (event) => {
    const changes = changesOf(event);
    const reverts = event.action === 'pr_merge' ? await findReverts(ctx, event) : [];
    return async (tx) => {
      await applyChanges(tx, event, changes);
      await recordReverts(tx, event, reverts);
    };
  };
}

/** Applies each change to its agent's score, within [0, 1]. Agents that do not exist (any more) are left out. */
async function applyChanges(tx: Tx, event: OutboxEvent, changes: readonly Change[]): Promise<void> {
  if (changes.length === 0) return;
  const agentIds = changes.map(({ agentId }) => agentId);
  const scores = new Map((await lockScores(tx, agentIds)).map(({ agentId, score }) => [agentId, score]));
  const done = await alreadyChangedBy(tx, event.eventId, agentIds);
  const updates = changes.flatMap(({ agentId, thousandths, reason }) => {
    const old = scores.get(agentId);
    if (old === undefined || done.has(agentId)) return [];
    const score = move(old, thousandths);
    return [{ agentId, old, score, thousandths, reason }];
  });
  for (const update of updates) await updateScore(tx, update);
  // All scores before the first audit event: from there on the chain is locked until commit.
  for (const { agentId, old, score, thousandths, reason } of updates) {
    await appendAudit(tx, {
      agentId: 'system',
      signature: 'system',
      action: 'reputation_update',
      resourceType: 'reputation',
      resourceId: agentId,
      data: {
        old_score: old / 1000,
        new_score: score / 1000,
        delta: thousandths / 1000,
        reason,
        related_resource_id: event.resourceId,
        source_event_id: event.eventId,
      },
    });
  }
}
