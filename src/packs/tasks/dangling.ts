/** Worker task: is everything that objects name stored? */
import { commitLinks } from '../../git/objects/commit.js';
import { parseTag } from '../../git/objects/index.js';
import { OID_BYTES, type Oid, oidAt, oidToBytes } from '../../git/oid.js';
import { OidSet } from '../../git/pack/oid-set.js';
import type { PackSet, Place } from '../../git/pack/reader-chain.js';
import type { DanglingRequest } from '../contract.js';
import { withPacks } from './read-packs.js';
import { readTree } from './read-tree.js';

/** See {@link PackEngine.findDangling}. Memory: 30 bytes per object named. */
export function findDangling({ packs, among }: DanglingRequest): Promise<Oid | undefined> {
  return withPacks([...packs, ...among], async (set) => {
    const checked = new OidSet();
    let dangling: Oid | undefined;
    const check = (bytes: Uint8Array, at: number) => {
      const known = checked.count;
      if (checked.add(bytes, at) < known || dangling !== undefined) return;
      if (set.find(bytes, at) === undefined) dangling = oidAt(bytes, at);
    };
    for (let pack = 0; pack < packs.length; pack++) {
      const { count } = set.packs[pack]!.table;
      for (let position = 0; position < count && dangling === undefined; position++) {
        forEachName(set, { pack, position }, check);
      }
    }
    return dangling;
  });
}

function forEachName(set: PackSet, place: Place, visit: (bytes: Uint8Array, at: number) => void): void {
  const type = set.type(place);
  if (type === 'blob') return;
  if (type === 'tree') {
    readTree(set, place, 0, visit);
    return;
  }
  const { data } = set.read(place);
  const names = set.guard(place, () => {
    if (type === 'tag') return [parseTag(data).object];
    const { tree, parents } = commitLinks(data);
    return [tree, ...parents];
  });
  const bytes = Buffer.concat(names.map(oidToBytes));
  for (let at = 0; at < bytes.length; at += OID_BYTES) visit(bytes, at);
}
