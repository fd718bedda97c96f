/** Encoded answers about refs, kept per node for as long as the refs stay what they are. */
import { LRUCache } from 'lru-cache';
import type { Ref } from '../../refs/index.js';

/** Bytes kept over all repositories. */
const KEPT_BYTES = 32 * 1024 * 1024;
/** Clients may ask for many thousand prefixes; such a question is not asked twice. */
const MAX_QUESTION = 4096;

const answers = new LRUCache<string, Buffer>({
  maxSize: KEPT_BYTES,
  sizeCalculation: (bytes, key) => bytes.length + key.length,
});

/** A list of refs is one version of one repository and never changes, so its number names what an answer was made of. */
const numbers = new WeakMap<readonly Ref[], number>();
let lists = 0;

/**
 * The answer to a question about these refs.
 * @param refs as listRefs gave them for the version just read
 * @param question everything beside the refs that the answer depends on
 */
export function keptAnswer(refs: readonly Ref[], question: string, encode: () => Buffer): Buffer {
  if (question.length > MAX_QUESTION) return encode();
  let number = numbers.get(refs);
  if (number === undefined) {
    number = ++lists;
    numbers.set(refs, number);
  }
  const key = `${number} ${question}`;
  const known = answers.get(key);
  if (known !== undefined) return known;
  const answer = encode();
  answers.set(key, answer);
  return answer;
}
