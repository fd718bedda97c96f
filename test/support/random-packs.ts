/** Seeded random git histories, and stored packs made of them with the real git. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LocalPack } from '../../src/packs/index.js';
import { rebuildMeta } from '../../src/packs/rebuild-meta.js';

export type Random = (below: number) => number;

/** A repeatable source of whole numbers (mulberry32). */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Runs git and returns its output. `protocol` is what a client would ask the server for. */
export function git(cwd: string, args: string[], input: string | Buffer = '', protocol = ''): Buffer {
  return execFileSync('git', args, {
    cwd,
    input,
    maxBuffer: 1 << 30,
    env: { ...process.env, GIT_CONFIG_NOSYSTEM: '1', HOME: cwd, GIT_DIR: cwd, GIT_PROTOCOL: protocol },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

export function gitLines(cwd: string, args: string[], input: string | Buffer = ''): string[] {
  return git(cwd, args, input).toString('latin1').split('\n').filter(Boolean);
}

/** A bare repository with branches, merges, reverts, deletes, symlinks, submodules and annotated tags. */
export function randomHistory(path: string, random: Random, commits: number): void {
  mkdirSync(path, { recursive: true });
  git(path, ['init', '-q', '--bare', path]);
  const out: string[] = [];
  const trees: Map<string, string>[] = [];
  const branches: number[] = [];
  const data = (text: string) => `data ${Buffer.byteLength(text)}\n${text}\n`;
  for (let i = 0; i < commits; i++) {
    const branch = i === 0 || (random(12) === 0 && branches.length < 5) ? branches.length : random(branches.length);
    const parent = branches[branch] ?? (i === 0 || random(20) === 0 ? -1 : random(i));
    const other = i > 1 && random(6) === 0 ? random(i) : -1;
    out.push(
      `commit refs/heads/b${branch}\nmark :${i + 1}\ncommitter A <a@x> ${1_700_000_000 + i * 7} +0000\n${data(`c${i}`)}`,
    );
    if (parent >= 0) out.push(`from :${parent + 1}\n`);
    if (other >= 0 && parent >= 0 && other !== parent) out.push(`merge :${other + 1}\n`);
    const isRevert = i > 0 && random(7) === 0;
    const tree = new Map(isRevert ? trees[random(i)]! : parent >= 0 ? trees[parent]! : []);
    for (let edits = isRevert ? random(2) : 1 + random(4); edits > 0; edits--) edit(tree, random);
    out.push('deleteall\n', ...[...tree].map(([name, value]) => fileLine(name, value, data)));
    trees.push(tree);
    branches[branch] = i;
    if (random(10) === 0)
      out.push(`tag t${i}\nfrom :${i + 1}\ntagger A <a@x> ${1_700_000_000 + i} +0000\n${data(`tag ${i}`)}`);
  }
  git(path, ['-c', 'fastimport.unpackLimit=0', 'fast-import', '--quiet', '--force', '--depth=20'], out.join(''));
}

function fileLine(name: string, value: string, data: (text: string) => string): string {
  if (value.startsWith('submodule ')) return `M 160000 ${value.slice(10)} ${name}\n`;
  if (value.startsWith('link ')) return `M 120000 inline ${name}\n${data(value)}`;
  return `M 100644 inline ${name}\n${data(value)}`;
}

function edit(tree: Map<string, string>, random: Random): void {
  const names = [...tree.keys()];
  const kind = random(10);
  const old = names[random(Math.max(1, names.length))];
  if (kind === 0 && old !== undefined) tree.delete(old);
  else if (kind === 1) tree.set(`s${random(3)}`, `submodule ${String(1 + random(9)).repeat(40)}`);
  else if (kind === 2) tree.set(`l${random(3)}`, `link ${random(5)}`);
  else if (kind < 6 && old !== undefined && !/^[ls]/.test(old)) {
    const lines = tree.get(old)!.split('\n');
    lines[random(lines.length)] = `changed ${random(1e9)}`;
    tree.set(old, lines.join('\n'));
  } else {
    const folder = ['', 'a/', 'a/b/', 'c/d/e/'][random(4)]!;
    const lines = Array.from({ length: 5 + random(120) }, () => `line ${random(1e9)} of a file`);
    tree.set(`${folder}f${random(40)}`, lines.join('\n'));
  }
}

/**
 * Splits everything that the branches and tags reach into packs of the kinds that pushes leave, oldest first: with
 * offset or named bases, overlapping, or completed from thin ones.
 */
export function splitIntoPacks(repo: string, folder: string, random: Random, count: number): LocalPack[] {
  mkdirSync(folder, { recursive: true });
  const commits = gitLines(repo, ['rev-list', '--topo-order', '--reverse', '--all']);
  const cuts = Array.from({ length: count - 1 }, () => random(commits.length)).sort((a, b) => a - b);
  const packs: LocalPack[] = [];
  let from = 0;
  for (const to of [...cuts, commits.length]) {
    if (to === from) continue;
    const excluded = Math.max(0, from - (random(3) === 0 ? random(10) : 0));
    const isLast = to === commits.length;
    const tags = isLast ? gitLines(repo, ['tag', '-l']).map((name) => `refs/tags/${name}`) : [];
    const revs = [...commits.slice(excluded, to), ...tags, ...commits.slice(0, excluded).map((oid) => `^${oid}`)];
    packs.push(storePack(repo, folder, revs, random));
    from = to;
  }
  return packs;
}

function storePack(repo: string, folder: string, revs: string[], random: Random): LocalPack {
  const options = ['--revs', '--stdout', '-q', `--depth=${1 + random(50)}`];
  if (random(3) > 0) options.push('--delta-base-offset');
  if (random(2) === 0) options.push('--thin');
  const pack = git(repo, ['pack-objects', ...options], `${revs.join('\n')}\n`);
  const packPath = join(folder, `new-${random(1e9)}.pack`);
  const hash = gitLines(repo, ['index-pack', '--stdin', '--fix-thin', packPath], pack)[0]!.replace('pack\t', '');
  return indexed(folder, packPath, hash);
}

function indexed(folder: string, packPath: string, hash: string): LocalPack {
  const path = (extension: string) => join(folder, `pack-${hash}.${extension}`);
  const local = { hash, packPath: path('pack'), idxPath: path('idx'), metaPath: path('meta') };
  renameSync(packPath, local.packPath);
  renameSync(packPath.replace(/pack$/, 'idx'), local.idxPath);
  writeFileSync(local.metaPath, rebuildMeta(local.packPath, local.idxPath));
  return local;
}

/** A pack file brought under the names of a stored pack, with index and sidecar; a thin one is completed. */
export function importPack(repo: string, folder: string, pack: Buffer): LocalPack {
  mkdirSync(folder, { recursive: true });
  const packPath = join(folder, `new-${pack.subarray(-20).toString('hex')}.pack`);
  const hash = gitLines(repo, ['index-pack', '--stdin', '--fix-thin', packPath], pack)[0]!.replace('pack\t', '');
  return indexed(folder, packPath, hash);
}

/** Ids of the objects in a pack. */
export function packedOids(idxPath: string): string[] {
  const lines = execFileSync('git', ['show-index'], { input: readFileSync(idxPath), maxBuffer: 1 << 30 });
  return lines
    .toString('latin1')
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split(' ')[1]!);
}
