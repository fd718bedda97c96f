import type { GitProof, Principal } from '../auth/index.js';

/** Who pushes, proved. */
export interface PushCredential {
  principal: Principal;
  proof: GitProof;
}

/** Result of one command. */
export type PushResult =
  | { refName: string; ok: true; forced: boolean; oldOid: string; newOid: string }
  | { refName: string; ok: false; reason: string };

/** What report-status tells the client. */
export interface PushReport {
  /** `ok`, or why the pack was refused. */
  unpack: string;
  /** In the order of the commands. */
  results: PushResult[];
}
