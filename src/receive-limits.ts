/** Limits of one push, each with the variable that sets it. Read by config.ts, applied by git/pack and push. */

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;

export interface ReceiveLimits {
  /** Objects of one pack. */
  maxObjects: number;
  /** Sum of the inflated sizes of a pack, bytes. */
  maxInflatedBytes: number;
  /** Inflated size of one object, bytes. */
  maxObjectBytes: number;
  /** Inflated bytes for each byte of the pack, beyond a free allowance. */
  maxInflationRatio: number;
  /** Deltas in a row. */
  maxDeltaDepth: number;
  /** Trees below each other, as far as one pack brings them. */
  maxTreeDepth: number;
  /** Length of a path in bytes, as far as one pack brings its trees. */
  maxPathBytes: number;
  /** Entries of one tree. */
  maxTreeEntries: number;
  /** Message of a commit or tag, bytes. */
  maxMessageBytes: number;
}

export const DEFAULT_RECEIVE_LIMITS: Readonly<ReceiveLimits> = {
  /** About 60 bytes of tables per object stay in memory: 300 MB for the largest pack. */
  maxObjects: 5_000_000,
  /** Inflating, applying and hashing run at about 0.5 to 1 GB a second: two minutes of one core at most. */
  maxInflatedBytes: 64 * GiB,
  /** Larger files cannot be pushed to the well-known hosts either; two of them may lie in scratch files at a time. */
  maxObjectBytes: 2 * GiB,
  /** The densest histories seen stay below 100. */
  maxInflationRatio: 500,
  /** What git itself writes at most (pack.depth is capped to 4095). */
  maxDeltaDepth: 4095,
  /** What git itself walks at most (core.maxTreeDepth). */
  maxTreeDepth: 2048,
  /** Longest path that Linux opens. */
  maxPathBytes: 4096,
  /** The largest folders of public repositories have a tenth of it. */
  maxTreeEntries: 250_000,
  /** The longest messages of public histories are a few hundred kilobytes of merge logs. */
  maxMessageBytes: 1 * MiB,
};

/** The variable that sets each limit. */
export const LIMIT_VARIABLES = {
  maxObjects: 'GITCLAW_MAX_PACK_OBJECTS',
  maxInflatedBytes: 'GITCLAW_MAX_INFLATED_BYTES',
  maxObjectBytes: 'GITCLAW_MAX_OBJECT_BYTES',
  maxInflationRatio: 'GITCLAW_MAX_INFLATION_RATIO',
  maxDeltaDepth: 'GITCLAW_MAX_DELTA_DEPTH',
  maxTreeDepth: 'GITCLAW_MAX_TREE_DEPTH',
  maxPathBytes: 'GITCLAW_MAX_PATH_BYTES',
  maxTreeEntries: 'GITCLAW_MAX_TREE_ENTRIES',
  maxMessageBytes: 'GITCLAW_MAX_MESSAGE_BYTES',
} as const satisfies Record<keyof ReceiveLimits, string>;

/** The limits out of a validated configuration. */
export function receiveLimits(
  config: Readonly<Record<(typeof LIMIT_VARIABLES)[keyof ReceiveLimits], number>>,
): ReceiveLimits {
  const names = Object.keys(LIMIT_VARIABLES) as (keyof ReceiveLimits)[];
  return Object.fromEntries(names.map((name) => [name, config[LIMIT_VARIABLES[name]]])) as unknown as ReceiveLimits;
}
