// Answers 200 to everything; tells its parent the port.
import { createServer } from 'node:http';

const server = createServer((incoming, outgoing) => {
  incoming.resume().once('end', () => outgoing.end());
});
server.listen(0, '127.0.0.1', () => process.send(server.address().port));
process.once('disconnect', () => process.exit());
