/** Runs of a pull request's checks. */
import { at } from './caller.js';
import type { CiChangeView, CiLogEvent, CiRunDetailView, CiRunView, CiStepLogView } from './ci-views.js';
import { StarCalls } from './stars.js';

export class CiCalls extends StarCalls {
  /** Starts a run. @param commitSha 40 hex digits; the server takes the head of the source branch for null */
  triggerCi(repoId: string, prId: string, commitSha: string | null = null): Promise<CiChangeView> {
    const body = { repoId, prId, commitSha };
    return this.request('POST', at`/v1/repos/${repoId}/pulls/${prId}/ci/trigger`, { action: 'ci_trigger', body });
  }

  /** Newest first. */
  async listCiRuns(repoId: string, prId: string): Promise<CiRunView[]> {
    const path = at`/v1/repos/${repoId}/pulls/${prId}/ci/runs`;
    return (await this.read<{ runs: CiRunView[] }>(repoId, path)).runs;
  }

  /** A run with its steps. */
  ciRun(repoId: string, prId: string, runId: string): Promise<CiRunDetailView> {
    return this.read(repoId, at`/v1/repos/${repoId}/pulls/${prId}/ci/runs/${runId}`);
  }

  /** The whole log of a run as one text. */
  async ciRunLogs(repoId: string, prId: string, runId: string): Promise<string> {
    const path = at`/v1/repos/${repoId}/pulls/${prId}/ci/runs/${runId}/logs`;
    return (await this.read<{ logs: string }>(repoId, path)).logs;
  }

  /** The log of a run while it is written, to its end; a lost connection is made again where it broke off. */
  async *followCiLog(repoId: string, prId: string, runId: string): AsyncGenerator<CiLogEvent> {
    const path = at`/v1/repos/${repoId}/pulls/${prId}/ci/runs/${runId}/logs`;
    for await (const { name, data } of this.events(repoId, path, { follow: 1 }, 'end')) {
      yield { event: name, ...JSON.parse(data) } as CiLogEvent;
    }
  }

  /** The log of the newest run, step by step. */
  async ciLogs(repoId: string, prId: string): Promise<CiStepLogView[]> {
    const path = at`/v1/repos/${repoId}/pulls/${prId}/ci/logs`;
    return (await this.read<{ logs: CiStepLogView[] }>(repoId, path)).logs;
  }

  cancelCi(repoId: string, prId: string, runId: string): Promise<CiChangeView> {
    const path = at`/v1/repos/${repoId}/pulls/${prId}/ci/runs/${runId}/cancel`;
    return this.request('POST', path, { action: 'ci_cancel', body: { repoId, prId, runId } });
  }
}
