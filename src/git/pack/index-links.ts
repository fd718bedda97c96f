/** Compares what the objects of a pack name with what the pack brings. */
import type { ObjectType } from '../objects/type.js';
import { typeFromNumber } from '../objects/type.js';
import { OID_BYTES, type Oid, oidAt, oidToBytes } from '../oid.js';
import type { PackState } from './index-pack.js';
import { namedAs } from './invalid-object.js';

export interface Links {
  /** Named but not received: 20 bytes each, and the type number that the name demands. */
  externalOids: Uint8Array;
  externalTypes: Uint8Array;
  /** Every received object is a tip or is named; as names cannot form a cycle, all are reachable from tips then. */
  tight: boolean;
  /** Types of the tips that were received. */
  tipTypes: Record<Oid, ObjectType>;
}

/**
 * Works on the received objects only: an appended base is in the pack for storage, not because it was sent.
 * @throws AppError INVALID_OBJECT when an object is named as another type than it is
 */
export function links(state: PackState, tips: readonly Oid[]): Links {
  const { entries, known } = state;
  const { names } = state.facts;
  const wanted = new Uint8Array(entries.received);
  const isReceived = (entry: number) => entry >= 0 && entry < entries.received;
  const { oids } = names;
  const external: number[] = [];
  for (let name = 0; name < names.count; name++) {
    const entry = known.find(oids, name * OID_BYTES);
    const type = names.type(name);
    if (entry >= 0 && entries.types[entry] !== type) {
      throw namedAs(oidAt(oids, name * OID_BYTES), type, entries.types[entry]!);
    }
    if (isReceived(entry)) wanted[entry] = 1;
    else external.push(name);
  }
  const tipTypes: Record<Oid, ObjectType> = {};
  for (const tip of tips) {
    const entry = known.find(oidToBytes(tip), 0);
    if (!isReceived(entry)) continue;
    wanted[entry] = 1;
    tipTypes[tip] = typeFromNumber(entries.types[entry]!)!;
  }
  const externalOids = new Uint8Array(external.length * OID_BYTES);
  const externalTypes = new Uint8Array(external.length);
  external.forEach((name, i) => {
    externalOids.set(oids.subarray(name * OID_BYTES, (name + 1) * OID_BYTES), i * OID_BYTES);
    externalTypes[i] = names.type(name);
  });
  return { externalOids, externalTypes, tight: !wanted.includes(0), tipTypes };
}
