/** Writes an invented history as a `git fast-import` stream; commit n is named by the ref `refs/heads/c/n`. */
import type { MergeFile, MergeTree } from './merge-tree.js';

export interface Commit {
  mark: number;
  tree: MergeTree;
}

const EPOCH = 1_600_000_000;

export class HistoryStream {
  /** Commits written so far. */
  made = 0;
  #marks = 0;
  readonly #blobs = new Map<string, number>();

  /** The first parent is the one whose tree the commit changes. */
  *commit(tree: MergeTree, parents: readonly Commit[]): Generator<Buffer, Commit> {
    const before: MergeTree = parents[0]?.tree ?? new Map();
    const changed = [...tree].filter(([path, file]) => before.get(path) !== file);
    for (const [, file] of changed) if (file.mode !== '160000') yield* this.#blob(file);
    this.#marks += 1;
    this.made += 1;
    const [first, ...rest] = parents.map(({ mark }) => `:${mark}`);
    const message = `Commit ${this.made}\n`;
    const lines = [`commit refs/heads/c/${this.made}`, `mark :${this.#marks}`];
    lines.push(`committer Test Agent <agent@example.com> ${EPOCH + this.made * 60} +0000`);
    lines.push(`data ${message.length}`, message);
    if (first !== undefined) lines.push(`from ${first}`, ...rest.map((mark) => `merge ${mark}`));
    // Deletions come first: a file may take the place of a folder.
    for (const path of before.keys()) if (!tree.has(path)) lines.push(`D "${path}"`);
    for (const [path, file] of changed) {
      const value = file.mode === '160000' ? file.content.toString() : `:${this.#blobs.get(key(file))}`;
      lines.push(`M ${file.mode} ${value} "${path}"`);
    }
    yield Buffer.from(`${lines.join('\n')}\n\n`);
    return { mark: this.#marks, tree };
  }

  *#blob(file: MergeFile): Generator<Buffer> {
    if (this.#blobs.has(key(file))) return;
    this.#marks += 1;
    this.#blobs.set(key(file), this.#marks);
    yield Buffer.from(`blob\nmark :${this.#marks}\ndata ${file.content.length}\n`);
    yield file.content;
    yield Buffer.from('\n');
  }
}

function key({ content }: MergeFile): string {
  return content.toString('latin1');
}
