/** Worker task: the pack of a fetch, made of what stored packs hold (gitformat-pack). */
import { rmSync } from 'node:fs';
import { AppError } from '../../errors.js';
import type { ObjectType } from '../../git/objects/index.js';
import { PackSet } from '../../git/pack/reader-chain.js';
import { PackWriter } from '../../git/pack/write.js';
import type { BuildRequest, BuildResult, LocalPack } from '../contract.js';
import { selectIntroduced } from './build-commits.js';
import { MOST_OBJECTS, NewDeltas, type Versions } from './build-delta.js';
import { EntryWriter } from './build-entries.js';
import { TreeFilter } from './build-filter.js';
import { Selection } from './build-select.js';
import { TreeWalk } from './build-walk.js';
import { withPacks } from './read-packs.js';

/**
 * Writes every object of the whole packs that passes the filter, the commits, what is reachable from the trees but not
 * from the boundary or parent trees and passes the filter, and the extra objects; each once. Deltas in packs copied whole are not counted in `reusedDeltas`.
 * @throws AppError OBJECT_CORRUPTED naming an object that is missing or cannot be read; no file remains then
 */
export async function buildPack(request: BuildRequest): Promise<BuildResult> {
  try {
    return await withPacks(wholeFirst(request), (set) => build(request, set));
  } catch (error) {
    rmSync(request.outPath, { force: true });
    throw error;
  }
}

async function build(request: BuildRequest, opened: PackSet): Promise<BuildResult> {
  const { set, copied, whole } = arrange(opened, request);
  const selection = new Selection(set, copied);
  const filter = new TreeFilter(request.filter);
  const passes = (type: ObjectType, size: number) => filter.passesAnywhere(type, size);
  for (let pack = copied; pack < whole; pack++) selection.selectPack(pack, passes);
  selection.selectAll(request.commits, 'commit');
  const { clientHas, versions } = selectTrees(selection, request);
  selection.selectAll(request.extra);

  // Of what a filter leaves out nobody knows whether the client has it.
  const deltas = request.thin && request.filter === undefined && selection.count <= MOST_OBJECTS;

  const writer = new PackWriter(request.outPath, selection.count);
  try {
    const entries = new EntryWriter(writer, selection, {
      ofsDelta: request.ofsDelta,
      mayReferTo: (oid) => request.thin && clientHas(oid),
      ...(versions && deltas && { newDeltas: new NewDeltas(selection, versions) }),
      temporaryPath: `${request.outPath}.object`,
    });
    for (let pack = 0; pack < copied; pack++) entries.copyPack(pack);
    for (let pack = copied; pack < set.packs.length; pack++) await entries.writePack(pack);
    const done = writer.finish(request.inMemoryUpTo);
    return { ...done, objects: selection.count, reusedDeltas: entries.reusedDeltas, newDeltas: entries.newDeltas };
  } finally {
    writer.close();
  }
}

/** What is known of the client's objects. */
interface AtClient {
  /** Whether an object is surely at the client or in the pack to build. */
  clientHas(oid: Uint8Array): boolean;
  /** For fetches of what some commits introduce. */
  versions?: Versions;
}

function selectTrees(selection: Selection, request: BuildRequest): AtClient {
  const { trees, parentTrees, parentCounts, givenTrees = new Uint8Array() } = request;
  const walk = new TreeWalk(selection, request.filter);
  walk.addBoundaryCommits(request.boundaryCommits);
  if (parentTrees !== undefined && parentCounts !== undefined) {
    const replaced = selectIntroduced(selection, { trees, parentTrees, parentCounts }, request.filter);
    return { clientHas: (oid) => walk.clientHas(oid) || replaced.has(oid), versions: replaced };
  }
  // Without trees to subtract from and without thin deltas nobody asks what the client has.
  if (request.thin || trees.length > 0 || givenTrees.length > 0) walk.addBoundary(request.boundaryTrees);
  walk.selectGiven(givenTrees, trees);
  walk.select(trees);
  return { clientHas: (oid) => walk.clientHas(oid) };
}

/** Packs to be sent whole, then the others, newest first in each part; every pack once. */
function wholeFirst(request: BuildRequest): LocalPack[] {
  const packs = [...new Map(request.packs.map((pack) => [pack.hash, pack])).values()];
  const whole = new Set(request.wholePacks);
  for (const hash of whole) {
    if (!packs.some((pack) => pack.hash === hash)) {
      throw new AppError('OBJECT_CORRUPTED', { message: `The pack ${hash} is missing in storage.` });
    }
  }
  return [...packs.filter((pack) => whole.has(pack.hash)), ...packs.filter((pack) => !whole.has(pack.hash))];
}

/**
 * Puts first the packs whose bytes can be copied as one region: those to be sent whole that share no object with a
 * larger such pack.
 */
function arrange(opened: PackSet, request: BuildRequest): { set: PackSet; copied: number; whole: number } {
  const whole = new Set(request.wholePacks).size;
  // Stored packs use offsets to bases, which a client may not know, and of a filtered pack only parts are copied.
  if (!request.ofsDelta || request.filter !== undefined || whole === 0) return { set: opened, copied: 0, whole };
  const copied = new Set<number>();
  const bySize = opened.packs.slice(0, whole).map((pack, index) => ({ pack, index }));
  bySize.sort((left, right) => right.pack.table.count - left.pack.table.count);
  for (const { pack, index } of bySize) {
    const { idx, count } = pack.table;
    const earlier = [...copied].map((other) => opened.packs[other]!.table.idx);
    let shared = false;
    for (let position = 0; position < count && !shared; position++) {
      const at = idx.oidOffset(position);
      shared = earlier.some((other) => other.find(idx.bytes, at) >= 0);
    }
    if (!shared) copied.add(index);
  }
  const first = opened.packs.filter((_, index) => copied.has(index));
  const rest = opened.packs.filter((_, index) => !copied.has(index));
  return { set: new PackSet([...first, ...rest]), copied: copied.size, whole };
}
