/** Fetch requests of protocol 0 and 1 over HTTP (gitprotocol-pack, "Packfile Negotiation"). */
import { utf8OrUndefined } from '../bytes.js';
import { isOid, type Oid } from '../oid.js';
import { chomp, type Packet, ProtocolError, quoteLine, readPackets } from '../pktline/index.js';
import { checkDepth, type DepthArgs, noDepth, oidArgument, takeDepthLine } from './fetch-args.js';
import { MAX_HAVES, MAX_WANTS } from './limits.js';

export interface V0Request extends DepthArgs {
  /** Distinct, in the order sent; empty when the client only says goodbye. */
  wants: Oid[];
  /** From the want lines; a name without value is `true`. */
  capabilities: Map<string, string | true>;
  /** Haves up to each flush; the last group is the one that `done` ends, if it came. */
  haveGroups: Oid[][];
  done: boolean;
}

/** Adds `name` and `name=value` words to `into`. */
export function parseCapabilities(text: string, into: Map<string, string | true>): void {
  for (const word of text.split(' ')) {
    if (word === '') continue;
    const at = word.indexOf('=');
    into.set(at === -1 ? word : word.slice(0, at), at === -1 ? true : word.slice(at + 1));
  }
}

function lineOf(packet: Packet): string {
  if (packet.type !== 'data') throw new ProtocolError(`unexpected ${packet.type} packet`);
  const line = utf8OrUndefined(chomp(packet.payload));
  if (line === undefined) throw new ProtocolError(`line is not UTF-8: '${quoteLine(packet.payload)}'`);
  return line;
}

function takeWant(line: string, wants: Set<Oid>, capabilities: Map<string, string | true>): void {
  const oid = line.slice(5, 45);
  const rest = line.slice(45);
  if (!line.startsWith('want ') || !isOid(oid) || (rest !== '' && !rest.startsWith(' '))) {
    throw new ProtocolError(`protocol error, expected to get object ID, not '${quoteLine(line)}'`);
  }
  wants.add(oid);
  if (wants.size > MAX_WANTS) throw new ProtocolError(`more than ${MAX_WANTS} wants`);
  parseCapabilities(rest, capabilities);
}

/** @throws ProtocolError in git's words */
export function parseV0Request(bytes: Uint8Array): V0Request {
  const request: V0Request = { ...noDepth(), wants: [], capabilities: new Map(), haveGroups: [], done: false };
  const wants = new Set<Oid>();
  let inWants = true;
  let group: Oid[] = [];
  let haves = 0;
  for (const packet of readPackets(bytes)) {
    if (packet.type === 'flush') {
      if (!inWants) request.haveGroups.push(group);
      inWants = false;
      group = [];
      continue;
    }
    const line = lineOf(packet);
    if (inWants) {
      if (!takeDepthLine(request, line)) takeWant(line, wants, request.capabilities);
    } else if (line === 'done') {
      request.haveGroups.push(group);
      request.done = true;
      break;
    } else if (line.startsWith('have ')) {
      group.push(oidArgument(line, 'have ', 'SHA1 object'));
      if (++haves > MAX_HAVES) throw new ProtocolError(`more than ${MAX_HAVES} haves`);
    } else throw new ProtocolError(`expected SHA1 list, got '${quoteLine(line)}'`);
  }
  if ((inWants && (wants.size > 0 || bytes.length === 0)) || (!request.done && group.length > 0)) {
    throw new ProtocolError('the remote end hung up unexpectedly');
  }
  if (request.capabilities.get('deepen-relative') === true) request.deepenRelative = true;
  if (request.filter !== undefined && !request.capabilities.has('filter')) {
    throw new ProtocolError('filtering capability not negotiated');
  }
  checkDepth(request);
  request.wants = [...wants];
  return request;
}
