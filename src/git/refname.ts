/**
 * Ref names (git-check-ref-format).
 *
 * Names are JavaScript strings decoded from UTF-8. All rules concern ASCII characters only, so the verdict is that of
 * git on the bytes; bytes that are not UTF-8 must be refused before they become a string (bytes.ts).
 */

/** Longest ref name that can be pushed, in UTF-8 bytes: what file systems of the people who clone can store. */
export const MAX_REF_NAME_BYTES = 255;

/** Control characters, space, DEL and the characters that have a meaning in revision syntax. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what the rule is about
const FORBIDDEN = /[\x00-\x20\x7f~^:?*[\\]/;

function isValidComponent(component: string): boolean {
  return component !== '' && !component.startsWith('.') && !component.endsWith('.lock');
}

/** True when `git check-ref-format <name>` succeeds: a name of at least two components. */
export function isValidRefName(name: string): boolean {
  if (FORBIDDEN.test(name) || name.includes('..') || name.includes('@{') || name.endsWith('.')) return false;
  const components = name.split('/');
  return components.length >= 2 && components.every(isValidComponent);
}

/**
 * True when a client may create, update or delete the ref: below `refs/` with at least three components, at most
 * {@link MAX_REF_NAME_BYTES} bytes, not in the server's own `refs/pull/`.
 */
export function isPushableRef(name: string): boolean {
  if (!name.startsWith('refs/') || name.startsWith('refs/pull/')) return false;
  if (Buffer.byteLength(name) > MAX_REF_NAME_BYTES || /[\ud800-\udfff]/u.test(name)) return false;
  return isValidRefName(name) && name.split('/').length >= 3;
}
