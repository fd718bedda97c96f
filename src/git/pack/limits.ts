/** Limits of the receiving side. Every cost of a hostile pack is bounded by one of these. */
import { AppError, type AppErrorOptions } from '../../errors.js';
import { DEFAULT_RECEIVE_LIMITS, LIMIT_VARIABLES, type ReceiveLimits } from '../../receive-limits.js';

const MiB = 1024 * 1024;

export type { ReceiveLimits };
export { DEFAULT_RECEIVE_LIMITS as DEFAULT_PACK_LIMITS };

/** Contents and delta data up to this size are handled in memory, larger ones in scratch files, bytes. */
export const IN_MEMORY_BYTES = 16 * MiB;

/** A tree of this size has some 400,000 entries. Commits, trees and tags are parsed whole, so they must fit in memory. */
export const MAX_STRUCTURED_BYTES = IN_MEMORY_BYTES;

/** Delta bases kept in memory while their descendants are resolved; beyond it they move to a scratch file, bytes. */
export const BASE_CACHE_BYTES = 32 * MiB;

/** Delta data kept from the first pass, so that the second need not inflate it again, bytes. */
export const DELTA_CACHE_BYTES = 16 * MiB;

/** Loose bodies travel in memory to the caller; a small pack of large objects is left to the unpack job, bytes. */
export const MAX_LOOSE_BYTES = 32 * MiB;

/** A REF_DELTA base is looked up once per id; a pack made by git has none that is missing. */
export const MAX_MISSING_BASES = 1000;

/** Versions of files whose content is checked; each may cost a look-up in the repository. */
export const MAX_GUARDED_FILES = 100_000;

/** Segment rows count parents in 16 bits. */
export const MAX_PARENTS = 0xffff;

/** A free allowance, then a multiple of the pack's size. A pack of 1 MB made to cost time ends within 5 s of one core. */
const FREE_INFLATION = 256 * MiB;

/** How many bytes a pack of `packBytes` may inflate to, all objects and delta data together. */
export function inflationAllowance(packBytes: number, limits: ReceiveLimits): number {
  return Math.min(limits.maxInflatedBytes, FREE_INFLATION + limits.maxInflationRatio * packBytes);
}

/** Two bytes of delta data can be an instruction, which costs as much as copying dozens of bytes. */
const FREE_DELTA = 128 * MiB;
const MAX_DELTA_RATIO = 40;

/** How many bytes of delta data a pack of `packBytes` may inflate to. */
export function deltaAllowance(packBytes: number): number {
  return FREE_DELTA + MAX_DELTA_RATIO * packBytes;
}

/** Longest zlib stream accepted for content of `size` bytes; only empty padding blocks could make it longer. */
export function maxDeflated(size: number): number {
  return 2 * size + 64 * 1024;
}

/** The error for a pack that breaks gitformat-pack or a limit. */
export function invalidPack(message: string, options: AppErrorOptions = {}): AppError {
  return new AppError('INVALID_PACKFILE', { ...options, message });
}

/** What a client can do about each limit. */
const REMEDIES: Readonly<Record<keyof ReceiveLimits, string>> = {
  maxObjects: 'push the history in smaller steps',
  maxInflatedBytes: 'push the history in smaller steps',
  maxObjectBytes: 'keep files of this size out of git',
  maxInflationRatio: 'push the history in smaller steps',
  maxDeltaDepth: 'repack with git repack -adf',
  maxTreeDepth: 'nest folders less deeply',
  maxPathBytes: 'use shorter names or fewer folders',
  maxTreeEntries: 'spread the files over several folders',
  maxMessageBytes: 'shorten the message',
};

/**
 * The error for a pack that breaks one of the configurable limits: it names the limit, its value and the way out.
 * @param what the sentence up to the value
 */
export function overLimit(what: string, limit: keyof ReceiveLimits, value: number): AppError {
  const name = LIMIT_VARIABLES[limit];
  return invalidPack(`${what} ${value} (${name}): ${REMEDIES[limit]}`, { details: { limit: name, value } });
}
