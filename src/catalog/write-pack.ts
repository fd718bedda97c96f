/** Packs that the server makes itself, out of objects it computed, stored the way pushed packs are. */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import type { AppContext } from '../context.js';
import type { Tx } from '../db/index.js';
import type { NewObject } from '../git/merge/index.js';
import { OBJECT_TYPES } from '../git/objects/type.js';
import { type Oid, packOids } from '../git/oid.js';
import { writeTypeAndSize } from '../git/pack/entry.js';
import type { IndexResult } from '../packs/index.js';
import { pinPackOf } from './objects.js';
import type { Snapshot } from './snapshot.js';
import { insertPack, type PackRow } from './store.js';
import { type PackFiles, storePack } from './store-pack.js';

const deflateAsync = promisify(deflate);

/**
 * Writes objects as one pack and stores it. Nobody sees it before {@link insertIndexedPack} commits.
 * The pack passes the checks of a pushed one, so that a mistake in what was computed cannot become stored history.
 * @param tips the commits that refs will point at
 * @throws AppError as PackEngine.index, and what the object store throws
 */
export async function storeObjects(
  ctx: AppContext,
  snapshot: Snapshot,
  objects: readonly NewObject[],
  tips: readonly Oid[],
): Promise<IndexResult> {
  const { path: packPath } = await ctx.spool.receive(packStream(objects), {
    maxBytes: ctx.config.GITCLAW_MAX_PACK_BYTES,
  });
  const files: PackFiles = { packPath, idxPath: ctx.spool.newFile('idx'), metaPath: ctx.spool.newFile('meta') };
  try {
    const pack = await ctx.engine.index(
      { ...files, limits: ctx.config.receiveLimits, tips: [...tips], looseUpTo: ctx.config.UNPACK_LIMIT },
      { find: (oid) => pinPackOf(ctx, snapshot, oid) },
    );
    await storePack(ctx, snapshot.repoId, pack, files);
    await ctx.packCache.adopt(snapshot.repoId, pack.hash, { hash: pack.hash, ...files });
    return pack;
  } finally {
    await ctx.spool.remove(...Object.values(files));
  }
}

/**
 * Makes an indexed and stored pack visible; see {@link insertPack} for when. Tips that were asked for and refused count as
 * tips of the pack too: what only they reach must not pass for visible. They are noted, so that it is collected one day.
 * @param tips what refs point at now
 * @returns undefined when it was visible already
 */
export async function insertIndexedPack(
  tx: Tx,
  repoId: string,
  pack: IndexResult,
  tips: readonly Oid[],
): Promise<PackRow | undefined> {
  const accepted = new Set(tips);
  const brought = Object.keys(pack.tipTypes);
  const row = {
    hash: pack.hash,
    bytes: pack.packBytes,
    objects: pack.objects + pack.appendedBases,
    tight: pack.tight,
    tips: packOids([...new Set([...tips, ...brought])]),
    segment: pack.segment,
  };
  const seq = await insertPack(tx, repoId, { ...row, unpacked: pack.loose.length > 0 });
  const stray = brought.filter((oid) => !accepted.has(oid) || !pack.tight);
  if (stray.length > 0 || !pack.tight) {
    await tx.sql`
      INSERT INTO former_tips (repo_id, oid) SELECT ${repoId}, unnest(${stray.length > 0 ? stray : [...tips]}::text[])`;
  }
  return seq === undefined ? undefined : { ...row, seq, firstSeq: seq, storedIn: repoId };
}

/** The bytes of a pack of whole objects (gitformat-pack). */
async function* packStream(objects: readonly NewObject[]): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha1');
  const hashed = (bytes: Uint8Array) => {
    hash.update(bytes);
    return bytes;
  };
  const header = Buffer.from('PACK\0\0\0\x02\0\0\0\0', 'latin1');
  header.writeUInt32BE(objects.length, 8);
  yield hashed(header);
  for (const { type, content } of objects) {
    yield hashed(Uint8Array.from(writeTypeAndSize(OBJECT_TYPES[type], content.length)));
    yield hashed(await deflateAsync(content));
  }
  yield hash.digest();
}
