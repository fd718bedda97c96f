// A node that waits at the place named by its argument until it gets SIGUSR2, and says so.
import { once } from 'node:events';
import { readConfig } from '../../dist/config.js';
import { startServer } from '../../dist/start.js';

const place = process.argv[2];
const server = await startServer(readConfig(), {
  faultPoint: async (point) => {
    if (point !== place) return;
    const goOn = once(process, 'SIGUSR2');
    process.stdout.write(`at ${point}\n`);
    await goOn;
  },
});
process.on('SIGTERM', () => server.stop().then(() => process.exit(0)));
process.stdout.write(`GitClaw listens on ${server.url}\n`);
