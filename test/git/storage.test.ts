import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestAgent } from '../support/agent.js';
import { type Deployment, deployments } from '../support/deployment.js';

/** Longest time the background may take to store every object loose. */
const UNPACK_MS = 60_000;

describe.each(deployments)('the store is a git object directory: $name', (kind) => {
  let deployment: Deployment;
  let agent: TestAgent;
  let url: string;
  let repoId: string;
  let source: string;

  beforeAll(async () => {
    deployment = await kind.start();
    agent = await TestAgent.setup(deployment.url, 'keeper');
    ({ cloneUrl: url, repoId } = await agent.createRepo('kept'));
    source = (await agent.sandbox.seedHistory({ seed: 11, commits: 120, merges: 10 })).dir;
    await agent.git(['push', '-q', '--mirror', url], { cwd: source });
    for (const message of ['one', 'two']) {
      await agent.git(['commit', '-q', '--allow-empty', '-m', message], { cwd: source });
      await agent.git(['push', '-q', url, 'main'], { cwd: source });
    }
  });

  afterAll(async () => {
    agent?.dispose();
    await deployment?.stop();
  });

  const sourceObjects = async () => {
    const { stdout } = await agent.git(['rev-list', '--objects', '--all'], { cwd: source });
    return stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => line.slice(0, 40))
      .sort();
  };

  /** Copies the repository's keys below a new bare repository and gives it the server's refs. */
  const copyOut = async (name: string) => {
    const bare = agent.sandbox.path(name);
    await agent.git(['init', '-q', '--bare', bare]);
    const store = await deployment.openObjects();
    for await (const { key } of store.list(`${repoId}/objects/`)) {
      const path = join(bare, key.slice(repoId.length + 1));
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, (await store.get(key))!);
    }
    await store.close();
    const refs = await agent.remoteRefs(url);
    const input = [...refs]
      .filter(([ref]) => ref.startsWith('refs/') && !ref.endsWith('^{}'))
      .map(([ref, oid]) => `create ${ref} ${oid}\n`);
    await agent.git(['update-ref', '--stdin'], { cwd: bare, input: input.join('') });
    return bare;
  };

  const waitUntilLoose = async () => {
    const wanted = new Set(await sourceObjects());
    const store = await deployment.openObjects();
    for (const end = Date.now() + UNPACK_MS; ; await sleep(250)) {
      const loose = new Set<string>();
      for await (const { key } of store.list(`${repoId}/objects/`)) {
        const match = /\/objects\/([0-9a-f]{2})\/([0-9a-f]{38})$/.exec(key);
        if (match !== null) loose.add(`${match[1]}${match[2]}`);
      }
      if ([...wanted].every((oid) => loose.has(oid))) break;
      if (Date.now() > end) throw new Error(`${loose.size} of ${wanted.size} objects are loose after ${UNPACK_MS} ms`);
    }
    await store.close();
  };

  test('a copied prefix passes git fsck with its packs and with only its loose objects', async () => {
    await waitUntilLoose();
    const bare = await copyOut('with-packs');
    expect((await agent.git(['fsck', '--strict', '--full'], { cwd: bare })).stdout).toBe('');
    const { stdout } = await agent.git(['count-objects', '-v'], { cwd: bare });
    // Merged ones may lie beside them.
    expect(Number(/^packs: (\d+)$/m.exec(stdout)?.[1])).toBeGreaterThanOrEqual(3);

    await rm(join(bare, 'objects/pack'), { recursive: true });
    const fsck = await agent.git(['fsck', '--strict', '--full'], { cwd: bare });
    expect(fsck.stdout).toBe('');
    const { stdout: listed } = await agent.git(['cat-file', '--batch-all-objects', '--batch-check=%(objectname)'], {
      cwd: bare,
    });
    expect(listed.split('\n').filter(Boolean).sort()).toEqual(await sourceObjects());
  });

  test('loose objects say their type and size', async () => {
    const store = await deployment.openObjects();
    const head = (await agent.git(['rev-parse', 'main'], { cwd: source })).stdout.trim();
    const size = (await agent.git(['cat-file', '-s', head], { cwd: source })).stdout.trim();
    const info = await store.head(`${repoId}/objects/${head.slice(0, 2)}/${head.slice(2)}`);
    expect(info?.metadata).toMatchObject({ 'x-git-object-type': 'commit', 'x-git-object-size': size });
    await store.close();
  });
});
