/** Bounds of one request, so that a request of any size costs bounded memory. */

/** A clone sends one want per distinct ref value; the largest public repositories have about this many. */
export const MAX_WANTS = 200_000;
/** git stops after 256 unanswered rounds of at most 16,384 haves, and gives up far earlier in practice. */
export const MAX_HAVES = 200_000;
/** Lines of the other kinds: shallow commits, excluded refs. */
export const MAX_SHALLOW = 200_000;
/** With more prefixes git's server sends everything, and so do we. */
export const MAX_REF_PREFIXES = 65_536;
/** Sizes asked for at a time; each costs a look-up in every pack. */
export const MAX_OBJECT_INFO = 65_536;
/** What `--unshallow` sends as depth: everything (git's INFINITE_DEPTH). */
export const INFINITE_DEPTH = 0x7fffffff;
