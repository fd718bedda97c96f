/** The log of a run as one text, in the form of contract 6.5, and where it is kept. */
import type { AppContext } from '../context.js';
import type { StoredRun } from './store.js';

/** Larger logs go to the object store, bytes. */
const MAX_ROW_BYTES = 64 * 1024;
/** What a row keeps of each output of a step whose run has its log elsewhere, characters. */
const TAIL_LENGTH = 8 * 1024;

export interface StepLog {
  name: string;
  run: string;
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

export function stepText({ name, run, exitCode, stdout, stderr }: StepLog): string {
  const parts = ['', `=== Step: ${name} ===`, `Command: ${run}`, `Exit code: ${exitCode ?? 'none'}`];
  if (stdout !== '') parts.push('stdout:', stdout);
  if (stderr !== '') parts.push('stderr:', stderr);
  return parts.map((part) => (part.endsWith('\n') ? part : `${part}\n`)).join('');
}

export interface StoredLog {
  logs: string;
  logKey: string | null;
  /** Bytes of the whole text. */
  size: number;
}

export function isLarge(text: string): boolean {
  return Buffer.byteLength(text) > MAX_ROW_BYTES;
}

/** Stores a log. One that is large goes to the object store, under a key that no other claim of the run has. */
export async function storeLog(
  ctx: AppContext,
  { repoId, runId, fence }: Pick<StoredRun, 'repoId' | 'runId' | 'fence'>,
  text: string,
): Promise<StoredLog> {
  const body = Buffer.from(text);
  const size = body.length;
  if (!isLarge(text)) return { logs: text, logKey: null, size };
  const logKey = `${repoId}/gitclaw/ci/${runId}-${fence}.log`;
  await ctx.objects.put(logKey, body, { contentType: 'text/plain; charset=utf-8' });
  return { logs: '', logKey, size };
}

export async function readLog(ctx: AppContext, { logs, logKey }: Pick<StoredRun, 'logs' | 'logKey'>): Promise<string> {
  if (logKey === null) return logs;
  const body = await ctx.objects.get(logKey);
  return body === undefined ? 'The log is missing in the object store.\n' : body.toString();
}

/** The end of a long output, and a line about what is left out. */
export function tail(text: string): string {
  if (text.length <= TAIL_LENGTH) return text;
  const rest = text.slice(-TAIL_LENGTH).replace(/^[\udc00-\udfff]/, '');
  return `[${text.length - rest.length} characters left out; the log of the run has them]\n${rest}`;
}
