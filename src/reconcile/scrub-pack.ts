/** Reads a stored pack again, as it lies in the object store, and a sample of its objects both there and loose. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { inflate } from 'node:zlib';
import type { AppContext } from '../context.js';
import { AppError } from '../errors.js';
import type { Oid } from '../git/oid.js';
import { IdxReader } from '../git/pack/idx-reader.js';
import { MetaReader } from '../git/pack/meta.js';
import type { LocalPack } from '../packs/index.js';
import { looseKey, packKey } from '../storage/index.js';
import { type Drift, ofRepository } from './contract.js';
import type { ScrubPack } from './store.js';

/** Larger objects are covered by the checksum of their pack alone, bytes. */
const MAX_OBJECT_BYTES = 16 * 1024 * 1024;
/** `"<type> <size>\0"` in front of the content of a loose object. */
const MAX_HEADER_BYTES = 64;
const CHECKSUM_BYTES = 20;

const inflateAsync = promisify(inflate);

/**
 * @param sample positions in index order of the objects to read
 * @returns what is damaged or missing; empty = all is well
 */
export async function scrubPack(ctx: AppContext, pack: ScrubPack, sample: readonly number[]): Promise<Drift[]> {
  const { repoId, hash } = pack;
  const fetched: string[] = [];
  try {
    const local = await fetchPack(ctx, repoId, hash, fetched);
    if ('missing' in local) return [ofRepository('missing_key', repoId, { key: local.missing })];
    const reason = await packDamage(local, pack.bytes);
    if (reason !== undefined) return [ofRepository('corrupt_pack', repoId, { pack: hash, reason })];
    const idx = new IdxReader(local.idx);
    const meta = local.meta === undefined ? undefined : new MetaReader(local.meta);
    const drifts: Drift[] = [];
    for (const position of sample) {
      if (position >= idx.count || meta === undefined) break;
      if ((meta.size(position) ?? Number.POSITIVE_INFINITY) > MAX_OBJECT_BYTES) continue;
      const oid = idx.oid(position);
      const damage = (await packedDamage(ctx, local, oid)) ?? (pack.unpacked && (await looseDamage(ctx, repoId, oid)));
      if (damage) drifts.push(ofRepository(damage.kind, repoId, { oid, pack: hash, ...damage.detail }));
    }
    return drifts;
  } catch (error) {
    if (error instanceof RangeError)
      return [ofRepository('corrupt_pack', repoId, { pack: hash, reason: error.message })];
    throw error;
  } finally {
    await ctx.spool.remove(...fetched);
  }
}

type Fetched = LocalPack & { idx: Buffer; meta: Buffer | undefined };

/** From the object store itself: a copy in the cache may be good while the original is not. */
async function fetchPack(
  ctx: AppContext,
  repoId: string,
  hash: string,
  fetched: string[],
): Promise<Fetched | { missing: string }> {
  const key = (extension: 'pack' | 'idx' | 'meta') => packKey(repoId, hash, extension);
  const newFile = (extension: string) => {
    const path = ctx.spool.newFile(extension);
    fetched.push(path);
    return path;
  };
  const [idx, meta] = [await ctx.objects.get(key('idx')), await ctx.objects.get(key('meta'))];
  if (idx === undefined) return { missing: key('idx') };
  if ((await ctx.objects.head(key('pack'))) === undefined) return { missing: key('pack') };
  let packPath = ctx.objects.localPath(key('pack'));
  if (packPath === undefined) {
    ({ path: packPath } = await ctx.spool.receive(await ctx.objects.stream(key('pack')), {
      maxBytes: Number.MAX_SAFE_INTEGER,
    }));
    fetched.push(packPath);
  }
  const [idxPath, metaPath] = [newFile('idx'), newFile('meta')];
  await writeFile(idxPath, idx);
  if (meta !== undefined) await writeFile(metaPath, meta);
  return { hash, packPath, idxPath, metaPath, idx, meta };
}

/** Pack and index end with checksums over everything in front of them (gitformat-pack); the index also names its pack. */
async function packDamage({ hash, packPath, idx }: Fetched, bytes: number): Promise<string | undefined> {
  const { size } = await stat(packPath);
  if (size !== bytes) return `it has ${size} bytes, not ${bytes}`;
  const digest = createHash('sha1');
  for await (const chunk of createReadStream(packPath, { end: size - CHECKSUM_BYTES - 1, highWaterMark: 1024 * 1024 }))
    digest.update(chunk as Uint8Array);
  if (digest.digest('hex') !== hash) return 'its bytes do not have its checksum';
  const trailer: Uint8Array[] = [];
  for await (const chunk of createReadStream(packPath, { start: size - CHECKSUM_BYTES })) trailer.push(chunk as Buffer);
  if (Buffer.concat(trailer).toString('hex') !== hash) return 'it does not end with its checksum';
  const own = createHash('sha1').update(idx.subarray(0, -CHECKSUM_BYTES)).digest();
  if (!own.equals(idx.subarray(-CHECKSUM_BYTES))) return 'its index does not have its checksum';
  const named = idx.subarray(-2 * CHECKSUM_BYTES, -CHECKSUM_BYTES).toString('hex');
  return named === hash ? undefined : 'its index is of another pack';
}

interface Damage {
  kind: 'corrupt_object' | 'missing_key';
  detail: Record<string, unknown>;
}

async function packedDamage(ctx: AppContext, pack: LocalPack, oid: Oid): Promise<Damage | undefined> {
  try {
    await ctx.engine.read([pack], oid);
    return undefined;
  } catch (error) {
    if (error instanceof AppError && error.code === 'OBJECT_CORRUPTED')
      return { kind: 'corrupt_object', detail: { stored: 'pack' } };
    throw error;
  }
}

async function looseDamage(ctx: AppContext, repoId: string, oid: Oid): Promise<Damage | undefined> {
  const key = looseKey(repoId, oid);
  const body = await ctx.objects.get(key);
  if (body === undefined) return { kind: 'missing_key', detail: { key } };
  const content = await inflateAsync(body, { maxOutputLength: MAX_OBJECT_BYTES + MAX_HEADER_BYTES }).catch(
    () => undefined,
  );
  const isGood = content !== undefined && createHash('sha1').update(content).digest('hex') === oid;
  return isGood ? undefined : { kind: 'corrupt_object', detail: { stored: 'loose' } };
}
