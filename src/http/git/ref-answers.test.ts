import { describe, expect, it } from 'vitest';
import { keptAnswer } from './ref-answers.js';

const refs = (oid: string) => [{ name: 'refs/heads/main', oid: oid.repeat(40), peeled: undefined }];

describe('kept answers', () => {
  it('are encoded once for each list of refs and each question', () => {
    const [one, two] = [refs('1'), refs('1')];
    let encoded = 0;
    const ask = (list: ReturnType<typeof refs>, question: string) =>
      keptAnswer(list, question, () => Buffer.from(`${question} ${++encoded}`)).toString();
    expect(ask(one, 'a')).toBe('a 1');
    expect(ask(one, 'a')).toBe('a 1');
    expect(ask(one, 'b')).toBe('b 2');
    // Equal, but read anew: the version may be another.
    expect(ask(two, 'a')).toBe('a 3');
    expect(ask(one, 'a')).toBe('a 1');
    expect(ask(two, 'a')).toBe('a 3');
  });

  it('are not kept for questions as long as clients like', () => {
    const list = refs('2');
    let encoded = 0;
    const ask = () => keptAnswer(list, 'x'.repeat(5000), () => Buffer.from(String(++encoded))).toString();
    expect([ask(), ask()]).toEqual(['1', '2']);
  });
});
