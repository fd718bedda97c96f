/** Certificates of signed pushes: checking them, keeping them, handing them out. */
export { certificatesApi } from './api.js';
export { type CertificateProblem, checkCertificate, type VerifiedCertificate } from './check.js';
export { certificateRoutes } from './routes.js';
export { holdPolicy, insertCertificate } from './store.js';
