/**
 * Commits and annotated tags of one pack in one buffer: what the commit graph needs, without reading objects.
 *
 * Layout, integers big-endian:
 *   "GCS1", commit count (4), tag count (4)
 *   per commit, parents before children: oid (20), tree (20), committer time in seconds (8, signed), parent count (2), parents (20 each)
 *   per tag: oid (20), target (20), target's pack type number (1)
 */
import { asBuffer } from '../bytes.js';
import { OID_BYTES, type Oid, oidAt } from '../oid.js';
import { OidSet } from '../pack/oid-set.js';

const MAGIC = 'GCS1';
const HEADER = 12;
const COMMIT_BYTES = 50;
const TAG_BYTES = 41;

export interface SegmentCommit {
  oid: Oid;
  tree: Oid;
  /** Committer time, seconds since 1970. */
  time: number;
  parents: Oid[];
}

export interface SegmentTag {
  oid: Oid;
  target: Oid;
  /** Pack type number of the target. */
  targetType: number;
}

export interface Segment {
  commits: SegmentCommit[];
  tags: SegmentTag[];
}

/** Encodes a segment. `commits` must be ordered parents before children as far as both are in it. */
export function encodeSegment(commits: readonly SegmentCommit[], tags: readonly SegmentTag[]): Buffer {
  const parents = commits.reduce((sum, commit) => sum + commit.parents.length, 0);
  const out = Buffer.alloc(HEADER + commits.length * COMMIT_BYTES + parents * OID_BYTES + tags.length * TAG_BYTES);
  out.write(MAGIC, 0, 'latin1');
  out.writeUInt32BE(commits.length, 4);
  out.writeUInt32BE(tags.length, 8);
  let at = HEADER;
  const putOid = (oid: Oid) => {
    at += out.write(oid, at, 'hex');
  };
  for (const commit of commits) {
    putOid(commit.oid);
    putOid(commit.tree);
    at = out.writeBigInt64BE(BigInt(commit.time), at);
    at = out.writeUInt16BE(commit.parents.length, at);
    for (const parent of commit.parents) putOid(parent);
  }
  for (const tag of tags) {
    putOid(tag.oid);
    putOid(tag.target);
    at = out.writeUInt8(tag.targetType, at);
  }
  return out;
}

/** Where a segment's parts lie; offsets point at the 20 bytes of an id. */
export interface SegmentVisitor {
  /** `parentsAt` is the first of `parentCount` ids in a row; `time` in seconds. */
  commit(oidAt: number, treeAt: number, time: number, parentsAt: number, parentCount: number): void;
  tag(oidAt: number, targetAt: number, targetType: number): void;
}

/** Numbers of commits, parents and tags announced and present. @throws RangeError when the bytes are not a segment */
export function measureSegment(bytes: Uint8Array): { commits: number; parents: number; tags: number } {
  const view = asBuffer(bytes);
  if (view.length < HEADER || view.toString('latin1', 0, 4) !== MAGIC) throw new RangeError('not a graph segment');
  const commits = view.readUInt32BE(4);
  const tags = view.readUInt32BE(8);
  let at = HEADER;
  let parents = 0;
  for (let i = 0; i < commits; i++) {
    if (at + COMMIT_BYTES > view.length) throw new RangeError('the graph segment is truncated');
    const count = view.readUInt16BE(at + 48);
    parents += count;
    at += COMMIT_BYTES + count * OID_BYTES;
  }
  if (at + tags * TAG_BYTES !== view.length) throw new RangeError('the graph segment has a wrong size');
  return { commits, parents, tags };
}

/** Visits all commits, then all tags, allocating nothing per entry. @throws RangeError as {@link measureSegment} */
export function readSegment(bytes: Uint8Array, visitor: SegmentVisitor): void {
  const { commits, tags } = measureSegment(bytes);
  const view = asBuffer(bytes);
  let at = HEADER;
  for (let i = 0; i < commits; i++) {
    const count = view.readUInt16BE(at + 48);
    const time = view.readInt32BE(at + 40) * 2 ** 32 + view.readUInt32BE(at + 44);
    visitor.commit(at, at + OID_BYTES, time, at + COMMIT_BYTES, count);
    at += COMMIT_BYTES + count * OID_BYTES;
  }
  for (let i = 0; i < tags; i++, at += TAG_BYTES) visitor.tag(at, at + OID_BYTES, view[at + 2 * OID_BYTES]!);
}

/**
 * One segment of several, given in the order in which their packs became visible. An id that comes twice is taken once.
 * @param keep tells by the 20 bytes of its id at `at` whether a commit or tag is taken; default all
 * @throws RangeError as {@link measureSegment}
 */
export function mergeSegments(
  segments: readonly Uint8Array[],
  keep: (bytes: Uint8Array, at: number) => boolean = () => true,
): Buffer {
  const seen = new OidSet();
  const isNew = (bytes: Uint8Array, at: number) => {
    const known = seen.count;
    return keep(bytes, at) && seen.add(bytes, at) === known;
  };
  const commits: Uint8Array[] = [];
  const tags: Uint8Array[] = [];
  for (const bytes of segments) {
    readSegment(bytes, {
      commit(at, _treeAt, _time, parentsAt, count) {
        if (isNew(bytes, at)) commits.push(bytes.subarray(at, parentsAt + count * OID_BYTES));
      },
      tag(at) {
        if (isNew(bytes, at)) tags.push(bytes.subarray(at, at + TAG_BYTES));
      },
    });
  }
  const header = Buffer.alloc(HEADER);
  header.write(MAGIC, 0, 'latin1');
  header.writeUInt32BE(commits.length, 4);
  header.writeUInt32BE(tags.length, 8);
  return Buffer.concat([header, ...commits, ...tags]);
}

/** Reads what {@link encodeSegment} wrote into objects; for small segments. @throws RangeError for other bytes */
export function decodeSegment(bytes: Uint8Array): Segment {
  const segment: Segment = { commits: [], tags: [] };
  readSegment(bytes, {
    commit(at, treeAt, time, parentsAt, count) {
      const parents = Array.from({ length: count }, (_, i) => oidAt(bytes, parentsAt + i * OID_BYTES));
      segment.commits.push({ oid: oidAt(bytes, at), tree: oidAt(bytes, treeAt), time, parents });
    },
    tag(at, targetAt, targetType) {
      segment.tags.push({ oid: oidAt(bytes, at), target: oidAt(bytes, targetAt), targetType });
    },
  });
  return segment;
}
