/** What a node depends on, asked each time and never for long. */
import type { AppContext } from '../../context.js';
import { isMigrated } from '../../db/index.js';

export type Part = 'database' | 'object_storage' | 'migrations' | 'draining';

/** Below the 5 s after which common probes give up, so that they get to read which part fails, milliseconds. */
const CHECK_TIMEOUT_MS = 3000;

type Check = (ctx: AppContext) => Promise<void>;

const CHECKS: Partial<Record<Part, Check>> = {
  database: (ctx) => ctx.db.check(),
  object_storage: (ctx) => ctx.objects.check(),
  migrations: async (ctx) => {
    if (!(await isMigrated(ctx.db))) throw new Error('the database has not the migrations of this build');
  },
};

/** Anybody may ask for health; however many do at a time, each part is asked once. */
const running = new WeakMap<AppContext, Map<Part, Promise<boolean>>>();

/** @returns those of the parts that do not answer, or not in time; the log says why */
export async function failingParts(ctx: AppContext, parts: readonly Part[]): Promise<Part[]> {
  const answers = await Promise.all(parts.map((part) => shared(ctx, part)));
  return parts.filter((_, i) => !answers[i]);
}

function shared(ctx: AppContext, part: Part): Promise<boolean> {
  const checks = running.get(ctx) ?? new Map<Part, Promise<boolean>>();
  running.set(ctx, checks);
  const begun = checks.get(part);
  if (begun !== undefined) return begun;
  const answer = answers(ctx, part).finally(() => checks.delete(part));
  checks.set(part, answer);
  return answer;
}

async function answers(ctx: AppContext, part: Part): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${CHECK_TIMEOUT_MS} ms`)), CHECK_TIMEOUT_MS);
  });
  try {
    await Promise.race([CHECKS[part]?.(ctx), tooLate]);
    return true;
  } catch (error) {
    ctx.log.warn({ part, err: error }, 'health check failed');
    return false;
  } finally {
    clearTimeout(timer);
  }
}
