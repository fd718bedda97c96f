/** Wants of single objects that need a long walk: the connection is kept alive, and the answer stays right. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPackEngine, type PackEngine } from '../../src/packs/index.js';
import { GitSandbox } from '../support/git.js';
import { gitAuthorization, startGitApp } from '../support/git-app.js';
import { newAgent, newRepository, type TestApp } from '../support/http.js';
import { DELIM, FLUSH, packets, readAnswer } from '../support/raw-fetch.js';

const KEEPALIVE = '0005\u0001';
const FILES = ['v0', 'v1', 'v2', 'old', 'all'];

const sandbox = new GitSandbox();
const real = createPackEngine({ threads: 1 });
let goOn = () => {};
let gate = Promise.resolve();
/** An engine whose walks wait until the test lets them go on. */
const engine: PackEngine = { ...real, findReachable: (request) => gate.then(() => real.findReachable(request)) };

let app: TestApp;
let cloneUrl: string;
const oids: Record<string, string> = {};

beforeAll(async () => {
  app = await startGitApp({ engine });
  const owner = await newAgent(app);
  const repo = await newRepository(app, owner);
  cloneUrl = repo.cloneUrl;
  const dir = sandbox.path('work');
  const git = async (...args: string[]) => (await sandbox.git(['-C', dir, ...args])).stdout.trim();
  const push = (...args: string[]) =>
    git('-c', gitAuthorization(app, owner, repo.repoId), 'push', '-q', cloneUrl, ...args);
  const commit = async (files: string[]) => {
    for (const file of files) {
      writeFileSync(join(dir, file), `content of ${file}\n`);
      oids[file] = await git('hash-object', file);
    }
    await git('add', '.');
    await git('commit', '-q', '-m', files.join(' '));
  };
  await sandbox.git(['init', '-q', dir]);
  await commit(FILES);
  await git('checkout', '-q', '-b', 'mistake');
  await commit(['lost v0', 'lost v2']);
  // One pack with what stays and what goes proves nothing of its objects.
  await push('main', 'mistake');
  await push(':mistake');
});
afterAll(async () => {
  await app?.close();
  await real.close();
  sandbox.dispose();
});

const v0 = (oid: string, band: string) => packets([`want ${oid} ${band} ofs-delta\n`, FLUSH, 'done\n']);
const v2 = (oid: string, ...args: string[]) =>
  packets(['command=fetch', 'object-format=sha1', DELIM, `want ${oid}`, ...args, 'ofs-delta', 'done', FLUSH]);

/** Sends a request whose walk goes on only when a keepalive has come. */
async function ask(version: number, body: Buffer): Promise<Buffer> {
  gate = new Promise((resolve) => {
    goOn = resolve;
  });
  const answer = await fetch(`${cloneUrl}/git-upload-pack`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-git-upload-pack-request', 'git-protocol': `version=${version}` },
    body: new Uint8Array(body),
  });
  expect(answer.status).toBe(200);
  let bytes = Buffer.alloc(0);
  for await (const chunk of answer.body ?? []) {
    bytes = Buffer.concat([bytes, chunk]);
    if (bytes.includes(KEEPALIVE, 0, 'latin1')) goOn();
  }
  return bytes;
}

describe('while the server looks for an object', () => {
  test.each([
    ['v0', 0, (oid: string) => v0(oid, 'side-band-64k'), ['NAK']],
    ['v1', 1, (oid: string) => v0(oid, 'side-band-64k'), ['NAK']],
    ['old', 0, (oid: string) => v0(oid, 'side-band'), ['NAK']],
    ['v2', 2, (oid: string) => v2(oid), ['packfile']],
    ['all', 2, (oid: string) => v2(oid, 'sideband-all'), ['packfile']],
  ] as const)('%s: keepalives come, then the pack', async (file, version, request, opening) => {
    const answer = readAnswer(await ask(version, request(oids[file] ?? '')));
    expect(answer.lines.filter((line) => line !== '' && !/^Sending/.test(line))).toEqual(opening);
    const dir = sandbox.path(`check-${file}`);
    await sandbox.git(['init', '-q', '--bare', dir]);
    await sandbox.git(['index-pack', '--stdin'], { cwd: dir, input: answer.pack ?? '' });
    const { stdout } = await sandbox.git(['cat-file', '--batch-all-objects', '--batch-check=%(objectname)'], {
      cwd: dir,
    });
    expect(stdout.trim()).toBe(oids[file]);
  });

  test.each([
    ['lost v0', 0, (oid: string) => v0(oid, 'side-band-64k')],
    ['lost v2', 2, (oid: string) => v2(oid)],
  ] as const)('%s: what no ref reaches is refused on the error channel', async (file, version, request) => {
    const answer = readAnswer(await ask(version, request(oids[file] ?? '')));
    expect(answer.pack).toBeUndefined();
    expect(answer.lines.at(-1)).toBe(`upload-pack: not our ref ${oids[file]}`);
  });
});
