/** Fetch requests written by hand, and what a server's answer to them says. */
import { CHANNEL, type Packet, PktLineReader, pktLine, readPackets } from '../../src/git/index.js';

export const FLUSH = '0000';
export const DELIM = '0001';

/** Lines as packets; special packets are given as their four digits. */
export function packets(lines: readonly string[]): Buffer {
  return Buffer.concat(lines.map((line) => (line === FLUSH || line === DELIM ? Buffer.from(line) : pktLine(line))));
}

/** A request of the command `fetch` in protocol 2. */
export function fetchV2(...args: string[]): Buffer {
  return packets(['command=fetch', 'agent=raw', 'object-format=sha1', DELIM, ...args, FLUSH]);
}

export async function post(cloneUrl: string, body: Uint8Array, version: number): Promise<Buffer> {
  const answer = await fetch(`${cloneUrl}/git-upload-pack`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-git-upload-pack-request', 'git-protocol': `version=${version}` },
    body: new Uint8Array(body),
  });
  const bytes = Buffer.from(await answer.arrayBuffer());
  if (answer.status !== 200) throw new Error(`${answer.status} ${bytes}`);
  return bytes;
}

export interface RawAnswer {
  /** Text packets in order, with their newline cut off; `ERR` included. */
  lines: string[];
  shallow: string[];
  unshallow: string[];
  /** Undefined when no pack came. */
  pack: Buffer | undefined;
}

/** Takes apart an answer of any version that used side-band-64k or sideband-all, or none at all. */
export function readAnswer(bytes: Uint8Array): RawAnswer {
  const lines: string[] = [];
  const pack: Buffer[] = [];
  for (const packet of readPackets(bytes)) {
    if (packet.type !== 'data') continue;
    const { payload } = packet;
    const banded = (payload[0] ?? 0xff) <= 3;
    const isPack = banded && (pack.length > 0 || payload.toString('latin1', 1, 5) === 'PACK');
    if (isPack && payload[0] === CHANNEL.data) pack.push(payload.subarray(1));
    else if (!isPack) lines.push(payload.toString('utf8', banded ? 1 : 0).replace(/\n$/, ''));
  }
  const named = (kind: string) => lines.filter((line) => line.startsWith(`${kind} `)).map((l) => l.split(' ')[1]!);
  return {
    lines,
    shallow: named('shallow').sort(),
    unshallow: named('unshallow').sort(),
    pack: pack.length === 0 ? undefined : Buffer.concat(pack),
  };
}

/** Types of the packets, for tests of where sections end. */
export function packetTypes(bytes: Uint8Array): Packet['type'][] {
  const reader = new PktLineReader();
  reader.feed(bytes);
  const types: Packet['type'][] = [];
  for (let packet = reader.next(); packet !== undefined; packet = reader.next()) types.push(packet.type);
  return types;
}
