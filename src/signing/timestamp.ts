/** RFC 3339 date-times as envelopes carry them. */

export interface Timestamp {
  /** Milliseconds since 1970, with the microseconds as a fraction. */
  epochMs: number;
  /** UTC, `Z`, fraction omitted when zero, else the shortest exact of 3, 6 or 9 digits (further digits are cut). */
  normalised: string;
}

const RFC3339 =
  /^(\d{4})-(\d\d)-(\d\d)[Tt]([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)(?:\.(\d{1,30}))?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

/** Reads an RFC 3339 date-time with offset; undefined when the text is none, or names a day that does not exist. */
export function parseTimestamp(text: string): Timestamp | undefined {
  const match = RFC3339.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const date = new Date(0);
  // Not Date.UTC: that reads the years 0-99 as 1900-1999.
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  date.setUTCHours(hour, minute, second);
  const offset = match[8] === undefined ? 0 : (Number(match[9]) * 60 + Number(match[10])) * (match[8] === '-' ? -1 : 1);
  const wholeMs = date.getTime() - offset * 60_000;
  const fraction = (match[7] ?? '').slice(0, 9);
  return {
    epochMs: wholeMs + Number(`0.${fraction || '0'}`) * 1000,
    normalised: `${new Date(wholeMs).toISOString().slice(0, -'.000Z'.length)}${shortFraction(fraction)}Z`,
  };
}

function shortFraction(fraction: string): string {
  const digits = fraction.replace(/0+$/, '');
  if (digits === '') return '';
  return `.${digits.padEnd(Math.ceil(digits.length / 3) * 3, '0')}`;
}
