/** What a server costs: processor time and memory of a process and of everything it started (Linux /proc). */
import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second of /proc/PID/stat; fixed on Linux. */
const TICKS = 100;

interface Stat {
  pid: number;
  parent: number;
  /** Own time and that of children that have ended, seconds. */
  cpu: number;
  /** Resident memory, bytes. */
  rss: number;
}

function statOf(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const at = (index: number) => Number(fields[index - 3]);
    return { pid, parent: at(4), cpu: (at(14) + at(15) + at(16) + at(17)) / TICKS, rss: at(24) * 4096 };
  } catch {
    return undefined;
  }
}

/** The process and its living descendants. */
function treeOf(root: number): Stat[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => statOf(Number(name)) ?? []);
  const children = new Map<number, Stat[]>();
  for (const stat of all) children.set(stat.parent, [...(children.get(stat.parent) ?? []), stat]);
  const found: Stat[] = all.filter((stat) => stat.pid === root);
  for (let i = 0; i < found.length; i++) found.push(...(children.get(found[i]!.pid) ?? []));
  return found;
}

/** Seconds of processor time used so far by the tree, ended children included. */
export function cpuSeconds(root: number): number {
  return treeOf(root).reduce((sum, stat) => sum + stat.cpu, 0);
}

/** Samples the resident memory of a tree until told to stop. @returns the largest sum seen, bytes */
export function watchMemory(root: number): () => number {
  let peak = 0;
  const look = () => {
    peak = Math.max(
      peak,
      treeOf(root).reduce((sum, stat) => sum + stat.rss, 0),
    );
  };
  const timer = setInterval(look, 50);
  return () => {
    clearInterval(timer);
    look();
    return peak;
  };
}

/** Below this a process tree counts as idle, seconds of processor time in a second. */
const IDLE = 0.1;
/** Jobs begin up to a second after what they follow from, so one idle second says little. */
const IDLE_SECONDS = 3;

/** Waits until a process tree is idle, so that what follows is charged with its own work only; at most twenty minutes. */
export async function settle(root: number): Promise<void> {
  let idle = 0;
  for (let seconds = 0; seconds < 1200 && idle < IDLE_SECONDS; seconds++) {
    const before = cpuSeconds(root);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    idle = cpuSeconds(root) - before < IDLE ? idle + 1 : 0;
  }
  if (idle < IDLE_SECONDS) throw new Error('the server does not come to rest');
}
