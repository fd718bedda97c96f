/** What route files of every room share; the rooms below http cannot import http itself. */
export { JSON_TYPE, type Outcome, ok, settled } from './answer.js';
export { baseUrl } from './base-url.js';
export { MAX_JSON_BYTES, readBody } from './body.js';
export {
  type CursorPage,
  cursorPage,
  cutPage,
  microseconds,
  nextCursor,
  readCursor,
  writeCursor,
} from './cursor.js';
export type { RouteAuth, RouteDescription } from './describe.js';
export { type AppContextOf, type AppEnv, type GitWork, noteAgent, noteGit } from './env.js';
export { check, isStorable, type Paging, paging, text, wholeNumber } from './input.js';
export { noteQuota } from './quota.js';
export { readRequest } from './request.js';
export { auditProof, StaleWork, signedRead, signedWrite, type WorkResult } from './signed.js';
