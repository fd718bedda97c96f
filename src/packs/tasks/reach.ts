/** Worker task: are certain trees and blobs reachable from certain trees? */
import { AppError } from '../../errors.js';
import { OID_BYTES, oidAt } from '../../git/oid.js';
import { OidSet } from '../../git/pack/oid-set.js';
import type { PackSet } from '../../git/pack/reader-chain.js';
import type { ReachRequest } from '../contract.js';
import { withPacks } from './read-packs.js';
import { readTree } from './read-tree.js';

/** See {@link PackEngine.findReachable}. Memory: 30 bytes per tree and blob met. */
export function findReachable({ packs, trees, sought }: ReachRequest): Promise<Uint8Array> {
  return withPacks(packs, async (set) => walk(set, trees, sought));
}

function walk(set: PackSet, trees: Uint8Array, sought: Uint8Array): Uint8Array {
  const targets = new OidSet();
  const numbers = Array.from({ length: sought.length / OID_BYTES }, (_, i) => targets.add(sought, i * OID_BYTES));
  const met = new Uint8Array(targets.count);
  let open = targets.count;
  const seen = new OidSet();
  const pending: number[] = [];
  const depths: number[] = [];
  const meet = (bytes: Uint8Array, at: number, isTree: boolean, depth: number) => {
    const known = seen.count;
    const number = seen.add(bytes, at);
    if (number < known) return;
    const target = targets.find(bytes, at);
    if (target >= 0) {
      met[target] = 1;
      open -= 1;
    }
    if (!isTree) return;
    pending.push(number);
    depths.push(depth);
  };
  for (let root = 0; root < trees.length && open > 0; root += OID_BYTES) {
    meet(trees, root, true, 0);
    for (let number = pending.pop(); number !== undefined && open > 0; number = pending.pop()) {
      const depth = depths.pop()!;
      const place = set.find(seen.ids, number * OID_BYTES);
      if (place === undefined) {
        const message = `The object ${oidAt(seen.ids, number * OID_BYTES)} is missing in storage.`;
        throw new AppError('OBJECT_CORRUPTED', { message });
      }
      readTree(set, place, depth, (bytes, at, isTree) => meet(bytes, at, isTree, depth + 1));
    }
  }
  return Uint8Array.from(numbers, (number) => met[number]!);
}
