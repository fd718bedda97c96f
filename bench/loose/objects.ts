/** The loose form of every object of a repository, made before any clock starts. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createPackEngine, type LooseObject } from '../../src/packs/index.js';
import { rebuildMeta } from '../../src/packs/rebuild-meta.js';
import type { GitSandbox } from '../../test/support/git.js';
import type { Repository } from '../git/repositories.js';

export async function looseObjects(sandbox: GitSandbox, repo: Repository): Promise<LooseObject[]> {
  const pack = { hash: '', packPath: repo.pack, idxPath: sandbox.path('idx'), metaPath: sandbox.path('meta') };
  execFileSync('git', ['index-pack', '--no-rev-index', '-o', pack.idxPath, repo.pack], { stdio: 'ignore' });
  writeFileSync(pack.metaPath, rebuildMeta(pack.packPath, pack.idxPath));
  const engine = createPackEngine();
  const all: LooseObject[] = [];
  for (let next = 0; next < repo.objects; ) {
    const batch = await engine.unpack(pack, next, sandbox.path('.'));
    all.push(...batch.loose);
    next = batch.next;
  }
  await engine.close();
  return all;
}
