/** Opens local packs for one task. What was parsed of a pack stays with the worker, as the same packs come again. */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { LRUCache } from 'lru-cache';
import { AppError } from '../../errors.js';
import { IdxReader } from '../../git/pack/idx-reader.js';
import { MetaReader } from '../../git/pack/meta.js';
import { createBlockCache, PackReader } from '../../git/pack/reader.js';
import { PackSet } from '../../git/pack/reader-chain.js';
import { PackTable } from '../../git/pack/reader-table.js';
import type { LocalPack } from '../contract.js';

/** Parsed tables kept per worker, bytes: about 1.8 million objects. */
const TABLE_BYTES = 96 * 1024 * 1024;

/** What was read last stays too: most fetches are about what is new, which lies together. */
const blocks = createBlockCache();

const tables = new LRUCache<string, PackTable>({ maxSize: TABLE_BYTES, sizeCalculation: (table) => table.weight });

/** Runs `work` over the packs, in the given order, and closes them. @throws AppError OBJECT_CORRUPTED */
export async function withPacks<T>(packs: readonly LocalPack[], work: (set: PackSet) => Promise<T>): Promise<T> {
  const fds: number[] = [];
  try {
    const readers = packs.map((pack) => {
      const fd = openSync(pack.packPath, 'r');
      fds.push(fd);
      const { size, ino, mtimeMs } = fstatSync(fd);
      // Packs do not change, but disks do, and damage must not hide behind what was read before.
      const name = `${ino} ${mtimeMs} ${size} ${pack.packPath}`;
      return new PackReader(pack.hash, fd, table(pack, size), blocks, name);
    });
    return await work(new PackSet(readers));
  } finally {
    for (const fd of fds) closeSync(fd);
  }
}

function table(pack: LocalPack, packBytes: number): PackTable {
  // The path tells repositories apart; the size notices a pack cut short on this disk.
  const key = `${pack.hash} ${packBytes} ${pack.idxPath}`;
  let known = tables.get(key);
  if (known === undefined) {
    known = parse(pack, packBytes);
    tables.set(key, known);
  }
  return known;
}

function parse(pack: LocalPack, packBytes: number): PackTable {
  const damaged = (cause?: unknown) =>
    new AppError('OBJECT_CORRUPTED', { message: `The index of pack ${pack.hash} cannot be read.`, cause });
  const idxBytes = readFileSync(pack.idxPath);
  const metaBytes = readFileSync(pack.metaPath);
  try {
    const [idx, meta] = [new IdxReader(idxBytes), new MetaReader(metaBytes)];
    if (idx.count !== meta.count) throw damaged();
    return new PackTable(idx, meta, packBytes);
  } catch (error) {
    throw damaged(error);
  }
}
