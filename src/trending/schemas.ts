import { z } from 'zod';
import { WINDOWS } from './window.js';

export const DEFAULT_LIMIT = 50;
export const MAX_LIMIT = 100;

export const trendingQuery = z.object({
  window: z.enum(WINDOWS).default('24h'),
  limit: z.int().min(1).max(MAX_LIMIT).default(DEFAULT_LIMIT).describe('Brought into 1 to 100.'),
});

export const trendingData = z.object({
  window: z.enum(WINDOWS),
  repos: z.array(
    z.object({
      repoId: z.string(),
      name: z.string(),
      ownerId: z.string(),
      ownerName: z.string(),
      description: z.string().nullable(),
      stars: z.int().min(0),
      starsDelta: z.int().min(0).describe('Stars within the window.'),
      weightedScore: z.number().min(0),
      createdAt: z.iso.datetime({ precision: 3 }),
    }),
  ),
  computedAt: z.iso.datetime({ precision: 3 }),
});
