import type { Logger } from 'pino';
import type { Config } from '../config.js';
import type { Tracing } from './tracing.js';

/** Starts tracing when the configuration asks for it; otherwise not even its code is loaded. */
export async function openTracing({ tracing }: Config, log: Logger): Promise<Tracing | undefined> {
  if (tracing === undefined) return undefined;
  const { startTracing } = await import('./otlp/tracing.js');
  return startTracing(tracing, log);
}
