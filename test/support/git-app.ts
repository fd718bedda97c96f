/** The app in this process with everything that git needs: object store, pack engine, pack cache and spool. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AppContext } from '../../src/context.js';
import { createMetrics } from '../../src/metrics.js';
import { createPackEngine, PackCache, Spool } from '../../src/packs/index.js';
import { encodeToken, signEnvelope } from '../../src/signing/index.js';
import { createFilesystemStore } from '../../src/storage/index.js';
import { startTestApp, type TestAgent, type TestApp } from './http.js';

/** As {@link startTestApp}, over a folder that is deleted at the end; calls are not limited unless `env` says so. */
export async function startGitApp(parts: Partial<AppContext> = {}, env: Record<string, string> = {}): Promise<TestApp> {
  const folder = await mkdtemp(join(tmpdir(), 'gitclaw-app-'));
  const metrics = createMetrics();
  const objects = parts.objects ?? (await createFilesystemStore(join(folder, 'objects')));
  const engine = createPackEngine({ threads: 1 });
  const spool = await Spool.open(folder);
  const cache = { store: objects, dir: join(folder, 'packs'), maxBytes: 64 * 1024 * 1024, persistent: false };
  const packCache = await PackCache.open({ ...cache, metrics });
  const app = await startTestApp(
    { metrics, objects, engine, spool, packCache, ...parts },
    { RATE_LIMIT_ENABLED: 'false', ...env },
  );
  return {
    ...app,
    async close(graceMs) {
      await app.close(graceMs);
      await engine.close();
      await spool.close();
      await packCache.close();
      await objects.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A header that lets plain git act as the agent: `git -c http.extraHeader=...`. */
export function gitAuthorization(app: { url: string }, agent: TestAgent, repoId: string): string {
  const body = { aud: new URL(app.url).host, repoId, service: 'git-receive-pack' };
  const timestamp = `${new Date().toISOString().slice(0, 19)}Z`;
  const envelope = { agentId: agent.agentId, action: 'git_auth', timestamp, nonce: randomUUID(), body };
  const { canonical, signature } = signEnvelope(envelope, agent.privateKey);
  return `http.extraHeader=Authorization: GitClaw ${encodeToken(canonical, signature)}`;
}
