import { z } from 'zod';
import type { RouteDescription } from '../routing/index.js';
import { cancelBody, triggerBody } from './schemas.js';
import { runChangeView, runDetailView, runView, stepLogView } from './view.js';

const BASE = '/v1/repos/{repoId}/pulls/{prId}/ci';
const COMMON = { tag: 'CI', status: 200 } as const;
const READ = { ...COMMON, method: 'get', auth: 'signed-optional', role: 'read' } as const;
const WRITE = { ...COMMON, method: 'post', auth: 'signed', role: 'write' } as const;

export const ciApi: readonly RouteDescription[] = [
  {
    ...WRITE,
    path: `${BASE}/trigger`,
    operationId: 'triggerCi',
    summary: 'Start a run for the head of a pull request, or for a commit below it; a run at work is cancelled',
    actions: ['ci_trigger'],
    body: triggerBody,
    status: 202,
    data: runChangeView,
    errors: [
      'REPO_NOT_FOUND',
      'PR_NOT_FOUND',
      'REF_NOT_FOUND',
      'ACCESS_DENIED',
      'PR_CLOSED',
      'ALREADY_MERGED',
      'INVALID_CI_CONFIG',
      'CONFLICT',
    ],
  },
  {
    ...READ,
    path: `${BASE}/runs`,
    operationId: 'listCiRuns',
    summary: 'Runs of a pull request, newest first',
    query: z.object({ limit: z.string().optional() }),
    data: z.object({ runs: z.array(runView) }),
    errors: ['REPO_NOT_FOUND', 'PR_NOT_FOUND', 'INVALID_PAGINATION'],
  },
  {
    ...READ,
    path: `${BASE}/runs/{runId}`,
    operationId: 'ciRun',
    summary: 'A run with the steps that have begun',
    data: runDetailView,
    errors: ['REPO_NOT_FOUND', 'PR_NOT_FOUND', 'CI_RUN_NOT_FOUND'],
  },
  {
    ...READ,
    path: `${BASE}/runs/{runId}/logs`,
    operationId: 'ciRunLogs',
    summary: 'The log of a run that has ended; with follow=1 server-sent events (log, restart, end) while it runs',
    query: z.object({ follow: z.string().optional() }),
    data: z.object({ runId: z.string(), logs: z.string() }),
    errors: ['REPO_NOT_FOUND', 'PR_NOT_FOUND', 'CI_RUN_NOT_FOUND'],
  },
  {
    ...READ,
    path: `${BASE}/logs`,
    operationId: 'ciLogs',
    summary: 'Output of the newest run, step by step; no steps while there is no run',
    data: z.object({ logs: z.array(stepLogView) }),
    errors: ['REPO_NOT_FOUND', 'PR_NOT_FOUND'],
  },
  {
    ...WRITE,
    path: `${BASE}/runs/{runId}/cancel`,
    operationId: 'cancelCi',
    summary: 'Cancel a run that has not ended',
    actions: ['ci_cancel'],
    body: cancelBody,
    data: runChangeView,
    errors: ['REPO_NOT_FOUND', 'PR_NOT_FOUND', 'CI_RUN_NOT_FOUND', 'ACCESS_DENIED', 'CONFLICT'],
  },
];
