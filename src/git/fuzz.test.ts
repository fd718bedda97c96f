import { describe, expect, test } from 'vitest';
import {
  CommitGraph,
  commitLinks,
  DELIM,
  encodeSegment,
  FLUSH,
  ObjectError,
  ProtocolError,
  parseCommit,
  parseTag,
  parseV0Request,
  parseV2Request,
  pktLine,
  ReceivePackParser,
  treeEntries,
} from './index.js';

const A = 'a'.repeat(40);
const B = 'b'.repeat(40);
const WHO = 'A U Thor <a@b> 1700000000 +0100';

let state = 4242;
const random = (below: number) => {
  state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
  return (state >>> 8) % below;
};

/** A sample with bytes changed, cut out or repeated. */
function mutated(sample: Buffer): Buffer {
  let data = Buffer.from(sample);
  for (let n = random(4); n >= 0 && data.length > 0; n--) {
    const at = random(data.length);
    const kind = random(4);
    if (kind === 0) data = data.subarray(0, at);
    else if (kind === 1) data = Buffer.concat([data.subarray(0, at), data.subarray(at + random(9))]);
    else if (kind === 2) data = Buffer.concat([data.subarray(0, at), data.subarray(random(at + 1))]);
    else data[at] = random(256);
  }
  return data;
}

const v2 = Buffer.concat([
  pktLine('command=fetch\n'),
  DELIM,
  pktLine(`want ${A}`),
  pktLine('deepen 2'),
  pktLine(`have ${B}`),
  FLUSH,
]);
const lsRefs = Buffer.concat([
  pktLine('command=ls-refs'),
  pktLine('agent=x'),
  DELIM,
  pktLine('ref-prefix refs/'),
  FLUSH,
]);
const v0 = Buffer.concat([
  pktLine(`want ${A} multi_ack side-band\n`),
  FLUSH,
  pktLine(`have ${B}\n`),
  FLUSH,
  pktLine('done\n'),
]);
const push = Buffer.concat([
  pktLine(`${A} ${B} refs/heads/a\0push-options`),
  FLUSH,
  pktLine('x'),
  FLUSH,
  Buffer.from('PACK'),
]);
const commit = Buffer.from(`tree ${A}\nparent ${B}\nauthor ${WHO}\ncommitter ${WHO}\ngpgsig a\n b\n\nmessage\n`);
const tag = Buffer.from(`object ${A}\ntype commit\ntag v1\ntagger ${WHO}\n\nmessage\n`);
const tree = Buffer.concat([
  Buffer.from('100644 a\0'),
  Buffer.from(A, 'hex'),
  Buffer.from('40000 b\0'),
  Buffer.from(B, 'hex'),
]);
const segment = encodeSegment([{ oid: A, tree: B, time: 1, parents: [B] }], [{ oid: B, target: A, targetType: 1 }]);

const receive = (data: Buffer) => {
  const parser = new ReceivePackParser({ pushOptions: true, certificates: true });
  parser.feed(data);
  parser.end();
};

describe('changed input either parses or gets the error that the parser promises', () => {
  test.each<[string, Buffer, (data: Buffer) => unknown, new (...args: never[]) => Error]>([
    ['version 2 fetch', v2, parseV2Request, ProtocolError],
    ['version 2 ls-refs', lsRefs, parseV2Request, ProtocolError],
    ['version 0 fetch', v0, parseV0Request, ProtocolError],
    ['push', push, receive, ProtocolError],
    ['commit', commit, parseCommit, ObjectError],
    ['commit links', commit, commitLinks, ObjectError],
    ['tag', tag, parseTag, ObjectError],
    ['tree', tree, treeEntries, ObjectError],
    ['graph segment', segment, (data) => CommitGraph.fromSegments([data]), RangeError],
  ])('%s', (_name, sample, parse, expected) => {
    parse(sample);
    let refused = 0;
    for (let i = 0; i < 20_000; i++) {
      const data = mutated(sample);
      try {
        parse(data);
      } catch (error) {
        if (!(error instanceof expected)) throw new Error(`${error} for ${data.toString('latin1')}`);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(1_000);
  });
});
