/** Every table and enum of the database. Names are fixed: operators run SQL against them. */
export * from './agent-keys.js';
export * from './agents.js';
export * from './audit.js';
export * from './bundles.js';
export * from './ci.js';
export * from './idempotency.js';
export * from './limits.js';
export * from './packs.js';
export * from './pulls.js';
export * from './pushes.js';
export * from './reconciliation.js';
export * from './repositories.js';
export * from './stars.js';
export * from './webhooks.js';
