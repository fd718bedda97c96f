/**
 * `npm run bench -- loose [--sink 20000] [--only sink]`: how fast the objects of a pushed pack reach loose form in S3, against what the
 * AWS SDK alone reaches with the same objects, at the same concurrency, on the same server, in the same run.
 */
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import type { LooseObject } from '../src/packs/index.js';
import { GitSandbox } from '../test/support/git.js';
import { type Repository, repository } from './git/repositories.js';
import { looseObjects } from './loose/objects.js';
import { unpackByNode } from './loose/ours.js';
import { putBySdk, type Spent } from './loose/sdk.js';
import { againstSink } from './loose/sink.js';
import { cpuSeconds } from './support/process-tree.js';
import { s3ServerPid, startS3Node } from './support/s3-node.js';
import { startOurs } from './support/target.js';

const LANES = 32;
const GOAL = 2;

const { values } = parseArgs({ options: { sink: { type: 'string', default: '20000' }, only: { type: 'string' } } });
const sandbox = new GitSandbox();
try {
  const repo = await repository(sandbox, 'medium');
  const objects = await looseObjects(sandbox, repo);
  console.log(`${objects.length} objects, ${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)}`);
  if (values.only !== 'sink') await againstServer(repo, objects);
  const count = Math.min(Number(values.sink), objects.length);
  if (count > 0) {
    console.log('\nA server that takes everything and does nothing, for the cost on our side alone, three turns each:');
    for (const text of await againstSink(objects.slice(0, count), LANES)) console.log(text);
  }
} finally {
  sandbox.dispose();
}

async function againstServer(repo: Repository, objects: readonly LooseObject[]): Promise<void> {
  const deployment = await startS3Node({ LOG_LEVEL: 'error', RATE_LIMIT_ENABLED: 'false' });
  const ours = await startOurs(deployment, 's3');
  const server = s3ServerPid();
  const sdk = { count: 0, seconds: 0, cpu: 0, serverCpu: 0 };
  const bySdk = async (half: readonly LooseObject[]) => {
    const before = cpuSeconds(server);
    const { seconds, cpu } = await putBySdk(deployment, half, LANES);
    sdk.serverCpu += cpuSeconds(server) - before;
    sdk.count += half.length;
    sdk.seconds += seconds;
    sdk.cpu += cpu;
    console.log(`SDK: ${half.length} in ${seconds.toFixed(1)} s`);
  };
  try {
    // The SDK goes before and after, so that a machine that grows busier or slower harms both.
    const middle = Math.ceil(objects.length / 2);
    await bySdk(objects.slice(0, middle));
    const before = cpuSeconds(server);
    const node = await unpackByNode(deployment, ours, repo);
    const serverCpu = cpuSeconds(server) - before;
    console.log(`ours: ${objects.length} in ${node.seconds.toFixed(1)} s`);
    await bySdk(objects.slice(middle));

    console.log(
      '\n| what | objects /s | our CPU, us per object | CPU of the S3 server, us per object |\n|---|---|---|---|',
    );
    console.log(line('AWS SDK, PUT alone', sdk));
    console.log(line('GitClaw, from the pack to the bucket', { ...node, count: objects.length, serverCpu }));
    const ratio = objects.length / node.seconds / (sdk.count / sdk.seconds);
    console.log(
      `\nratio ${ratio.toFixed(2)} (>= ${GOAL})${ratio >= GOAL ? '' : ' ✗'}, load ${loadavg()[0]?.toFixed(1)}`,
    );
  } finally {
    await ours.stop();
  }
}

function line(name: string, { count, seconds, cpu, serverCpu }: Spent & { count: number; serverCpu: number }): string {
  const each = (spent: number) => ((spent / count) * 1e6).toFixed(0);
  return `| ${name} | ${(count / seconds).toFixed(0)} | ${each(cpu)} | ${each(serverCpu)} |`;
}
