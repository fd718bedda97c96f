import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { insertDelta, ofsDelta, pack, whole } from '../../../test/support/raw-pack.js';
import vectors from '../../../test/vectors/sha1-collision.json' with { type: 'json' };
import { AppError } from '../../errors.js';
import { DEFAULT_PACK_LIMITS } from '../../git/pack/limits.js';
import { indexPack } from './index-pack.js';

/**
 * No published attack begins with git's header, so the header is left out here: what the detector gets to see then is
 * the published file, if and only if the whole content of the object reaches it.
 */
vi.mock('../../git/pack/loose.js', async (original) => ({
  ...(await original<typeof import('../../git/pack/loose.js')>()),
  objectHeader: () => '',
}));

const folder = mkdtempSync(join(tmpdir(), 'gitclaw-collision-'));
const path = join(folder, 'case.pack');
afterAll(() => rmSync(folder, { recursive: true }));

async function finding(bytes: Buffer, collisionCheck?: boolean): Promise<unknown> {
  writeFileSync(path, bytes);
  const paths = { packPath: path, idxPath: `${path}.idx`, metaPath: `${path}.meta` };
  const request = { ...paths, tips: [], looseUpTo: 0, limits: DEFAULT_PACK_LIMITS };
  try {
    await indexPack({ ...request, ...(collisionCheck === undefined ? {} : { collisionCheck }) }, async () => undefined);
    return undefined;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    expect(error.code).toBe('INVALID_OBJECT');
    return error.details?.id;
  }
}

const attack = Buffer.from(vectors.prefix + vectors.blocks[0], 'hex');
const large = Buffer.concat([attack, Buffer.alloc(17 * 1024 * 1024)]);
const base = whole('blob', attack.subarray(0, 192));
const half = Buffer.concat([Buffer.alloc(1), attack]);
const wholeHalf = whole('blob', half);
/** Copies the attack out of `half`. */
const delta = Buffer.from([0xc1, 0x02, 0xc0, 0x02, 0xb1, 0x01, 0x40, 0x01]);

test.each<[string, Buffer]>([
  ['whole', pack([whole('blob', attack)])],
  ['made by a delta', pack([wholeHalf, ofsDelta(wholeHalf.length, delta)])],
  ['larger than memory', pack([whole('blob', large)])],
])('an attack is refused in an object that is %s', async (_name, bytes) => {
  expect(await finding(bytes)).toBe('sha1Collision');
  expect(await finding(bytes, false)).toBeUndefined();
});

test('objects without an attack pass', async () => {
  expect(await finding(pack([base, ofsDelta(base.length, insertDelta(192, 'x'))]))).toBeUndefined();
});
