// A node that kills itself, as `kill -9` would, when it reaches the place named by its argument.
import { readConfig } from '../../dist/config.js';
import { startServer } from '../../dist/start.js';

const place = process.argv[2];
const server = await startServer(readConfig(), {
  faultPoint: async (point) => {
    if (point === place) {
      process.kill(process.pid, 'SIGKILL');
      await new Promise(() => {});
    }
  },
});
process.stdout.write(`GitClaw listens on ${server.url}\n`);
