import type { Config } from '../../config.js';
import { createBubblewrapDriver } from './bubblewrap.js';
import type { SandboxDriver } from './contract.js';
import { createDockerDriver } from './docker.js';

/**
 * The driver that CI_DRIVER names, or the first that works here.
 * @returns the driver, or one sentence per driver that says why it does not work
 */
export async function chooseDriver(
  config: Pick<Config, 'CI_DRIVER' | 'CI_IMAGE' | 'dockerEnv'>,
): Promise<{ driver: SandboxDriver } | { reason: string }> {
  const drivers = [
    createBubblewrapDriver(),
    createDockerDriver({ image: config.CI_IMAGE, env: config.dockerEnv }),
  ].filter(({ name }) => config.CI_DRIVER === 'auto' || config.CI_DRIVER === name);
  const reasons: string[] = [];
  for (const driver of drivers) {
    const problem = await driver.probe();
    if (problem === undefined) return { driver };
    reasons.push(`${problem}.`);
  }
  return { reason: `No isolation is available: ${reasons.join(' ')}` };
}
