/** What a push is asked for with. */
import type { Principal } from '../auth/index.js';
import type { PushCertificate, RefCommand } from '../git/index.js';
import type { Oid } from '../git/oid.js';
import type { Repository } from '../repos/index.js';
import type { PushCredential } from './report.js';

export interface PushRequest {
  repo: Repository;
  commands: readonly RefCommand[];
  atomic: boolean;
  /** What `git push -o` said. */
  pushOptions?: readonly string[];
  /** Of a signed push, not verified; its ref updates are the commands. */
  certificate?: PushCertificate;
  /** True when the proof of {@link credential} covers the ref updates, as that of a JSON push does. */
  signedUpdates?: boolean;
  /** Commits whose parents the client lacks; none unless its repository is shallow. */
  shallow?: readonly Oid[];
  /** Bytes after the command list; empty when nothing but deletions was asked for. */
  pack: AsyncIterable<Uint8Array>;
  /** The proof when it is at hand, or a check that needs the hash of the pack first. */
  credential: PushCredential | DeferredCredential;
  /** Names of refs whose history may be rewritten; default: all, as smart HTTP has no way to say it. */
  mayForce?: ReadonlySet<string>;
  /** What makes two pushes with one credential the same; default: repository, mode and commands. */
  fingerprint?: string;
  /** How pushes are counted, unless the caller has counted this one. Repeats are not counted. */
  quota?: PushQuota;
  /** Told what happens, for the client's side-band; called from time to time. @param facts once the pack is there */
  onProgress(text: string, facts?: { objects: number }): void;
}

export interface PushQuota {
  /** Refuses an agent with nothing left before the pack is read; counts nothing. @throws AppError RATE_LIMITED */
  check(): Promise<void>;
  /** Counts the push of an agent that is proved. @throws AppError RATE_LIMITED */
  charge(): Promise<void>;
}

/** A signature over the pack hash and the ref updates, which can be verified only once the pack is here. */
export interface DeferredCredential {
  /** Who it claims to be of. */
  claimed: Principal;
  /** @throws AppError INVALID_SIGNATURE when the signature does not cover this push */
  verify(body: { packfileHash: string; refUpdates: (RefCommand & { force: boolean })[] }): Promise<PushCredential>;
}
