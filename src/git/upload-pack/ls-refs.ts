/** The command `ls-refs` (gitprotocol-v2, "ls-refs"). */
import { FLUSH, ProtocolError, pktLine, quoteLine } from '../pktline/index.js';
import type { AdvertisedRef, Head } from './advertise.js';
import { MAX_REF_PREFIXES } from './limits.js';

export interface LsRefsArgs {
  peel: boolean;
  symrefs: boolean;
  unborn: boolean;
  /** Empty: all refs. */
  prefixes: string[];
}

/** @throws ProtocolError for an argument that does not exist */
export function parseLsRefs(lines: readonly string[]): LsRefsArgs {
  const args: LsRefsArgs = { peel: false, symrefs: false, unborn: false, prefixes: [] };
  for (const line of lines) {
    if (line === 'peel') args.peel = true;
    else if (line === 'symrefs') args.symrefs = true;
    else if (line === 'unborn') args.unborn = true;
    else if (line.startsWith('ref-prefix ')) args.prefixes.push(line.slice('ref-prefix '.length));
    else throw new ProtocolError(`unexpected line: '${quoteLine(line)}'`);
  }
  if (args.prefixes.length > MAX_REF_PREFIXES) args.prefixes = [];
  return args;
}

/** The answer: HEAD first, then `refs` in the order given, as far as a prefix asks for them. */
export function lsRefsAnswer(args: LsRefsArgs, refs: readonly AdvertisedRef[], head: Head | undefined): Buffer {
  const wanted = (name: string) =>
    args.prefixes.length === 0 || args.prefixes.some((prefix) => name.startsWith(prefix));
  const parts: Buffer[] = [];
  const put = (value: string, { name, peeled, symrefTarget }: Omit<AdvertisedRef, 'oid'>) => {
    const symref = args.symrefs && symrefTarget !== undefined ? ` symref-target:${symrefTarget}` : '';
    const peel = args.peel && peeled !== undefined ? ` peeled:${peeled}` : '';
    parts.push(pktLine(`${value} ${name}${symref}${peel}\n`));
  };
  if (head !== undefined && wanted('HEAD') && (head.oid !== undefined || args.unborn)) {
    put(head.oid ?? 'unborn', { name: 'HEAD', symrefTarget: head.symrefTarget });
  }
  for (const ref of refs) if (wanted(ref.name)) put(ref.oid, ref);
  return Buffer.concat([...parts, FLUSH]);
}
