/** The command `object-info` (gitprotocol-v2, "object-info"). */
import { isOid, type Oid } from '../oid.js';
import { FLUSH, ProtocolError, pktLine, quoteLine } from '../pktline/index.js';
import { MAX_OBJECT_INFO } from './limits.js';

export interface ObjectInfoArgs {
  size: boolean;
  oids: Oid[];
}

/** @throws ProtocolError in git's words */
export function parseObjectInfo(lines: readonly string[]): ObjectInfoArgs {
  const args: ObjectInfoArgs = { size: false, oids: [] };
  for (const line of lines) {
    if (line === 'size') args.size = true;
    else if (line.startsWith('oid ')) {
      const oid = line.slice('oid '.length);
      if (!isOid(oid)) {
        throw new ProtocolError(`object-info: protocol error, expected to get oid, not '${quoteLine(oid)}'`);
      }
      args.oids.push(oid);
    } else throw new ProtocolError(`object-info: unexpected line: '${quoteLine(line)}'`);
  }
  if (args.oids.length > MAX_OBJECT_INFO) throw new ProtocolError(`object-info: more than ${MAX_OBJECT_INFO} objects`);
  return args;
}

/**
 * The answer, in the order of the request.
 * @param size bytes of an object; undefined for one the reader may not know, which git writes as an empty size
 */
export function objectInfoAnswer({ size, oids }: ObjectInfoArgs, sizeOf: (oid: Oid) => number | undefined): Buffer {
  if (oids.length === 0) return FLUSH;
  const lines = oids.map((oid) => pktLine(size ? `${oid} ${sizeOf(oid) ?? ''}` : oid));
  return Buffer.concat([...(size ? [pktLine('size')] : []), ...lines, FLUSH]);
}
