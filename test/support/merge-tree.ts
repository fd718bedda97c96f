/** A made-up tree with few names and few different lines, so that changes of two branches meet often. */
import type { Random } from './random.js';

export interface MergeFile {
  mode: '100644' | '100755' | '120000' | '160000';
  /** The commit id of a submodule as text. */
  content: Buffer;
}

export type MergeTree = Map<string, MergeFile>;

const FOLDERS = ['src', 'lib', 'docs', 'core', 'api', 'größe', 'a', 'b'];
const NAMES = ['main', 'index', 'util', 'readme', 'data', 'list', 'a', 'b', 'x-1', 'x'];
const EXTENSIONS = ['.ts', '.md', '.bin', '', '.txt'];

export function newTree(random: Random, files: number): MergeTree {
  const tree: MergeTree = new Map();
  for (let i = 0; i < files; i += 1) place(tree, newPath(random), newFile(random));
  return tree;
}

/** One change as a developer makes it. @param wild how often files, links, submodules and folders replace each other */
export function mutate(tree: MergeTree, random: Random, wild: number): void {
  const paths = [...tree.keys()];
  if (paths.length < 15) {
    for (let i = 0; i < 10; i += 1) place(tree, newPath(random), newFile(random));
    return;
  }
  const path = random.pick(paths);
  const file = tree.get(path)!;
  const roll = random.chance(wild) ? 0.9 + random.next() / 10 : random.next() * 0.9;
  if (roll < 0.4) tree.set(path, edited(file, random));
  else if (roll < 0.5) place(tree, newPath(random), newFile(random));
  else if (roll < 0.57) tree.delete(path);
  else if (roll < 0.72) {
    tree.delete(path);
    const folder = path.slice(0, path.lastIndexOf('/') + 1);
    const target = random.chance(0.5)
      ? folder + name(random)
      : random.chance(0.5)
        ? newPath(random)
        : moved(path, random);
    place(tree, target, random.chance(0.4) ? edited(file, random) : file);
  } else if (roll < 0.82) moveFolder(tree, path, random);
  else if (roll < 0.87) tree.set(path, { ...file, mode: file.mode === '100644' ? '100755' : '100644' });
  else if (roll < 0.9) place(tree, newPath(random), file);
  else if (roll < 0.94) tree.set(path, newFile(random));
  else if (roll < 0.97) {
    tree.delete(path);
    place(tree, `${path}/${name(random)}`, random.chance(0.5) ? file : newFile(random));
  } else place(tree, path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : newPath(random), file);
}

/** Changes the content of one file. */
export function edit(tree: MergeTree, random: Random): void {
  const path = random.pick([...tree.keys()]);
  tree.set(path, edited(tree.get(path)!, random));
}

/** Puts a file somewhere; what stands in its way as a file or folder goes. */
function place(tree: MergeTree, path: string, file: MergeFile): void {
  for (const known of [...tree.keys()]) {
    if (known.startsWith(`${path}/`) || path.startsWith(`${known}/`)) tree.delete(known);
  }
  tree.set(path, file);
}

/** Renames the folder of a file, all of it or most of it, now and then below or above itself. */
function moveFolder(tree: MergeTree, path: string, random: Random): void {
  const parts = path.split('/').slice(0, -1);
  if (parts.length === 0) return;
  const from = parts.slice(0, 1 + random.below(parts.length)).join('/');
  const target = random.chance(0.1) ? '' : [...Array(1 + random.below(2))].map(() => random.pick(FOLDERS)).join('/');
  const most = random.chance(0.7) ? 1 : 0.7;
  for (const [known, file] of [...tree]) {
    if (!known.startsWith(`${from}/`) || !random.chance(most)) continue;
    tree.delete(known);
    const rest = known.slice(from.length + 1);
    place(tree, target === '' ? rest : `${target}/${rest}`, random.chance(0.15) ? edited(file, random) : file);
  }
}

function moved(path: string, random: Random): string {
  return `${random.pick(FOLDERS)}/${path.slice(path.lastIndexOf('/') + 1)}`;
}

function name(random: Random): string {
  return random.pick(NAMES) + random.pick(EXTENSIONS);
}

function newPath(random: Random): string {
  const folders = Array.from({ length: random.below(4) }, () => random.pick(FOLDERS));
  return [...folders, name(random)].join('/');
}

function newFile(random: Random): MergeFile {
  const roll = random.next();
  if (roll < 0.06) return { mode: '120000', content: Buffer.from(newPath(random)) };
  if (roll < 0.1) return { mode: '160000', content: Buffer.from(submodule(random)) };
  if (roll < 0.18) return { mode: '100644', content: binary(random) };
  if (roll < 0.21) return { mode: '100644', content: Buffer.alloc(0) };
  const eol = random.chance(0.1) ? '\r\n' : '\n';
  const lines = Array.from({ length: random.below(random.chance(0.1) ? 300 : 40) }, () => line(random));
  const end = random.chance(0.85) ? eol : '';
  return { mode: random.chance(0.1) ? '100755' : '100644', content: Buffer.from(lines.join(eol) + end) };
}

function edited(file: MergeFile, random: Random): MergeFile {
  if (file.mode === '160000') return { ...file, content: Buffer.from(submodule(random)) };
  if (file.mode === '120000') return { ...file, content: Buffer.from(newPath(random)) };
  if (file.content.includes(0)) {
    const content = Buffer.from(file.content);
    content[1 + random.below(content.length - 1)] = 1 + random.below(255);
    return { ...file, content };
  }
  const text = file.content.toString();
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  const lines = text.split(eol);
  for (let edits = 1 + random.below(4); edits > 0; edits -= 1) {
    const at = random.below(lines.length + 1);
    const count = random.below(3);
    const roll = random.next();
    if (roll < 0.4) lines.splice(at, count, ...Array.from({ length: count }, () => line(random)));
    else if (roll < 0.65) lines.splice(at, 0, ...Array.from({ length: 1 + count }, () => line(random)));
    else if (roll < 0.85) lines.splice(at, 1 + count);
    else lines.splice(random.below(lines.length + 1), 0, ...lines.splice(at, 1 + 2 * count));
  }
  return { ...file, content: Buffer.from(lines.join(eol)) };
}

/** Lines repeat, as braces and blank lines do in programs. */
function line(random: Random): string {
  const indent = ' '.repeat(2 * random.below(4));
  if (random.chance(0.15)) return random.pick(['', '', `${indent}}`, `${indent}{`, '\t']);
  return random.chance(0.3) ? indent + random.words(1) : indent + random.words(3 + random.below(5));
}

function binary(random: Random): Buffer {
  const content = random.bytes(60 + random.below(600));
  content[0] = 0;
  return content;
}

function submodule(random: Random): string {
  return (1 + random.below(6)).toString().repeat(40);
}
