/** Bundle files (gitformat-bundle): a list of refs in front of a pack. */
import type { Oid } from './oid.js';

/** The header of a version 2 bundle that needs nothing else; the pack follows directly. */
export function bundleHeader(refs: readonly { name: string; oid: Oid }[]): Buffer {
  return Buffer.from(`# v2 git bundle\n${refs.map(({ name, oid }) => `${oid} ${name}\n`).join('')}\n`);
}
