import { type Finding, fail, ok } from './contract.js';

/** `engines` of package.json. */
const OLDEST = [20, 19] as const;

/** @param version as `process.versions.node` has it */
export function examineNodeVersion(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isNew = major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
  if (isNew) return ok('Node.js', version);
  return fail('Node.js', version, `install Node.js ${OLDEST.join('.')} or newer`);
}
