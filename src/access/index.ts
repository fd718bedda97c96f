/** Roles on repositories: who has which, and the routes that change them. */
export { accessApi } from './api.js';
export { effectiveRole, requireRole } from './effective-role.js';
export { type DenialCode, type Guarded, includesRole, ROLES, type Role } from './role.js';
export { accessRoutes } from './routes.js';
