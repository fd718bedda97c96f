/** The sections between acknowledgments and pack (gitprotocol-v2, "fetch"), and their lines in protocol 0 and 1. */
import type { Oid } from '../oid.js';
import { CHANNEL, DELIM, pktLine, sideband } from '../pktline/index.js';

/** Writes one packet; which packets depends on the client. */
export type PutLine = (line: string) => Buffer;

/** A client that asked for `sideband-all` gets every line on the data channel. */
export function lineWriter(sidebandAll: boolean): PutLine {
  return sidebandAll ? (line) => sideband(CHANNEL.data, Buffer.from(line)) : pktLine;
}

/** How the border of the client's history moves (gitprotocol-pack, "shallow-update"). */
export interface ShallowUpdate {
  shallow: readonly Oid[];
  unshallow: readonly Oid[];
}

/** The lines alone, as protocol 0 and 1 send them in front of a flush. */
export function shallowLines({ shallow, unshallow }: ShallowUpdate, put: PutLine = pktLine): Buffer {
  return Buffer.concat([
    ...shallow.map((oid) => put(`shallow ${oid}`)),
    ...unshallow.map((oid) => put(`unshallow ${oid}`)),
  ]);
}

/** Section `shallow-info` with the delimiter behind it. */
export function shallowInfo(update: ShallowUpdate, put: PutLine): Buffer {
  return Buffer.concat([put('shallow-info\n'), shallowLines(update, put), DELIM]);
}

/** Section `wanted-refs` with the delimiter behind it; nothing when no ref was asked for by name. */
export function wantedRefs(refs: ReadonlyMap<string, Oid>, put: PutLine): Buffer {
  if (refs.size === 0) return Buffer.alloc(0);
  return Buffer.concat([put('wanted-refs\n'), ...[...refs].map(([name, oid]) => put(`${oid} ${name}\n`)), DELIM]);
}

/**
 * Section `packfile-uris` with the delimiter behind it; nothing without packs to be fetched elsewhere.
 * @param packs checksum of each pack's trailer, and where it is
 */
export function packfileUris(packs: readonly { hash: string; url: string }[], put: PutLine): Buffer {
  if (packs.length === 0) return Buffer.alloc(0);
  return Buffer.concat([put('packfile-uris\n'), ...packs.map(({ hash, url }) => put(`${hash} ${url}\n`)), DELIM]);
}

/** The line that begins the pack's section in protocol 2. */
export function packfileHeader(put: PutLine): Buffer {
  return put('packfile\n');
}
