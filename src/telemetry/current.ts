/**
 * The span that the code at hand runs in, across awaits. Nothing of this costs anything until the first span is entered:
 * a process without tracing never enters one.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { RunningSpan } from './tracing.js';

const storage = new AsyncLocalStorage<RunningSpan>();

export function currentSpan(): RunningSpan | undefined {
  return storage.getStore();
}

export function runIn<T>(span: RunningSpan, work: () => T): T {
  return storage.run(span, work);
}
