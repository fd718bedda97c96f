/** Verifies and indexes one received pack. Runs in a worker. */
import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, ftruncateSync, openSync } from 'node:fs';
import { encodeIdx, idOrder } from '../../git/pack/idx-writer.js';
import { ObjectBatch } from '../../git/pack/index-batch.js';
import { Scratch } from '../../git/pack/index-content.js';
import { Entries } from '../../git/pack/index-entries.js';
import { ObjectFacts } from '../../git/pack/index-facts.js';
import { checkGuardedFiles } from '../../git/pack/index-guarded.js';
import { links } from '../../git/pack/index-links.js';
import { PackState } from '../../git/pack/index-pack.js';
import { Resolver } from '../../git/pack/index-resolve.js';
import { PACK_HEADER, PACK_TRAILER, readPackHeader, scanEntries } from '../../git/pack/index-scan.js';
import { type ReadBase, resolveThin, rewriteEnds, writeFully } from '../../git/pack/index-thin.js';
import { hashFile, PackWindow, readFully } from '../../git/pack/index-window.js';
import { invalidPack } from '../../git/pack/limits.js';
import { encodeMeta } from '../../git/pack/meta.js';
import type { RecentObjects } from '../../git/pack/recent-objects.js';
import { borrowWorkshop, returnWorkshop, type Workshop } from '../../git/pack/workshop.js';
import { writeEarly } from '../../storage/index.js';
import type { IndexRequest, IndexResult } from '../contract.js';

/**
 * Does what {@link IndexResult} describes. When it throws, the files are of no use and the caller deletes them.
 * @param readBase looks up bases of a thin pack
 * @param recent gets the objects of a small pack
 * @throws AppError INVALID_PACKFILE or INVALID_OBJECT
 */
export async function indexPack(
  request: IndexRequest,
  readBase: ReadBase,
  recent?: RecentObjects,
): Promise<IndexResult> {
  const fd = openReceived(request);
  const scratch = new Scratch(request.packPath);
  const workshop = borrowWorkshop();
  try {
    return await run(fd, scratch, workshop, request, readBase, recent);
  } finally {
    returnWorkshop(workshop);
    scratch.closeAll();
    closeSync(fd);
  }
}

function openReceived({ packPath, received, isStored }: IndexRequest): number {
  if (received === undefined) return openSync(packPath, 'r+');
  const fd = openSync(packPath, 'wx+');
  try {
    if (isStored) writeEarly(fd);
    writeFully(fd, received, 0);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

async function run(
  fd: number,
  scratch: Scratch,
  workshop: Workshop,
  request: IndexRequest,
  readBase: ReadBase,
  recent: RecentObjects | undefined,
): Promise<IndexResult> {
  const { limits, collisionCheck = true } = request;
  const received = fstatSync(fd).size;
  const count = readPackHeader(readHead(fd, received), received, limits.maxObjects);
  const hashes = verifyTrailer(fd, received);
  const seeds = Int32Array.from({ length: 5 }, () => randomBytes(4).readInt32LE() | 1);
  const entries = new Entries(count);
  const facts = new ObjectFacts(seeds, count, limits, count <= request.looseUpTo, recent);
  const window = new PackWindow(fd, received - PACK_TRAILER, workshop);
  const state = new PackState({ window, scratch, entries, facts, limits, collisionCheck }, seeds, received);
  const batch = new ObjectBatch(state, workshop);
  await scanEntries(state, batch, count);
  window.expectJumps();
  const resolver = new Resolver(state, batch);
  await resolver.resolveReceived();
  const end = await resolveThin(state, batch, resolver, readBase);
  state.deltas.clear();
  await checkGuardedFiles(state, readBase);
  facts.shape.check(facts.names, state.known, entries.count);
  const named = links(state, request.tips);
  const appendedBases = entries.count - entries.received;
  const hash = appendedBases === 0 ? hashes.trailer : rewriteEnds(fd, entries.count, end);
  ftruncateSync(fd, end + PACK_TRAILER);
  const tables = writeTables(request, entries, hash);
  return {
    hash: hash.toString('hex'),
    receivedSha256: hashes.sha256,
    packBytes: end + PACK_TRAILER,
    objects: entries.received,
    appendedBases,
    ...named,
    segment: facts.segment(),
    loose: facts.loose,
    ...(count <= request.looseUpTo && { tables }),
  };
}

function readHead(fd: number, size: number): Buffer {
  const head = Buffer.alloc(Math.min(PACK_HEADER, size));
  readFully(fd, head, head.length, 0);
  return head;
}

function verifyTrailer(fd: number, size: number): { trailer: Buffer; sha256: string } {
  const { sha1, sha256 } = hashFile(fd, size - PACK_TRAILER, size);
  const trailer = Buffer.alloc(PACK_TRAILER);
  readFully(fd, trailer, PACK_TRAILER, size - PACK_TRAILER);
  if (!sha1.equals(trailer)) throw invalidPack('the packfile does not match its checksum');
  return { trailer, sha256 };
}

function writeTables(request: IndexRequest, entries: Entries, hash: Buffer): NonNullable<IndexResult['tables']> {
  const { count, oids, crcs, offsets } = entries;
  const order = idOrder(oids, count);
  const idx = encodeIdx({ count, oids, crcs, offsets }, order, hash);
  writeTable(request.idxPath, idx, request);
  const types = new Uint8Array(count);
  const sizes = new Float64Array(count);
  order.forEach((row, i) => {
    types[i] = entries.types[row]!;
    sizes[i] = entries.sizes[row]!;
  });
  const meta = encodeMeta(types, sizes);
  writeTable(request.metaPath, meta, request);
  return { idx, meta };
}

function writeTable(path: string, bytes: Uint8Array, { isStored }: IndexRequest): void {
  const fd = openSync(path, 'w', 0o600);
  try {
    if (isStored) writeEarly(fd);
    writeFully(fd, bytes, 0);
  } finally {
    closeSync(fd);
  }
}
