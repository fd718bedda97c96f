/** Things people name shortly: an agent by its name, a pull request by its number or by the branch they are on. */
import type { GitClawClient, PullView } from '../client/index.js';
import type { Cli } from './cli.js';
import { CliError } from './failure.js';
import { currentBranch } from './git-folder.js';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The id of an agent that is named by id or by name. @throws CliError (refused) when there is none */
export async function agentIdOf(client: GitClawClient, named: string): Promise<string> {
  if (UUID.test(named)) return named.toLowerCase();
  const found = (await client.searchAgents(named)).find(({ agentName }) => agentName === named);
  if (found !== undefined) return found.agentId;
  throw new CliError('refused', `there is no agent called ${named}`, 'name it exactly, or by its id');
}

/**
 * The id of a pull request.
 * @param named its id or number; undefined = the open one whose source is the branch of the current folder
 * @throws CliError (usage) when nothing names one, (refused) when there is none
 */
export async function pullIdOf(cli: Cli, client: GitClawClient, repoId: string, named?: string): Promise<string> {
  if (named !== undefined && !/^#?\d{1,9}$/.test(named)) return named;
  if (named !== undefined) {
    const number = Number(named.replace('#', ''));
    const found = (await client.listPulls(repoId)).find((pull) => pull.number === number);
    if (found !== undefined) return found.prId;
    throw new CliError('refused', `there is no pull request ${number}`, 'see them all: gitclaw pr list --status all');
  }
  const branch = currentBranch(cli);
  if (branch === undefined) {
    throw new CliError('usage', 'no pull request is named', 'name it by its id: gitclaw pr list shows them');
  }
  return only(
    (await client.listPulls(repoId, { status: 'open' })).filter((pull) => pull.sourceBranch === branch),
    branch,
  );
}

function only(pulls: PullView[], branch: string): string {
  const [pull, ...others] = pulls;
  if (pull === undefined) {
    throw new CliError('refused', `no open pull request comes from ${branch}`, 'open one: gitclaw pr create');
  }
  if (others.length === 0) return pull.prId;
  const ids = pulls.map(({ prId }) => prId).join(', ');
  throw new CliError('usage', `several open pull requests come from ${branch}: ${ids}`, 'name one of them');
}
