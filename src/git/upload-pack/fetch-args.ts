/** Arguments that the fetch requests of all protocol versions share, and the lines that carry them. */
import { isOid, type Oid } from '../oid.js';
import { ProtocolError, quoteLine } from '../pktline/index.js';
import { INFINITE_DEPTH, MAX_SHALLOW } from './limits.js';

/** Shallow and partial clones (gitprotocol-pack "Packfile Negotiation", gitprotocol-v2 "fetch"). */
export interface DepthArgs {
  /** Commits whose parents the client lacks. */
  shallow: Oid[];
  /** Number of commits to go down; 0 when not given. */
  deepen: number;
  /** Seconds since 1970. */
  deepenSince?: number;
  deepenNot: string[];
  /** `deepen` counts from the client's shallow border. */
  deepenRelative: boolean;
  /** As written, such as `blob:none`. */
  filter?: string;
}

export function noDepth(): DepthArgs {
  return { shallow: [], deepen: 0, deepenNot: [], deepenRelative: false };
}

/** The id that ends a line. @throws ProtocolError when it is none */
export function oidArgument(line: string, prefix: string, what: string): Oid {
  const oid = line.slice(prefix.length);
  if (!isOid(oid)) throw new ProtocolError(`protocol error, expected ${what}, got '${quoteLine(line)}'`);
  return oid;
}

function wholeNumber(line: string, prefix: string, min: number, max: number): number {
  const text = line.slice(prefix.length);
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw new ProtocolError(`Invalid ${prefix.trim()}: ${quoteLine(line)}`);
  }
  return value;
}

/** Takes a line that is one of the depth arguments. @returns false for another line @throws ProtocolError */
export function takeDepthLine(args: DepthArgs, line: string): boolean {
  if (line.startsWith('shallow ')) args.shallow.push(shallowOid(line));
  else if (line.startsWith('deepen ')) args.deepen = wholeNumber(line, 'deepen ', 1, INFINITE_DEPTH);
  else if (line.startsWith('deepen-since '))
    args.deepenSince = wholeNumber(line, 'deepen-since ', 0, Number.MAX_SAFE_INTEGER);
  else if (line.startsWith('deepen-not ')) args.deepenNot.push(line.slice('deepen-not '.length));
  else if (line === 'deepen-relative') args.deepenRelative = true;
  else if (line.startsWith('filter ')) takeFilter(args, line.slice('filter '.length));
  else return false;
  if (args.shallow.length + args.deepenNot.length > MAX_SHALLOW) throw new ProtocolError('too many shallow lines');
  return true;
}

function shallowOid(line: string): Oid {
  const oid = line.slice('shallow '.length);
  if (!isOid(oid)) throw new ProtocolError(`invalid shallow line: ${quoteLine(line)}`);
  return oid;
}

function takeFilter(args: DepthArgs, filter: string): void {
  if (args.filter !== undefined) throw new ProtocolError('multiple filter-specs cannot be combined');
  args.filter = filter;
}

/** @throws ProtocolError when arguments exclude each other */
export function checkDepth(args: DepthArgs): void {
  if (args.deepen > 0 && (args.deepenSince !== undefined || args.deepenNot.length > 0)) {
    throw new ProtocolError('git upload-pack: deepen and deepen-since (or deepen-not) cannot be used together');
  }
}

/** True when the client asked for another border than it has. */
export function asksToDeepen({ deepen, deepenSince, deepenNot }: DepthArgs): boolean {
  return deepen > 0 || deepenSince !== undefined || deepenNot.length > 0;
}

/** True when the client is shallow or wants to be. */
export function usesShallow(args: DepthArgs): boolean {
  const { shallow, deepen, deepenSince, deepenNot, deepenRelative } = args;
  return shallow.length > 0 || deepen > 0 || deepenSince !== undefined || deepenNot.length > 0 || deepenRelative;
}

/** Features of a request that must have been advertised; see {@link unsupportedFeature}. */
export type FetchFeature = 'shallow' | 'filter' | 'ref-in-want' | 'sideband-all' | 'packfile-uris' | 'wait-for-done';

/** The features a request uses beyond the plain ones. */
export interface FeatureUse extends DepthArgs {
  wantRefs?: readonly string[];
  sidebandAll?: boolean;
  packfileUris?: readonly string[];
  waitForDone?: boolean;
}

/** The first feature that the request uses and `supported` lacks, for the caller to refuse. */
export function unsupportedFeature(args: FeatureUse, supported: readonly FetchFeature[]): FetchFeature | undefined {
  const used: [FetchFeature, boolean][] = [
    ['shallow', usesShallow(args)],
    ['filter', args.filter !== undefined],
    ['ref-in-want', (args.wantRefs?.length ?? 0) > 0],
    ['sideband-all', args.sidebandAll === true],
    ['packfile-uris', (args.packfileUris?.length ?? 0) > 0],
    ['wait-for-done', args.waitForDone === true],
  ];
  return used.find(([feature, isUsed]) => isUsed && !supported.includes(feature))?.[0];
}
