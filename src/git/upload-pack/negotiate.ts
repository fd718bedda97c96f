/**
 * Which haves are common, and what the client is told about it (gitprotocol-pack "Packfile Negotiation",
 * gitprotocol-v2 "acknowledgments"). The order of the lines is that of git's own server.
 */
import type { Oid } from '../oid.js';
import { DELIM, FLUSH, pktLine } from '../pktline/index.js';
import { lineWriter } from './sections.js';
import type { V0Request } from './v0-request.js';
import type { FetchArgs } from './v2-request.js';

/** What the negotiation asks the repository. */
export interface Knowledge {
  /** True when the repository has the object and the client may know it. */
  has(oid: Oid): boolean;
  /** True when all wants reach a common object, so that further haves would not make the pack smaller. */
  readyToGiveUp(common: readonly Oid[]): boolean;
}

export interface Negotiation {
  /** To send before the pack, or as the whole answer. */
  bytes: Buffer;
  /** True when the pack follows. */
  pack: boolean;
  /** Distinct objects that both sides have. */
  common: Oid[];
}

export type AckMode = 'none' | 'multi_ack' | 'multi_ack_detailed';

/** The mode that a client's capabilities select. */
export function ackMode(capabilities: ReadonlyMap<string, string | true>): AckMode {
  if (capabilities.has('multi_ack_detailed')) return 'multi_ack_detailed';
  return capabilities.has('multi_ack') ? 'multi_ack' : 'none';
}

type V0Input = Pick<V0Request, 'capabilities' | 'haveGroups' | 'done' | 'wants'>;

/**
 * Protocol 0 and 1, stateless: the answer ends at the first flush, unless the client allows the pack without `done`.
 * A request that ends behind its wants asks for shallow information only and gets nothing here.
 */
export function negotiateV0(request: V0Input, knowledge: Knowledge): Negotiation {
  const mode = ackMode(request.capabilities);
  const noDone = request.capabilities.has('no-done');
  const common = new Set<Oid>();
  const parts: Buffer[] = [];
  const say = (line: string) => parts.push(pktLine(`${line}\n`));
  const ready = () => common.size > 0 && knowledge.readyToGiveUp([...common]);
  const answer = (pack: boolean) => ({ bytes: Buffer.concat(parts), pack, common: [...common] });
  const [haves] = request.haveGroups;
  if (request.wants.length === 0 || haves === undefined) return answer(false);

  let last: Oid | undefined;
  let sawOther = false;
  let saidReady = false;
  for (const oid of haves) {
    if (knowledge.has(oid)) {
      const isFirst = common.size === 0;
      common.add(oid);
      last = oid;
      if (mode === 'multi_ack_detailed') say(`ACK ${oid} common`);
      else if (mode === 'multi_ack') say(`ACK ${oid} continue`);
      else if (isFirst) say(`ACK ${oid}`);
    } else {
      sawOther = true;
      if (mode === 'none' || !ready()) continue;
      say(`ACK ${oid} ${mode === 'multi_ack' ? 'continue' : 'ready'}`);
      saidReady ||= mode === 'multi_ack_detailed';
    }
  }
  if (request.done && request.haveGroups.length === 1) {
    if (last === undefined) say('NAK');
    else if (mode !== 'none') say(`ACK ${last}`);
    return answer(true);
  }
  if (mode === 'multi_ack_detailed' && last !== undefined && !sawOther && ready()) {
    saidReady = true;
    say(`ACK ${last} ready`);
  }
  if (common.size === 0 || mode !== 'none') say('NAK');
  if (!noDone || !saidReady) return answer(false);
  say(`ACK ${last}`);
  return answer(true);
}

type V2Input = Pick<FetchArgs, 'wants' | 'wantRefs' | 'haves' | 'done' | 'waitForDone' | 'sidebandAll'>;

/**
 * Protocol 2. When `pack` is true the sections of the pack follow and end with a flush; otherwise the bytes are the
 * whole answer. With `wait-for-done` a client may ask what is common without wanting anything.
 */
export function negotiateV2(args: V2Input, knowledge: Knowledge): Negotiation {
  const common = [...new Set(args.haves)].filter((oid) => knowledge.has(oid));
  const nothing = Buffer.alloc(0);
  const wanting = args.wants.length > 0 || args.wantRefs.length > 0;
  if (!wanting && (!args.waitForDone || args.haves.length === 0)) return { bytes: nothing, pack: false, common };
  if (args.done || args.haves.length === 0) return { bytes: nothing, pack: true, common };
  const lines = ['acknowledgments', ...(common.length === 0 ? ['NAK'] : common.map((oid) => `ACK ${oid}`))];
  const pack = !args.waitForDone && common.length > 0 && knowledge.readyToGiveUp(common);
  if (pack) lines.push('ready');
  const put = lineWriter(args.sidebandAll);
  return { bytes: Buffer.concat([...lines.map((line) => put(`${line}\n`)), pack ? DELIM : FLUSH]), pack, common };
}
