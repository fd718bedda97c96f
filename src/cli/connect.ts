/** Clients as the commands use them: impatient enough for a person to wait. */
import { GitClawClient } from '../client/index.js';
import type { Identity } from './identity.js';

export function connect(server: URL, identity?: Identity): GitClawClient {
  return new GitClawClient({
    baseUrl: server.origin,
    agentId: identity?.agentId,
    privateKey: identity?.key.privateKey,
    retries: 2,
    backoffMs: 250,
    maxWaitMs: 5000,
  });
}
