/** Pushes by a client that costs next to nothing: git's own client takes more of the machine than either server. */
import type { GitSandbox } from '../../test/support/git.js';
import { exchange, type PushedPack, rawSmallPush } from '../support/raw-client.js';
import { timed } from '../support/stats.js';
import type { Target } from '../support/target.js';
import type { Work } from './measure.js';
import type { Repository } from './repositories.js';

type Urls = Map<Target, string>;

const ROUNDS = 60;
const WARM_UP = 20;

/** The two requests of a git push that has its credential at hand: the advertisement and the push. */
export async function push(
  url: string,
  headers: Record<string, string>,
  ref: string,
  pushed: PushedPack,
): Promise<void> {
  const refs = await exchange(`${url}/info/refs?service=git-receive-pack`, { headers });
  if (refs.status !== 200) throw new Error(`info/refs answered ${refs.status}`);
  await rawSmallPush(url, ref, pushed, headers);
}

/** One new commit with one changed file. */
export function rawPushes(sandbox: GitSandbox, repo: Repository, urls: Urls): Work {
  const chains = new Map<Target, Promise<PushedPack[]>>();
  return {
    name: `raw push of one commit, ${Math.round(repo.objects / 1000)}k objects`,
    rounds: ROUNDS,
    warmUp: WARM_UP,
    target: { ratio: 0.8, cpu: 1 },
    async round(server, turn) {
      const made = chains.get(server) ?? chain(sandbox, repo, `raw ${server.name}`, WARM_UP + ROUNDS);
      chains.set(server, made);
      const next = (await made)[turn]!;
      const url = urls.get(server)!;
      const headers = server.pushHeaders(url);
      return timed(() => push(url, headers, 'refs/heads/raw', next));
    },
  };
}

const AGENTS = 16;
const PUSHES_EACH = 10;
const CROWD_ROUNDS = 5;

/** Sixteen agents, each on a branch of its own. */
export function rawParallelPushes(sandbox: GitSandbox, repo: Repository, urls: Urls): Work {
  const chains = new Map<Target, Promise<PushedPack[][]>>();
  return {
    name: `16 agents push raw to 16 branches, ${Math.round(repo.objects / 1000)}k objects`,
    unit: '/s',
    rounds: CROWD_ROUNDS,
    target: { ratio: 2, cpu: 1 },
    async round(server, turn) {
      const made =
        chains.get(server) ??
        Promise.all(
          Array.from({ length: AGENTS }, (_, i) =>
            chain(sandbox, repo, `raw ${server.name} ${i}`, PUSHES_EACH * (CROWD_ROUNDS + 1)),
          ),
        );
      chains.set(server, made);
      const url = urls.get(server)!;
      const work = (await made).map((each) => each.slice(turn * PUSHES_EACH, (turn + 1) * PUSHES_EACH));
      const agent = async (packs: PushedPack[], number: number) => {
        for (const each of packs) await push(url, server.pushHeaders(url), `refs/heads/raw-${number}`, each);
      };
      return (AGENTS * PUSHES_EACH) / (await timed(() => Promise.all(work.map(agent))));
    },
  };
}

/** Where {@link chain} makes the repository of a label, with all its commits at `refs/heads/chain`. */
export function chainFolder(sandbox: GitSandbox, repo: Repository, label: string): string {
  return sandbox.path(`chain-${repo.name}-${label.replaceAll(/\W/g, '-')}`);
}

/** Commits on top of main that change one file each, and the thin pack of each. The first one creates its branch. */
export async function chain(
  sandbox: GitSandbox,
  repo: Repository,
  label: string,
  count: number,
): Promise<PushedPack[]> {
  const dir = chainFolder(sandbox, repo, label);
  await sandbox.git(['clone', '-q', '--bare', '--shared', repo.dir, dir]);
  const commits = Array.from({ length: count }, (_, i) => {
    const content = `${label} ${i} ${Math.random()}\n`;
    const time = `Bench <bench@example.com> ${1_700_000_000 + i} +0000`;
    return `commit refs/heads/chain\ncommitter ${time}\ndata 5\nbench\n${i === 0 ? `from ${repo.head}\n` : ''}M 100644 inline bench.txt\ndata ${Buffer.byteLength(content)}\n${content}\n`;
  });
  await sandbox.git(['fast-import', '--quiet'], { cwd: dir, input: commits.join('') });
  const list = await sandbox.git(['rev-list', '--reverse', `${repo.head}..refs/heads/chain`], { cwd: dir });
  const packs: PushedPack[] = [];
  for (const oid of list.stdout.trim().split('\n')) {
    const before = packs.at(-1)?.newOid;
    const { bytes: pack } = await sandbox.git(
      ['pack-objects', '-q', '--revs', '--thin', '--stdout', '--delta-base-offset'],
      { cwd: dir, input: `${oid}\n^${before ?? repo.head}\n` },
    );
    packs.push({ oldOid: before ?? '0'.repeat(40), newOid: oid, pack });
  }
  return packs;
}
