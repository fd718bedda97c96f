/** Checks a chain of audit events without a database. */
import { GENESIS, type HashedEvent, hashEvent, hashLink } from './event.js';

/** A row of audit_log. */
export interface ChainRow extends HashedEvent {
  /** 1, 2, 3 … within the chain. */
  seq: number;
  eventHash: string;
  chainHash: string;
}

export type ChainProblem =
  /** The row is not what was hashed when it was written. */
  | 'event_changed'
  /** The row does not follow from the one before: something was changed, put in or moved. */
  | 'link_broken'
  /** One or more rows are missing before this one, or the end is cut off. */
  | 'row_missing'
  /** The row is of another chain. */
  | 'wrong_chain';

export type ChainVerdict =
  | { ok: true; events: number; head: string }
  | { ok: false; problem: ChainProblem; seq: number; eventId: string | null };

/** A link known from elsewhere: where an earlier check ended, or the end that the chain must have. */
export interface ChainLink {
  seq: number;
  head: string;
}

/**
 * Recomputes every hash of one chain and reports the first row that does not fit.
 * @param rows in order of `seq`
 * @param options.after the link before the first row; default: the beginning
 * @param options.head the link that the last row must be; without it a cut-off end cannot be seen
 */
export function verifyChain(
  rows: Iterable<ChainRow>,
  options: { after?: ChainLink; head?: ChainLink } = {},
): ChainVerdict {
  let last = options.after ?? { seq: 0, head: GENESIS };
  let events = 0;
  let chainId: string | undefined;
  for (const row of rows) {
    chainId ??= row.chainId;
    const problem = row.chainId === chainId ? check(row, last) : 'wrong_chain';
    if (problem !== undefined) return { ok: false, problem, seq: row.seq, eventId: row.eventId };
    last = { seq: row.seq, head: row.chainHash };
    events++;
  }
  const { head } = options;
  if (head !== undefined && head.seq > last.seq)
    return { ok: false, problem: 'row_missing', seq: last.seq + 1, eventId: null };
  if (head !== undefined && (head.seq !== last.seq || head.head !== last.head)) {
    return { ok: false, problem: 'link_broken', seq: last.seq, eventId: null };
  }
  return { ok: true, events, head: last.head };
}

function check(row: ChainRow, last: ChainLink): ChainProblem | undefined {
  if (row.seq > last.seq + 1) return 'row_missing';
  if (row.seq !== last.seq + 1) return 'link_broken';
  if (hashEvent(row) !== row.eventHash) return 'event_changed';
  if (hashLink(last.head, row.eventHash) !== row.chainHash) return 'link_broken';
  return undefined;
}
