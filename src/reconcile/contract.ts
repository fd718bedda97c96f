/** What a check is: it compares two things that must agree, and says where they do not. */
import type { Config } from '../config.js';
import type { AppContext } from '../context.js';
import type { Tx } from '../db/index.js';

export type CheckType =
  | 'star_count'
  | 'pr_state_invariants'
  | 'ref_consistency'
  | 'storage_comparison'
  | 'storage_scrub';

/** Two things that should agree and do not. */
export interface Drift {
  /** What kind of disagreement, in snake_case; the only key of the drift's JSON. */
  kind: string;
  /** JSON with snake_case keys. */
  detail: { repo_id: string } & Record<string, unknown>;
  resource: { type: 'repository' | 'pull_request'; id: string };
}

/** A part of a check's work, small enough for one node to do in a few minutes. */
export interface Round {
  drifts: Drift[];
  itemsChecked: number;
  /** Where the next round goes on; empty = everything was looked at. */
  cursor: string;
}

export interface Check {
  readonly type: CheckType;
  /** Seconds from the start of one pass over everything to the start of the next; 0 = the check is off. */
  everySecs(config: Config): number;
  /** Seconds between the rounds of one pass. */
  readonly pauseSecs: number;
  /** @param cursor that of the round before, empty for the first */
  run(ctx: AppContext, cursor: string, stop: AbortSignal): Promise<Round>;
  /** Puts right what the drift says, in the transaction of its audit row. @returns false when it is right already */
  fix?(tx: Tx, drift: Drift): Promise<boolean>;
}

/** Drifts that one round reports; the rest is found by later ones. */
export const MAX_DRIFTS = 1000;

/** A drift as it is written to log and audit. */
export function driftJson({ kind, detail }: Drift): Record<string, unknown> {
  return { [kind]: detail };
}

/** A drift of a repository. */
export function ofRepository(kind: string, repoId: string, detail: Record<string, unknown>): Drift {
  return { kind, detail: { repo_id: repoId, ...detail }, resource: { type: 'repository', id: repoId } };
}
