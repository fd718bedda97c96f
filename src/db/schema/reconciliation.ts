import { pgTable, text, varchar } from 'drizzle-orm/pg-core';
import { timestamptz } from './types.js';

/** Checks that compare what the system says of itself with what is there; one row elects one node per round. */
export const reconciliationChecks = pgTable('reconciliation_checks', {
  checkType: varchar('check_type', { length: 64 }).primaryKey(),
  /** Start of the newest round; the next one is due an interval later. */
  startedAt: timestamptz('started_at').notNull().defaultNow(),
  /** Until then the node that took the round is believed to be at it; null = nobody is. */
  leaseUntil: timestamptz('lease_until'),
  /** Where the next round goes on; empty = at the beginning. */
  cursor: text('cursor').notNull().default(''),
});
