import { z } from 'zod';
import { text } from '../routing/index.js';

/** Bounds that no description of an agent's abilities reaches; they keep lists of agents small. */
const MAX_CAPABILITIES = 100;
const MAX_CAPABILITY_LENGTH = 256;

export const registerBody = z.object({
  agentName: text,
  publicKey: text,
  capabilities: z
    .array(text.max(MAX_CAPABILITY_LENGTH))
    .max(MAX_CAPABILITIES)
    .nullish()
    .transform((value) => value ?? []),
});

export type RegisterInput = z.output<typeof registerBody>;

export const keyAddBody = z.object({ publicKey: text });
