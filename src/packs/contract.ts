/**
 * The pack engine: everything that must look inside packs, run in worker threads over files on the local disk.
 * The event loop only moves bytes; memory of every call is bounded by constants, not by the size of a pack.
 */
import type { TreeDiff } from '../git/diff/index.js';
import type { MergeLabels, MergePlan, NewObject } from '../git/merge/index.js';
import type { GitObject, ObjectType } from '../git/objects/type.js';
import type { Oid } from '../git/oid.js';
import type { ReceiveLimits } from '../git/pack/limits.js';
import type { ObjectFilter } from '../git/upload-pack/index.js';

/** The files of one stored pack on the local disk. The sidecar `meta` is described in git/pack/meta.ts. */
export interface LocalPack {
  hash: string;
  packPath: string;
  idxPath: string;
  metaPath: string;
}

/** Limits while receiving, explained where they are defined. */
export type PackLimits = ReceiveLimits;

export interface IndexRequest {
  /** The received pack, spooled whole. It is completed in place when thin. */
  packPath: string;
  /** The received pack when it is not on disk yet: the worker writes it to `packPath`. */
  received?: Uint8Array;
  /** Where to write `idx` version 2 and the sidecar. */
  idxPath: string;
  metaPath: string;
  /** Whether the files stay on this disk and are flushed soon. */
  isStored?: boolean;
  limits: PackLimits;
  /** New values of the pushed refs, to tell whether every object of the pack is reachable from them. */
  tips: Oid[];
  /** Objects of this pack to hand back deflated as loose objects when the pack has at most this many. */
  looseUpTo: number;
  /** Whether to refuse objects that carry a SHA-1 collision attack; default true. */
  collisionCheck?: boolean;
}

/** A pack that stays on disk until `release` is called, once, by whoever pinned it. */
export type PinnedPack = LocalPack & { release(): void };

/** Answers what the worker cannot know: where objects lie that the repository has already. */
export interface BaseSource {
  /**
   * The pack with the base of a REF_DELTA that is not in the received one (thin pack), held until the call to
   * {@link PackEngine.index} ends; undefined when the repository does not have it.
   */
  find(oid: Oid): Promise<PinnedPack | undefined>;
}

/** A loose object in git's zlib format. */
export interface LooseObject {
  oid: Oid;
  type: ObjectType;
  /** Size of the content without header, bytes. */
  size: number;
  /** Empty when `bodyPath` is set. */
  body: Uint8Array;
  /** A file with the body, for bodies of more than 64 MiB; the receiver deletes it. */
  bodyPath?: string;
}

export interface IndexResult {
  /** SHA-1 trailer of the completed pack; names the files. */
  hash: string;
  /** Hex SHA-256 of the bytes as received, before thin completion. */
  receivedSha256: string;
  /** Size of the completed pack, bytes. */
  packBytes: number;
  /** Objects in the pack as received, and bases appended to complete it. */
  objects: number;
  appendedBases: number;
  /** True when every received object is a tip or is named by another object of the pack. */
  tight: boolean;
  /** Commits and tags of the pack in the encoding of git/graph/segment.ts. */
  segment: Uint8Array;
  /** Types of those tips that are in the pack. */
  tipTypes: Record<Oid, ObjectType>;
  /** Ids that objects of the pack name but the pack lacks: 20 bytes each, with the type number that the name demands. */
  externalOids: Uint8Array;
  externalTypes: Uint8Array;
  /** All objects, loose, when the pack has at most `looseUpTo`; otherwise empty. */
  loose: LooseObject[];
  /** Index and sidecar as they were written, when the pack has at most `looseUpTo` objects. */
  tables?: { idx: Uint8Array; meta: Uint8Array };
}

/** What a fetch should carry. Ids are 20 bytes each in one buffer. */
export interface BuildRequest {
  /** Stored packs, newest first; lookups take the first that has the object. */
  packs: LocalPack[];
  /** Hashes of packs of which every object is to be sent that passes the filter, which must not go by depth then. */
  wholePacks: string[];
  /** Commits to send, parents first. */
  commits: Uint8Array;
  /** Root trees of commits, parents first; what is reachable from them is sent as far as the filter lets it pass. */
  trees: Uint8Array;
  /**
   * Root trees of the commits' parents, those of the first commit first, and how many each commit has. All that they
   * reach is at the client or goes out with this pack. When given, it takes the place of `boundaryTrees`.
   */
  parentTrees?: Uint8Array;
  parentCounts?: Uint16Array;
  /**
   * Trees that the client named, in its order: always sent, and their entries count as depth 0 of the filter, but as
   * depth 1 when the tree is among `trees` or lies in one named before it.
   */
  givenTrees?: Uint8Array;
  /** What of trees and blobs is sent; undefined = all. */
  filter?: ObjectFilter;
  /** Root trees of commits the client has; nothing reachable from them is sent. */
  boundaryTrees: Uint8Array;
  /** Single objects to send, such as annotated tags. */
  extra: Uint8Array;
  /** Commits the client has and that may serve as delta bases when `thin`. */
  boundaryCommits: Uint8Array;
  thin: boolean;
  ofsDelta: boolean;
  /** Where to write the pack. */
  outPath: string;
  /** A pack of at most so many bytes is handed back instead of written; default 0. */
  inMemoryUpTo?: number;
}

export interface BuildResult {
  bytes: number;
  objects: number;
  /** Deltas sent as deltas. */
  reusedDeltas: number;
  /** Deltas that were made for it, on objects in it or at the client. */
  newDeltas: number;
  /** The pack, when no file was written. */
  data?: Uint8Array;
}

/** A question for {@link PackEngine.findReachable}. Ids are 20 bytes each in one buffer. */
export interface ReachRequest {
  /** Stored packs, newest first. */
  packs: LocalPack[];
  /** Trees to walk down from. */
  trees: Uint8Array;
  sought: Uint8Array;
}

/** A repository in a store whose keys are paths below `root` on this machine's disk. */
export interface LooseFolder {
  root: string;
  repoId: string;
}

/** What is stored in such a store in one go: files, which may be linked to, and small bodies. */
export interface LocalWrite {
  root: string;
  files: { key: string; path: string }[];
  bodies: { key: string; body: Uint8Array }[];
}

/** Where a pack is written with its index and sidecar. */
export type PackPaths = Omit<LocalPack, 'hash'>;

/** Where a walk begins. Ids are 20 bytes each in one buffer. */
export interface RootSet {
  /** Commits; neither their parents nor their trees are followed. */
  commits: Uint8Array;
  /** Trees to walk down from. */
  trees: Uint8Array;
  /** Annotated tags, blobs, and trees, which are walked down from too. */
  extra: Uint8Array;
}

export interface CombineRequest {
  /** Packs to take objects from, oldest first. */
  packs: LocalPack[];
  /** One for each pack to write. */
  outputs: PackPaths[];
  /**
   * What goes into each output: what its roots reach and those of the outputs before do not. Undefined = one output
   * takes everything.
   */
  keep?: RootSet[];
  /** Packs that the walk may need too. */
  besides?: LocalPack[];
}

export interface CombinedPack {
  /** Names the files. */
  hash: string;
  bytes: number;
  /** When 0 there are no files. */
  objects: number;
}

export interface CombineResult {
  /** In the order of the outputs. */
  packs: CombinedPack[];
  /** Objects of the packs that went into no output. */
  dropped: number;
}

/** A question for {@link PackEngine.findDangling}. */
export interface DanglingRequest {
  /** Packs whose objects are looked at. */
  packs: LocalPack[];
  /** Further packs in which what they name may lie. */
  among: LocalPack[];
}

export interface UnpackBatch {
  /** What the receiver is to store. */
  loose: LooseObject[];
  /** Place in the order of the file to go on from; equals the object count at the end. */
  next: number;
}

export interface DiffRequest {
  /** Every pack that may hold objects of the two trees, newest first. */
  packs: LocalPack[];
  oldTree: Oid;
  newTree: Oid;
  /** `stat` leaves the hunks of every file empty; the counts are the same. */
  detail: 'stat' | 'hunks';
}

export interface MergeStep {
  base: MergePlan;
  /** `previous` is the tree that the step before made. */
  ours: MergePlan | 'previous';
  theirs: MergePlan;
}

export interface MergeRequest {
  /** Every pack that may hold objects of the trees, newest first. */
  packs: LocalPack[];
  steps: MergeStep[];
  /** For conflict markers; default `ours` and `theirs`. */
  labels?: MergeLabels;
}

export interface MergeStepResult {
  tree: Oid;
  /** Sorted paths; empty when the step is clean. */
  conflicts: string[];
}

export interface MergeOutcome {
  /** In order; ends with the first step that has conflicts. */
  steps: MergeStepResult[];
  /** New trees and blobs that the trees of clean steps need, each once. Empty when a step has conflicts. */
  objects: NewObject[];
}

export interface PackEngine {
  /**
   * Verifies a received pack: header, every entry, every delta, trailer, object syntax, names. Writes idx and sidecar.
   * @throws AppError INVALID_PACKFILE or INVALID_OBJECT with a message fit for the client
   */
  index(request: IndexRequest, bases: BaseSource): Promise<IndexResult>;
  /** Writes the pack for a fetch. @throws AppError OBJECT_CORRUPTED when a needed object cannot be read */
  build(request: BuildRequest): Promise<BuildResult>;
  /**
   * Walks trees until all sought trees and blobs were met, or to the end.
   * @returns per sought id 1 when it is reachable, else 0
   * @throws AppError OBJECT_CORRUPTED when a tree cannot be read
   */
  findReachable(request: ReachRequest): Promise<Uint8Array>;
  /**
   * Writes packs out of the objects of others, each object once. Compressed bytes are copied and checked against the
   * checksums in the index; deltas stay deltas where their base comes along. This and {@link findDangling} run one at a
   * time and at a lower priority than everything else but {@link unpack}.
   * @throws AppError OBJECT_CORRUPTED
   */
  combine(request: CombineRequest): Promise<CombineResult>;
  /** The first id that an object of the packs names and no pack has. @throws AppError OBJECT_CORRUPTED */
  findDangling(request: DanglingRequest): Promise<Oid | undefined>;
  /** Reads one object that fits in memory (64 MiB); undefined when no pack has it. Its id is checked. */
  read(packs: LocalPack[], oid: Oid): Promise<GitObject | undefined>;
  /**
   * The next objects of a pack as loose objects: in the order of the file from `from`, about 8 MiB or 1000 objects a
   * call. Runs one at a time and at a lower priority than everything else.
   * @param folder for bodies that come as a file
   * @param into where to store the other bodies at once, durably, instead of handing them back
   */
  unpack(pack: LocalPack, from: number, folder: string, into?: LooseFolder): Promise<UnpackBatch>;
  /**
   * Stores files and bodies durably, each whole or not at all; after a failure some of them may be stored.
   * @param leave nothing has its name before this resolves, and nothing is stored when it rejects
   * @throws AppError S3_UPLOAD_FAILED; the rejection of `leave`
   */
  store(write: LocalWrite, leave: Promise<unknown>): Promise<void>;
  /**
   * Compares two trees as `git diff -M` does.
   * @throws AppError PAYLOAD_TOO_LARGE beyond the limits of git/diff/limits.ts or the time of tasks/meter.ts,
   * OBJECT_CORRUPTED when an object is missing
   */
  diff(request: DiffRequest): Promise<TreeDiff>;
  /**
   * Merges trees as `git merge-tree --write-tree` does; a rebase is several steps.
   * @throws AppError PAYLOAD_TOO_LARGE beyond the limits of git/merge/limits.ts or the time of tasks/meter.ts,
   * OBJECT_CORRUPTED when an object is missing
   */
  merge(request: MergeRequest): Promise<MergeOutcome>;
  close(): Promise<void>;
}
