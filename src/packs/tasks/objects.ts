/** The objects of local packs as the synchronous source that diffs and merges read from. */
import { AppError } from '../../errors.js';
import { type GitObject, type ObjectSource, objectId, type WorkMeter } from '../../git/objects/index.js';
import { type Oid, oidToBytes } from '../../git/oid.js';
import type { PackSet } from '../../git/pack/reader-chain.js';
import { MAX_READ_BYTES } from './read.js';

/** Bytes that count as one step of work when they are inflated. */
const STEP_BYTES = 1024;

export class PackObjects implements ObjectSource {
  readonly #set: PackSet;
  readonly #meter: WorkMeter;

  constructor(set: PackSet, meter: WorkMeter) {
    this.#set = set;
    this.#meter = meter;
  }

  /**
   * @throws AppError PAYLOAD_TOO_LARGE for an object that is larger than MAX_READ_BYTES or is made from such a one,
   * OBJECT_CORRUPTED when it cannot be read or is another object
   */
  read(oid: Oid): GitObject | undefined {
    const place = this.#set.find(oidToBytes(oid));
    if (place === undefined) return undefined;
    if (!this.#set.fits(place, MAX_READ_BYTES)) {
      throw new AppError('PAYLOAD_TOO_LARGE', { message: `The object ${oid} is too large to be compared.` });
    }
    const object = this.#set.read(place);
    this.#meter.spend(1 + Math.ceil(object.data.length / STEP_BYTES));
    if (objectId(object.type, object.data) !== oid) {
      throw new AppError('OBJECT_CORRUPTED', { message: `The stored object ${oid} does not match its id.` });
    }
    return object;
  }

  size(oid: Oid): number | undefined {
    const place = this.#set.find(oidToBytes(oid));
    return place === undefined ? undefined : this.#set.size(place);
  }
}
