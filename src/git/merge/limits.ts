/** Bounds on what a merge may cost; the time itself is bounded by the caller's meter. */

/** Inexact renames are looked for among at most this many pairs, squared, as git's merge does (merge.renameLimit). */
export const MERGE_RENAME_LIMIT = 7000;

/** Paths that differ between the three trees; each is held in memory until the merge ends. */
export const MAX_MERGE_PATHS = 200_000;

/** Bytes of new blobs and trees of one merge; they stay in memory until they are stored. */
export const MAX_MERGE_BYTES = 256 * 1024 * 1024;
