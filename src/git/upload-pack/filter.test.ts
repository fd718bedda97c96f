import { describe, expect, test } from 'vitest';
import { ProtocolError } from '../pktline/index.js';
import { type ObjectFilter, parseFilter } from './index.js';

const INF = Number.POSITIVE_INFINITY;

describe('filters', () => {
  test.each<[string, ObjectFilter]>([
    ['blob:none', { blobLimit: 0, treeDepth: INF }],
    ['blob:limit=0', { blobLimit: 0, treeDepth: INF }],
    ['blob:limit=7', { blobLimit: 7, treeDepth: INF }],
    ['blob:limit=2k', { blobLimit: 2048, treeDepth: INF }],
    ['blob:limit=1M', { blobLimit: 1_048_576, treeDepth: INF }],
    ['blob:limit=3g', { blobLimit: 3 * 2 ** 30, treeDepth: INF }],
    ['tree:0', { blobLimit: INF, treeDepth: 0 }],
    ['tree:5', { blobLimit: INF, treeDepth: 5 }],
    ['object:type=tag', { blobLimit: INF, treeDepth: INF, types: ['tag'] }],
    ['combine:blob:none+tree:3', { blobLimit: 0, treeDepth: 3 }],
    ['combine:blob:limit=9+blob:limit=4+tree:3+tree:8', { blobLimit: 4, treeDepth: 3 }],
    ['combine:object:type=blob+object:type=blob', { blobLimit: INF, treeDepth: INF, types: ['blob'] }],
    ['combine:object:type=blob+object:type=tree', { blobLimit: INF, treeDepth: INF, types: [] }],
    ['combine:combine%3atree%3a2%2Bblob%3Anone+tree:9', { blobLimit: 0, treeDepth: 2 }],
  ])('%s', (spec, filter) => {
    expect(parseFilter(spec)).toEqual(filter);
  });

  test.each([
    ['', "invalid filter-spec ''"],
    ['blob', "invalid filter-spec 'blob'"],
    ['BLOB:none', "invalid filter-spec 'BLOB:none'"],
    ['blob:limit=', "invalid filter-spec 'blob:limit='"],
    ['blob:limit=99999999999999999999', 'invalid filter-spec'],
    ['tree:x', "expected 'tree:<depth>'"],
    ['object:type=commits', "'commits' for 'object:type=<type>' is not a valid object type"],
    ['sparse:oid=main:spec', "git upload-pack: filter 'sparse:oid' not supported"],
    ['sparse:path=spec', 'sparse:path filters support has been dropped'],
    ['combine:', 'expected something after combine:'],
    ['combine:tree:1+sparse:oid=x', "filter 'sparse:oid' not supported"],
    ['combine:tree:1 ', "must escape char in sub-filter-spec: ' '"],
    ['combine:tree:1+tree:$', "must escape char in sub-filter-spec: '$'"],
    ['combine:%00', 'invalid filter-spec'],
    [`${'combine:'.repeat(5000)}tree:1`, 'invalid filter-spec'],
  ])('%s is refused', (spec, message) => {
    expect(() => parseFilter(spec)).toThrow(ProtocolError);
    expect(() => parseFilter(spec)).toThrow(message);
  });
});
