import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startGitApp } from '../../test/support/git-app.js';
import type { TestApp } from '../../test/support/http.js';
import { PullBench } from '../../test/support/pulls.js';
import { checkoutTar } from './checkout.js';

let app: TestApp;
let bench: PullBench;
beforeAll(async () => {
  app = await startGitApp();
  const { newAgent } = await import('../../test/support/http.js');
  bench = await PullBench.start(app, { owner: await newAgent(app) });
});
afterAll(async () => {
  await app.close();
  bench.dispose();
});

async function tarOf(commitSha: string, maxBytes = 2 ** 30): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of checkoutTar(app.ctx, { repoId: bench.repoId, commitSha }, maxBytes)) parts.push(part);
  return Buffer.concat(parts);
}

/** Mode, target, path and content of everything below a folder. */
function listing(folder: string): string {
  return execFileSync(
    'sh',
    ['-c', `find . -mindepth 1 -printf '%y %m %P -> %l\\n' | sort; find . -type f -exec sha1sum {} + | sort`],
    {
      cwd: folder,
      encoding: 'utf8',
    },
  );
}

function unpack(name: string, tar: Buffer): string {
  const folder = bench.sandbox.path(name);
  mkdirSync(folder);
  execFileSync('tar', ['-x', '-f', '-', '-C', folder], { input: tar });
  return folder;
}

it('lays files out as git archive does', async () => {
  const file = (path: string, content: string | Buffer) => {
    mkdirSync(join(bench.dir, path, '..'), { recursive: true });
    writeFileSync(join(bench.dir, path), content);
  };
  file('a/b/c.txt', 'c');
  file('empty', '');
  file('block', Buffer.alloc(512, 1));
  file('größe \u{1f600}', 'x');
  file(`${'long'.repeat(40)}/${'name'.repeat(40)}`, 'deep');
  file('run.sh', '#!/bin/sh\n');
  chmodSync(join(bench.dir, 'run.sh'), 0o755);
  symlinkSync('../../../../etc/passwd', join(bench.dir, 'escape'));
  symlinkSync('x'.repeat(150), join(bench.dir, 'longlink'));
  await bench.git('update-index', '--add', '--cacheinfo', `160000,${'1'.repeat(40)},module`);
  await bench.git('add', '-A', '--', ':!module');
  await bench.git('commit', '-q', '-m', 'all kinds');
  const head = await bench.git('rev-parse', 'HEAD');
  await bench.push('main');
  const archive = bench.sandbox.path('archive.tar');
  await bench.git('-c', 'tar.umask=0022', 'archive', '-o', archive, head);
  const ours = unpack('ours', await tarOf(head));
  const theirs = bench.sandbox.path('theirs');
  mkdirSync(theirs);
  execFileSync('tar', ['-x', '-f', archive, '-C', theirs]);
  expect(listing(ours)).toBe(listing(theirs));
  await expect(tarOf(head, 100)).rejects.toThrow('The commit is larger than the disk that the run may use.');
});

it('lays an empty commit out as nothing', async () => {
  await bench.git('checkout', '-q', '--orphan', 'empty');
  await bench.git('rm', '-r', '-q', '--cached', '.');
  await bench.git('commit', '-q', '--allow-empty', '-m', 'nothing');
  await bench.push('empty');
  expect(listing(unpack('nothing', await tarOf(await bench.git('rev-parse', 'HEAD'))))).toBe('');
});
