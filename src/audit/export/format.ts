/**
 * The lines of an export, as JSON Lines. Every line is canonical JSON (RFC 8785), so that no byte can change unnoticed.
 * Events are covered by the hashes of their chain; every other line is signed by the server together with the export's id.
 *
 * Order: `header`, checkpoints, then per chain `chain`, its events in order with the keys they were signed by before their
 * first use and the certificate of a signed push directly before its event, and at last `end`. Exports of consecutive pages may follow each other in one file.
 */
import { z } from 'zod';
import { canonicalize } from '../../signing/index.js';

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const time = z.iso.datetime({ precision: 3 });
const link = z.strictObject({ seq: z.int().min(0), head: hash });
const signature = z.string();
/** What the server adds to lines that are not events: the number of the line within the export, and its signature. */
const signed = { line: z.int().min(1), signature };

/** `all`: everything. `public`: chains that anybody may see. `repository`: one chain. */
export const SCOPES = ['all', 'public', 'repository'] as const;

export const line = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('header'),
    version: z.literal(1),
    exportId: z.guid(),
    scope: z.enum(SCOPES),
    createdAt: time,
    /** Public key that signs lines and checkpoints. */
    serverKey: z.string(),
    /** False for a page behind the first. */
    first: z.boolean(),
    ...signed,
  }),
  z.strictObject({
    type: z.literal('checkpoint'),
    payload: z.string(),
    checkpointSignature: z.string(),
    ...signed,
  }),
  z.strictObject({
    type: z.literal('chain'),
    chainId: z.string(),
    /** Where this part of the chain begins: behind the page before, or at its beginning. */
    after: link,
    /** The last event of this part. */
    until: link,
    ...signed,
  }),
  z.strictObject({
    type: z.literal('key'),
    keyId: z.string(),
    agentId: z.string(),
    publicKey: z.string(),
    createdAt: time,
    revokedAt: time.nullable(),
    ...signed,
  }),
  z.strictObject({
    type: z.literal('certificate'),
    /** Of the push; its event has it as `push_event_id`. */
    eventId: z.guid(),
    repoId: z.string(),
    agentId: z.string(),
    keyId: z.string(),
    nonce: z.string(),
    /** As git sent it, with its signature. */
    certificate: z.string(),
    ...signed,
  }),
  z.strictObject({
    type: z.literal('event'),
    eventId: z.guid(),
    agentId: z.string(),
    action: z.string(),
    resourceType: z.string(),
    resourceId: z.string(),
    data: z.record(z.string(), z.unknown()),
    timestamp: time,
    signature,
    keyId: z.string().nullable(),
    envelope: z.string().nullable(),
    chainId: z.string(),
    seq: z.int().min(1),
    eventHash: hash,
    chainHash: hash,
  }),
  /** An event whose content is not shown; its place in the chain can be checked all the same. */
  z.strictObject({
    type: z.literal('hidden'),
    chainId: z.string(),
    seq: z.int().min(1),
    eventHash: hash,
    chainHash: hash,
  }),
  z.strictObject({
    type: z.literal('end'),
    /** Hex SHA-256 of all lines before this one, with their ends. */
    digest: hash,
    /** Where the next page begins; null when this one is the last. */
    next: z.string().nullable(),
    ...signed,
  }),
]);

export type Line = z.output<typeof line>;
export type LineOf<T extends Line['type']> = Extract<Line, { type: T }>;

/** What the server signs of a line that is not an event. */
export function signedText(exportId: string, content: Record<string, unknown>): string {
  return `${exportId}\n${canonicalize(content)}`;
}
