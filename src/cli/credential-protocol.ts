/** git's credential helper protocol (gitcredentials, git-credential: "INPUT/OUTPUT FORMAT"). */
import type { Readable } from 'node:stream';

/** Longer input is no question of git's. */
const MAX_INPUT_BYTES = 1024 * 1024;

export interface CredentialQuestion {
  protocol: string;
  /** host[:port] */
  host: string;
  /** Without leading slash; absent unless `credential.useHttpPath` is set. */
  path: string | undefined;
  username: string | undefined;
  /** True for git >= 2.46, which takes a ready Authorization header. */
  takesAuthtype: boolean;
  /** Attributes of the server's `GitClaw` challenge, handed on by git >= 2.41. */
  challenge: Record<string, string>;
}

/** Reads up to the empty line or the end. */
export async function readQuestion(stdin: Readable): Promise<CredentialQuestion> {
  let text = '';
  for await (const chunk of stdin) {
    text += String(chunk);
    if (text.length > MAX_INPUT_BYTES || text.startsWith('\n') || text.includes('\n\n')) break;
  }
  return parseQuestion(text);
}

export function parseQuestion(text: string): CredentialQuestion {
  const values = new Map<string, string>();
  const lists = { capability: [] as string[], wwwauth: [] as string[] };
  for (const line of text.split('\n')) {
    if (line === '') break;
    const at = line.indexOf('=');
    const [key, value] = [line.slice(0, at), line.slice(at + 1)];
    if (key === 'capability[]') lists.capability.push(value);
    // An empty element clears a multi-valued key, as everywhere in git.
    else if (key === 'wwwauth[]') lists.wwwauth = value === '' ? [] : [...lists.wwwauth, value];
    else values.set(key, value);
  }
  return {
    protocol: values.get('protocol') ?? '',
    host: values.get('host') ?? '',
    path: values.get('path') || undefined,
    username: values.get('username') || undefined,
    takesAuthtype: lists.capability.includes('authtype'),
    challenge: gitclawChallenge(lists.wwwauth),
  };
}

export function formatAnswer(pairs: readonly (readonly [string, string])[]): string {
  return pairs.map(([key, value]) => `${key}=${value}\n`).join('');
}

function gitclawChallenge(headers: readonly string[]): Record<string, string> {
  const header = headers.find((line) => /^gitclaw(\s|$)/i.test(line)) ?? '';
  const attributes: Record<string, string> = {};
  for (const [, name, value] of header.matchAll(/([A-Za-z]+)="([^"]*)"/g))
    attributes[(name ?? '').toLowerCase()] = value ?? '';
  return attributes;
}
