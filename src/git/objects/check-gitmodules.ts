/** fsck rules for the content of `.gitmodules` (git-fsck): what a clone with submodules would act upon. */
import { readConfigText } from './config-text.js';
import type { FindingId } from './finding.js';
import { isHostileUrl, looksLikeOption } from './submodule-url.js';

const SECTION = 'submodule.';

/**
 * The first thing wrong with a file that some tree calls `.gitmodules`. What follows a syntax error is not looked at,
 * and the error itself passes (git only notes `gitmodulesParse`): git would not read further either.
 */
export function checkGitmodules(data: Uint8Array): FindingId | undefined {
  let found: FindingId | undefined;
  const entry = (name: string, value: string | undefined) => {
    found ??= checkVariable(name, value);
  };
  readConfigText(data, 'blob', entry);
  // git's own check stops here, although a checked-out file is read in the other way and may say more.
  if (found === undefined) readConfigText(data, 'file', entry);
  return found;
}

function checkVariable(variable: string, value: string | undefined): FindingId | undefined {
  const dot = variable.lastIndexOf('.');
  if (!variable.startsWith(SECTION) || dot < SECTION.length) return undefined;
  if (!isSubmoduleName(variable.slice(SECTION.length, dot))) return 'gitmodulesName';
  if (value === undefined) return undefined;
  const key = variable.slice(dot + 1);
  if (key === 'url' && isHostileUrl(value)) return 'gitmodulesUrl';
  if (key === 'path' && looksLikeOption(value)) return 'gitmodulesPath';
  return key === 'update' && value.startsWith('!') ? 'gitmodulesUpdate' : undefined;
}

/** The name becomes a path below `.git/modules`. */
function isSubmoduleName(name: string): boolean {
  return name !== '' && !name.split(/[/\\]/).includes('..');
}
