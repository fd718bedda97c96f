/** Requests of protocol 2 (gitprotocol-v2): a command, capabilities, a delimiter, arguments, a flush. */
import { utf8OrUndefined } from '../bytes.js';
import type { Oid } from '../oid.js';
import { chomp, ProtocolError, quoteLine, readPackets } from '../pktline/index.js';
import { parseBundleUri } from './bundle-uri.js';
import { checkDepth, type DepthArgs, noDepth, oidArgument, takeDepthLine } from './fetch-args.js';
import { MAX_HAVES, MAX_WANTS } from './limits.js';
import { type LsRefsArgs, parseLsRefs } from './ls-refs.js';
import { type ObjectInfoArgs, parseObjectInfo } from './object-info.js';

export interface FetchArgs extends DepthArgs {
  /** Distinct, in the order sent. */
  wants: Oid[];
  haves: Oid[];
  done: boolean;
  thinPack: boolean;
  noProgress: boolean;
  includeTag: boolean;
  ofsDelta: boolean;
  waitForDone: boolean;
  sidebandAll: boolean;
  wantRefs: string[];
  packfileUris: string[];
}

export type V2Request = { agent?: string } & (
  | { command: 'ls-refs'; args: LsRefsArgs }
  | { command: 'fetch'; args: FetchArgs }
  | { command: 'object-info'; args: ObjectInfoArgs }
  | { command: 'bundle-uri' }
);

const COMMANDS = ['ls-refs', 'fetch', 'object-info', 'bundle-uri'] as const;

function isCommand(name: string): name is (typeof COMMANDS)[number] {
  return (COMMANDS as readonly string[]).includes(name);
}

const FLAGS = {
  done: 'done',
  'thin-pack': 'thinPack',
  'no-progress': 'noProgress',
  'include-tag': 'includeTag',
  'ofs-delta': 'ofsDelta',
  'wait-for-done': 'waitForDone',
  'sideband-all': 'sidebandAll',
} as const;

function isFlag(line: string): line is keyof typeof FLAGS {
  return Object.hasOwn(FLAGS, line);
}

function parseFetch(lines: readonly string[]): FetchArgs {
  const wants = new Set<Oid>();
  const args: FetchArgs = {
    ...noDepth(),
    ...{ wants: [], haves: [], wantRefs: [], packfileUris: [] },
    ...{ done: false, thinPack: false, noProgress: false, includeTag: false, ofsDelta: false },
    ...{ waitForDone: false, sidebandAll: false },
  };
  for (const line of lines) {
    if (line.startsWith('want ')) wants.add(oidArgument(line, 'want ', 'to get oid'));
    else if (line.startsWith('have ')) args.haves.push(oidArgument(line, 'have ', 'SHA1 object'));
    else if (isFlag(line)) args[FLAGS[line]] = true;
    else if (line.startsWith('want-ref ')) args.wantRefs.push(line.slice('want-ref '.length));
    else if (line.startsWith('packfile-uris ')) args.packfileUris = line.slice('packfile-uris '.length).split(',');
    else if (!takeDepthLine(args, line)) throw new ProtocolError(`unexpected line: '${quoteLine(line)}'`);
    if (wants.size + args.wantRefs.length > MAX_WANTS) throw new ProtocolError(`more than ${MAX_WANTS} wants`);
    if (args.haves.length > MAX_HAVES) throw new ProtocolError(`more than ${MAX_HAVES} haves`);
  }
  checkDepth(args);
  args.wants = [...wants];
  return args;
}

interface RawRequest {
  head: string[];
  args: string[];
}

/** Splits the first request of the body; undefined when there is none, which ends a conversation without an answer. */
function split(bytes: Uint8Array): RawRequest | undefined {
  const head: string[] = [];
  let args: string[] | undefined;
  for (const packet of readPackets(bytes)) {
    if (packet.type === 'flush')
      return head.length === 0 && args === undefined ? undefined : { head, args: args ?? [] };
    if (packet.type === 'response-end') throw new ProtocolError('unexpected response end packet');
    if (packet.type === 'delim') {
      if (args !== undefined) throw new ProtocolError('expected flush after arguments');
      args = [];
      continue;
    }
    const line = utf8OrUndefined(chomp(packet.payload));
    if (line === undefined) throw new ProtocolError(`line is not UTF-8: '${quoteLine(packet.payload)}'`);
    (args ?? head).push(line);
  }
  if (head.length === 0 && args === undefined) return undefined;
  throw new ProtocolError('expected flush after arguments');
}

/**
 * The command of a POST body.
 * @returns undefined for an empty request, which gets an empty answer
 * @throws ProtocolError in git's words
 */
export function parseV2Request(bytes: Uint8Array): V2Request | undefined {
  const raw = split(bytes);
  if (raw === undefined) return undefined;
  let command: (typeof COMMANDS)[number] | undefined;
  let agent: string | undefined;
  for (const line of raw.head) {
    const at = line.indexOf('=');
    const [key, value] = at === -1 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
    if (key === 'command') {
      if (command !== undefined) {
        const [second, first] = [quoteLine(value), quoteLine(command)];
        throw new ProtocolError(`command '${second}' requested after already requesting command '${first}'`);
      }
      if (!isCommand(value)) throw new ProtocolError(`invalid command '${quoteLine(value)}'`);
      command = value;
    } else if (key === 'agent') agent = value;
    else if (key === 'object-format') {
      if (value !== 'sha1')
        throw new ProtocolError(`mismatched object format: server sha1; client ${quoteLine(value)}`);
    } else if (key === 'server-option' || key === 'session-id') {
      // Options are for hooks, which this server has none of; the session id is for the client's own logs.
    } else throw new ProtocolError(`unknown capability '${quoteLine(line)}'`);
  }
  if (command === undefined) throw new ProtocolError('no command requested');
  const common = agent === undefined ? {} : { agent };
  switch (command) {
    case 'ls-refs':
      return { command, args: parseLsRefs(raw.args), ...common };
    case 'fetch':
      return { command, args: parseFetch(raw.args), ...common };
    case 'object-info':
      return { command, args: parseObjectInfo(raw.args), ...common };
    case 'bundle-uri':
      parseBundleUri(raw.args);
      return { command, ...common };
  }
}
