/** The variables RATE_LIMIT_*: how often each action may be called. Read by config.ts. */

/** Calls per window of actions that have a limit of their own; 0 = unlimited. */
const DEFAULTS: Readonly<Record<string, number>> = {
  /** Counted by client address. Off, because test suites of clients register dozens of agents from one address. */
  agent_register: 0,
  repo_create: 50,
  repo_clone: 200,
  push: 100,
  pr_create: 50,
  pr_review: 100,
  pr_merge: 50,
  star: 1000,
  unstar: 1000,
  access_grant: 100,
  access_revoke: 100,
};

/** Calls per window of every other write. */
const DEFAULT_LIMIT = 100;

/** Further actions that a RATE_LIMIT_ variable may name; without one they have the default. */
const OTHER_ACTIONS = [
  ...['key_add', 'key_revoke'],
  ...['repo_update', 'repo_delete', 'repo_fork', 'repo_transfer', 'repo_rename'],
  ...['protection_set', 'protection_delete', 'branch_create', 'branch_delete', 'tag_create', 'tag_delete'],
  ...['pr_update', 'pr_close', 'pr_reopen', 'ci_trigger', 'ci_cancel'],
  ...['webhook_create', 'webhook_update', 'webhook_delete', 'webhook_test', 'webhook_redeliver'],
];

/** Actions counted under another one's name. */
const SYNONYMS: Readonly<Record<string, string>> = {
  'git-receive-pack': 'push',
  git_push: 'push',
  review_create: 'pr_review',
};

const SETTINGS = ['DEFAULT', 'WINDOW_SECS', 'ENABLED'];
const PREFIX = 'RATE_LIMIT_';
const MAX_LIMIT = 1_000_000_000;
const MAX_WINDOW_SECS = 86_400;

export interface RateLimits {
  enabled: boolean;
  /** Length of the sliding window, seconds. */
  windowSecs: number;
  /** For writes that have no limit of their own; 0 = unlimited. */
  fallback: number;
  /** By action; 0 = unlimited. */
  actions: Readonly<Record<string, number>>;
}

/** The name under which calls of an action are counted. */
export function countedAs(action: string): string {
  return Object.hasOwn(SYNONYMS, action) ? SYNONYMS[action]! : action;
}

/** Whether a RATE_LIMIT_ variable may name this action. */
export function isLimitable(action: string): boolean {
  const name = countedAs(action);
  return Object.hasOwn(DEFAULTS, name) || OTHER_ACTIONS.includes(name);
}

/**
 * Reads RATE_LIMIT_ENABLED, RATE_LIMIT_WINDOW_SECS, RATE_LIMIT_DEFAULT and RATE_LIMIT_<ACTION>.
 * @returns the limits, and one line per variable that is wrong or names nothing
 */
export function readRateLimits(env: Record<string, string | undefined>): { limits: RateLimits; problems: string[] } {
  const problems: string[] = [];
  const actions: Record<string, number> = { ...DEFAULTS };
  const whole = (name: string, fallback: number, min: number, max: number): number => {
    const text = env[name]?.trim() ?? '';
    if (text === '') return fallback;
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    problems.push(`${name} must be a whole number from ${min} to ${max}`);
    return fallback;
  };
  for (const name of Object.keys(env).filter((each) => each.startsWith(PREFIX))) {
    const rest = name.slice(PREFIX.length);
    if (SETTINGS.includes(rest)) continue;
    const action = rest.toLowerCase();
    if (isLimitable(action) && countedAs(action) === action && rest === rest.toUpperCase()) {
      actions[action] = whole(name, actions[action] ?? -1, 0, MAX_LIMIT);
    } else problems.push(`${name} names no action that has a rate limit`);
  }
  const limits = {
    enabled: !['false', '0', 'no'].includes((env.RATE_LIMIT_ENABLED ?? '').trim().toLowerCase()),
    windowSecs: whole('RATE_LIMIT_WINDOW_SECS', 3600, 1, MAX_WINDOW_SECS),
    fallback: whole('RATE_LIMIT_DEFAULT', DEFAULT_LIMIT, 0, MAX_LIMIT),
    actions: Object.fromEntries(Object.entries(actions).filter(([, limit]) => limit >= 0)),
  };
  if (!/^(?:true|1|yes|false|0|no|)$/i.test((env.RATE_LIMIT_ENABLED ?? '').trim())) {
    problems.push('RATE_LIMIT_ENABLED must be true or false');
  }
  return { limits, problems };
}
