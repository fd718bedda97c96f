/** A word as the shell reads it back, whatever is in it (POSIX shell, 2.2.2 Single-Quotes). */
export function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
