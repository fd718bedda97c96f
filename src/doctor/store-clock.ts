import { type Examination, fail, ok, warn } from './contract.js';

const SUBJECT = 'S3 clock';
const ANSWER_MS = 5_000;
/** Services refuse requests that are older or newer (Amazon S3, error RequestTimeTooSkewed). */
const REFUSED_MS = 15 * 60_000;
/** Links that were handed out for minutes would end too early or too late. */
const WARN_MS = 60_000;

/** Every HTTP answer of a service tells its time, in whole seconds, also a refusal. */
export const storeClock: Examination = {
  subject: SUBJECT,
  async run({ config: { s3 } }) {
    if (s3 === undefined) return [];
    const before = Date.now();
    const date = await dateOf(s3.endpoint ?? `https://s3.${s3.region}.amazonaws.com`);
    // Whether the service can be reached at all is told by others.
    if (date === undefined) return [];
    const skew = date < before - 1000 ? date - before : Math.max(0, date - Date.now());
    const detail = `${Math.abs(Math.round(skew / 1000))} s ${skew < 0 ? 'behind' : 'ahead of'} this machine`;
    const hint = 'set both clocks by a time server: S3 refuses requests that are 15 minutes off';
    if (Math.abs(skew) > REFUSED_MS) return [fail(SUBJECT, detail, hint)];
    return [Math.abs(skew) > WARN_MS ? warn(SUBJECT, detail, hint) : ok(SUBJECT, detail)];
  },
};

async function dateOf(endpoint: string): Promise<number | undefined> {
  try {
    const answer = await fetch(endpoint, {
      method: 'HEAD',
      redirect: 'manual',
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const date = Date.parse(answer.headers.get('date') ?? '');
    return Number.isNaN(date) ? undefined : date;
  } catch {
    return undefined;
  }
}
