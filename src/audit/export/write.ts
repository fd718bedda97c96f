/** Writes an export, line by line, holding no more than a page of events. */
import { createHash, randomUUID } from 'node:crypto';
import type { Queryable } from '../../db/index.js';
import { canonicalize } from '../../signing/index.js';
import { readChain } from '../chain.js';
import { readCheckpoints } from '../checkpoint.js';
import { GENESIS } from '../event.js';
import { loadServerKey, type ServerKey } from '../server-key.js';
import type { ChainLink, ChainRow } from '../verify.js';
import { certificateOf } from './certificate.js';
import { signedText } from './format.js';
import { type ExportChain, readLink, selectCertificate, selectChains, selectKeys } from './store.js';

/** Rows read at once. */
const PAGE = 1_000;
const CHECKPOINTS_PAGE = 100;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Where a page of an export begins: in a chain, behind an event. */
export type ExportCursor = [chainId: string, seq: number];

export interface ExportOptions {
  /** One chain; undefined = all that may be seen. */
  chainId?: string | undefined;
  /** True = everything as it is; false = public chains only, or the one that was named, with hidden events. */
  admin: boolean;
  /** Signed events younger than this stay hidden from all but admins: who has their envelope could repeat the request. */
  hideAfter: Date;
  after?: ExportCursor | undefined;
  /** Events per page; undefined = all. */
  limit?: number | undefined;
  writeCursor(cursor: ExportCursor): string;
}

/** @throws AppError DATABASE_ERROR */
export async function* exportAudit(db: Queryable, options: ExportOptions): AsyncGenerator<string> {
  const out = new LineWriter(await loadServerKey(db));
  const scope = options.chainId !== undefined ? 'repository' : options.admin ? 'all' : 'public';
  const createdAt = (await db.now()).toISOString();
  const first = options.after === undefined;
  yield out.signed({
    type: 'header',
    version: 1,
    exportId: out.exportId,
    scope,
    createdAt,
    serverKey: out.publicKey,
    first,
  });
  // Before the chains are read: what a checkpoint has seen is in them then.
  if (first) yield* checkpoints(db, out);
  let left = options.limit ?? Number.POSITIVE_INFINITY;
  let next: ExportCursor | null = null;
  const keys = new Set<string>();
  for await (const chain of chains(db, options)) {
    if (left <= 0) {
      next = [chain.chainId, chain.from];
      break;
    }
    const seq = Math.min(chain.seq, chain.from + left);
    left -= seq - chain.from;
    yield* oneChain(db, out, chain, seq, options, keys);
    if (seq < chain.seq) next = [chain.chainId, seq];
    if (next !== null) break;
  }
  yield out.end(next === null ? null : options.writeCursor(next));
}

async function* checkpoints(db: Queryable, out: LineWriter): AsyncGenerator<string> {
  for (let after = 0; ; ) {
    const page = await readCheckpoints(db, after, CHECKPOINTS_PAGE);
    for (const { payload, signature } of page)
      yield out.signed({ type: 'checkpoint', payload, checkpointSignature: signature });
    if (page.length < CHECKPOINTS_PAGE) return;
    after = page.at(-1)?.number ?? after;
  }
}

async function* chains(
  db: Queryable,
  { chainId, admin, after }: ExportOptions,
): AsyncGenerator<ExportChain & { from: number }> {
  for (let behind: string | undefined, cursor = after; ; cursor = undefined) {
    const page = await selectChains(db, { chainId, admin, from: cursor?.[0], behind, limit: PAGE });
    for (const chain of page) {
      const from = chain.chainId === after?.[0] ? after[1] : 0;
      if (from < chain.seq) yield { ...chain, from };
    }
    if (page.length < PAGE) return;
    behind = page.at(-1)?.chainId;
  }
}

async function* oneChain(
  db: Queryable,
  out: LineWriter,
  { chainId, from }: { chainId: string; from: number },
  seq: number,
  options: ExportOptions,
  keys: Set<string>,
): AsyncGenerator<string> {
  const after: ChainLink = from === 0 ? { seq: 0, head: GENESIS } : await readLink(db, chainId, from);
  yield out.signed({ type: 'chain', chainId, after, until: await readLink(db, chainId, seq) });
  for (let place = from; place < seq; ) {
    const rows = await readChain(db, chainId, place, Math.min(PAGE, seq - place));
    if (rows.length === 0) return;
    const shown = rows.filter((row) => options.admin || !isHidden(row, options.hideAfter));
    yield* keyLines(
      db,
      out,
      shown.flatMap(({ keyId }) => keyId ?? []),
      keys,
    );
    const visible = new Set(shown);
    for (const row of rows) {
      // One at a time: a certificate is as large as the list of refs of its push.
      if (visible.has(row)) yield* certificateLines(db, out, row, keys);
      yield out.plain(visible.has(row) ? event(row) : hidden(row));
    }
    place = rows.at(-1)?.seq ?? seq;
  }
}

/** Keys that no line has named yet. */
async function* keyLines(
  db: Queryable,
  out: LineWriter,
  keyIds: readonly string[],
  known: Set<string>,
): AsyncGenerator<string> {
  const wanted = new Set(keyIds.filter((keyId) => !known.has(keyId)));
  for (const { createdAt, revokedAt, ...key } of await selectKeys(db, [...wanted])) {
    known.add(key.keyId);
    const until = revokedAt?.toISOString() ?? null;
    yield out.signed({ type: 'key', ...key, createdAt: createdAt.toISOString(), revokedAt: until });
  }
}

async function* certificateLines(
  db: Queryable,
  out: LineWriter,
  row: ChainRow,
  keys: Set<string>,
): AsyncGenerator<string> {
  const { push_event_id: eventId } = row.data;
  if (certificateOf(row) === undefined || typeof eventId !== 'string' || !UUID.test(eventId)) return;
  const kept = await selectCertificate(db, row.chainId, eventId);
  if (kept === undefined) return;
  yield* keyLines(db, out, [kept.keyId], keys);
  yield out.signed({ type: 'certificate', ...kept });
}

/** What the audit log hides from the public is also in the envelope; so are the addresses of webhooks. */
function isHidden({ action, data, envelope, timestamp }: ChainRow, hideAfter: Date): boolean {
  if (action === 'star' && 'reason' in data && data.reason != null && data.reason_public !== true) return true;
  return envelope !== null && (action.startsWith('webhook_') || timestamp > hideAfter);
}

function event({ timestamp, ...row }: ChainRow): Record<string, unknown> {
  return { type: 'event', ...row, timestamp: timestamp.toISOString() };
}

function hidden({ chainId, seq, eventHash, chainHash }: ChainRow): Record<string, unknown> {
  return { type: 'hidden', chainId, seq, eventHash, chainHash };
}

class LineWriter {
  readonly exportId = randomUUID();
  readonly publicKey: string;
  readonly #key: ServerKey;
  readonly #digest = createHash('sha256');
  #lines = 0;

  constructor(key: ServerKey) {
    this.#key = key;
    this.publicKey = key.publicKey;
  }

  plain(content: Record<string, unknown>): string {
    const text = `${canonicalize(content)}\n`;
    this.#digest.update(text, 'utf8');
    this.#lines += 1;
    return text;
  }

  signed(said: Record<string, unknown>): string {
    const content = { ...said, line: this.#lines + 1 };
    return this.plain({ ...content, signature: this.#key.sign(signedText(this.exportId, content)) });
  }

  end(next: string | null): string {
    return this.signed({ type: 'end', digest: this.#digest.copy().digest('hex'), next });
  }
}
