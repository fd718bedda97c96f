/** Ids of blobs that trees call `.gitmodules` or `.gitattributes`, and what is known of their content. */
import { checkGuardedFile } from '../objects/check.js';
import type { GuardedFile } from '../objects/check-tree.js';
import type { Finding } from '../objects/finding.js';
import { OID_BYTES } from '../oid.js';
import { OidTypes } from './index-oids.js';
import { invalidPack, MAX_GUARDED_FILES } from './limits.js';

const BITS: Readonly<Record<GuardedFile, number>> = { gitmodules: 1, gitattributes: 2 };
const FILES = Object.keys(BITS) as GuardedFile[];

/** The ids that trees gave a guarded name, and which of them were found good. */
export class GuardedFiles {
  /** By id, bits of the files it must be good for and, shifted by two, of those it was found good for. */
  readonly #ids: OidTypes;

  constructor(seeds: Int32Array) {
    this.#ids = new OidTypes(seeds);
  }

  /** Whether no tree gave any id a guarded name so far. */
  get isEmpty(): boolean {
    return this.#ids.count === 0;
  }

  /** Takes note of the id at `at`. @throws AppError INVALID_PACKFILE when there are too many */
  add(file: GuardedFile, bytes: Uint8Array, at: number): void {
    const number = this.#ids.add(bytes, at, 0);
    this.#ids.setType(number, this.#ids.type(number) | BITS[file]);
    if (this.#ids.count > MAX_GUARDED_FILES) {
      throw invalidPack(
        `the packfile has more than ${MAX_GUARDED_FILES} versions of .gitmodules and .gitattributes: push in smaller steps`,
      );
    }
  }

  /** Checks a blob if a tree met so far gave it a guarded name. */
  check(oids: Uint8Array, at: number, data: Uint8Array): Finding | undefined {
    const number = this.#ids.count === 0 ? -1 : this.#ids.find(oids, at);
    if (number < 0) return undefined;
    for (const file of this.#open(number)) {
      const problem = checkGuardedFile(file, data);
      if (problem !== undefined) return problem;
      this.#ids.setType(number, this.#ids.type(number) | (BITS[file] << 2));
    }
    return undefined;
  }

  /** Ids with files that they were not checked for yet. */
  *pending(): Generator<{ oid: Buffer; file: GuardedFile }> {
    for (let number = 0; number < this.#ids.count; number++) {
      const [file] = this.#open(number);
      const oid = this.#ids.oids.subarray(number * OID_BYTES, (number + 1) * OID_BYTES);
      if (file !== undefined) yield { oid, file };
    }
  }

  #open(number: number): GuardedFile[] {
    const bits = this.#ids.type(number);
    return FILES.filter((file) => (bits & BITS[file]) !== 0 && ((bits >> 2) & BITS[file]) === 0);
  }
}
