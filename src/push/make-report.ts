/** Reports in the order of the client's commands. */
import type { ErrorCode } from '../errors.js';
import type { RefCommand } from '../git/index.js';
import type { ProposedResult } from '../pulls/index.js';
import type { RefVerdict } from '../refs/index.js';
import type { PushReport, PushResult, Refusal } from './report.js';

/**
 * Makes reports out of what is known before and after the transaction.
 * @param asked the commands of the client
 * @param done what is done for each of them; refusals and verdicts go by these names
 */
export function reporter(
  asked: readonly RefCommand[],
  done: readonly RefCommand[],
  refused: ReadonlyMap<string, Refusal>,
  forced: ReadonlySet<string>,
) {
  return (verdicts: RefVerdict[], pulls: ReadonlyMap<string, ProposedResult> = new Map()): PushReport => {
    const late = new Map(verdicts.map((verdict) => [verdict.refName, verdict]));
    const results = done.map((command, i): PushResult => {
      const refName = asked[i]?.refName ?? command.refName;
      const refusal = refused.get(command.refName);
      if (refusal !== undefined) return { refName, ok: false, ...refusal };
      const verdict = late.get(command.refName);
      if (verdict !== undefined && !verdict.ok) return { ...verdict, refName };
      const { oldOid, newOid } = command;
      const pull = pulls.get(command.refName);
      const moved = command.refName === refName ? {} : { movedRef: command.refName };
      return {
        refName,
        ok: true,
        forced: forced.has(command.refName),
        oldOid,
        newOid,
        ...moved,
        ...(pull && { pull }),
      };
    });
    return { unpack: 'ok', results };
  };
}

/** The report that refuses every command for one reason. */
export function refuseAll(
  commands: readonly RefCommand[],
  unpack: string,
  reason: string,
  code?: ErrorCode,
): PushReport {
  const results = commands.map(({ refName }) => ({ refName, ok: false as const, reason, ...(code && { code }) }));
  return { unpack, results };
}
