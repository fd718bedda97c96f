import { z } from 'zod';

/** A kept certificate as it leaves. */
export const certificateObject = z.object({
  /** Of the push, as in its audit row. */
  eventId: z.string(),
  repoId: z.string(),
  agentId: z.string(),
  keyId: z.string(),
  nonce: z.string(),
  /** As git sent it: `git verify-tag`-like tools and `ssh-keygen -Y verify -n git` take it apart. */
  certificate: z.string(),
  certificateHash: z.string().length(64),
  createdAt: z.iso.datetime({ precision: 3 }),
});
