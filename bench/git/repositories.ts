/** The repositories that are served: invented from a fixed seed, packed as git packs, kept for the next run. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { GitSandbox } from '../../test/support/git.js';

export interface Repository {
  name: string;
  dir: string;
  objects: number;
  /** The one pack, and every ref's object id. */
  pack: string;
  tips: string[];
  head: string;
}

const SIZES = {
  small: { commits: 330, merges: 28, branches: 6, tags: 10 },
  medium: { commits: 7_900, merges: 600, branches: 12, tags: 40 },
  large: { commits: 46_000, merges: 3_800, branches: 20, tags: 100 },
} as const;

export type Size = keyof typeof SIZES;

/** Making the large one takes some minutes, so repositories outlive a run. */
const FOLDER = process.env.GITCLAW_BENCH_DIR ?? join(homedir(), '.cache/gitclaw-bench');

export async function repository(sandbox: GitSandbox, size: Size): Promise<Repository> {
  const dir = join(FOLDER, `${size}.git`);
  if (!existsSync(dir)) {
    mkdirSync(FOLDER, { recursive: true });
    const making = `${dir}.new`;
    rmSync(making, { recursive: true, force: true });
    await sandbox.seedHistory({ seed: 1, ...SIZES[size], bare: true, dir: making });
    await sandbox.git(['repack', '-adfq', '--depth=50', '--window=10'], { cwd: making });
    renameSync(making, dir);
  }
  const text = async (...args: string[]) => (await sandbox.git(args, { cwd: dir })).stdout;
  const refs = await sandbox.refs(dir);
  const pack = readdirSync(join(dir, 'objects/pack')).find((name) => name.endsWith('.pack'))!;
  return {
    name: size,
    dir,
    objects: Number(/in-pack: (\d+)/.exec(await text('count-objects', '-v'))?.[1]),
    pack: join(dir, 'objects/pack', pack),
    tips: [...new Set(refs.values())],
    head: (await text('rev-parse', 'main')).trim(),
  };
}
