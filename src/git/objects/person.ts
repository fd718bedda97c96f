/** The person lines of commits and tags: `name <email> seconds timezone`. */
import { ObjectError } from './error.js';

export interface Person {
  name: string;
  email: string;
  /** Seconds since 1970; 0 where the line has none, at most 2^53 - 1. */
  time: number;
  /** `+hhmm` or `-hhmm` as written; `+0000` where the line has none. */
  timezone: string;
}

/** Reads a person line leniently, as old histories contain any kind of them; see check-person.ts for the strict rules. */
export function parsePerson(line: string): Person {
  const open = line.indexOf('<');
  const close = line.indexOf('>', open + 1);
  if (open === -1 || close === -1) return { name: line.trim(), email: '', time: 0, timezone: '+0000' };
  // Some writers put a second ">" into the address; the date is what follows the last one.
  const date = /^\s*(\d+)(?:\s+([+-]\d+))?/.exec(line.slice(line.lastIndexOf('>') + 1));
  return {
    name: line.slice(0, open).trim(),
    email: line.slice(open + 1, close),
    time: Math.min(Number(date?.[1] ?? 0), Number.MAX_SAFE_INTEGER),
    timezone: date?.[2] ?? '+0000',
  };
}

/** The line of a person. @throws ObjectError when a part would break the format */
export function formatPerson(person: Person): string {
  if (/[<>\n\0]/.test(person.name + person.email)) throw new ObjectError('a name or address has a forbidden character');
  if (!Number.isSafeInteger(person.time) || person.time < 0) throw new ObjectError('a time is not a number of seconds');
  if (!/^[+-]\d{4}$/.test(person.timezone)) throw new ObjectError('a time zone is not +hhmm or -hhmm');
  return `${person.name} <${person.email}> ${person.time} ${person.timezone}`;
}
