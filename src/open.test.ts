import { expect, it } from 'vitest';
import { readConfig } from './config.js';
import { withEmbeddedLimits } from './open.js';

const connections = (env: Record<string, string>) => withEmbeddedLimits(readConfig(env)).DATABASE_MAX_CONNECTIONS;

it('opens few connections to the embedded Postgres, and as many as it is told to any other', () => {
  expect(connections({})).toBe(5);
  expect(connections({ DATABASE_MAX_CONNECTIONS: '50' })).toBe(5);
  expect(connections({ DATABASE_MAX_CONNECTIONS: '2' })).toBe(2);
  expect(connections({ DATABASE_URL: 'postgres://db/gitclaw' })).toBe(10);
  expect(connections({ DATABASE_URL: 'postgres://db/gitclaw', DATABASE_MAX_CONNECTIONS: '50' })).toBe(50);
});
