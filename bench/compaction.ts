/**
 * `npm run bench -- compaction [--pushes 5000]`: clones of a repository that got very many one-commit pushes, a few
 * seconds after the last one and at rest, against clones of the same repository pushed at once after `git repack -adf`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { embedded } from '../test/support/deployment.js';
import { GitSandbox } from '../test/support/git.js';
import { readLag } from './git/lag.js';
import { chain, chainFolder, push } from './git/raw-writes.js';
import { repository } from './git/repositories.js';
import { cpuSeconds, settle } from './support/process-tree.js';
import { rawFetch } from './support/raw-client.js';
import { median, timed } from './support/stats.js';
import { startOurs } from './support/target.js';

const { values } = parseArgs({ options: { pushes: { type: 'string' } } });
const pushes = Number(values.pushes ?? 5000);
const ROUNDS = 9;

/** What may pass between the last push and the first measured clone, seconds. */
const PAUSE = 3;
/** After this no compaction waits for a longer pause, seconds. */
const REST = 10;

const sandbox = new GitSandbox();
const env = { LOG_LEVEL: 'error', RATE_LIMIT_ENABLED: 'false' };
const ours = await startOurs(await embedded.start({ env }), 'embedded');
try {
  const source = await repository(sandbox, 'small');
  const packs = await chain(sandbox, source, 'many', pushes);
  const tips = [...source.tips, packs.at(-1)!.newOid];

  const copy = sandbox.path('copy');
  await sandbox.git(['clone', '-q', '--mirror', source.dir, copy]);
  const chained = chainFolder(sandbox, source, 'many');
  await sandbox.git(['fetch', '-q', chained, 'refs/heads/chain:refs/heads/many'], { cwd: copy });
  await sandbox.git(['repack', '-adfq', '--depth=50', '--window=10'], { cwd: copy });
  const one = await ours.host('one', copy);
  const many = await ours.host('many', source.dir);
  await settle(ours.pid);
  await readLag(many);

  const cpuBefore = cpuSeconds(ours.pid);
  const seconds = await timed(async () => {
    for (const each of packs) await push(many, ours.pushHeaders(many), 'refs/heads/many', each);
  });
  const cpu = cpuSeconds(ours.pid) - cpuBefore;
  const lag = await readLag(many);
  const rate = (pushes / seconds).toFixed(1);
  console.log(
    `${pushes} pushes one after the other: ${seconds.toFixed(0)} s, ${rate}/s, server CPU ${cpu.toFixed(1)} s`,
  );
  console.log(`event loop meanwhile: p50 ${lag.p50.toFixed(1)} ms, p99 ${lag.p99.toFixed(1)} ms`);
  const atOnce = await timed(() => rawFetch(many, tips));
  console.log(`raw clone right after the last push: ${(atOnce * 1000).toFixed(0)} ms`);

  let copies = 0;
  const compare = async (when: string) => {
    const samples = { raw: [[], []] as number[][], git: [[], []] as number[][] };
    const sizes: number[] = [];
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
    console.log(`\n| clone ${when} | after the pushes | pushed at once | ratio (goal) |\n|---|---|---|---|`);
    for (const [name, [after = [], fresh = []]] of Object.entries(samples)) {
      const [a, b] = [median(after) * 1000, median(fresh) * 1000];
      console.log(`| ${name} | ${a.toFixed(1)} ms | ${b.toFixed(1)} ms | ${(a / b).toFixed(2)} (≤ 1.3) |`);
    }
    const [a = 0, b = 0] = sizes;
    console.log(`| bytes | ${a} | ${b} | ${(a / b).toFixed(2)} |`);
  };
  await sleep(PAUSE * 1000);
  await compare(`${PAUSE} s after the last push`);
  await sleep(REST * 1000);
  await settle(ours.pid);
  await compare('at rest');
} finally {
  await ours.stop();
  sandbox.dispose();
}
