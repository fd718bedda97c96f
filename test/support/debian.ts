/** Programs of Debian packages that tests need: installed where this process may, otherwise unpacked beside the tests. */
import { execFile } from 'node:child_process';
import { mkdir, open, readdir, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

const ATTEMPTS = 3;
const BIG_OUTPUT = 64 * 1024 * 1024;

/** Another run's installation takes a minute or two; a lock older than this was left by a killed one. */
const STALE_LOCK_MS = 600_000;

const CACHE = join(dirname(fileURLToPath(import.meta.url)), '../../node_modules/.cache');

export interface DebianPackages {
  /** Names the folder and the lock. */
  name: string;
  packages: readonly string[];
  /** True when all that is needed is on this machine. */
  areThere(): Promise<boolean>;
  /** What the tests could use instead, for the error. */
  instead?: string;
  /** Called once, after unpacking without root. */
  afterUnpack?(root: string): Promise<void>;
}

/**
 * Makes the packages available.
 * @returns undefined when they are installed, otherwise the folder in which they were unpacked, with `usr` inside
 * @throws Error that says what to install
 */
export async function needPackages(wanted: DebianPackages): Promise<string | undefined> {
  if (await wanted.areThere()) return undefined;
  const root = join(CACHE, `gitclaw-${wanted.name}`);
  if (process.getuid?.() === 0) {
    await withLock(wanted, () => install(wanted));
    return undefined;
  }
  await withLock(wanted, () => unpack(wanted, root)).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message.slice(-500) : String(error);
    throw new Error(advice(wanted, `unpacking them without root failed: ${reason}`));
  });
  return root;
}

/** True when all programs are found. */
export async function onPath(programs: readonly string[]): Promise<boolean> {
  const found = await Promise.all(
    programs.map((program) =>
      run('which', [program]).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.every(Boolean);
}

/** `usr/lib/x86_64-linux-gnu` and the like. */
export async function libraryFolder(root: string): Promise<string> {
  const lib = join(root, 'usr/lib');
  const name = (await readdir(lib)).find((entry) => entry.endsWith('-linux-gnu'));
  if (name === undefined) throw new Error('the packages have no libraries');
  return join(lib, name);
}

async function install(wanted: DebianPackages): Promise<void> {
  if (await wanted.areThere()) return;
  let failure: unknown;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    try {
      const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
      const lock = ['-o', 'DPkg::Lock::Timeout=300'];
      await run('apt-get', [...lock, 'update'], { env });
      await run('apt-get', [...lock, 'install', '-y', '--no-install-recommends', ...wanted.packages], {
        env,
        maxBuffer: BIG_OUTPUT,
      });
      return;
    } catch (error) {
      failure = error;
      await sleep(2000 * attempt);
    }
  }
  throw new Error(advice(wanted, failure instanceof Error ? failure.message.slice(-500) : 'apt-get failed'));
}

/** Who may not install can still download and unpack what the packages and the system lack. */
async function unpack(wanted: DebianPackages, root: string): Promise<void> {
  if (await stat(join(root, 'complete')).catch(() => undefined)) return;
  const plan = await run('apt-get', ['install', '-s', '--no-install-recommends', ...wanted.packages], {
    maxBuffer: BIG_OUTPUT,
  });
  const names = [...plan.stdout.matchAll(/^Inst (\S+)/gm)].map((match) => match[1] ?? '');
  const debs = join(root, 'debs');
  await mkdir(debs, { recursive: true });
  await run('apt-get', ['download', ...names], { cwd: debs, maxBuffer: BIG_OUTPUT });
  for (const deb of await readdir(debs)) await run('dpkg', ['-x', join(debs, deb), root]);
  await rm(debs, { recursive: true });
  await relink(root);
  await wanted.afterUnpack?.(root);
  await writeFile(join(root, 'complete'), '');
}

/** Links to absolute paths meant the system's root; what was unpacked lies below another one. */
async function relink(root: string): Promise<void> {
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) continue;
    const path = join(entry.parentPath, entry.name);
    const target = await readlink(path);
    if (!target.startsWith('/') || !(await stat(join(root, target)).catch(() => undefined))) continue;
    await rm(path);
    await symlink(join(root, target), path);
  }
}

function advice({ packages, instead }: DebianPackages, reason: string): string {
  const other = instead === undefined ? '' : `, or ${instead}`;
  return `These tests need the Debian packages ${packages.join(', ')}. Install them${other}. (${reason})`;
}

/** Runs side by side on one machine take turns. */
async function withLock({ name }: DebianPackages, work: () => Promise<void>): Promise<void> {
  const path = join(tmpdir(), `gitclaw-${name}-install.lock`);
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
