/** Bounds of one push, so that a command list of any size costs bounded memory. */

/** Ref updates in one push; a first mirror push of a large project stays below. */
export const MAX_COMMANDS = 20_000;
export const MAX_SHALLOW_LINES = 20_000;
export const MAX_PUSH_OPTIONS = 256;
/** Sum of the option lengths, bytes. */
export const MAX_PUSH_OPTION_BYTES = 256 * 1024;
/** Far above the names that can be pushed, so that those get a result of their own. */
export const MAX_SENT_NAME_BYTES = 4096;
