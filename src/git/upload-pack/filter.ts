/**
 * Filters of partial clones (git-rev-list, "--filter=<filter-spec>"; gitprotocol-v2, "filter <filter-spec>"). All
 * filters that we know narrow what is sent, so that any combination of them is one limit of each kind.
 */
import type { ObjectType } from '../objects/type.js';
import { ProtocolError, quoteLine } from '../pktline/index.js';

/** What a filter lets pass. Objects that the client names itself are always sent. */
export interface ObjectFilter {
  /** Blobs of this size and above are left out, bytes; 0 leaves out all, Infinity none. */
  blobLimit: number;
  /** Trees and blobs this deep and deeper are left out; the root tree of a commit has depth 0. */
  treeDepth: number;
  /** The types that pass; undefined = all. */
  types?: readonly ObjectType[];
}

/** Combinations may be nested; what somebody sends deeper than this is an attack. */
const MAX_NESTING = 16;

const UNITS: Record<string, number> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** Characters that git demands to be escaped inside of `combine:`, besides blanks and control characters. */
const RESERVED = /[\0- ~`!@#$^&*()[\]{}\\;'",<>?]/;

const ALL: ObjectFilter = { blobLimit: Number.POSITIVE_INFINITY, treeDepth: Number.POSITIVE_INFINITY };

/** @throws ProtocolError in git's words, also for the filters that this server does not serve */
export function parseFilter(spec: string): ObjectFilter {
  return parse(spec, 0);
}

function parse(spec: string, nesting: number): ObjectFilter {
  const at = spec.indexOf(spec.startsWith('blob:limit=') ? '=' : ':') + 1;
  const value = spec.slice(at);
  if (spec === 'blob:none') return { ...ALL, blobLimit: 0 };
  if (spec.startsWith('blob:limit=')) {
    const blobLimit = magnitude(value);
    if (blobLimit !== undefined) return { ...ALL, blobLimit };
  } else if (spec.startsWith('tree:')) {
    const treeDepth = magnitude(value);
    if (treeDepth === undefined) throw new ProtocolError("expected 'tree:<depth>'");
    return { ...ALL, treeDepth };
  } else if (spec.startsWith('object:type=')) {
    return { ...ALL, types: [objectType(spec.slice('object:type='.length))] };
  } else if (spec.startsWith('sparse:oid=')) {
    throw new ProtocolError("git upload-pack: filter 'sparse:oid' not supported");
  } else if (spec.startsWith('sparse:path=')) {
    throw new ProtocolError('sparse:path filters support has been dropped');
  } else if (spec.startsWith('combine:') && nesting < MAX_NESTING) {
    return combine(value, nesting + 1);
  }
  throw new ProtocolError(`invalid filter-spec '${quoteLine(spec)}'`);
}

/** A number with git's suffixes k, m and g. */
function magnitude(text: string): number | undefined {
  const match = /^(\d+)([kmg]?)$/i.exec(text);
  const value = Number(match?.[1]) * UNITS[(match?.[2] ?? '').toLowerCase()]!;
  return Number.isSafeInteger(value) ? value : undefined;
}

function objectType(name: string): ObjectType {
  if (name === 'blob' || name === 'tree' || name === 'commit' || name === 'tag') return name;
  throw new ProtocolError(`'${quoteLine(name)}' for 'object:type=<type>' is not a valid object type`);
}

function combine(specs: string, nesting: number): ObjectFilter {
  if (specs === '') throw new ProtocolError('expected something after combine:');
  let all = ALL;
  // A plus at the end separates nothing, so it is part of the last one.
  for (const spec of specs.split(/\+(?=.)/s)) {
    const reserved = RESERVED.exec(spec)?.[0];
    if (reserved !== undefined) {
      throw new ProtocolError(`must escape char in sub-filter-spec: '${quoteLine(reserved)}'`);
    }
    all = both(all, parse(unescapePercent(spec), nesting));
  }
  return all;
}

/** Like git, leaves alone what is no escape. */
function unescapePercent(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function both(one: ObjectFilter, other: ObjectFilter): ObjectFilter {
  const types = one.types === undefined ? other.types : one.types.filter((type) => other.types?.includes(type) ?? true);
  return {
    blobLimit: Math.min(one.blobLimit, other.blobLimit),
    treeDepth: Math.min(one.treeDepth, other.treeDepth),
    ...(types === undefined ? {} : { types }),
  };
}
