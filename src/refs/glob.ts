/** Patterns of branch protection. */

/**
 * Whether a branch name fits a pattern: `*` stands for any text within one segment, `**` for any text across segments.
 *
 * Every prefix of the name is tried against every prefix of the pattern once. A regular expression would go back and
 * forth for hours over a pattern of many stars.
 */
export function matchesPattern(pattern: string, name: string): boolean {
  const tokens = pattern.match(/\*\*+|\*|[^*]/gu) ?? [];
  const text = [...name];
  /** `fits[n]`: the tokens so far fit the first n characters. */
  let fits = [true, ...text.map(() => false)];
  for (const token of tokens) {
    const next = text.map(() => false);
    const row = [token.startsWith('*') && fits[0] === true, ...next];
    for (const [at, character] of text.entries()) {
      if (!token.startsWith('*')) row[at + 1] = fits[at] === true && character === token;
      else row[at + 1] = fits[at + 1] === true || (row[at] === true && (token.length > 1 || character !== '/'));
    }
    fits = row;
  }
  return fits[text.length] === true;
}
