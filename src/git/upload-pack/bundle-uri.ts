/** The command `bundle-uri` (gitprotocol-v2, "bundle-uri"). */
import { FLUSH, ProtocolError, pktLine, quoteLine } from '../pktline/index.js';

/** A file from which a clone may take most of its objects. */
export interface OfferedBundle {
  /** Names the bundle within the list: letters, digits and dashes. */
  id: string;
  url: string;
}

/** @throws ProtocolError in git's words: the command takes no arguments */
export function parseBundleUri(lines: readonly string[]): void {
  if (lines[0] !== undefined) throw new ProtocolError(`bundle-uri: unexpected argument: '${quoteLine(lines[0])}'`);
}

/** The list of bundles, each of which would do by itself; nothing but a flush when there is none. */
export function bundleUriAnswer(bundles: readonly OfferedBundle[]): Buffer {
  if (bundles.length === 0) return FLUSH;
  const entries = bundles.map(({ id, url }) => `bundle.${id}.uri=${url}`);
  return Buffer.concat([...['bundle.version=1', 'bundle.mode=any', ...entries].map((line) => pktLine(line)), FLUSH]);
}
