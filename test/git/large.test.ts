import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestAgent } from '../support/agent.js';
import { type Deployment, embedded, s3 } from '../support/deployment.js';

const MiB = 1024 * 1024;
/** Blobs that neither zlib nor a delta makes smaller, so the pack is as large as their sum. */
const BLOBS = 64;
const BLOB_BYTES = 16 * MiB;
/** The most resident memory a node may ever have needed, bytes. */
const PEAK_BYTES = 768 * MiB;

function* largeHistory(): Generator<Buffer> {
  for (let i = 0; i < BLOBS; i++) {
    yield Buffer.from(`blob\nmark :${i + 1}\ndata ${BLOB_BYTES}\n`);
    yield randomBytes(BLOB_BYTES);
    yield Buffer.from('\n');
  }
  yield Buffer.from('commit refs/heads/main\ncommitter A <a@example.com> 1700000000 +0000\ndata 5\nlarge\n');
  for (let i = 0; i < BLOBS; i++) yield Buffer.from(`M 100644 :${i + 1} file-${i}.bin\n`);
}

describe.each([embedded, s3])('a pack of 1 GiB: $name', (kind) => {
  let deployment: Deployment;
  let agent: TestAgent;

  beforeAll(async () => {
    deployment = await kind.start();
    agent = await TestAgent.setup(deployment.url, 'heavy');
  });

  afterAll(async () => {
    agent?.dispose();
    await deployment?.stop();
  });

  test('goes in and out again while the node stays small', async () => {
    const source = agent.sandbox.path('source');
    const fast = ['-c', 'core.compression=0', '-c', 'core.bigFileThreshold=1m'];
    await agent.git(['init', '-q', '--bare', '-b', 'main', source]);
    await agent.git([...fast, 'fast-import', '--quiet'], { cwd: source, input: Readable.from(largeHistory()) });
    const { cloneUrl } = await agent.createRepo('large');
    await agent.git([...fast, 'push', '-q', cloneUrl, 'main'], { cwd: source });
    const pushed = await deployment.nodes[0]!.peakMemory();
    const copy = agent.sandbox.path('copy');
    await agent.git(['clone', '-q', '--bare', cloneUrl, copy]);
    const head = async (dir: string) => (await agent.git(['rev-parse', 'main'], { cwd: dir })).stdout;
    expect(await head(copy)).toBe(await head(source));
    const { stdout } = await agent.git(['count-objects', '-v'], { cwd: copy });
    expect(Number(/size-pack: (\d+)/.exec(stdout)?.[1])).toBeGreaterThan(1024 * 1024);
    expect(pushed).toBeLessThan(PEAK_BYTES);
    expect(await deployment.nodes[0]!.peakMemory()).toBeLessThan(PEAK_BYTES);
  }, 300_000);
});
