/**
 * The last gate before the log: takes secrets out of finished lines, wherever in them they are. Whoever writes a line
 * leaves them out; but errors of libraries quote what they were given.
 */

const HIDDEN = '[redacted]';

/** A shorter secret would also be found inside of ordinary words. */
const MIN_LENGTH = 6;

/** Forms of secrets that are known without their values; the first group stays. */
const FORMS = [
  // Password of a URL.
  String.raw`(:\/\/[^:/@\s"\\]*:)[^@/\s"\\]+(?=@)`,
  // Value of a header or of a cookie.
  String.raw`(\b(?:Basic|Bearer|GitClaw)\s+)[\w+/=.~-]{8,}`,
  // Member of JSON, also of JSON inside a text of JSON.
  String.raw`((?:signature|nonce|token|secret|password|authorization|privateKey|x-signature|x-nonce)\\*"\s*:\s*\\*")[^"\\]+`,
  // Parameter of a query.
  String.raw`([?&](?:signature|nonce|token|password|secret)=)[^&\s"\\]+`,
  // Query parameters that an error of the database library lists behind the statement.
  String.raw`(\\nparams: )(?:[^"\\]|\\.)*?(?=\\n {4}at |")`,
  // Our tokens and webhook secrets, and what begins a private key.
  String.raw`(gct1\.)[\w.~-]+`,
  String.raw`(whsec_)[\w-]+`,
  String.raw`(-----BEGIN [A-Z ]*PRIVATE KEY-----)(?:[^"\\]|\\.)*?(?=-----END|")`,
];

/**
 * @param secrets values that must not appear: as they are, as JSON, or as part of a URL
 * @returns a function from a line of JSON to the same line without secrets
 */
export function redactor(secrets: readonly string[]): (line: string) => string {
  const values = secrets
    .filter((secret) => secret.length >= MIN_LENGTH)
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)])
    // Longest first, or one that another begins with would leave the rest of it.
    .sort((a, b) => b.length - a.length)
    .map((text) => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'));
  const forms = new RegExp(FORMS.join('|'), 'gi');
  const known = values.length === 0 ? undefined : new RegExp([...new Set(values)].join('|'), 'g');
  return (line) => {
    const kept = line.replace(forms, (_, ...groups) => {
      const prefix = groups.slice(0, FORMS.length).find((group) => group !== undefined) as string;
      return `${prefix}${HIDDEN}`;
    });
    return known === undefined ? kept : kept.replace(known, HIDDEN);
  };
}
