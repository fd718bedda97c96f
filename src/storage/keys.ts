/**
 * Storage keys. Below the repository id they are git's own layout, so a copied prefix is a git object directory.
 * Ids, never names, appear in keys: a rename moves nothing and a hostile name can reach no path.
 */
import type { Oid } from '../git/oid.js';

/** Everything of a repository lies below this. */
export function repositoryPrefix(repoId: string): string {
  return `${repoId}/`;
}

/** A loose object: `{repoId}/objects/{aa}/{38 hex}`. */
export function looseKey(repoId: string, oid: Oid): string {
  return `${repoId}/objects/${oid.slice(0, 2)}/${oid.slice(2)}`;
}

/** A pack, its index, or our sidecar with the types and sizes of its objects; `hash` is the pack's own trailer checksum. */
export function packKey(repoId: string, hash: string, extension: 'pack' | 'idx' | 'meta'): string {
  const folder = extension === 'meta' ? 'gitclaw' : 'objects/pack';
  return `${repoId}/${folder}/pack-${hash}.${extension}`;
}

/** A bundle of the repository as it once was: derived, nothing needs it. */
export function bundleKey(repoId: string, bundleId: string): string {
  return `${repoId}/gitclaw/bundle-${bundleId}.bundle`;
}

export const CONTENT_TYPES = {
  loose: 'application/x-git-loose-object',
  pack: 'application/x-git-packfile',
  idx: 'application/x-git-packfile-index',
  meta: 'application/octet-stream',
  bundle: 'application/x-git-bundle',
} as const;
