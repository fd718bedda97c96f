/** What an event means for whom. */
import { z } from 'zod';
import type { OutboxEvent } from '../outbox/index.js';

/** Why a score changed, as it stands in the audit event. */
export type Reason = 'merge_success' | 'accurate_review' | 'merge_reverted' | 'inaccurate_review' | 'policy_violation';

/** What the rules look at of an event. */
export type SourceEvent = Pick<OutboxEvent, 'action' | 'resourceType' | 'resourceId' | 'data'>;

export interface Change {
  agentId: string;
  /** Added to the score, in thousandths, because scores have three decimals. */
  thousandths: number;
  reason: Reason;
}

/** Scores in thousandths. */
const MAX_SCORE = 1000;
export const INITIAL_SCORE = 500;

/** A score after a change, within its bounds. */
export function move(score: number, thousandths: number): number {
  return Math.min(Math.max(score + thousandths, 0), MAX_SCORE);
}

const merged = z.object({ author_id: z.string(), approving_reviewers: z.array(z.string()) });
const violation = z.object({ author_id: z.string().optional(), agent_id: z.string().optional() });

/**
 * The changes that follow from an event; none for actions that do not touch reputation.
 * Reviews by the author do not count, and a reviewer counts once.
 * @throws Error when the event lacks what its action must have
 */
export function changesOf({ action, resourceType, resourceId, data }: SourceEvent): Change[] {
  if (action === 'pr_merge') return ofPullRequest(data, [20, 'merge_success'], [10, 'accurate_review']);
  if (action === 'pr_reverted') return ofPullRequest(data, [-50, 'merge_reverted'], [-30, 'inaccurate_review']);
  if (action !== 'policy_violation') return [];
  const named = violation.parse(data);
  const agentId = named.author_id ?? named.agent_id ?? (resourceType === 'agent' ? resourceId : undefined);
  if (agentId === undefined) throw new Error('the policy violation names no agent');
  return [{ agentId, thousandths: -100, reason: 'policy_violation' }];
}

type Rule = [thousandths: number, reason: Reason];

function ofPullRequest(data: Record<string, unknown>, author: Rule, reviewer: Rule): Change[] {
  const { author_id: authorId, approving_reviewers: approving } = merged.parse(data);
  const reviewers = [...new Set(approving)].filter((agentId) => agentId !== authorId);
  return [
    { agentId: authorId, thousandths: author[0], reason: author[1] },
    ...reviewers.map((agentId) => ({ agentId, thousandths: reviewer[0], reason: reviewer[1] })),
  ];
}
