export { MAX_COMMANDS, MAX_PUSH_OPTION_BYTES, MAX_PUSH_OPTIONS } from './limits.js';
export { ReceivePackParser, type RefCommand } from './parser.js';
export { type RefResult, type Report, type ReportOptions, reportStatus } from './report.js';
