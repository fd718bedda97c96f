/** Worker task: one object out of local packs. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '../../errors.js';
import { type GitObject, objectId } from '../../git/objects/index.js';
import { type Oid, oidToBytes } from '../../git/oid.js';
import type { PackSet, Place } from '../../git/pack/reader-chain.js';
import { extractToFile } from '../../git/pack/reader-large.js';
import type { LocalPack } from '../contract.js';
import { withPacks } from './read-packs.js';

/** Largest object handed over in memory, bytes. */
export const MAX_READ_BYTES = 64 * 1024 * 1024;

/**
 * Reads an object of at most 64 MiB and checks its id; undefined when no pack has it.
 * @throws AppError PAYLOAD_TOO_LARGE for a larger one, OBJECT_CORRUPTED when it cannot be read or is another object
 */
export async function readObject(packs: readonly LocalPack[], oid: Oid): Promise<GitObject | undefined> {
  return withPacks(packs, async (set) => {
    const place = set.find(oidToBytes(oid));
    if (place === undefined) return undefined;
    if (set.size(place) > MAX_READ_BYTES) {
      throw new AppError('PAYLOAD_TOO_LARGE', { message: `The object ${oid} is larger than ${MAX_READ_BYTES} bytes.` });
    }
    const object = set.fits(place, MAX_READ_BYTES) ? set.read(place) : await readThroughFile(set, place);
    if (objectId(object.type, object.data) !== oid) {
      throw new AppError('OBJECT_CORRUPTED', { message: `The stored object ${oid} does not match its id.` });
    }
    return object;
  });
}

/** A small object may be a delta of one too large for memory. */
async function readThroughFile(set: PackSet, place: Place): Promise<GitObject> {
  const folder = await mkdtemp(join(tmpdir(), 'gitclaw-read-'));
  try {
    const path = join(folder, 'object');
    await extractToFile(set, place, path);
    return { type: set.type(place), data: await readFile(path) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
