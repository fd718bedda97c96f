/** Runs the same work against both servers in turns, so that a slow moment of the machine hits both. */
import { cpuSeconds, settle } from '../support/process-tree.js';
import { mean, median, quantile } from '../support/stats.js';
import type { Target } from '../support/target.js';
import type { Replay } from './replay.js';

export interface Figure {
  /** Median and 95th percentile of what a round gave: seconds, or a rate when `higherIsBetter`. */
  value: number;
  p95: number;
  /** Processor seconds of the server's process tree per round, mean: the system counts in steps of 10 ms. */
  cpu: number;
}

export interface Row {
  work: string;
  unit: 's' | '/s';
  ours: Figure;
  peer: Figure;
  /** ours/peer of the medians. */
  ratio: number;
  cpuRatio: number;
  /** What git's own client takes by itself, as a share of what it takes with the peer: no server gets below. */
  client?: number;
  /** What the ratio should not exceed, or not fall below for a rate. */
  target?: { ratio?: number; cpu?: number };
}

export interface Work {
  name: string;
  unit?: 's' | '/s';
  rounds?: number;
  /** Rounds before the counted ones. */
  warmUp?: number;
  /** Whether git's own client does it, and may do it on repeated answers. */
  byGit?: boolean;
  /** Whether a round leaves the server work to do, which is not the next one's. */
  unsettles?: boolean;
  target?: { ratio?: number; cpu?: number };
  /** One round. @returns seconds or a rate */
  round(target: Target, turn: number): Promise<number>;
}

/**
 * @param replay what work of git's own client is done on too
 * @returns the figures of both, and their ratio
 */
export async function compare(ours: Target, peer: Target, work: Work, replay?: Replay): Promise<Row> {
  const { rounds = 7, warmUp = 1 } = work;
  const samples = new Map([ours, peer].map((target) => [target, { values: [] as number[], cpu: [] as number[] }]));
  const alone = work.byGit && replay !== undefined ? await clientAlone(work, replay) : undefined;
  for (let turn = 0; turn < warmUp + rounds; turn++) {
    for (const [target, { values, cpu }] of samples) {
      if (work.unsettles) await settle(target.pid);
      const before = cpuSeconds(target.pid);
      const value = await work.round(target, turn);
      const used = cpuSeconds(target.pid) - before;
      if (turn < warmUp) continue;
      values.push(value);
      cpu.push(used);
    }
  }
  const figure = (target: Target): Figure => {
    const { values, cpu } = samples.get(target)!;
    const worst = work.unit === '/s' ? 0.05 : 0.95;
    return { value: median(values), p95: quantile(values, worst), cpu: mean(cpu) };
  };
  const [mine, theirs] = [figure(ours), figure(peer)];
  return {
    work: work.name,
    unit: work.unit ?? 's',
    ours: mine,
    peer: theirs,
    ratio: mine.value / theirs.value,
    cpuRatio: mine.cpu / theirs.cpu,
    ...(alone !== undefined && { client: alone / theirs.value }),
    ...(work.target && { target: work.target }),
  };
}

/** Not in turns with the servers, who would get more time to rest. @returns undefined if the client did not repeat itself */
async function clientAlone({ round, rounds = 7, warmUp = 1 }: Work, replay: Replay): Promise<number | undefined> {
  for (let turn = 0; turn < warmUp; turn++) await round(replay.target, turn);
  const handedOn = replay.handedOn();
  const values: number[] = [];
  for (let turn = 0; turn < rounds; turn++) values.push(await round(replay.target, warmUp + turn));
  return replay.handedOn() === handedOn ? median(values) : undefined;
}
