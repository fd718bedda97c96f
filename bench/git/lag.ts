/** How long other requests wait for the event loop while it moves the bytes of heavy ones. */
import { exchange, rawFetch, rawPush } from '../support/raw-client.js';
import type { Target } from '../support/target.js';
import type { Repository } from './repositories.js';

const CLONES = 4;

/** Delays of the event loop beyond what was to be expected, as the node measures them, milliseconds. */
export interface LoopLag {
  work: string;
  p50: number;
  p99: number;
  max: number;
  target: { p99: number };
}

/** One push of the whole repository into an empty one, beside clones of it. @param url where the server has it */
export async function loopLag(server: Target, repo: Repository, url: string): Promise<LoopLag> {
  const fresh = await server.empty(`lag-${repo.name}`);
  const push = async () => {
    await rawPush(fresh, 'refs/heads/main', repo.head, repo.pack, server.pushHeaders(fresh));
  };
  await readLag(url);
  await Promise.all([push(), ...Array.from({ length: CLONES }, () => rawFetch(url, repo.tips))]);
  const work = `event loop beside a push and ${CLONES} clones, ${Math.round(repo.objects / 1000)}k objects`;
  return { work, ...(await readLag(url)), target: { p99: 100 } };
}

/** The figures since they were last read. */
export async function readLag(url: string): Promise<Pick<LoopLag, 'p50' | 'p99' | 'max'>> {
  const { head } = await exchange(new URL('/metrics', url).href);
  const figure = (name: string) =>
    Number(new RegExp(`^nodejs_eventloop_lag_${name}_seconds (\\S+)$`, 'm').exec(head.toString())?.[1]) * 1000;
  return { p50: figure('p50'), p99: figure('p99'), max: figure('max') };
}

/** One line per measurement. */
export function lagLines(lags: readonly LoopLag[]): string {
  const ms = (value: number) => `${value.toFixed(0)} ms`;
  return lags
    .map(({ work, p50, p99, max, target }) => {
      const met = p99 < target.p99 ? '' : ' ✗';
      return `${work}: p50 ${ms(p50)}, p99 ${ms(p99)} (< ${target.p99})${met}, longest ${ms(max)}`;
    })
    .join('\n');
}
