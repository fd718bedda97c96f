/**
 * `npm run bench -- compaction [--pushes 5000]`: clones of a repository that got very many one-commit pushes, against
 * clones of the same repository pushed at once after `git repack -adf`.
 */
import { parseArgs } from 'node:util';
import { embedded } from '../test/support/deployment.js';
import { GitSandbox } from '../test/support/git.js';
import { chain, push } from './git/raw-writes.js';
import { repository } from './git/repositories.js';
import { settle } from './support/process-tree.js';
import { rawFetch } from './support/raw-client.js';
import { median, timed } from './support/stats.js';
import { startOurs } from './support/target.js';

const { values } = parseArgs({ options: { pushes: { type: 'string' } } });
const pushes = Number(values.pushes ?? 5000);
const ROUNDS = 9;

const sandbox = new GitSandbox();
const env = { LOG_LEVEL: 'error', RATE_LIMIT_ENABLED: 'false' };
const ours = await startOurs(await embedded.start({ env }), 'embedded');
try {
  const source = await repository(sandbox, 'small');
  const many = await ours.host('many', source.dir);
  const packs = await chain(sandbox, source, 'many', pushes);
  const seconds = await timed(async () => {
    for (const each of packs) await push(many, ours.pushHeaders(many), 'refs/heads/many', each);
  });
  console.log(`${pushes} pushes in ${seconds.toFixed(0)} s, one after the other`);
  const tips = [...source.tips, packs.at(-1)!.newOid];
  const atOnce = await timed(() => rawFetch(many, tips));
  await settle(ours.pid);

  const copy = sandbox.path('copy');
  await sandbox.git(['clone', '-q', '--mirror', many, copy]);
  await sandbox.git(['repack', '-adfq', '--depth=50', '--window=10'], { cwd: copy });
  const one = await ours.host('one', copy);
  await settle(ours.pid);

  const samples = { raw: [[], []] as number[][], git: [[], []] as number[][] };
  const sizes: number[] = [];
  let copies = 0;
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [index, url] of [many, one].entries()) {
      const raw = await timed(async () => {
        sizes[index] = (await rawFetch(url, tips)).bytes;
      });
      const git = await timed(() => sandbox.git(['clone', '-q', '--bare', url, sandbox.path(`clone-${++copies}`)]));
      if (round === 0) continue;
      samples.raw[index]?.push(raw);
      samples.git[index]?.push(git);
    }
  }
  console.log(`raw clone right after the last push: ${(atOnce * 1000).toFixed(0)} ms\n`);
  console.log('| clone | after the pushes | pushed at once | ratio (goal) |\n|---|---|---|---|');
  for (const [name, [after = [], fresh = []]] of Object.entries(samples)) {
    const [a, b] = [median(after) * 1000, median(fresh) * 1000];
    console.log(`| ${name} | ${a.toFixed(1)} ms | ${b.toFixed(1)} ms | ${(a / b).toFixed(2)} (≤ 1.3) |`);
  }
  const [a = 0, b = 0] = sizes;
  console.log(`| bytes | ${a} | ${b} | ${(a / b).toFixed(2)} |`);
} finally {
  await ours.stop();
  sandbox.dispose();
}
