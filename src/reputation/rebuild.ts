/** Recomputes all scores from the audit log. */
import type { Database } from '../db/index.js';
import { changesOf, INITIAL_SCORE, move } from './rules.js';
import { lockAllScores, readUpdates, resetScores } from './store.js';

/** Rows read at once. */
const PAGE = 1_000;

export interface ReputationRebuild {
  /** Changes of scores that were replayed. */
  updates: number;
  /** Agents whose score was another one before. */
  corrected: number;
}

/**
 * Replays every `reputation_update` in the order in which it happened, which matters because scores are cut at 0 and 1.
 * What each is worth is taken from the rules and the event that it follows from; only corrections without such an event
 * count as they are written. Events that the outbox has yet to deal with stay its business. No score changes meanwhile.
 * @throws AppError DATABASE_ERROR
 */
export async function rebuildReputation(db: Database): Promise<ReputationRebuild> {
  return db.transaction(async (tx) => {
    const before = await lockAllScores(tx);
    const scores = new Map<string, number>();
    let updates = 0;
    for (let after = 0; ; ) {
      const page = await readUpdates(tx, after, PAGE);
      for (const { agentId, delta, reason, source } of page) {
        const rule = source && changesOf(source).find((one) => one.agentId === agentId && one.reason === reason);
        const thousandths = rule?.thousandths ?? Math.round(delta * 1000);
        scores.set(agentId, move(scores.get(agentId) ?? INITIAL_SCORE, thousandths));
      }
      updates += page.length;
      after = page.at(-1)?.seq ?? after;
      if (page.length < PAGE) break;
    }
    const wrong = before.filter(({ agentId, score }) => score !== (scores.get(agentId) ?? INITIAL_SCORE));
    await resetScores(
      tx,
      wrong.map(({ agentId }) => ({ agentId, score: scores.get(agentId) ?? INITIAL_SCORE })),
    );
    return { updates, corrected: wrong.length };
  });
}
