import { createServer } from 'node:net';
import { type Examination, type Finding, fail, ok, warn } from './contract.js';

const ANSWER_MS = 3_000;
const LOOPBACK = /^(127\.|::1$|localhost$)/;

export const address: Examination = {
  subject: 'address',
  async run({ config: { HOST, PORT, PUBLIC_URL } }) {
    const place = `${HOST}:${PORT}`;
    const findings: Finding[] = [];
    const code = await tryListen(HOST, PORT);
    if (code === undefined) findings.push(ok('address', `${place} is free`));
    else if (code !== 'EADDRINUSE')
      findings.push(fail('address', `${place} cannot be listened on (${code})`, 'choose another HOST or PORT'));
    else if (await isGitClaw(HOST, PORT)) findings.push(ok('address', `a GitClaw node answers on ${place}`));
    else findings.push(fail('address', `${place} is in use by another program`, 'stop it, or choose another PORT'));
    if (PUBLIC_URL === undefined && !LOOPBACK.test(HOST)) {
      findings.push(warn('public URL', 'not set', `set PUBLIC_URL: clone URLs would say http://${place}`));
    }
    return findings;
  },
};

function tryListen(host: string, port: number): Promise<string | undefined> {
  return new Promise((done) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
    probe.listen(port, host, () => probe.close(() => done(undefined)));
  });
}

async function isGitClaw(host: string, port: number): Promise<boolean> {
  const name = host.includes(':') ? `[${host}]` : host;
  try {
    const signal = AbortSignal.timeout(ANSWER_MS);
    const answer = await fetch(`http://${name}:${port}/openapi.json`, { signal });
    const { info } = (await answer.json()) as { info?: { title?: unknown } };
    return String(info?.title).includes('GitClaw');
  } catch {
    return false;
  }
}
