import { z } from 'zod';
import { text } from '../routing/index.js';

const PUSH_CERT_POLICIES = ['off', 'if-present', 'required'] as const;

/** Signed body of a creation; null stands for the default. */
export const createBody = z.object({
  name: text,
  description: text.nullish().transform((value) => value ?? null),
  visibility: z
    .enum(['public', 'private'])
    .nullish()
    .transform((value) => value ?? 'public'),
});

export type CreateInput = z.output<typeof createBody>;

/** Signed body of a change: what is absent stays, and so does what is null, except that a null description clears it. */
export const updateBody = z
  .object({
    name: text.nullish(),
    description: text.nullish(),
    visibility: z.enum(['public', 'private']).nullish(),
    defaultBranch: text.min(1).max(128).nullish(),
    pushCertPolicy: z.enum(PUSH_CERT_POLICIES).nullish(),
  })
  .transform(({ name, description, visibility, defaultBranch, pushCertPolicy }) => ({
    ...(name == null ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    ...(visibility == null ? {} : { visibility }),
    ...(defaultBranch == null ? {} : { defaultBranch }),
    ...(pushCertPolicy == null ? {} : { pushCertPolicy }),
  }))
  .refine((changes) => Object.keys(changes).length > 0, 'names nothing to change');

export type UpdateInput = z.output<typeof updateBody>;

/** Query of the list; `search` is cut to 256 characters. */
export const listQuery = z.object({
  search: z.string().optional(),
  cursor: z.string().optional(),
  limit: z.string().optional(),
  perPage: z.string().optional(),
});

/** The repository object as it leaves. */
export const repositoryObject = z.object({
  repoId: z.string(),
  name: z.string(),
  ownerId: z.string(),
  ownerName: z.string(),
  description: z.string().nullable(),
  visibility: z.enum(['public', 'private']),
  defaultBranch: z.string(),
  cloneUrl: z.string(),
  starCount: z.int(),
  stars: z.int(),
  createdAt: z.iso.datetime({ precision: 3 }),
  forkedFrom: z.string().nullable(),
  pushCertPolicy: z.enum(PUSH_CERT_POLICIES),
});
