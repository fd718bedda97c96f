/** The result of a push (gitprotocol-pack, "Report Status"). */
import type { Oid } from '../oid.js';
import { FLUSH, pktLine, printable } from '../pktline/index.js';

/** Longest reason, and longest ref name repeated, characters. */
const MAX_REASON = 1000;
const MAX_NAME = 4096;

/** Where the server did something else than it was told; sent in version 2 only. */
export interface ReportOptions {
  refName?: string;
  forcedUpdate?: boolean;
  oldOid?: Oid;
  newOid?: Oid;
}

export type RefResult =
  | { refName: string; ok: true; options?: ReportOptions }
  | { refName: string; ok: false; reason: string };

export interface Report {
  /** `ok`, or why the pack was not taken. */
  unpack: string;
  results: readonly RefResult[];
}

function optionLines(options: ReportOptions): string[] {
  const lines: string[] = [];
  if (options.refName !== undefined) lines.push(`option refname ${options.refName}`);
  if (options.oldOid !== undefined) lines.push(`option old-oid ${options.oldOid}`);
  if (options.newOid !== undefined) lines.push(`option new-oid ${options.newOid}`);
  if (options.forcedUpdate === true) lines.push('option forced-update');
  return lines;
}

/**
 * The report with its own flush. With side-band the caller sends these bytes on channel 1 and a flush behind them.
 * `version` 2 is `report-status-v2`. Names and reasons become one printable line.
 */
export function reportStatus({ unpack, results }: Report, version: 1 | 2): Buffer {
  const lines = [`unpack ${printable(unpack, MAX_REASON)}`];
  for (const result of results) {
    const name = printable(result.refName, MAX_NAME);
    if (!result.ok) lines.push(`ng ${name} ${printable(result.reason, MAX_REASON) || 'failed'}`);
    else lines.push(`ok ${name}`, ...(version === 2 ? optionLines(result.options ?? {}) : []));
  }
  return Buffer.concat([...lines.map((line) => pktLine(`${line}\n`)), FLUSH]);
}
