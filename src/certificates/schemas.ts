import { z } from 'zod';

/** A kept certificate as it leaves. */
export const certificateObject = z.object({
  /** Of the push, as in its audit row. */
  eventId: z.string(),
  repoId: z.string(),
  agentId: z.string(),
  keyId: z.string(),
  nonce: z.string(),
  /** As git sent it; `ssh-keygen -Y verify -n git` checks the signature over the part in front of it. */
  certificate: z.string(),
  /** Hex SHA-256 of the certificate. */
  certificateHash: z.string(),
  createdAt: z.iso.datetime({ precision: 3 }),
});
