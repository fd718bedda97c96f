import { expect, it } from 'vitest';
import { splitLines } from './lines.js';

it('lines of a file are found wherever its pieces begin', async () => {
  const text = Buffer.from('one\n\ntwo é\nthree');
  for (const size of [1, 2, 3, 100]) {
    const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, n) =>
      text.subarray(n * size, (n + 1) * size),
    );
    const lines: string[] = [];
    for await (const line of splitLines(
      (async function* () {
        yield* pieces;
      })(),
    ))
      lines.push(line.toString());
    expect(lines).toEqual(['one', '', 'two é', 'three']);
  }
});
