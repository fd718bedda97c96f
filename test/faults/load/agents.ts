/** Agents at work until they are told to stop. Each keeps what it was told has happened, to be compared in the end. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, NetworkError } from '../../../src/client/index.js';
import { LOCK_SECS } from '../../../src/outbox/index.js';
import type { TestAgent } from '../../support/agent.js';

export interface Site {
  repoId: string;
  cloneUrl: string;
  stop: AbortSignal;
}

const PAUSE_MS = 300;
/** A server is back within seconds; whoever fails for so long has found a fault. */
const PATIENCE_MS = 90_000;
/** Checks whose event was in the hands of a worker that was killed begin when its time is over. */
export const CHECKS_MS = LOCK_SECS * 1000 + PATIENCE_MS;

/** Repeats what failed because a server went away. @throws what did not go away */
async function patiently<T>(work: () => Promise<T>, isPassing: (error: unknown) => boolean): Promise<T> {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isPassing(error) || Date.now() > until) throw error;
      await sleep(PAUSE_MS);
    }
  }
}

const serverIsAway = (error: unknown) =>
  error instanceof NetworkError || (error instanceof ApiError && error.status >= 500);
/** What git says when the connection breaks off; a refusal of the push itself reads otherwise. */
const gitWasCutOff = (error: unknown) =>
  /unable to access|hung up|unexpected disconnect|Connection refused|early EOF|RPC failed|HTTP 5\d\d|Empty reply|couldn't|Couldn't/.test(
    String(error),
  );

/** Pushes one commit after the other to a branch of its own, sometimes rewriting the last. */
export class Pusher {
  /** Tips that the server acknowledged, in order. */
  readonly acknowledged: string[] = [];

  constructor(
    readonly agent: TestAgent,
    readonly branch: string,
  ) {}

  async work({ cloneUrl, stop }: Site): Promise<void> {
    const dir = this.agent.sandbox.path(`work-${this.branch}`);
    const git = (...args: string[]) => this.agent.git(args, { cwd: dir });
    await patiently(() => this.agent.git(['clone', '-q', cloneUrl, dir], {}), gitWasCutOff);
    await git('checkout', '-q', '-b', this.branch);
    for (let turn = 0; !stop.aborted; turn++) {
      writeFileSync(join(dir, `${this.branch}.txt`), `${turn} ${Math.random()}\n`);
      await git('add', '-A');
      const isRewrite = turn % 5 === 4;
      await git('commit', '-q', '-m', `turn ${turn}`, ...(isRewrite ? ['--amend'] : []));
      const tip = (await git('rev-parse', 'HEAD')).stdout.trim();
      await patiently(() => git('push', '-q', '--force', cloneUrl, `HEAD:refs/heads/${this.branch}`), gitWasCutOff);
      this.acknowledged.push(tip);
      await sleep(PAUSE_MS);
    }
  }
}

/** Clones again and again; every clone must be whole. */
export class Cloner {
  clones = 0;

  constructor(readonly agent: TestAgent) {}

  async work({ cloneUrl, stop }: Site): Promise<void> {
    while (!stop.aborted) {
      const dir = this.agent.sandbox.path(`clone-${this.clones}-${Math.random().toString(36).slice(2)}`);
      try {
        await this.agent.git(['clone', '-q', '--mirror', cloneUrl, dir]);
      } catch (error) {
        if (!gitWasCutOff(error)) throw error;
        continue;
      }
      const { stdout } = await this.agent.git(['fsck', '--strict', '--full'], { cwd: dir });
      if (stdout !== '') throw new Error(`a clone is not whole: ${stdout}`);
      this.clones += 1;
      await sleep(PAUSE_MS);
    }
  }
}

/** Gives its star and takes it back. */
export class Stargazer {
  calls = 0;
  hasStarred = false;

  constructor(readonly agent: TestAgent) {}

  async work({ repoId, stop }: Site): Promise<void> {
    const { client } = this.agent;
    while (!stop.aborted) {
      const wants = !this.hasStarred;
      await patiently(async () => {
        try {
          await (wants ? client.starRepo(repoId) : client.unstarRepo(repoId));
        } catch (error) {
          // An earlier try whose answer was lost has done it.
          const code = wants ? 'DUPLICATE_STAR' : 'NO_EXISTING_STAR';
          if (!(error instanceof ApiError && error.code === code)) throw error;
        }
      }, serverIsAway);
      this.hasStarred = wants;
      this.calls += 1;
      await sleep(PAUSE_MS);
    }
  }
}

/** Opens pull requests whose checks run on the workers, and merges them once those have passed. */
export class Contributor {
  readonly merged: string[] = [];

  constructor(
    readonly agent: TestAgent,
    readonly reviewer: TestAgent,
    readonly name: string,
  ) {}

  async work({ repoId, cloneUrl, stop }: Site): Promise<void> {
    const { client } = this.agent;
    const dir = this.agent.sandbox.path(`pulls-${this.name}`);
    const git = (...args: string[]) => this.agent.git(args, { cwd: dir });
    await patiently(() => this.agent.git(['clone', '-q', cloneUrl, dir]), gitWasCutOff);
    for (let turn = 0; !stop.aborted; turn++) {
      const branch = `${this.name}-${turn}`;
      await patiently(() => git('fetch', '-q', cloneUrl, 'main'), gitWasCutOff);
      await git('checkout', '-q', '-B', branch, 'FETCH_HEAD');
      writeFileSync(join(dir, `${branch}.txt`), branch);
      await git('add', '-A');
      await git('commit', '-q', '-m', branch);
      await patiently(() => git('push', '-q', cloneUrl, branch), gitWasCutOff);
      const { prId } = await patiently(
        () => client.createPull(repoId, { sourceBranch: branch, targetBranch: 'main', title: branch }),
        serverIsAway,
      );
      await patiently(() => this.reviewer.client.createReview(repoId, prId, { verdict: 'approve' }), serverIsAway);
      await this.#mergeWhenPassed(repoId, prId);
    }
  }

  async #mergeWhenPassed(repoId: string, prId: string): Promise<void> {
    const { client } = this.agent;
    const until = Date.now() + CHECKS_MS;
    for (;;) {
      const pull = await patiently(() => client.getPull(repoId, prId), serverIsAway);
      if (pull.status === 'merged') break;
      if (pull.ciStatus === 'passed')
        await patiently(() => client.mergePull(repoId, prId), serverIsAway).catch(alreadyMerged);
      if (pull.ciStatus === 'failed' || Date.now() > until) {
        throw new Error(
          `${prId} is not merged, its checks are ${pull.ciStatus}: ${JSON.stringify(await client.ciLogs(repoId, prId))}`,
        );
      }
      await sleep(PAUSE_MS);
    }
    this.merged.push(prId);
  }
}

/** The answer of a merge that succeeded may have been lost; the next look tells. */
function alreadyMerged(error: unknown): void {
  if (!(error instanceof ApiError && [409, 400].includes(error.status))) throw error;
}

/** The file that makes every pull request run a check. */
export function writeChecks(dir: string): void {
  writeFileSync(join(dir, '.gitclaw-ci.yml'), 'steps:\n  - { name: only, run: "sleep 1; echo checked" }\n');
}
