/** Checks an export without a database: every line, hash, link, signature and checkpoint. */
import { createHash, verify } from 'node:crypto';
import { canonicalize, type PublicKey, parsePublicKey } from '../../signing/index.js';
import { chainLeaf, checkpointPayload, payloadHash } from '../checkpoint.js';
import { GENESIS, hashEvent, hashLink } from '../event.js';
import type { ChainLink } from '../verify.js';
import { certificateOf, checkCertificate } from './certificate.js';
import { type Line, type LineOf, line as lineSchema, signedText } from './format.js';
import { type ExportProblem, type ExportReport, type Finding, MAX_FINDINGS } from './problem.js';
import { checkProof, type ExportedKey, exportedKey } from './proof.js';

/** Signatures under way at once. */
const LANES = 256;

interface Where {
  chainId?: string;
  seq?: number;
  eventId?: string;
}

/** @param serverKey the public key that the export must be signed by; without it, the one it names is believed */
export async function verifyExport(
  lines: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  { serverKey }: { serverKey?: string | undefined } = {},
): Promise<ExportReport> {
  const check = new ExportCheck(serverKey);
  for await (const bytes of lines) await check.take(bytes);
  return check.finish();
}

class ExportCheck {
  readonly #expected: string | undefined;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  readonly #findings: Finding[] = [];
  readonly #keys = new Map<string, ExportedKey>();
  /** Where each chain ended when its last part was read. */
  readonly #ends = new Map<string, ChainLink>();
  /** Links that checkpoints speak of and no event has matched yet, with the line of the checkpoint. */
  readonly #leaves = new Map<string, number>();
  readonly #seenByCheckpoint = new Set<string>();
  readonly #unsigned: Record<string, number> = {};
  readonly #counts = { lines: 0, events: 0, hidden: 0, signatures: 0, certificates: 0, checkpoints: 0 };
  #pending: Promise<void>[] = [];
  #header: (LineOf<'header'> & { key: PublicKey | undefined }) | undefined;
  #serverKey: string | null = null;
  #digest = createHash('sha256');
  #section = 0;
  /** How far the numbers of the lines are ahead of what is there. */
  #shift = 0;
  #open = false;
  #complete = false;
  #next: string | null = null;
  #chain: { chainId: string; last: ChainLink; until: ChainLink } | undefined;
  /** Waits for the event of its push, which is the next line. */
  #certificate: { kept: LineOf<'certificate'>; at: number } | undefined;
  /** Nonces of certificates with their repositories; each serves one push. */
  readonly #nonces = new Set<string>();
  #lastCheckpoint = { number: 0, hash: GENESIS };

  constructor(expected: string | undefined) {
    this.#expected = expected;
  }

  async take(bytes: Uint8Array): Promise<void> {
    this.#counts.lines += 1;
    const line = this.#parse(bytes);
    if (line?.type === 'header') this.#begin(line);
    else if (this.#header === undefined || !this.#open) this.#found('incomplete');
    if (line?.type !== 'event') this.#dropCertificate();
    if (line === undefined) this.#found('malformed');
    else this.#judge(line);
    if (line?.type === 'event') this.#dropCertificate();
    if (line?.type !== 'end') this.#digest.update(bytes).update('\n');
    this.#section += 1;
    if (this.#pending.length >= LANES) await this.#settle();
  }

  async finish(): Promise<ExportReport> {
    await this.#settle();
    this.#dropCertificate();
    this.#closeChain();
    if (this.#open || this.#header === undefined) this.#found('incomplete');
    if (this.#header?.scope === 'all' && this.#complete && this.#next === null) {
      for (const line of new Set(this.#leaves.values())) this.#found('checkpoint_unmatched', {}, line);
    }
    this.#findings.sort((a, b) => a.line - b.line);
    return {
      ok: this.#findings.length === 0,
      problems: this.#findings,
      serverKey: this.#serverKey,
      ...this.#counts,
      chains: this.#ends.size,
      unsigned: this.#unsigned,
      checkpointedChains: this.#seenByCheckpoint.size,
    };
  }

  #parse(bytes: Uint8Array): Line | undefined {
    try {
      const text = this.#decoder.decode(bytes);
      const value: unknown = JSON.parse(text);
      const parsed = lineSchema.safeParse(value);
      return parsed.success && canonicalize(value) === text ? parsed.data : undefined;
    } catch {
      return undefined;
    }
  }

  #begin(header: LineOf<'header'>): void {
    if (this.#open) this.#found('incomplete');
    this.#closeChain();
    if (header.first) this.#complete = true;
    else if (this.#header === undefined) this.#complete = false;
    this.#serverKey ??= header.serverKey;
    if (header.serverKey !== (this.#expected ?? this.#serverKey)) this.#found('wrong_server_key');
    this.#header = { ...header, key: readKey(header.serverKey) };
    this.#digest = createHash('sha256');
    this.#section = 0;
    this.#shift = 0;
    this.#open = true;
  }

  #judge(line: Line): void {
    switch (line.type) {
      case 'event':
      case 'hidden':
        this.#event(line);
        break;
      case 'header':
        this.#isSigned(line);
        break;
      case 'key':
        if (this.#isSigned(line)) this.#keys.set(line.keyId, exportedKey(line));
        break;
      case 'chain':
        this.#beginChain(line);
        break;
      case 'checkpoint':
        this.#checkpoint(line);
        break;
      case 'certificate':
        if (this.#isSigned(line)) this.#certificate = { kept: line, at: this.#counts.lines };
        break;
      case 'end':
        this.#end(line);
        break;
    }
  }

  #isSigned({ signature, ...content }: Exclude<Line, { type: 'event' | 'hidden' }>): boolean {
    const key = this.#header?.key;
    const text = signedText(this.#header?.exportId ?? '', content);
    if (key === undefined || !isGood(key, text, signature)) {
      this.#found('line_changed', 'chainId' in content ? { chainId: content.chainId } : {});
      return false;
    }
    const shift = content.line - this.#section - 1;
    if (shift !== this.#shift) this.#found('lines_changed');
    this.#shift = shift;
    return true;
  }

  #beginChain(line: LineOf<'chain'>): void {
    this.#closeChain();
    this.#isSigned(line);
    const { chainId, after, until } = line;
    const known = this.#ends.get(chainId) ?? { seq: 0, head: GENESIS };
    if (after.seq !== known.seq || after.head !== known.head) {
      this.#found(after.seq > known.seq ? 'row_missing' : 'link_broken', { chainId, seq: known.seq + 1 });
    }
    this.#chain = { chainId, last: after, until };
  }

  #closeChain(): void {
    const chain = this.#chain;
    if (chain === undefined) return;
    const { chainId, last, until } = chain;
    if (last.seq < until.seq) this.#found('row_missing', { chainId, seq: last.seq + 1 });
    else if (last.seq !== until.seq || last.head !== until.head) this.#found('link_broken', { chainId, seq: last.seq });
    this.#ends.set(chainId, last);
    this.#chain = undefined;
  }

  #event(line: LineOf<'event'> | LineOf<'hidden'>): void {
    const { chainId, seq, eventHash, chainHash } = line;
    const where = { chainId, seq, ...(line.type === 'event' ? { eventId: line.eventId } : {}) };
    if (line.type === 'event') {
      this.#counts.events += 1;
      if (hashEvent({ ...line, timestamp: new Date(line.timestamp) }) !== eventHash)
        this.#found('event_changed', where);
      else {
        this.#prove(line, where);
        this.#certify(line, where);
      }
    } else this.#counts.hidden += 1;
    const chain = this.#chain;
    if (chain === undefined || chain.chainId !== chainId) {
      this.#found('wrong_chain', where);
      return;
    }
    if (seq > chain.last.seq + 1) this.#found('row_missing', where);
    else if (seq !== chain.last.seq + 1 || hashLink(chain.last.head, eventHash) !== chainHash)
      this.#found('link_broken', where);
    // From what the row says of itself, so that one fault does not make a fault of everything behind it.
    chain.last = { seq, head: chainHash };
    if (this.#leaves.size > 0 && this.#leaves.delete(chainLeaf(chainId, chain.last)))
      this.#seenByCheckpoint.add(chainId);
  }

  #prove(event: LineOf<'event'>, where: Where): void {
    const { envelope, keyId, action } = event;
    if (envelope === null) {
      this.#unsigned[action] = (this.#unsigned[action] ?? 0) + 1;
      return;
    }
    const at = this.#counts.lines;
    const known = keyId === null ? undefined : this.#keys.get(keyId);
    this.#pending.push(
      checkProof({ ...event, envelope }, known).then((problem) => {
        if (problem === undefined) this.#counts.signatures += 1;
        else this.#found(problem, where, at);
      }),
    );
  }

  /** The event of a signed push has the certificate in front of it. */
  #certify(event: LineOf<'event'>, where: Where): void {
    if (certificateOf(event) === undefined) return;
    const { kept, at } = this.#certificate ?? {};
    if (kept === undefined || kept.eventId !== event.data.push_event_id) {
      this.#found('certificate_missing', where);
      return;
    }
    this.#certificate = undefined;
    const nonce = `${kept.repoId} ${kept.nonce}`;
    const spent = this.#nonces.has(nonce);
    this.#nonces.add(nonce);
    const problem =
      checkCertificate(kept, event, this.#keys.get(kept.keyId)) ?? (spent ? 'certificate_nonce_wrong' : undefined);
    if (problem === undefined) this.#counts.certificates += 1;
    else this.#found(problem, where, at);
  }

  /** A certificate that the event before this line did not take belongs to none. */
  #dropCertificate(): void {
    if (this.#certificate === undefined) return;
    const { kept, at } = this.#certificate;
    this.#certificate = undefined;
    this.#found('certificate_changed', { chainId: kept.repoId }, at);
  }

  #checkpoint(line: LineOf<'checkpoint'>): void {
    if (!this.#isSigned(line)) return;
    this.#counts.checkpoints += 1;
    const said = readPayload(line.payload);
    const key = this.#header?.key;
    const good = key !== undefined && isGood(key, line.payload, line.checkpointSignature);
    const { number, hash } = this.#lastCheckpoint;
    if (said === undefined || !good || said.checkpoint !== number + 1 || said.previous !== hash)
      this.#found('checkpoint_broken');
    if (said === undefined) return;
    this.#lastCheckpoint = { number: said.checkpoint, hash: payloadHash(line.payload) };
    for (const leaf of said.leaves) this.#leaves.set(leaf, this.#counts.lines);
  }

  #end(line: LineOf<'end'>): void {
    this.#closeChain();
    this.#isSigned(line);
    if (line.digest !== this.#digest.copy().digest('hex')) this.#found('lines_changed');
    this.#next = line.next;
    this.#open = false;
  }

  #found(problem: ExportProblem, { chainId, seq, eventId }: Where = {}, line = this.#counts.lines): void {
    if (this.#findings.length >= MAX_FINDINGS) return;
    this.#findings.push({ line, problem, chainId: chainId ?? null, seq: seq ?? null, eventId: eventId ?? null });
  }

  async #settle(): Promise<void> {
    await Promise.all(this.#pending.splice(0));
  }
}

function isGood(key: PublicKey, text: string, signature: string): boolean {
  const bytes = Buffer.from(signature, 'base64');
  if (bytes.toString('base64') !== signature) return false;
  return key.type === 'ed25519' && verify(null, Buffer.from(text, 'utf8'), key.keyObject, bytes);
}

function readPayload(text: string) {
  try {
    const value: unknown = JSON.parse(text);
    const parsed = checkpointPayload.safeParse(value);
    return parsed.success && canonicalize(value) === text ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

function readKey(text: string): PublicKey | undefined {
  try {
    return parsePublicKey(text);
  } catch {
    return undefined;
  }
}
