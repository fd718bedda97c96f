/** Limits of a whole sandbox by control groups, where this process may make them (cgroups(7), version 1 or 2). */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CiConfig } from '../config-file.js';
import { MAX_PROCESSES } from './contract.js';
import { quote } from './shell.js';

const ROOT = '/sys/fs/cgroup';
const PREFIX = 'gitclaw-ci-';
/** A group that young may be about to be entered, milliseconds. */
const STALE_MS = 60_000;

export interface Cgroup {
  /** Prefix of a command line that starts the command inside the group. */
  enter: string[];
  /** Removes the group once its processes have ended. */
  remove(): Promise<void>;
}

/** Undefined where groups cannot be made: then only the limits of each process hold. */
export async function createCgroup(runId: string, resources: CiConfig['resources']): Promise<Cgroup | undefined> {
  const isV2 = await exists(join(ROOT, 'cgroup.controllers'));
  // What lies in a tmpfs counts as memory, so the disk limit comes on top.
  const memory = String(resources.memory + resources.disk);
  const shares = resources.cpu_shares;
  const groups: [string, Record<string, string>][] = isV2
    ? [['', { 'memory.max': memory, 'pids.max': String(MAX_PROCESSES), 'cpu.weight': String(weightOf(shares)) }]]
    : [
        ['memory', { 'memory.limit_in_bytes': memory }],
        ['pids', { 'pids.max': String(MAX_PROCESSES) }],
        ['cpu', { 'cpu.shares': String(shares) }],
      ];
  const made: string[] = [];
  for (const [controller, settings] of groups) {
    const folder = join(ROOT, controller, `${PREFIX}${runId}-${randomUUID().slice(0, 8)}`);
    if (await make(folder, settings)) made.push(folder);
  }
  if (made.length === 0) return undefined;
  const writes = made.map((folder) => `echo $$ > ${quote(join(folder, 'cgroup.procs'))}`);
  return {
    enter: ['sh', '-c', `${writes.join('\n')}\nexec "$@"`, 'sh'],
    async remove() {
      for (const folder of made) await removeEmpty(folder);
    },
  };
}

/** Removes groups of runners that were killed; the kernel keeps those that have processes. */
export async function removeStaleCgroups(): Promise<void> {
  for (const parent of ['', 'memory', 'pids', 'cpu'].map((name) => join(ROOT, name))) {
    const names = await readdir(parent).catch(() => []);
    for (const name of names.filter((each) => each.startsWith(PREFIX))) {
      const made = await stat(join(parent, name)).catch(() => undefined);
      if (made !== undefined && Date.now() - made.mtimeMs > STALE_MS) await rmdir(join(parent, name)).catch(() => {});
    }
  }
}

async function make(folder: string, settings: Record<string, string>): Promise<boolean> {
  try {
    await mkdir(folder);
  } catch {
    return false;
  }
  let applied = 0;
  for (const [name, value] of Object.entries(settings)) {
    // A controller that is not delegated to us has no such file; the others still help.
    if ((await exists(join(folder, name))) && (await write(join(folder, name), value))) applied += 1;
  }
  if (applied > 0) return true;
  await removeEmpty(folder);
  return false;
}

function write(path: string, value: string): Promise<boolean> {
  return writeFile(path, value).then(
    () => true,
    () => false,
  );
}

/** The kernel lets a group go only a moment after its last process. */
async function removeEmpty(folder: string): Promise<void> {
  for (const pause of [0, 20, 100, 500]) {
    await sleep(pause);
    if (
      await rmdir(folder).then(
        () => true,
        () => false,
      )
    )
      return;
  }
}

/** Version 2 counts from 1 to 10000 around 100 where version 1 counts from 2 to 262144 around 1024. */
function weightOf(shares: number): number {
  return Math.round(1 + ((shares - 2) * 9999) / 262_142);
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
