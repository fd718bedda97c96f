import { z } from 'zod';
import { isOid } from '../git/oid.js';

/** Signed body of a trigger; null stands for the head of the source branch. */
export const triggerBody = z.object({
  commitSha: z
    .string()
    .refine(isOid, 'must be 40 lower-case hex digits')
    .nullish()
    .transform((value) => value ?? null),
});

/** Nothing but the ids of the path is signed. */
export const cancelBody = z.object({});

/** Longest list of runs. */
export const MAX_RUNS = 1000;
