import { z } from 'zod';
import { isValidRefName } from '../git/index.js';
import { text } from '../routing/index.js';

/** More approvals than a repository of agents can sensibly ask for. */
const MAX_APPROVALS = 100;

/** Branch name without `refs/heads/`; `*` matches within one segment, `**` across segments. */
export const pattern = text
  .min(1)
  .max(256)
  .refine((value) => isValidRefName(`refs/heads/${value.replaceAll('*', 'x')}`), 'is not a pattern of branch names');

/** Signed body of a rule; what is absent or null gets the default. */
export const ruleBody = z.object({
  noForce: z
    .boolean()
    .nullish()
    .transform((value) => value ?? true),
  noDelete: z
    .boolean()
    .nullish()
    .transform((value) => value ?? true),
  requiredApprovals: z
    .int()
    .min(0)
    .max(MAX_APPROVALS)
    .nullish()
    .transform((value) => value ?? 0),
  requiredCi: z
    .boolean()
    .nullish()
    .transform((value) => value ?? false),
  requiredPushCert: z
    .boolean()
    .nullish()
    .transform((value) => value ?? false),
});

export type RuleInput = z.output<typeof ruleBody>;

/** A rule as it leaves. */
export const ruleObject = z.object({
  pattern: z.string(),
  noForce: z.boolean(),
  noDelete: z.boolean(),
  requiredApprovals: z.int(),
  requiredCi: z.boolean(),
  requiredPushCert: z.boolean(),
  createdAt: z.iso.datetime({ precision: 3 }),
});
