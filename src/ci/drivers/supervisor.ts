/**
 * The script that runs inside a sandbox from its start to its end and starts the steps one after the other.
 *
 * File descriptors: 0 takes commands, 3 gives answers, 4 brings the checkout as tar; steps have 1 and 2 for themselves.
 * After a step the script kills everything else in the sandbox, so when it answers the output is complete in the pipes.
 * It waits until the killed are gone, because they count against the limit of processes that the next step needs; and it
 * does so with what the shell has built in, as it could not start a program before.
 */
import type { CiConfig, CiStep } from '../config-file.js';
import { stepEnv, stepFolder, WORKSPACE } from './contract.js';
import { quote } from './shell.js';

/** Looks at the list of processes after a step; some thousand of them take a second. */
const MAX_LOOKS = 20_000;

export function supervisorScript(config: CiConfig): string {
  const steps = config.steps.map((step, order) => stepFunction(config, step, order));
  return `${steps.join('\n')}
tar -x -f - -C ${WORKSPACE} --no-same-owner <&4 || { echo failed >&3; exit 1; }
exec 4<&-
set -- /proc/[0-9]*
alone=$#
echo ready >&3
while read -r word argument; do
  case $word in
    run)
      ( exec 3>&-; "step_$argument" ) </dev/null
      code=$?
      kill -9 -1 2>/dev/null
      tries=0
      while set -- /proc/[0-9]*; [ $# -gt $alone ] && [ $tries -lt ${MAX_LOOKS} ]; do tries=$((tries + 1)); done
      echo "end $code" >&3 ;;
    mark)
      echo "$argument"
      echo "$argument" >&2 ;;
  esac
done
`;
}

function stepFunction(config: CiConfig, step: CiStep, order: number): string {
  const env = Object.entries(stepEnv(config, step)).map(([key, value]) => quote(`${key}=${value}`));
  return `step_${order}() { cd -- ${quote(stepFolder(step))} && exec env -i ${env.join(' ')} sh -c ${quote(step.run)}; }`;
}
