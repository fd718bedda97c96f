/** Shapes of the JSON git requests and answers. */
import { z } from 'zod';
import { MAX_COMMANDS, MAX_HAVES, MAX_WANTS } from '../../../git/index.js';
import { text } from '../../../routing/index.js';

const oid = z.string().regex(/^[0-9a-f]{40}$/, 'must be 40 lowercase hex digits');

/** Signed body of a clone. */
export const cloneBody = z.object({
  depth: z
    .int()
    .min(1)
    .nullish()
    .transform((value) => value ?? null)
    .describe('How many commits to go down from each ref; null = all.'),
});

export const cloneAnswer = z.object({
  repoId: z.string(),
  refs: z.array(z.object({ name: z.string(), oid, isHead: z.boolean() })),
  packfile: z.base64().describe('A version 2 pack with everything the refs reach.'),
  headRef: z.string().describe('Full name of the default branch, whether or not it exists.'),
  shallow: z.array(oid).describe('Commits whose parents were left out because of `depth`.'),
});

export const uploadPackBody = z.object({
  wants: z.array(oid).max(MAX_WANTS).default([]),
  haves: z.array(oid).max(MAX_HAVES).default([]),
});

const refUpdate = z.object({
  refName: text.min(1),
  oldOid: oid,
  newOid: oid,
  force: z.boolean().default(false).describe('Allows an update that is not a fast-forward.'),
});

export const receivePackBody = z.object({
  packfile: z.base64().nullish().describe('The pack; absent, null or empty when refs are only deleted.'),
  refUpdates: z
    .array(refUpdate)
    .min(1)
    .max(MAX_COMMANDS)
    .refine((updates) => new Set(updates.map((update) => update.refName)).size === updates.length, {
      message: 'must name every ref once',
    }),
});

export const receivePackAnswer = z.object({
  status: z.literal('ok'),
  refUpdates: z.array(
    z.object({
      refName: z.string(),
      status: z.literal('ok'),
      message: z.string().optional().describe('`forced update` for a rewrite.'),
    }),
  ),
});
