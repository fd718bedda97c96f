/**
 * Blobs that trees call `.gitmodules` or `.gitattributes`: their content is checked wherever it lies.
 *
 * As in git, a blob that comes behind the tree that names it is checked on its way; the others are read again when
 * every tree is known. Senders put trees first, so that is rare, and it is paid from the budget of the pack.
 */
import { AppError } from '../../errors.js';
import { asBuffer } from '../bytes.js';
import type { GuardedFile } from '../objects/check-tree.js';
import { type Finding, finding } from '../objects/finding.js';
import { OBJECT_TYPES } from '../objects/type.js';
import { OID_BYTES, oidAt } from '../oid.js';
import { DeltaError } from './delta.js';
import { OFS_DELTA, REF_DELTA } from './entry.js';
import { type Content, ContentFile, memoryContent } from './index-content.js';
import { headerAt, loadContent } from './index-cursor.js';
import { applyContent } from './index-delta.js';
import type { PackState } from './index-pack.js';
import type { ReadBase } from './index-thin.js';
import { invalidObject } from './invalid-object.js';
import { IN_MEMORY_BYTES, invalidPack } from './limits.js';

/**
 * Checks what was not checked on the way: blobs that came before their tree or lie in the repository already.
 * @param readBase looks up objects of the repository
 * @throws AppError INVALID_OBJECT
 */
export async function checkGuardedFiles(state: PackState, readBase: ReadBase): Promise<void> {
  const { guarded } = state.facts;
  for (const { oid, file } of guarded.pending()) {
    const data = await read(state, readBase, oid);
    const problem = typeof data === 'string' ? special(file, data) : guarded.check(oid, 0, data);
    if (problem !== undefined) throw invalidObject(oidAt(oid, 0), problem.id, problem.message);
  }
}

type Unread = 'missing' | 'large' | 'no blob';

/** git lets a missing `.gitmodules` pass here: it must be a submodule of that name, or the connectivity check fails. */
function special(file: GuardedFile, what: Unread): Finding | undefined {
  if (what === 'large') return finding(`${file}Large`);
  if (what === 'no blob') return finding(`${file}Blob`);
  return file === 'gitattributes' ? finding('gitattributesMissing') : undefined;
}

async function read(state: PackState, readBase: ReadBase, oid: Uint8Array): Promise<Uint8Array | Unread> {
  const { entries, known } = state;
  const entry = known.find(oid, 0);
  if (entry >= 0) {
    if (entries.types[entry] !== OBJECT_TYPES.blob) return 'no blob';
    return entries.sizes[entry]! > IN_MEMORY_BYTES ? 'large' : readEntry(state, readBase, entry);
  }
  try {
    const object = await readBase(oidAt(oid, 0));
    if (object === undefined) return 'missing';
    if (object.type !== 'blob') return 'no blob';
    return object.data.length > IN_MEMORY_BYTES ? 'large' : object.data;
  } catch (error) {
    if (error instanceof AppError && error.code === 'PAYLOAD_TOO_LARGE') return 'large';
    throw error;
  }
}

/** Reads a blob of the pack once more, down its whole delta chain. */
async function readEntry(state: PackState, readBase: ReadBase, entry: number): Promise<Uint8Array> {
  const chain = [entry];
  for (let base = baseOf(state, entry); base >= 0; base = baseOf(state, base)) chain.push(base);
  let content = await load(state, readBase, chain.pop()!);
  for (let at = chain.pop(); at !== undefined; at = chain.pop()) {
    const base = content;
    const delta = await load(state, readBase, at);
    const size = state.entries.sizes[at]!;
    state.spend(size);
    try {
      const result = applyContent(state.scratch, base, delta, OBJECT_TYPES.blob, size);
      content = result instanceof ContentFile ? result.finish().content : memoryContent(result);
    } catch (error) {
      if (error instanceof DeltaError) throw invalidPack(error.message, { cause: error });
      throw error;
    } finally {
      base.release();
      delta.release();
    }
  }
  // It stays in use, so it is not released; it lies in memory, whose size was looked at before.
  return content.bytes!;
}

async function load(state: PackState, readBase: ReadBase, entry: number): Promise<Content> {
  const { window, scratch, entries } = state;
  if (entry >= entries.received) {
    // An appended base lies behind what the window shows.
    const data = (await readBase(oidAt(entries.oids, entry * OID_BYTES)))?.data;
    if (data === undefined) throw new AppError('OBJECT_CORRUPTED');
    return memoryContent(asBuffer(data));
  }
  const offset = entries.offsets[entry]!;
  const { header, length } = headerAt(window, offset);
  state.spend(header.size);
  return loadContent(window, scratch, offset + length, header.size);
}

/** The entry that an entry is a delta of, or -1. */
function baseOf({ window, entries, known }: PackState, entry: number): number {
  if (entry >= entries.received) return -1;
  const offset = entries.offsets[entry]!;
  const { header } = headerAt(window, offset);
  if (header.type === OFS_DELTA) return entries.at(offset - header.baseDistance);
  return header.type === REF_DELTA ? known.find(window.bytes, header.baseOidAt) : -1;
}
