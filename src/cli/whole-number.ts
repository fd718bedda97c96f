import { CliError } from './failure.js';

/** The number a flag carries. @throws CliError (usage) unless it is a whole number from `min` to `max` */
export function wholeNumber(text: string, flag: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d{1,15}$/.test(text) && value >= min && value <= max) return value;
  throw new CliError('usage', `${flag} is ${text}`, `give a whole number from ${min} to ${max}`);
}
