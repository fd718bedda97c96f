import { z } from 'zod';

/** An event as it leaves; `data` depends on the action. */
export const auditEventObject = z.object({
  eventId: z.guid(),
  agentId: z.string(),
  action: z.string(),
  resourceType: z.string(),
  resourceId: z.string(),
  data: z.record(z.string(), z.unknown()),
  timestamp: z.iso.datetime({ precision: 3 }),
  signature: z.string(),
});
