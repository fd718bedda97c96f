/**
 * Slides groups of changed lines. A group may often stand one line further up or down without changing the result;
 * where it stands decides how a diff reads and which changes touch each other in a merge. Follows git's rules: join
 * groups that meet, line up with the other text, else (diffs only) the indent heuristic, else as far down as possible.
 */
import { bestShift } from './indent.js';
import type { TextLines } from './lines.js';

/** One text with its marks; `changed` has one more element than the text has lines, always 0. */
export interface MarkedText {
  text: TextLines;
  changed: Uint8Array;
}

/** Compacts the groups of `marked` while `other` is only read. */
export function compactGroups(marked: MarkedText, other: MarkedText, indentHeuristic: boolean): void {
  const group = new Group(marked);
  const partner = new Group(other);
  do {
    if (group.start < group.end) settle(group, partner, indentHeuristic ? marked.text : undefined);
  } while (group.next() && partner.next());
}

function settle(group: Group, partner: Group, indented: TextLines | undefined): void {
  let size: number;
  let highest: number;
  let aligned: boolean;
  do {
    size = group.end - group.start;
    while (group.up()) partner.previous();
    highest = group.end;
    aligned = partner.start < partner.end;
    while (group.down()) {
      partner.next();
      aligned ||= partner.start < partner.end;
    }
    // A group that grew has met another one and can perhaps go further.
  } while (size !== group.end - group.start);

  if (group.end === highest) return;
  if (aligned) {
    while (partner.start === partner.end) {
      group.up();
      partner.previous();
    }
  } else if (indented !== undefined) {
    const target = bestShift(indented, group, highest);
    while (group.end > target) {
      group.up();
      partner.previous();
    }
  }
}

/** A run of changed lines, empty between two unchanged ones. */
class Group {
  start = 0;
  end = 0;
  readonly #ids: Int32Array;
  readonly #changed: Uint8Array;

  constructor({ text, changed }: MarkedText) {
    this.#ids = text.ids;
    this.#changed = changed;
    this.#growDown();
  }

  next(): boolean {
    if (this.end === this.#ids.length) return false;
    this.start = this.end + 1;
    this.end = this.start;
    this.#growDown();
    return true;
  }

  previous(): boolean {
    if (this.start === 0) return false;
    this.end = this.start - 1;
    this.start = this.end;
    this.#growUp();
    return true;
  }

  /** Moves one line down, if the text allows it, and joins the group it meets. */
  down(): boolean {
    if (this.end >= this.#ids.length || this.#ids[this.start] !== this.#ids[this.end]) return false;
    this.#changed[this.start++] = 0;
    this.#changed[this.end++] = 1;
    this.#growDown();
    return true;
  }

  up(): boolean {
    if (this.start === 0 || this.#ids[this.start - 1] !== this.#ids[this.end - 1]) return false;
    this.#changed[--this.start] = 1;
    this.#changed[--this.end] = 0;
    this.#growUp();
    return true;
  }

  #growDown(): void {
    while (this.#changed[this.end] === 1) this.end++;
  }

  #growUp(): void {
    while (this.start > 0 && this.#changed[this.start - 1] === 1) this.start--;
  }
}
