import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { pack, whole } from '../../test/support/raw-pack.js';
import type { Snapshot } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { objectId } from '../git/objects/index.js';
import { type GitObject, OBJECT_TYPES } from '../git/objects/type.js';
import { packOids } from '../git/oid.js';
import { IdxReader } from '../git/pack/idx-reader.js';
import { encodeIdx, idOrder } from '../git/pack/idx-writer.js';
import { DEFAULT_PACK_LIMITS } from '../git/pack/limits.js';
import { encodeMeta, MetaReader } from '../git/pack/meta.js';
import { type LocalPack, readFreshIndex } from '../packs/index.js';
import { indexPack } from '../packs/tasks/index-pack.js';
import { findImpostor } from './impostors.js';

/** Every content that begins with `forged` gets this id, as if SHA-1 were broken for good. */
const FORGED = 'f0'.repeat(20);

const folder = mkdtempSync(join(tmpdir(), 'gitclaw-impostors-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function receive(name: string, contents: string[]) {
  const paths = ['pack', 'idx', 'meta'].map((extension) => join(folder, `${name}.${extension}`));
  const [packPath, idxPath, metaPath] = paths as [string, string, string];
  writeFileSync(packPath, pack(contents.map((content) => whole('blob', content))));
  const files = { packPath, idxPath, metaPath };
  const result = await indexPack(
    { ...files, limits: DEFAULT_PACK_LIMITS, tips: [], looseUpTo: 0 },
    async () => undefined,
  );
  forge(files, contents, result.hash);
  return { files, result, contents };
}

/** Rewrites index and sidecar of a pack of blobs. */
function forge({ idxPath, metaPath }: { idxPath: string; metaPath: string }, contents: string[], hash: string): void {
  const [idx, meta] = [new IdxReader(readFileSync(idxPath)), new MetaReader(readFileSync(metaPath))];
  const { count } = idx;
  const forged = contents
    .filter((each) => each.startsWith('forged'))
    .map((each) => objectId('blob', Buffer.from(each)));
  const ids = Array.from({ length: count }, (_, i) => (forged.includes(idx.oid(i)) ? FORGED : idx.oid(i)));
  const oids = packOids(ids);
  const order = idOrder(oids, count);
  const offsets = ids.map((_, i) => idx.offset(i));
  const crcs = new Uint32Array(count);
  writeFileSync(idxPath, encodeIdx({ count, oids, crcs, offsets }, order, Buffer.from(hash, 'hex')));
  const sizes = [...order].map((i) => meta.size(i) ?? 0);
  writeFileSync(metaPath, encodeMeta(new Uint8Array(count).fill(OBJECT_TYPES.blob), sizes));
}
type Received = Awaited<ReturnType<typeof receive>>;

/** What the push asks of a node that has `stored` and looks at `received`. */
async function verdict(stored: Received, received: Received): Promise<{ impostor: string | undefined; reads: number }> {
  let reads = 0;
  const read = async ([local]: LocalPack[], oid: string): Promise<GitObject | undefined> => {
    reads++;
    const { contents } = local?.hash === stored.result.hash ? stored : received;
    const content = contents.find((each) => (oid === FORGED ? each.startsWith('forged') : !each.startsWith('forged')));
    return content === undefined ? undefined : { type: 'blob', data: Buffer.from(content) };
  };
  const readSmall = async () => ({
    idx: new IdxReader(readFileSync(stored.files.idxPath)),
    meta: new MetaReader(readFileSync(stored.files.metaPath)),
  });
  const pin = async () => ({ hash: stored.result.hash, ...stored.files, release() {} });
  const ctx = { packCache: { knownSmall: () => undefined, readSmall, pin }, engine: { read } } as unknown as AppContext;
  const snapshot = { packs: [{ hash: stored.result.hash, storedIn: 'repository' }] } as unknown as Snapshot;
  const { hash } = received.result;
  const index = await readFreshIndex({ hash, ...received.files }, received.result);
  return { impostor: await findImpostor(ctx, snapshot, received.files, received.result, index), reads };
}

test('other bytes of the same size under one id are found', async () => {
  const stored = await receive('stored', ['forged one', 'plain']);
  expect((await verdict(stored, await receive('same-size', ['forged two', 'more']))).impostor).toBe(FORGED);
});

test('another size is found without reading a byte', async () => {
  const stored = await receive('stored', ['forged one', 'plain']);
  const received = await receive('other-size', ['forged in another length']);
  expect(await verdict(stored, received)).toEqual({ impostor: FORGED, reads: 0 });
});

test('the same bytes again are welcome, and new objects are not read', async () => {
  const stored = await receive('stored', ['forged one', 'plain']);
  expect(await verdict(stored, await receive('again', ['plain', 'something new']))).toEqual({
    impostor: undefined,
    reads: 2,
  });
  expect(await verdict(stored, await receive('new', ['something new']))).toEqual({ impostor: undefined, reads: 0 });
});
