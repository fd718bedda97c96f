import { AppError } from '../errors.js';

/** Windows and their lengths in hours. The longest comes last, since it is the one that tells when all were computed. */
export const WINDOW_HOURS = { '1h': 1, '24h': 24, '7d': 168, '30d': 720 } as const;

export type Window = keyof typeof WINDOW_HOURS;

export const WINDOWS = Object.keys(WINDOW_HOURS) as Window[];

/** The `window` of a query, 24h when there is none. @throws AppError INVALID_WINDOW */
export function parseWindow(text: string | null): Window {
  if (text === null || text === '') return '24h';
  const found = WINDOWS.find((window) => window === text);
  if (found === undefined) throw new AppError('INVALID_WINDOW', { details: { window: text.slice(0, 40) } });
  return found;
}
