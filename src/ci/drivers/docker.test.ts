import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseConfig } from '../config-file.js';
import { TAR_END, tarEntry } from '../tar.js';
import { createDockerDriver } from './docker.js';

/** A docker that writes down how it was called, unpacks into a folder and runs commands without any container. */
const FAKE = `#!/bin/sh
printf '%s\\n' "$@" >> "$(dirname "$0")/calls"; echo -- >> "$(dirname "$0")/calls"
case $1 in
  version) [ -f "$(dirname "$0")/down" ] && { echo 'Cannot connect to the Docker daemon' >&2; exit 1; }; echo 1 ;;
  run) [ -f "$(dirname "$0")/noimage" ] && { echo 'no such image' >&2; exit 125; }; echo id ;;
  exec)
    for last; do :; done
    case "$*" in
      *'tar -x'*) tar -x -f - -C "$(dirname "$0")" ;;
      *) cd "$(dirname "$0")" && exec sh -c "$last" ;;
    esac ;;
esac
`;

let folder: string;
let program: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gitclaw-docker-'));
  program = join(folder, 'docker');
  writeFileSync(program, FAKE);
  chmodSync(program, 0o755);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const config = parseConfig(
  Buffer.from(
    'env: { A: "1" }\nsteps: [{ name: a, run: "cat file; echo oops >&2; exit 3", working_dir: sub, env: { B: "x y" } }]',
  ),
);
async function* checkout() {
  yield tarEntry({ kind: 'file', path: Buffer.from('file'), data: Buffer.from('content'), executable: false });
  yield TAR_END;
}
const request = (signal = new AbortController().signal) => ({ runId: 'r1', config, checkout: checkout(), signal });
const calls = () =>
  readFileSync(join(folder, 'calls'), 'utf8')
    .split('--\n')
    .filter(Boolean)
    .map((call) => call.trimEnd().split('\n'));

describe('the docker driver', () => {
  it('starts a container without network, root or privileges, and runs steps in it', async () => {
    const driver = createDockerDriver({ image: 'img', program });
    expect(await driver.probe()).toBeUndefined();
    const sandbox = await driver.open(request());
    const output: string[] = [];
    const code = await sandbox.run(config.steps[0]!, 0, (stream, bytes) => output.push(`${stream}:${bytes}`));
    await sandbox.close();
    expect([code, output.sort()]).toEqual([3, ['stderr:oops\n', 'stdout:content']]);
    const [, , run = [], unpack, step, remove] = calls();
    const options = run.join(' ');
    for (const wanted of [
      '--network none',
      '--user 65534:65534',
      '--read-only',
      '--cap-drop ALL',
      '--security-opt no-new-privileges',
      `--memory ${512 * 2 ** 20 + 2 ** 30}`,
      '--cpu-shares 1024',
      '--pids-limit 512',
      `--tmpfs /workspace:rw,exec,nosuid,nodev,mode=1777,size=${2 ** 30}`,
      '--entrypoint sleep img 660',
    ]) {
      expect(options).toContain(wanted);
    }
    expect(unpack?.slice(0, 3)).toEqual(['exec', '--interactive', 'gitclaw-ci-r1']);
    expect(step?.slice(0, 3)).toEqual(['exec', '--workdir', '/workspace/sub']);
    expect(step).toEqual(expect.arrayContaining(['A=1', 'B=x y', 'sh', '-c', config.steps[0]!.run]));
    expect(remove).toEqual(['rm', '--force', '--volumes', 'gitclaw-ci-r1']);
  });

  it('says why it does not work', async () => {
    writeFileSync(join(folder, 'down'), '');
    expect(await createDockerDriver({ image: 'img', program }).probe()).toMatch(/Cannot connect to the Docker daemon/);
    expect(await createDockerDriver({ image: 'img', program: join(folder, 'none') }).probe()).toMatch(/ENOENT/);
    writeFileSync(join(folder, 'noimage'), '');
    await expect(createDockerDriver({ image: 'img', program }).open(request())).rejects.toThrow(
      'The container did not start: no such image',
    );
  });

  it('removes the container when the run is ended', async () => {
    const end = new AbortController();
    const sandbox = await createDockerDriver({ image: 'img', program }).open(request(end.signal));
    end.abort();
    await sandbox.close();
    expect(calls().at(-1)).toEqual(['rm', '--force', '--volumes', 'gitclaw-ci-r1']);
    expect(await sandbox.run(config.steps[0]!, 0, () => {})).toBeNull();
  });
});
