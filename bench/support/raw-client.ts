/** A client that does nothing with what it reads, so that only the server is measured. */
import { createReadStream, statSync } from 'node:fs';
import { Agent, request } from 'node:http';

const keepAlive = new Agent({ keepAlive: true, maxSockets: 64 });

export interface RawAnswer {
  status: number;
  bytes: number;
  /** Seconds until the first byte of the body, and until its end. */
  first: number;
  total: number;
  /** The beginning of the body, at most 64 KiB. */
  head: Buffer;
}

export function exchange(
  url: string,
  options: { method?: string; headers?: Record<string, string>; body?: Buffer | { before: Buffer; file: string } } = {},
): Promise<RawAnswer> {
  const started = performance.now();
  const since = () => (performance.now() - started) / 1000;
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      { method: options.method ?? 'GET', headers: options.headers, agent: keepAlive },
      (incoming) => {
        let first = Number.NaN;
        let bytes = 0;
        const head: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => {
          if (bytes === 0) first = since();
          if (bytes < 65_536) head.push(chunk);
          bytes += chunk.length;
        });
        incoming.on('error', reject);
        incoming.on('end', () =>
          resolve({ status: incoming.statusCode ?? 0, bytes, first, total: since(), head: Buffer.concat(head) }),
        );
      },
    );
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      // The server may close a kept connection in the moment we take it up again.
      if (outgoing.reusedSocket && error.code === 'ECONNRESET') resolve(exchange(url, options));
      else reject(error);
    });
    const { body } = options;
    if (body === undefined || Buffer.isBuffer(body)) outgoing.end(body);
    else {
      outgoing.write(body.before);
      createReadStream(body.file, { highWaterMark: 1024 * 1024 }).pipe(outgoing);
    }
  });
}

const pkt = (text: string) => `${(text.length + 4).toString(16).padStart(4, '0')}${text}`;
const V2 = { 'git-protocol': 'version=2', 'content-type': 'application/x-git-upload-pack-request' };

/** Refs as `ls-refs` of protocol 2 gives them. */
export async function lsRefs(url: string): Promise<RawAnswer> {
  const body = Buffer.from(`${pkt('command=ls-refs\n')}0001${pkt('peel\n')}${pkt('symrefs\n')}0000`);
  return exchange(`${url}/git-upload-pack`, { method: 'POST', headers: V2, body });
}

/** A fetch request of protocol 2. @param lines further arguments, such as `deepen 1` */
export async function rawFetch(url: string, wants: readonly string[], lines: string[] = []): Promise<RawAnswer> {
  const args = [...lines, ...wants.map((oid) => `want ${oid}`), 'ofs-delta', 'no-progress', 'done'];
  const body = Buffer.from(`${pkt('command=fetch')}0001${args.map((line) => pkt(`${line}\n`)).join('')}0000`);
  const answer = await exchange(`${url}/git-upload-pack`, { method: 'POST', headers: V2, body });
  if (answer.status !== 200 || answer.head.includes('ERR ')) throw new Error(answer.head.toString('latin1', 0, 200));
  return answer;
}

/** A push that creates one ref from a pack on disk; of known length, because lighttpd streams only that to a CGI program. */
export async function rawPush(
  url: string,
  ref: string,
  oid: string,
  packFile: string,
  headers: Record<string, string>,
): Promise<RawAnswer> {
  const command = `${'0'.repeat(40)} ${oid} ${ref}\0report-status object-format=sha1`;
  const before = Buffer.from(`${pkt(command)}0000`);
  const answer = await exchange(`${url}/git-receive-pack`, {
    method: 'POST',
    headers: {
      ...headers,
      'content-type': 'application/x-git-receive-pack-request',
      'content-length': String(before.length + statSync(packFile).size),
    },
    body: { before, file: packFile },
  });
  if (!answer.head.includes(`ok ${ref}`)) throw new Error(answer.head.toString('latin1', 0, 400));
  return answer;
}

/** One step of a branch, with the pack that a push of it brings. */
export interface PushedPack {
  /** Zeros for the first step. */
  oldOid: string;
  newOid: string;
  pack: Buffer;
}

/** A push of one ref with the capabilities that git asks for. */
export async function rawSmallPush(
  url: string,
  ref: string,
  { oldOid, newOid, pack }: PushedPack,
  headers: Record<string, string>,
): Promise<RawAnswer> {
  const command = `${oldOid} ${newOid} ${ref}\0 report-status-v2 side-band-64k quiet object-format=sha1 agent=bench`;
  const answer = await exchange(`${url}/git-receive-pack`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/x-git-receive-pack-request' },
    body: Buffer.concat([Buffer.from(`${pkt(command)}0000`), pack]),
  });
  if (!answer.head.includes(`ok ${ref}`)) throw new Error(answer.head.toString('latin1', 0, 400));
  return answer;
}
