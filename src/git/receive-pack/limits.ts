/** Bounds of one push, so that a command list of any size costs bounded memory. */

/** Ref updates in one push; a first mirror push of a large project stays below. */
export const MAX_COMMANDS = 20_000;
export const MAX_SHALLOW_LINES = 20_000;
export const MAX_PUSH_OPTIONS = 256;
/** Sum of the option lengths, bytes; every option is kept with the push for good. */
export const MAX_PUSH_OPTION_BYTES = 64 * 1024;
/** A push certificate with its signature, bytes; some thousand ref updates. It is kept for good too. */
export const MAX_CERTIFICATE_BYTES = 1024 * 1024;
/** Far above the names that can be pushed, so that those get a result of their own. */
export const MAX_SENT_NAME_BYTES = 4096;
