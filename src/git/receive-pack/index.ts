export { type PushCertificate, parseCertificate } from './certificate.js';
export type { RefCommand } from './command.js';
export { MAX_CERTIFICATE_BYTES, MAX_COMMANDS, MAX_PUSH_OPTION_BYTES, MAX_PUSH_OPTIONS } from './limits.js';
export { ReceivePackParser } from './parser.js';
export { type RefResult, type Report, type ReportOptions, reportStatus } from './report.js';
