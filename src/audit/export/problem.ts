/** What a check of an export finds, and where. */
import type { ChainProblem } from '../verify.js';

export type ExportProblem =
  | ChainProblem
  /** Not a line of an export, or not in canonical form. */
  | 'malformed'
  /** The line is not what the server signed. */
  | 'line_changed'
  /** The file begins without a header, or an export in it ends without its last line. */
  | 'incomplete'
  /** Lines were removed, added or moved. */
  | 'lines_changed'
  /** The export is signed by another key than the one that was expected. */
  | 'wrong_server_key'
  /** A checkpoint is missing, forged, or does not follow from the one before. */
  | 'checkpoint_broken'
  /** A checkpoint speaks of a link that no chain of a complete export has: history was rewritten. */
  | 'checkpoint_unmatched'
  /** The key that signed the event is not in the export, or is another agent's. */
  | 'key_missing'
  | 'key_foreign'
  /** The key was not registered yet, or revoked already. */
  | 'key_not_valid'
  /** The signature does not cover the envelope, or the envelope speaks for another agent. */
  | 'signature_wrong'
  /** The event of a signed push whose certificate is not in front of it. */
  | 'certificate_missing'
  /** The certificate is not the one whose hash the event behind it holds. */
  | 'certificate_changed'
  /** The certificate is none, or is not signed by the key it was accepted for. */
  | 'certificate_signature_wrong'
  /** Its nonce has another form, is not of the time of the push, or has served another push. */
  | 'certificate_nonce_wrong'
  /** It does not ask for the ref updates or push options of the event. */
  | 'certificate_differs';

export interface Finding {
  /** 1, 2, 3 … within the file. */
  line: number;
  problem: ExportProblem;
  chainId: string | null;
  seq: number | null;
  eventId: string | null;
}

export interface ExportReport {
  ok: boolean;
  /** At most {@link MAX_FINDINGS}. */
  problems: Finding[];
  /** Key that signed the export, as it says of itself; compare it with what you know. */
  serverKey: string | null;
  lines: number;
  chains: number;
  events: number;
  /** Events whose content the export does not show. */
  hidden: number;
  /** Agents' signatures that were checked and are good. */
  signatures: number;
  /** Events that nobody signed, per action: the server's own, operators', registrations, anonymous fetches. */
  unsigned: Record<string, number>;
  /** Push certificates that were checked and are good. */
  certificates: number;
  checkpoints: number;
  /** Chains of which a checkpoint has seen at least one link. */
  checkpointedChains: number;
}

export const MAX_FINDINGS = 1_000;
