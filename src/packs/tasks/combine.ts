/**
 * Worker task: packs made of the objects of other packs, for storage (gitformat-pack).
 *
 * Entries are taken oldest pack first, and of each object the first one met: that is the copy that was received, mostly a
 * delta, while later copies are whole objects that completed a thin pack. Bases are written before what builds on them,
 * so every delta finds its base at an offset and no circle can arise.
 */
import { closeSync, fstatSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { OID_BYTES } from '../../git/oid.js';
import { encodeIdx, idOrder } from '../../git/pack/idx-writer.js';
import { readFully } from '../../git/pack/index-window.js';
import { encodeMeta } from '../../git/pack/meta.js';
import { OidSet } from '../../git/pack/oid-set.js';
import { PackSet } from '../../git/pack/reader-chain.js';
import { PackWriter } from '../../git/pack/write.js';
import type { CombinedPack, CombineRequest, CombineResult, PackPaths } from '../contract.js';
import { CombineWriter } from './combine-writer.js';
import { Kept } from './kept.js';
import { withPacks } from './read-packs.js';

const TRAILER = 20;

/** See {@link PackEngine.combine}. Memory: about 60 bytes per object, 30 more with `keep`. No file remains when it throws. */
export async function combinePacks(request: CombineRequest): Promise<CombineResult> {
  const { packs, outputs, keep, besides = [] } = request;
  try {
    return await withPacks([...packs, ...besides], async (opened) => {
      const sources = new PackSet(opened.packs.slice(0, packs.length));
      const kept = keep === undefined ? undefined : new Kept(new PackSet(opened.packs.toReversed()), keep);
      const results: CombinedPack[] = [];
      for (const [output, paths] of outputs.entries()) results.push(await write(sources, paths, kept, output));
      return { packs: results, dropped: kept === undefined ? 0 : countDropped(sources, kept) };
    });
  } catch (error) {
    for (const { packPath, idxPath, metaPath } of outputs) {
      for (const path of [packPath, idxPath, metaPath]) rmSync(path, { force: true });
    }
    throw error;
  }
}

async function write(
  sources: PackSet,
  paths: PackPaths,
  kept: Kept | undefined,
  output: number,
): Promise<CombinedPack> {
  const wanted = new OidSet();
  forEachObject(sources, (bytes, at) => {
    if (kept === undefined || kept.output(bytes, at) === output) wanted.add(bytes, at);
  });
  const { count } = wanted;
  if (count === 0) return { hash: '', bytes: 0, objects: 0 };
  const writer = new PackWriter(paths.packPath, count);
  try {
    const entries = new CombineWriter(writer, sources, wanted, `${paths.packPath}.object`);
    for (const [pack, { table }] of sources.packs.entries()) {
      for (let rank = 0; rank < table.count; rank++) await entries.add({ pack, position: table.positionOfRank(rank) });
    }
    const { bytes } = writer.finish();
    const hash = readTrailer(paths.packPath);
    const { crcs, offsets, types, sizes } = entries;
    const oids = Buffer.from(wanted.ids.buffer, wanted.ids.byteOffset, count * OID_BYTES);
    const order = idOrder(oids, count);
    writeFileSync(paths.idxPath, encodeIdx({ count, oids, crcs, offsets }, order, hash));
    const [sortedTypes, sortedSizes] = [new Uint8Array(count), new Float64Array(count)];
    order.forEach((row, i) => {
      sortedTypes[i] = types[row]!;
      sortedSizes[i] = sizes[row]!;
    });
    writeFileSync(paths.metaPath, encodeMeta(sortedTypes, sortedSizes));
    return { hash: hash.toString('hex'), bytes, objects: count };
  } finally {
    writer.close();
  }
}

function countDropped(sources: PackSet, kept: Kept): number {
  const dropped = new OidSet();
  forEachObject(sources, (bytes, at) => {
    if (kept.output(bytes, at) < 0) dropped.add(bytes, at);
  });
  return dropped.count;
}

function forEachObject(sources: PackSet, visit: (bytes: Uint8Array, at: number) => void): void {
  for (const { table } of sources.packs) {
    const { idx, count } = table;
    for (let position = 0; position < count; position++) visit(idx.bytes, idx.oidOffset(position));
  }
}

function readTrailer(path: string): Buffer {
  const fd = openSync(path, 'r');
  try {
    const trailer = Buffer.alloc(TRAILER);
    readFully(fd, trailer, TRAILER, fstatSync(fd).size - TRAILER);
    return trailer;
  } finally {
    closeSync(fd);
  }
}
