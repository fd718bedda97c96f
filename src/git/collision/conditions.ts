/**
 * The unavoidable bit conditions of Stevens and Shumow (2017): relations between two bits of the expanded message that
 * hold for every message of a colliding pair. Where one fails, the attack cannot have used the vectors behind it.
 */
import { VECTORS } from './vectors.js';

export interface BitCondition {
  /** A bit of a word of the expanded message, and another one. */
  word: number;
  bit: number;
  otherWord: number;
  otherBit: number;
  /** Whether the two bits must be equal or must differ. */
  equal: boolean;
  /** The vectors that demand it, one bit each in the order of VECTORS. */
  vectors: number;
}

/** `word.bit=word.bit` where the bits must be equal, `!` where they must differ; then the vectors that demand it. */
const TABLE = `
44.29=45.29 I48.0 I51.0 I52.0 II45.0 II46.0 II50.0 II51.0
49.29=50.29 I46.0 II45.0 II50.0 II51.0 II55.0 II56.0
48.29=49.29 I45.0 I52.0 II49.0 II50.0 II54.0 II55.0
47.4=50.29 I47.0 I49.0 I51.0 II45.0 II51.0 II56.0
47.29=48.29 I44.0 I51.0 II48.0 II49.0 II53.0 II54.0
46.4=49.29 I46.0 I48.0 I50.0 I52.0 II50.0 II55.0
46.29=47.29 I43.0 I50.0 II47.0 II48.0 II52.0 II53.0
45.4=48.29 I45.0 I47.0 I49.0 I51.0 II49.0 II54.0
45.29=46.29 I49.0 I52.0 II46.0 II47.0 II51.0 II52.0
44.4=47.29 I44.0 I46.0 I48.0 I50.0 II48.0 II53.0
43.4=46.29 I43.0 I45.0 I47.0 I49.0 II47.0 II52.0
43.29=44.29 I47.0 I50.0 I51.0 II45.0 II49.0 II50.0
42.4=45.29 I44.0 I46.0 I48.0 I52.0 II46.0 II51.0
41.4=44.29 I43.0 I45.0 I47.0 I51.0 II45.0 II50.0
40.29=41.29 I44.0 I47.0 I48.0 II46.0 II47.0 II56.0
54.29=55.29 I51.0 II47.0 II50.0 II55.0 II56.0
53.29=54.29 I50.0 II46.0 II49.0 II54.0 II55.0
52.29=53.29 I49.0 II45.0 II48.0 II53.0 II54.0
50.4=53.29 I50.0 I52.0 II46.0 II48.0 II54.0
50.29=51.29 I47.0 II46.0 II51.0 II52.0 II56.0
49.4=52.29 I49.0 I51.0 II45.0 II47.0 II53.0
48.4=51.29 I48.0 I50.0 I52.0 II46.0 II52.0
42.29=43.29 I46.0 I49.0 I50.0 II48.0 II49.0
41.29=42.29 I45.0 I48.0 I49.0 II47.0 II48.0
40.4=43.29 I44.0 I46.0 I50.0 II49.0 II56.0
39.4=42.29 I43.0 I45.0 I49.0 II48.0 II55.0
38.4=41.29 I44.0 I48.0 II47.0 II54.0 II56.0
37.4=40.29 I43.0 I47.0 II46.0 II53.0 II55.0
55.29=56.29 I52.0 II48.0 II51.0 II56.0
52.4=55.29 I52.0 II48.0 II50.0 II56.0
51.4=54.29 I51.0 II47.0 II49.0 II55.0
51.29=52.29 I48.0 II47.0 II52.0 II53.0
36.4=40.29 I46.0 I49.0 II45.0 II48.0
53.29!56.29 I52.0 II48.0 II49.0
51.29!54.29 I50.0 II46.0 II47.0
50.29!52.29 I49.0 I51.0 II45.0
49.29!51.29 I48.0 I50.0 I52.0
48.29!50.29 I47.0 I49.0 I51.0
47.29!49.29 I46.0 I48.0 I50.0
46.29!48.29 I45.0 I47.0 I49.0
45.6=47.6 I47.2 I49.2 I51.2
45.29!47.29 I44.0 I46.0 I48.0
44.6=46.6 I46.2 I48.2 I50.2
44.29!46.29 I43.0 I45.0 I47.0
41.1!42.6 I48.2 II46.2 II51.2
40.1!41.6 I47.2 I51.2 II50.2
40.4!42.4 I44.0 I46.0 II56.0
39.1!40.6 I46.2 I50.2 II49.2
39.4!41.4 I43.0 I45.0 II55.0
38.4!40.4 I44.0 II54.0 II56.0
37.4!39.4 I43.0 II53.0 II55.0
36.1!37.6 I47.2 I50.2 II46.2
35.4=39.29 I45.0 I48.0 II47.0
63.0!64.5 I48.0 II48.0
63.1!64.6 I45.0 II45.0
62.0!63.5 I47.0 II47.0
61.0!62.5 I46.0 II46.0
61.2!62.7 I46.2 II46.2
60.0!61.5 I45.0 II45.0
58.29=59.29 II51.0 II54.0
57.29=58.29 II50.0 II53.0
56.4=59.29 II52.0 II54.0
56.29!59.29 II51.0 II52.0
56.29=57.29 II49.0 II52.0
55.4=58.29 II51.0 II53.0
54.4=57.29 II50.0 II52.0
53.4=56.29 II49.0 II51.0
51.1=50.6 I50.2 II46.2
48.6=50.6 I50.2 II46.2
48.29!55.29 I51.0 I52.0
47.6=49.6 I49.2 I51.2
48.1=47.6 I47.2 II51.2
46.6=48.6 I48.2 I50.2
47.1=46.6 I46.2 II50.2
44.1!45.6 I51.2 II49.2
43.6=45.6 I47.2 I49.2
42.6=44.6 I46.2 I48.2
43.1=42.6 II46.2 II51.2
42.1=41.6 I51.2 II50.2
41.1=40.6 I50.2 II49.2
39.4=43.29 I52.0 II51.0
38.4=42.29 I51.0 II50.0
37.1!38.6 I48.2 I51.2
37.4=41.29 I50.0 II49.0
36.4!38.4 II52.0 II54.0
35.1!36.6 I46.2 I49.2
35.3=39.28 I51.0 II47.0
61.1!62.6 I43.0
59.5=63.30 I43.0
58.0!63.30 I43.0
62.1!63.6 I44.0
60.5=64.30 I44.0
59.0!64.30 I44.0
40.6=42.6 I46.2
62.2!63.7 I47.2
41.6=43.6 I47.2
63.2!64.7 I48.2
48.6=49.1 I48.2
49.6=50.1 I49.2
42.1!50.1 I49.2
39.6=40.1 I49.2
38.1!40.1 I49.2
36.4!37.4 I50.0
43.1!51.1 I50.2
37.4!38.4 I51.0
51.6=52.1 I51.2
49.6=51.6 I51.2
37.1=37.6 I51.2
35.5=39.30 I51.2
38.4!39.4 I52.0
47.1!51.1 II46.2
36.3=40.28 II48.0
35.30!40.28 II48.0
37.3=41.28 II49.0
36.30!41.28 II49.0
53.6=54.1 II49.2
51.6=53.6 II49.2
50.1!54.1 II49.2
45.6=46.1 II49.2
37.5=41.30 II49.2
36.0!41.30 II49.2
55.29!58.29 II50.0
38.3=42.28 II50.0
37.30!42.28 II50.0
54.6=55.1 II50.2
52.6=54.6 II50.2
51.1!55.1 II50.2
45.1!47.1 II50.2
38.5=42.30 II50.2
37.0!42.30 II50.2
39.3=43.28 II51.0
38.30!43.28 II51.0
55.6=56.1 II51.2
53.6=55.6 II51.2
52.1!56.1 II51.2
46.1!48.1 II51.2
39.5=43.30 II51.2
38.0!43.30 II51.2
59.29=60.29 II52.0
40.3=44.28 II52.0
40.4=44.29 II52.0
39.30!44.28 II52.0
58.29!61.29 II53.0
57.4=61.29 II53.0
41.3=45.28 II53.0
41.4=45.29 II53.0
58.4=62.29 II54.0
42.3=46.28 II54.0
42.4=46.29 II54.0
59.4=63.29 II55.0
57.4=59.29 II55.0
43.3=47.28 II55.0
43.4=47.29 II55.0
60.4=64.29 II56.0
44.3=48.28 II56.0
44.4=48.29 II56.0
`;

/** Highest word of the expanded message in any condition. */
export const LAST_WORD = 64;

/** All conditions, those first that rule out most. */
export const CONDITIONS: readonly BitCondition[] = bestFirst(TABLE.trim().split('\n').map(parse));

function parse(line: string): BitCondition {
  const [relation, ...names] = line.split(' ');
  const [, word, bit, sign, otherWord, otherBit] = /^(\d+)\.(\d+)([=!])(\d+)\.(\d+)$/.exec(relation!)!;
  const vectors = names.reduce((mask, name) => mask | (1 << VECTORS.findIndex((vector) => vector.name === name)), 0);
  return {
    word: Number(word),
    bit: Number(bit),
    otherWord: Number(otherWord),
    otherBit: Number(otherBit),
    equal: sign === '=',
    vectors,
  };
}

/** Each condition halves the chance that an ordinary block is still in question for its vectors. */
function bestFirst(conditions: BitCondition[]): BitCondition[] {
  const chance = VECTORS.map(() => 1);
  const gain = ({ vectors }: BitCondition) =>
    chance.reduce((sum, share, i) => sum + (vectors & (1 << i) ? share / 2 : 0), 0);
  const left = [...conditions];
  const ordered: BitCondition[] = [];
  while (left.length > 0) {
    const best = left.reduce((one, other) => (gain(other) > gain(one) ? other : one));
    left.splice(left.indexOf(best), 1);
    ordered.push(best);
    for (let i = 0; i < chance.length; i++) if (best.vectors & (1 << i)) chance[i]! /= 2;
  }
  return ordered;
}
