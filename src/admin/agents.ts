/** What an operator sees of agents and does with them. */
import { appendAudit } from '../audit/index.js';
import type { AppContext } from '../context.js';
import { AppError } from '../errors.js';
import { paging } from '../routing/index.js';
import {
  type AgentDetails,
  clearSuspended,
  findAgentDetails,
  lockSuspension,
  searchAgentDetails,
  setSuspended,
} from './agent-store.js';
import { pageOf, searchText } from './paging.js';
import { type AdminSession, adminEvent } from './session.js';

/** A page of agents, newest first. @throws AppError INVALID_PAGINATION, VALIDATION_ERROR */
export async function listAgents(ctx: AppContext, query: URLSearchParams) {
  const page = paging(query);
  const { rows, total } = await searchAgentDetails(ctx.db, searchText(query), page);
  return pageOf(rows.map(view), total, page);
}

/** @throws AppError AGENT_NOT_FOUND */
export async function getAgent(ctx: AppContext, agentId: string) {
  const agent = await findAgentDetails(ctx.db, agentId);
  if (agent === undefined) throw noAgent(agentId);
  return view(agent);
}

/**
 * Bars the agent from everything signed. It works at once: every request asks the database, and a push or a write that
 * is on its way is refused when it commits.
 * @throws AppError AGENT_NOT_FOUND, ALREADY_SUSPENDED
 */
export async function suspendAgent(ctx: AppContext, session: AdminSession, agentId: string, reason: string | null) {
  await ctx.db.transaction(async (tx) => {
    const suspended = await lockSuspension(tx, agentId);
    if (suspended === undefined) throw noAgent(agentId);
    if (suspended) throw new AppError('ALREADY_SUSPENDED', { details: { agentId } });
    await setSuspended(tx, agentId, reason, session.username);
    const data = { reason, admin_id: session.username };
    await appendAudit(tx, adminEvent(session, 'admin_suspend_agent', 'agent', agentId, data));
  });
  return { message: 'The agent is suspended.', agentId };
}

/** @throws AppError AGENT_NOT_FOUND, NOT_SUSPENDED */
export async function unsuspendAgent(ctx: AppContext, session: AdminSession, agentId: string) {
  await ctx.db.transaction(async (tx) => {
    const suspended = await lockSuspension(tx, agentId);
    if (suspended === undefined) throw noAgent(agentId);
    if (!suspended) throw new AppError('NOT_SUSPENDED', { details: { agentId } });
    await clearSuspended(tx, agentId);
    const data = { admin_id: session.username };
    await appendAudit(tx, adminEvent(session, 'admin_unsuspend_agent', 'agent', agentId, data));
  });
  return { message: 'The agent is not suspended any more.', agentId };
}

function view(agent: AgentDetails) {
  return {
    ...agent,
    createdAt: agent.createdAt.toISOString(),
    suspendedAt: agent.suspendedAt?.toISOString() ?? null,
  };
}

function noAgent(agentId: string): AppError {
  return new AppError('AGENT_NOT_FOUND', { details: { agentId } });
}
