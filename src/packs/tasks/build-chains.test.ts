import { expect, test } from 'vitest';
import { Chains } from './build-chains.js';

const at = (position: number) => ({ pack: 1, position });

/** A whole entry 0, a delta 1 on it, a delta 2 on that, and so on. */
function chain(length: number): Chains {
  const chains = new Chains();
  chains.written(at(0));
  for (let i = 1; i < length; i++) chains.written(at(i), at(i - 1));
  return chains;
}

test('an entry serves as long as its chain is short, then one half as far', () => {
  const chains = chain(100);
  expect(chains.shallow(at(10), 10)).toEqual(at(10));
  expect(chains.shallow(at(11), 10)).toEqual(at(5));
  expect(chains.shallow(at(99), 0)).toEqual(at(0));
  expect(chains.shallow(at(99), -1)).toBeUndefined();
});

test('nothing rests on what is not written, nor on what rests on that', () => {
  const chains = chain(3);
  expect(chains.shallow(at(3), 50)).toBeUndefined();
  chains.written(at(4), at(3));
  chains.written(at(5), at(4));
  expect(chains.shallow(at(4), 50)).toBeUndefined();
  expect(chains.shallow(at(5), 50)).toBeUndefined();
});

test('a delta on an object outside counts as one', () => {
  const chains = new Chains();
  chains.written(at(0), 'outside');
  chains.written({ pack: 2, position: 0 }, at(0));
  expect(chains.shallow({ pack: 2, position: 0 }, 1)).toBeUndefined();
  expect(chains.shallow({ pack: 2, position: 0 }, 2)).toEqual({ pack: 2, position: 0 });
  expect(chains.shallow(at(0), 1)).toEqual(at(0));
});
