/** A made-up working tree and the edits one commit makes to it. */
import type { Random } from './random.js';

export interface TreeFile {
  mode: '100644' | '100755' | '120000';
  content: Buffer;
  /** Mark of the blob in the fast-import stream, 0 until written. */
  mark: number;
}

export type Tree = Map<string, TreeFile>;

export type FileChange =
  | { kind: 'write'; path: string; file: TreeFile }
  | { kind: 'delete'; path: string }
  | { kind: 'rename'; from: string; path: string };

/** Applies a few random edits to `tree` and returns them; files keep an extension so that none collides with a folder. */
export function inventChanges(tree: Tree, random: Random): FileChange[] {
  const changes: FileChange[] = [];
  const touched = new Set<string>();
  const count = tree.size < 12 ? 6 : 1 + random.below(3);
  for (let i = 0; i < count; i += 1) {
    const change = inventChange(tree, random);
    if (touched.has(change.path) || (change.kind === 'rename' && touched.has(change.from))) continue;
    touched.add(change.path);
    if (change.kind === 'rename') touched.add(change.from);
    apply(tree, change);
    changes.push(change);
  }
  return changes;
}

function inventChange(tree: Tree, random: Random): FileChange {
  const roll = random.next();
  const existing = tree.size < 12 ? undefined : random.pick([...tree.keys()]);
  if (existing !== undefined && roll < 0.06) return { kind: 'delete', path: existing };
  if (existing !== undefined && roll < 0.12) {
    const path = newPath(random, existing.slice(existing.lastIndexOf('.')));
    return tree.has(path) ? { kind: 'delete', path: existing } : { kind: 'rename', from: existing, path };
  }
  const old = existing === undefined ? undefined : tree.get(existing);
  if (existing !== undefined && old !== undefined && old.mode !== '120000' && roll < 0.75) {
    const content = existing.endsWith('.bin') ? random.bytes(old.content.length) : editText(old.content, random);
    return { kind: 'write', path: existing, file: { mode: old.mode, content, mark: 0 } };
  }
  return newFile(random);
}

function newFile(random: Random): FileChange {
  const roll = random.next();
  if (roll < 0.05) {
    const target = Buffer.from(newPath(random, '.txt'));
    return { kind: 'write', path: newPath(random, '.lnk'), file: { mode: '120000', content: target, mark: 0 } };
  }
  if (roll < 0.15) {
    const content = random.bytes(random.chance(0.05) ? 65_536 : 200 + random.below(4000));
    return { kind: 'write', path: newPath(random, '.bin'), file: { mode: '100644', content, mark: 0 } };
  }
  const lines = Array.from({ length: 5 + random.below(60) }, () => random.words(8));
  const mode = roll < 0.25 ? '100755' : '100644';
  const path = newPath(random, mode === '100755' ? '.sh' : random.pick(['.ts', '.md', '.json']));
  return { kind: 'write', path, file: { mode, content: Buffer.from(`${lines.join('\n')}\n`), mark: 0 } };
}

function editText(content: Buffer, random: Random): Buffer {
  const lines = content.toString().split('\n');
  const at = random.below(lines.length);
  lines.splice(at, random.below(3), random.words(8), random.words(5));
  return Buffer.from(lines.join('\n'));
}

function newPath(random: Random, extension: string): string {
  const folders = Array.from({ length: random.below(4) }, () => random.pick(['src', 'lib', 'core', 'docs', 'größe']));
  return [...folders, `${random.words(1)}${random.chance(0.1) ? ' copy' : ''}-${random.below(500)}${extension}`].join(
    '/',
  );
}

function apply(tree: Tree, change: FileChange): void {
  if (change.kind === 'write') tree.set(change.path, change.file);
  if (change.kind === 'delete') tree.delete(change.path);
  if (change.kind !== 'rename') return;
  const file = tree.get(change.from);
  tree.delete(change.from);
  if (file) tree.set(change.path, file);
}
