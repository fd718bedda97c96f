/** Limits of the receiving side. Every cost of a hostile pack is bounded by one of these. */
import { AppError, type AppErrorOptions } from '../../errors.js';

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;

/** Same shape as the engine's request carries it. */
export interface ReceiveLimits {
  maxObjects: number;
  /** Sum of the inflated sizes, bytes. */
  maxInflatedBytes: number;
  /** Inflated size of one object, bytes. */
  maxObjectBytes: number;
  maxDeltaDepth: number;
}

export const DEFAULT_PACK_LIMITS: ReceiveLimits = {
  /** About 60 bytes of tables per object stay in memory: 300 MB for the largest pack. */
  maxObjects: 5_000_000,
  /** Inflating, applying and hashing run at about 0.5 to 1 GB a second: two minutes of one core at most. */
  maxInflatedBytes: 64 * GiB,
  /** Larger files cannot be pushed to the well-known hosts either; two of them may lie in scratch files at a time. */
  maxObjectBytes: 2 * GiB,
  /** What git itself writes at most (pack.depth is capped to 4095). */
  maxDeltaDepth: 4095,
};

/** Contents and delta data up to this size are handled in memory, larger ones in scratch files, bytes. */
export const IN_MEMORY_BYTES = 16 * MiB;

/** A tree of this size has some 400,000 entries. Commits, trees and tags are parsed whole, so they must fit in memory. */
export const MAX_STRUCTURED_BYTES = IN_MEMORY_BYTES;

/** Delta bases kept in memory while their descendants are resolved; beyond it they move to a scratch file, bytes. */
export const BASE_CACHE_BYTES = 32 * MiB;

/** Delta data kept from the first pass, so that the second need not inflate it again, bytes. */
export const DELTA_CACHE_BYTES = 24 * MiB;

/** Loose bodies travel in memory to the caller; a small pack of large objects is left to the unpack job, bytes. */
export const MAX_LOOSE_BYTES = 32 * MiB;

/** A REF_DELTA base is looked up once per id; a pack made by git has none that is missing. */
export const MAX_MISSING_BASES = 1000;

/** Versions of files whose content is checked; each may cost a look-up in the repository. */
export const MAX_GUARDED_FILES = 100_000;

/** Segment rows count parents in 16 bits. */
export const MAX_PARENTS = 0xffff;

/** A free allowance, then a multiple of the pack's size; the densest histories seen stay below 100 times. */
const FREE_INFLATION = 2 * GiB;
const MAX_RATIO = 500;

/** How many bytes a pack of `packBytes` may inflate to, all objects and delta data together. */
export function inflationAllowance(packBytes: number, limits: ReceiveLimits): number {
  return Math.min(limits.maxInflatedBytes, FREE_INFLATION + MAX_RATIO * packBytes);
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
