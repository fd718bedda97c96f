/** Names plans, so that a pack made for one client serves the next one with the same plan. */
import { createHash, type Hash } from 'node:crypto';
import type { Plan } from './plan.js';

/**
 * A digest of everything in a plan that the bytes of its pack depend on: two plans with one name give the same objects.
 * Packs are named by their content, so a name is good for as long as anybody wants it.
 */
export function planName(plan: Plan): string {
  const { single: _, filter, ...rest } = plan;
  const hash = createHash('sha256');
  // An unlimited depth or size is Infinity, for which JSON has no word.
  if (filter !== undefined)
    add(hash, 'filter', [String(filter.treeDepth), String(filter.blobLimit), filter.types ?? null]);
  for (const [name, value] of Object.entries(rest)) add(hash, name, value);
  return hash.digest('hex');
}

/** Each value follows its own name and length, so that no two plans run together to the same bytes. */
function add(hash: Hash, name: string, value: unknown): void {
  if (ArrayBuffer.isView(value)) {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    hash.update(`${name} ${bytes.length}\n`).update(bytes);
  } else {
    hash.update(`${name} ${JSON.stringify(value)}\n`);
  }
}
