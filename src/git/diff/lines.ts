/** Text as numbered lines. Equal lines get equal numbers, so that everything after this compares numbers. */
import { asBuffer } from '../bytes.js';

const LF = 0x0a;

export interface TextLines {
  bytes: Buffer;
  count: number;
  /** Start of each line, and the end of the text. A line includes its line feed; the last one may have none. */
  starts: Uint32Array;
  ids: Int32Array;
}

/** Gives out the numbers. Texts that are to be compared must come from one table. */
export class LineTable {
  readonly #ids = new Map<string, number>();

  /** One more than the largest number given out. */
  get size(): number {
    return this.#ids.size;
  }

  split(data: Uint8Array): TextLines {
    const bytes = asBuffer(data);
    const starts: number[] = [0];
    const ids: number[] = [];
    for (let from = 0; from < bytes.length; ) {
      const lf = bytes.indexOf(LF, from);
      const end = lf < 0 ? bytes.length : lf + 1;
      ids.push(this.#id(bytes.toString('latin1', from, end)));
      starts.push(end);
      from = end;
    }
    return { bytes, count: ids.length, starts: Uint32Array.from(starts), ids: Int32Array.from(ids) };
  }

  #id(line: string): number {
    const known = this.#ids.get(line);
    if (known !== undefined) return known;
    const id = this.#ids.size;
    this.#ids.set(line, id);
    return id;
  }
}

/** The bytes of `count` lines from `from` on. */
export function lineBytes(text: TextLines, from: number, count = 1): Buffer {
  return text.bytes.subarray(text.starts[from], text.starts[from + count]);
}

/** Part of a text as a text of its own. */
export function lineRange(text: TextLines, from: number, count: number): TextLines {
  return {
    bytes: text.bytes,
    count,
    starts: text.starts.subarray(from, from + count + 1),
    ids: text.ids.subarray(from, from + count),
  };
}
