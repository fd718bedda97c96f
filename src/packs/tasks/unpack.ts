/** Worker task: objects of a pack as loose objects (gitformat-loose). */
import { randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createDeflate } from 'node:zlib';
import { encodeLoose, objectHeader } from '../../git/pack/loose.js';
import type { PackSet, Place } from '../../git/pack/reader-chain.js';
import { extractToFile } from '../../git/pack/reader-large.js';
import { looseKey, writeBatch } from '../../storage/index.js';
import type { LocalPack, LooseFolder, LooseObject, UnpackBatch } from '../contract.js';
import { withPacks } from './read-packs.js';

const BATCH_OBJECTS = 1000;
const BATCH_BYTES = 8 * 1024 * 1024;
/** Objects larger than this are deflated from file to file, bytes. */
const MAX_MEMORY_BYTES = 32 * 1024 * 1024;
/** Loose bodies larger than this are handed over as a file, bytes. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;
const LEVEL = 1;

/**
 * The objects from the `from`-th entry of the file on, until 1000 objects or 8 MiB of bodies are together. A body of more
 * than 64 MiB comes as `bodyPath`, a file in `folder` that the caller deletes; with `into` only those are handed back.
 * @throws AppError OBJECT_CORRUPTED, S3_UPLOAD_FAILED
 */
export async function unpackBatch(
  pack: LocalPack,
  from: number,
  folder: string = tmpdir(),
  into?: LooseFolder,
): Promise<UnpackBatch> {
  return withPacks([pack], async (set) => {
    const { table } = set.packs[0]!;
    const loose: LooseObject[] = [];
    let bytes = 0;
    let next = from;
    for (; next < table.count && loose.length < BATCH_OBJECTS && bytes < BATCH_BYTES; next++) {
      // In the order of the file, bases lie close to their deltas and are still in memory.
      const object = await looseObject(set, { pack: 0, position: table.positionOfRank(next) }, folder);
      loose.push(object);
      bytes += object.body.length;
      if (object.bodyPath !== undefined) bytes += BATCH_BYTES;
    }
    return { loose: into === undefined ? loose : storeSmall(into, loose), next };
  });
}

/** @returns those that came as files */
function storeSmall({ root, repoId }: LooseFolder, loose: readonly LooseObject[]): LooseObject[] {
  const [small, large] = [loose.filter(isSmall), loose.filter((object) => !isSmall(object))];
  try {
    writeBatch(
      root,
      small.map(({ oid, body }) => ({ key: looseKey(repoId, oid), body })),
    );
    return large;
  } catch (error) {
    for (const { bodyPath } of large) rmSync(bodyPath!, { force: true });
    throw error;
  }
}

function isSmall({ bodyPath }: LooseObject): boolean {
  return bodyPath === undefined;
}

async function looseObject(set: PackSet, place: Place, folder: string): Promise<LooseObject> {
  const oid = set.packs[place.pack]!.table.idx.oid(place.position);
  if (!set.fits(place, MAX_MEMORY_BYTES)) return largeLooseObject(set, place, oid, folder);
  const { type, data } = set.read(place);
  return { oid, type, size: data.length, body: encodeLoose(type, data) };
}

async function largeLooseObject(set: PackSet, place: Place, oid: string, folder: string): Promise<LooseObject> {
  const type = set.type(place);
  const contentPath = join(folder, `${oid}-${randomBytes(6).toString('hex')}.content`);
  const bodyPath = contentPath.replace(/content$/, 'loose');
  try {
    await extractToFile(set, place, contentPath);
    const { size } = statSync(contentPath);
    const content = async function* () {
      yield Buffer.from(objectHeader(type, size), 'latin1');
      yield* createReadStream(contentPath, { highWaterMark: 1024 * 1024 });
    };
    await pipeline(content, createDeflate({ level: LEVEL }), createWriteStream(bodyPath));
    if (statSync(bodyPath).size > MAX_BODY_BYTES) return { oid, type, size, body: new Uint8Array(0), bodyPath };
    const body = new Uint8Array(readFileSync(bodyPath));
    rmSync(bodyPath, { force: true });
    return { oid, type, size, body };
  } catch (error) {
    rmSync(bodyPath, { force: true });
    throw set.corrupted(place, error);
  } finally {
    rmSync(contentPath, { force: true });
  }
}
