import type { GitProof, Principal } from '../auth/index.js';
import type { ErrorCode } from '../errors.js';

/** Who pushes, proved. */
export interface PushCredential {
  principal: Principal;
  proof: GitProof;
}

/** Why a command is refused. */
export interface Refusal {
  reason: string;
  /** For clients that go by codes; absent when nothing but another command of an atomic push is wrong. */
  code?: ErrorCode;
}

/** Result of one command. */
export type PushResult =
  | {
      refName: string;
      ok: true;
      forced: boolean;
      oldOid: string;
      newOid: string;
      /** The ref that really moved, when that is another one than the client named. */
      movedRef?: string;
      /** The pull request that a push to `refs/for/` opened or moved on. */
      pull?: { prId: string; number: number; created: boolean };
    }
  | ({ refName: string; ok: false } & Refusal);

/** What report-status tells the client. */
export interface PushReport {
  /** `ok`, or why the pack was refused. */
  unpack: string;
  /** In the order of the commands. */
  results: PushResult[];
  /** Set when nothing was done because this very push has committed before. */
  replayed?: true;
}
