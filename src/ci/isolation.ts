import { chooseDriver } from './drivers/choose.js';

/** What isolates CI runs on this machine, or one sentence per driver that says why it does not work. */
export async function describeIsolation(
  config: Parameters<typeof chooseDriver>[0],
): Promise<{ driver: string } | { reason: string }> {
  const chosen = await chooseDriver(config);
  return 'driver' in chosen ? { driver: chosen.driver.name } : chosen;
}
