/** Makes sure that the programs of the S3 test server are there. */
import { execFile } from 'node:child_process';
import { mkdir, open, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

const PACKAGES = ['radosgw', 'ceph-mon', 'ceph-osd'];
const PROGRAMS = ['radosgw', 'radosgw-admin', 'ceph-mon', 'ceph-osd', 'ceph', 'monmaptool'];
const ATTEMPTS = 3;
const BIG_OUTPUT = 64 * 1024 * 1024;

/** Where packages are unpacked by a user who may not install them. */
const UNPACKED = join(dirname(fileURLToPath(import.meta.url)), '../../node_modules/.cache/gitclaw-radosgw');

/** Another run's installation takes a minute or two; a lock older than this was left by a killed one. */
const STALE_LOCK_MS = 600_000;

/**
 * The environment in which the server's programs are found; installs Debian's packages when this process may.
 * @throws Error that says what to install
 */
export async function radosgwEnvironment(): Promise<NodeJS.ProcessEnv> {
  if (await allThere()) return process.env;
  if (process.getuid?.() !== 0) {
    await withLock(unpack).catch((error: unknown) => {
      throw new Error(
        advice(`unpacking them without root failed: ${error instanceof Error ? error.message.slice(-500) : error}`),
      );
    });
    return unpackedEnvironment();
  }
  await withLock(install);
  return process.env;
}

async function install(): Promise<void> {
  if (await allThere()) return;
  let failure: unknown;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    try {
      const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
      const lock = ['-o', 'DPkg::Lock::Timeout=300'];
      await run('apt-get', [...lock, 'update'], { env });
      await run('apt-get', [...lock, 'install', '-y', '--no-install-recommends', ...PACKAGES], {
        env,
        maxBuffer: BIG_OUTPUT,
      });
      return;
    } catch (error) {
      failure = error;
      await sleep(2000 * attempt);
    }
  }
  throw new Error(advice(failure instanceof Error ? failure.message.slice(-500) : 'apt-get failed'));
}

/** Who may not install can still download and unpack what the packages and the system lack. */
async function unpack(): Promise<void> {
  if (await stat(join(UNPACKED, 'complete')).catch(() => undefined)) return;
  const plan = await run('apt-get', ['install', '-s', '--no-install-recommends', ...PACKAGES], {
    maxBuffer: BIG_OUTPUT,
  });
  const names = [...plan.stdout.matchAll(/^Inst (\S+)/gm)].map((match) => match[1] ?? '');
  const debs = join(UNPACKED, 'debs');
  await mkdir(debs, { recursive: true });
  await run('apt-get', ['download', ...names], { cwd: debs, maxBuffer: BIG_OUTPUT });
  for (const deb of await readdir(debs)) await run('dpkg', ['-x', join(debs, deb), UNPACKED]);
  await rm(debs, { recursive: true });
  // Away from their place the daemons look for their plugins beside the libraries.
  const libraries = await libraryFolder();
  for (const folder of [join('ceph', 'erasure-code'), 'rados-classes']) {
    for (const name of await readdir(join(libraries, folder))) await symlink(join(folder, name), join(libraries, name));
  }
  await writeFile(join(UNPACKED, 'complete'), '');
}

async function unpackedEnvironment(): Promise<NodeJS.ProcessEnv> {
  const libraries = await libraryFolder();
  return {
    ...process.env,
    CEPH_LIB: libraries,
    PATH: `${join(UNPACKED, 'usr/bin')}:${process.env.PATH}`,
    LD_LIBRARY_PATH: `${libraries}:${join(libraries, 'ceph')}`,
    PYTHONPATH: join(UNPACKED, 'usr/lib/python3/dist-packages'),
  };
}

/** `usr/lib/x86_64-linux-gnu` and the like. */
async function libraryFolder(): Promise<string> {
  const lib = join(UNPACKED, 'usr/lib');
  const name = (await readdir(lib)).find((entry) => entry.endsWith('-linux-gnu'));
  if (name === undefined) throw new Error('the packages have no libraries');
  return join(lib, name);
}

function advice(reason: string): string {
  return (
    `Tests against S3 need an S3 server. Install the Debian packages ${PACKAGES.join(', ')}, or set ` +
    `GITCLAW_TEST_S3_ENDPOINT, GITCLAW_TEST_S3_KEY and GITCLAW_TEST_S3_SECRET. (${reason})`
  );
}

async function allThere(): Promise<boolean> {
  const found = await Promise.all(
    PROGRAMS.map((program) =>
      run('which', [program]).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.every(Boolean);
}

/** Runs side by side on one machine take turns. */
async function withLock(work: () => Promise<void>): Promise<void> {
  const path = join(tmpdir(), 'gitclaw-radosgw-install.lock');
  await mkdir(tmpdir(), { recursive: true });
  for (;;) {
    const lock = await open(path, 'wx').catch(() => undefined);
    if (lock !== undefined) {
      await lock.close();
      break;
    }
    const held = await stat(path).catch(() => undefined);
    if (held !== undefined && Date.now() - held.mtimeMs > STALE_LOCK_MS) await rm(path, { force: true });
    await sleep(500);
  }
  try {
    await work();
  } finally {
    await rm(path, { force: true });
  }
}
