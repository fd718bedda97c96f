/** Bounds on what a diff may cost. Beyond the first, content counts as binary; the others end the diff. */

/**
 * Content larger than this is not compared line by line, bytes. git draws this line at 512 MiB (core.bigFileThreshold);
 * a worker holds both sides and an index of their lines, and nobody reads such a diff.
 */
export const MAX_TEXT_BYTES = 16 * 1024 * 1024;

/** Changed files in one diff. A larger change is no review but an import, and every file costs a row in the answer. */
export const MAX_DIFF_FILES = 20_000;

/** Lines in the hunks of one diff: about 20 MB of JSON. */
export const MAX_DIFF_LINES = 200_000;

/** Bytes of content in the hunks of one diff; few but endless lines must not get around the bound on lines. */
export const MAX_DIFF_BYTES = 32 * 1024 * 1024;

/** Folders inside each other; the walk is recursive and a tree may be nested as deep as its writer likes. */
export const MAX_TREE_DEPTH = 2048;

/** Inexact renames are looked for among at most this many pairs, squared, as `git diff` (diff.renameLimit). */
export const DIFF_RENAME_LIMIT = 1000;
