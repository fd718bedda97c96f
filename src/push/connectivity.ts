/**
 * Connectivity: after a push, everything reachable from a ref must be stored.
 *
 * Git walks from the new tips. We check the whole pack instead: every id that any object of the pack names must be in
 * the pack or in a pack that committed earlier. By induction every stored object then has its whole closure stored,
 * which costs one look-up per name, needs no walk, and also holds for objects that no tip reaches yet.
 */
import { locateAll, type Snapshot } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import type { ExtendedGraph, RefCommand } from '../git/index.js';
import { OBJECT_TYPES, type ObjectType } from '../git/objects/type.js';
import { OID_BYTES, oidAt, oidToBytes, ZERO_OID } from '../git/oid.js';
import type { IndexResult } from '../packs/index.js';
import type { Refusal } from './report.js';

/** @returns a sentence that names the first missing or mistyped object, or undefined when all are there */
export async function findMissing(ctx: AppContext, snapshot: Snapshot, pack: IndexResult): Promise<string | undefined> {
  const { externalOids: oids, externalTypes: types } = pack;
  const open: number[] = [];
  const wanted = new Uint8Array(oids.length);
  for (let i = 0; i < types.length; i++) {
    const isKnownCommit = types[i] === OBJECT_TYPES.commit && snapshot.graph.indexOf(oidAt(oids, i * OID_BYTES)) >= 0;
    if (isKnownCommit) continue;
    wanted.set(oids.subarray(i * OID_BYTES, (i + 1) * OID_BYTES), open.length * OID_BYTES);
    open.push(i);
  }
  const found = await locateAll(ctx, snapshot, wanted.subarray(0, open.length * OID_BYTES));
  for (const [at, position] of open.entries()) {
    const location = found[at];
    const oid = () => oidAt(oids, position * OID_BYTES);
    if (location === undefined) return `object ${oid()} is missing`;
    if (OBJECT_TYPES[location.type] !== types[position])
      return `object ${oid()} is a ${location.type}, which its name does not allow`;
  }
  return undefined;
}

/**
 * Types of the new values of refs, from the pack or from the store, and what is wrong with each.
 * @returns a reason per refused ref name
 */
export async function checkTips(
  ctx: AppContext,
  snapshot: Snapshot,
  graph: ExtendedGraph,
  commands: readonly RefCommand[],
  inPack: Record<string, ObjectType>,
): Promise<Map<string, Refusal>> {
  const reasons = new Map<string, Refusal>();
  const tips = [...new Set(commands.map((command) => command.newOid).filter((oid) => oid !== ZERO_OID))];
  const outside = tips.filter((oid) => inPack[oid] === undefined && !graph.has(oid));
  const located = await locateAll(ctx, snapshot, Buffer.concat(outside.map(oidToBytes)));
  const types = new Map(outside.map((oid, i) => [oid, located[i]?.type]));
  for (const { refName, newOid } of commands) {
    if (newOid === ZERO_OID) continue;
    const type = inPack[newOid] ?? (graph.has(newOid) ? 'commit' : types.get(newOid));
    if (type === undefined) {
      reasons.set(refName, { reason: `missing necessary objects (${newOid})`, code: 'INVALID_PACKFILE' });
    } else if (type !== 'commit' && refName.startsWith('refs/heads/')) {
      const reason = `cannot point a branch at a ${type}; a branch names a commit`;
      reasons.set(refName, { reason, code: 'INVALID_OBJECT' });
    }
  }
  return reasons;
}
